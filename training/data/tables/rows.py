"""Rows of a table, each with its place in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from training.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Rows:
    """The n rows of a file.

    Attributes
    ----------
    table : pyarrow.Table
        Text only, if the file is text.
    malformed : (n,) bool
        Rows without their values; nulls in `table`.
    why : str
        What is wrong with those.
    unit : str
        What the file counts in.
    number : (n,) int64
        Line (from 1) or record (from 1) of the row.
    point : (n,) int64, optional
        Where a record is a whole light curve, the point of it, from 1.
    units : mapping of str to str
        Of the columns that have one.
    """

    table: pa.Table
    malformed: NDArray[np.bool_]
    why: str
    unit: str
    number: NDArray[np.int64]
    point: NDArray[np.int64] | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    def place(self, row: int) -> str:
        """Return where a row is, in words."""
        place = f"{self.unit} {self.number[row]}"
        return place if self.point is None else f"{place} point {self.point[row]}"

    def filter(self, kept: NDArray[np.bool_]) -> Rows:
        """Copy some of the rows."""
        return Rows(
            self.table.filter(pa.array(kept)),
            self.malformed[kept],
            self.why,
            self.unit,
            self.number[kept],
            None if self.point is None else self.point[kept],
            self.units,
        )


def with_gaps(table: pa.Table, lost: NDArray[np.bool_]) -> pa.Table:
    """Put rows of nulls where rows are lost."""
    return table.take(pa.array(np.cumsum(~lost) - 1, mask=lost)) if lost.any() else table


def distinct_names(path: Path, names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the names of columns, those without one numbered, and the later of two alike too.

    Raises
    ------
    TrainingError
        If a column that is needed comes twice.
    """
    twice = next((name for name in names if name in wanted and list(names).count(name) > 1), None)
    if twice is not None:
        raise TrainingError(f"{path} has two columns {twice!r}: rename one")
    seen: set[str] = set()
    distinct = []
    for number, given in enumerate(names, start=1):
        name = given or f"column {number}"
        while name in seen:
            name = f"{name} (column {number})"
        seen.add(name)
        distinct.append(name)
    return distinct


def unreadable(path: Path, kind: str, exc: BaseException) -> TrainingError:
    """Return the error of a file that is not what it is called."""
    return TrainingError(f"cannot read {path} as {kind}: {type(exc).__name__}: {' '.join(str(exc).split())}")
