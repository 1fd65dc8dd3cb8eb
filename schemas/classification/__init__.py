"""The record varstream publishes: one class of one object, in one band or in all, as of one alert.

Nothing here fills a record in.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

CLASSIFICATION_VERSION = "1.4"
"""Major.minor. A minor version adds fields that have defaults, or values of ``status`` and ``band``, so that
readers of an older one still read; anything else is a new major version with a folder and a namespace of its
own. 1.1 added ``reliability`` and ``ABSTAINED``, 1.2 ``derivation`` and ``OTHER_SURVEY``, 1.3 the band
``all`` with ``bands``, ``n_forced``, ``n_nights``, ``n_outliers``, ``outlier`` and what is known of the
period, 1.4 ``novelty``, ``priors``, ``NOVEL``, the probability of ``OTHER`` and ``explanation``."""


def classification_schema() -> dict[str, Any]:
    """Avro schema of the published record, version `CLASSIFICATION_VERSION`."""
    major = CLASSIFICATION_VERSION.partition(".")[0]
    text = files(__name__).joinpath(major, "classification.avsc").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
