"""The projection: what a survey module wants to see of a packet, and the form in which it gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from broker.errors import AlertError

Kind = Literal["long", "double", "text"]
FieldKind = Literal["long", "double", "text"]
Scalar = int | float | str | None

TEXT_WIDTH = 8
OVERLONG_TEXT = b"\xff" * TEXT_WIDTH
"""Stands for a text that a column cannot hold; no UTF-8 text is equal to it."""

DTYPES: Mapping[Kind, np.dtype[Any]] = {
    "long": np.dtype("<i8"),
    "double": np.dtype("<f8"),
    "text": np.dtype(f"S{TEXT_WIDTH}"),
}
NULLS: Mapping[Kind, Any] = {"long": 0, "double": np.nan, "text": b""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The wanted part of an alert: some fields, and the columns of its detections and forced photometry.

    Attributes
    ----------
    survey : str
        Name that object ids are prefixed with.
    fields : mapping of str to FieldKind
        Wanted fields of the alert itself; ``"part.name"`` is a field of the record (or null) in its `part`.
    trigger, history : str
        Fields of the alert that hold the triggering detection (a record) and the earlier ones (an array of
        records, or null).
    forced : str
        Field of the alert that holds forced photometry (an array of records, or null).
    columns, forced_columns : mapping of str to Kind
        Wanted fields of every detection, and of every row of forced photometry; where both have a name, it is
        of one kind.
    signature : frozenset of str
        Fields by which a detection of this survey is known. Those without which every alert would be passed
        over are among them: a schema that lacks them is no fault of its alerts.
    """

    survey: str
    fields: Mapping[str, FieldKind]
    trigger: str
    history: str
    forced: str
    columns: Mapping[str, Kind]
    forced_columns: Mapping[str, Kind]
    signature: frozenset[str]

    @property
    def all_columns(self) -> dict[str, Kind]:
        """Columns of detections alone, then those of both kinds of rows, then those of forced rows alone."""
        alone = {name: kind for name, kind in self.columns.items() if name not in self.forced_columns}
        both = {name: kind for name, kind in self.columns.items() if name in self.forced_columns}
        return {**alone, **both, **self.forced_columns}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of an alert, column by column.

    Attributes
    ----------
    columns : mapping of str to (n,) array
        int64, float64 or S8, in packet order; 0, NaN or empty where null. A text of more than eight bytes
        is `OVERLONG_TEXT`.
    present : mapping of str to (n,) bool
        False where the writer wrote null or its schema has no such field.
    """

    columns: Mapping[str, NDArray[Any]]
    present: Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Record(Rows):
    """The wanted part of one alert: its detections are the rows, the triggering one is row 0.

    Attributes
    ----------
    fields : mapping of str to int, float, str or None
        None where the writer wrote null or its schema has no such field.
    forced : Rows
        Its forced photometry.
    """

    fields: Mapping[str, Scalar]
    forced: Rows


def no_trigger(projection: Projection) -> AlertError:
    """Return the error for an alert whose triggering detection is null."""
    return AlertError(
        "missing_field", f"{projection.survey} alert without detection: {projection.trigger} is null"
    )


def decode_text(text: bytes) -> str:
    """Decode a text of the alert.

    Raises
    ------
    AlertError
        With reason ``"corrupt"`` if it is not UTF-8.
    """
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise AlertError("corrupt", f"text {text[:20]!r} is not UTF-8") from exc
