"""The record varstream publishes: one class of one object in one band, as of one alert."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

CLASSIFICATION_VERSION = "1.0"


def classification_schema() -> dict[str, Any]:
    """Avro schema of the published record, version `CLASSIFICATION_VERSION`."""
    major = CLASSIFICATION_VERSION.partition(".")[0]
    text = files(__name__).joinpath(major, "classification.avsc").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
