"""Rows of forced photometry with values and verdicts of plain arithmetic, made without this code."""

from __future__ import annotations

import csv
from typing import Any

from tests.conftest import data_folder

FOLDER = data_folder() / "alerts" / "forced"


def golden_rows(survey: str) -> list[dict[str, str]]:
    """Rows of a survey's table; none where the folder of data is not there."""
    path = FOLDER / f"golden_{survey}.csv"
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.is_file() else []


def golden_id(row: dict[str, Any]) -> str:
    """Name of a row in a test's name."""
    return f"{row['object_id']}-{row['row']}"
