"""Columns of a table as arrays: numbers in our units, text, and values as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from training.data.labels import MISSING_TEXTS
from training.data.tables.layout import NUMBER_PATTERN
from training.data.tables.rows import Rows
from training.data.units import days_of, factor_of, unit_in
from training.errors import TrainingError

MOMENT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?(Z|\+00:?00)?$"
)
"""Of dates and times as ISO 8601 writes them."""


ROUNDED_PATTERN = r"^[0-9](\.[0-9]+)?E\+[0-9]{2}$"
"""Of whole numbers of more digits than a spreadsheet keeps, as it writes them."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as numbers that are equal where its values are.

    Attributes
    ----------
    code : (n,) int64
        Counts the values in order of first appearance.
    values : pyarrow.Array
        The distinct values.
    """

    code: NDArray[np.int64]
    values: pa.Array

    @classmethod
    def of(cls, column: pa.Array) -> Coded:
        """Return a column by its values; null and NaN are values like others."""
        encoded = column.dictionary_encode(null_encoding="encode")
        return cls(encoded.indices.to_numpy().astype(np.int64), encoded.dictionary)


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return the column as one array; text in the type that has no limit of 2 GiB."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def numbers(path: Path, rows: Rows, name: str, key: str) -> NDArray[np.float64]:
    """Read a column as float64 (n,) in days, magnitudes or degrees, as `key` says; NaN for no number.

    Dates and times become modified Julian dates.

    Raises
    ------
    TrainingError
        If the column holds no numbers, or those of another unit.
    """
    column = one_array(rows.table[name])
    kind = column.type
    if key == "time" and (moments := _moments(column)) is not None:
        return days_of(moments)
    unit = rows.units.get(name) or unit_in(name)
    factor = 1.0 if unit is None else factor_of(key, unit, f"{path}: {name}")
    if _is_text(kind):
        text = pc.utf8_trim_whitespace(column)
        number = pc.if_else(pc.match_substring_regex(text, NUMBER_PATTERN), text, None)
        column = pc.replace_substring_regex(number, "[dD]", "e").cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        if not (pa.types.is_null(kind) or pa.types.is_decimal(kind)):
            raise TrainingError(f"{path}: {name} holds {kind}, not numbers: convert the column")
        column = column.cast(pa.float64())
    values: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values if factor == 1.0 else values * factor


def is_single(column: pa.ChunkedArray) -> bool:
    """Whether a column holds numbers in single precision, or less."""
    return bool(pa.types.is_float32(column.type) or pa.types.is_float16(column.type))


def text(path: Path, rows: Rows, name: str) -> pa.Array:
    """Read a column as trimmed text (n,), '' where it is missing.

    Raises
    ------
    TrainingError
        If the column holds no names, or rounded ones.
    """
    column = one_array(rows.table[name])
    if pa.types.is_floating(column.type) and not pc.all(column.is_null(nan_is_null=True)).as_py():
        raise TrainingError(
            f"{path}: {name} holds {column.type} numbers, which are no names: store text or whole numbers"
        )
    try:
        texts = column.cast(pa.large_string())
    except pa.ArrowException:
        raise TrainingError(f"{path}: {name} holds {column.type}, not text: convert the column") from None
    names = pc.if_else(_missing(texts), "", pc.utf8_trim_whitespace(texts).fill_null(""))
    rounded = names.filter(pc.match_substring_regex(names, ROUNDED_PATTERN))
    if len(rounded):
        raise TrainingError(
            f"{path}: {name} holds {rounded[0].as_py()!r}, a long number that a spreadsheet has rounded: "
            "several stars may be called so; take the names from the file that was there before"
        )
    return names


def empty(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Where a column has no value: null, NaN, or a text that stands for it (n,)."""
    values = one_array(column)
    if _is_text(values.type):
        values = pc.if_else(_missing(values), None, values)
    result: NDArray[np.bool_] = values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    return result


def constant(table: pa.Table, curve: NDArray[np.int64], first: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return the columns that do not change within any light curve, one value a light curve.

    Those without any value are arrays of None, and those that cannot be told apart or written are left out.
    """
    result = {}
    for name in table.column_names:
        if pa.types.is_nested(table[name].type):
            continue
        try:
            column = one_array(table[name])
            code = Coded.of(column).code
            if (code == code[first][curve]).all():
                result[name] = _values(column.take(pa.array(first)))
        except pa.ArrowException:
            continue
    return result


def strings(column: pa.Array) -> NDArray[np.str_]:
    """Return text as an array of NumPy; '' for null."""
    return np.array([value or "" for value in column.to_pylist()], dtype=np.str_)


def _values(column: pa.Array) -> NDArray[Any]:
    """Numbers and truth values as they are, anything else as text; a missing number is NaN."""
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), None, dtype=object)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if pa.types.is_boolean(kind) and not column.null_count:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return strings(pc.utf8_trim_whitespace(column.cast(pa.large_string())))


def _moments(column: pa.Array) -> NDArray[Any] | None:
    """Return dates and times as datetime64 and durations as timedelta64 (n,); None if it holds others.

    Of text most must be dates: the others are none.
    """
    kind = column.type
    if pa.types.is_timestamp(kind):
        return np.asarray(column.cast(pa.timestamp(kind.unit)).to_numpy(zero_copy_only=False))
    if pa.types.is_date(kind):
        return np.asarray(column.cast(pa.timestamp("s")).to_numpy(zero_copy_only=False))
    if pa.types.is_duration(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if not _is_text(kind):
        return None
    written = pc.if_else(_missing(column), None, pc.utf8_trim_whitespace(column))
    fits = pc.match_substring_regex(written, MOMENT_PATTERN)
    n_dates = pc.sum(fits).as_py() or 0
    if 2 * n_dates <= len(fits) - fits.null_count:
        return None
    plain = pc.replace_substring_regex(pc.if_else(fits, written, None), r"(Z|\+00:?00)$", "")
    return np.array([_moment(value) for value in plain.to_pylist()], "datetime64[ns]")


def _moment(text: str | None) -> np.datetime64:
    try:
        return np.datetime64(text or "NaT", "ns")
    except ValueError:  # the 31st of February
        return np.datetime64("NaT", "ns")


def _missing(column: pa.Array) -> pa.Array:
    written = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    return pc.is_in(written, pa.array(sorted(MISSING_TEXTS), pa.large_string()))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
