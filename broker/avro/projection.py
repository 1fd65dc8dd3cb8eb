"""The projection: what a survey module wants to see of a packet, and the form in which it gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from broker.errors import AlertError

Kind = Literal["long", "double", "text"]
FieldKind = Literal["long", "text"]
Scalar = int | str | None

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
    """The wanted part of an alert: some fields, and the columns of its detections.

    Attributes
    ----------
    survey : str
        Name that object ids are prefixed with.
    fields : mapping of str to FieldKind
        Wanted fields of the alert itself, integers and texts.
    trigger, history : str
        Fields of the alert that hold the triggering detection (a record) and the earlier ones (an array of
        records, or null).
    counted : str
        Field that holds an array of which only the length is wanted.
    columns : mapping of str to Kind
        Wanted fields of every detection.
    signature : frozenset of str
        Fields by which a detection of this survey is known. Those without which every alert would be passed
        over are among them: a schema that lacks them is no fault of its alerts.
    """

    survey: str
    fields: Mapping[str, FieldKind]
    trigger: str
    history: str
    counted: str
    columns: Mapping[str, Kind]
    signature: frozenset[str]


@dataclass(frozen=True, slots=True)
class Record:
    """The wanted part of one alert. Row 0 of the columns is the triggering detection.

    Attributes
    ----------
    fields : mapping of str to int, str or None
        None where the writer wrote null or its schema has no such field.
    columns : mapping of str to (n,) array
        int64, float64 or S8, in packet order; 0, NaN or empty where null. A text of more than eight bytes
        is `OVERLONG_TEXT`.
    present : mapping of str to (n,) bool
        False where the writer wrote null or its schema has no such field.
    n_counted : int
        Length of the array that is only counted.
    """

    fields: Mapping[str, Scalar]
    columns: Mapping[str, NDArray[Any]]
    present: Mapping[str, NDArray[np.bool_]]
    n_counted: int


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
