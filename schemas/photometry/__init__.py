"""The record between the two stages: what one alert tells of its object, keyed by object.

Nothing here fills a record in.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

PHOTOMETRY_VERSION = "1"
"""What an epoch holds may grow without another version: each record says which columns it has."""


def photometry_schema() -> dict[str, Any]:
    """Avro schema of the record, version `PHOTOMETRY_VERSION`."""
    text = files(__name__).joinpath(PHOTOMETRY_VERSION, "photometry.avsc").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
