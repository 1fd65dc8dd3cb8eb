"""The reading of labelled light curves from a table with a row for every epoch.

A light curve is what one object has in one band. Rows may come in any order; points are sorted by time,
light curves keep the order in which they first appear. Text is trimmed, and a CSV has no types: what is
asked for as a number is read as one, and every other column is text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from training.data.bad_points import WHAT_IS_WANTED, unusable, usable_rows
from training.data.light_curves import Columns, LabelledCurves, LightCurves, offsets_of, survey_name
from training.data.table_rows import Rows, read_rows
from training.errors import SettingsError, TrainingError

TEXT_KEYS = ("object_id", "label", "band")
NUMBER_KEYS = ("time", "mag", "err", "ra", "dec")
NEEDED_KEYS = ("object_id", "time", "mag", "err")
NUMBER_PATTERN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


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


def read_table(path: Path, columns: Columns, *, skip_bad_rows: bool) -> LabelledCurves:
    """Read light curves from a table; see `training.data.read.read_light_curves`.

    The result's columns are ``object_id`` and, if the file has them, ``label`` (under its name in the file
    as well), ``band``, ``ra`` and ``dec``, and whatever else is constant within each light curve.

    Raises
    ------
    SettingsError
        If a column is missing.
    TrainingError
        If the file cannot be read, has no rows, a bad row, or a star of two labels or positions.
    """
    rows = read_rows(path, columns)
    if not rows.table.num_rows:
        raise TrainingError(f"{path} has no rows: give a file with a row for every epoch")
    names = _present(path, rows.table, columns)
    numbers = {key: _numbers(path, rows, names[key]) for key in NUMBER_KEYS if key in names}
    rows, numbers = _good(path, rows, names, numbers, skip_bad_rows=skip_bad_rows)
    texts = {key: Coded.of(_text(path, rows, names[key])) for key in TEXT_KEYS if key in names}
    star = texts["object_id"]
    positions: dict[str, Coded] = {
        key: Coded.of(pa.array(numbers[key] + 0.0)) for key in ("ra", "dec") if key in names
    }
    for key in ("label", "ra", "dec"):
        if key in names:
            _require_one_per_star(path, rows, names[key], texts.get(key) or positions[key], star)
    curve, first = _light_curves(star, texts.get("band"))
    order = np.lexsort((numbers["time"], curve))
    time, mag, err = (numbers[key][order] for key in ("time", "mag", "err"))
    known: dict[str, NDArray[Any]] = {
        **{key: _strings(column.values.take(column.code[first])) for key, column in texts.items()},
        **{key: numbers[key][first] for key in positions},
    }
    if "label" in known:
        known[columns.label] = known["label"]
    others = _constant(rows.table.drop_columns(list(names.values())), curve, first)
    curves = LightCurves(time, mag, err, offsets_of(np.bincount(curve)))
    return LabelledCurves(survey_name(path), curves, {**others, **known})


def _present(path: Path, table: pa.Table, columns: Columns) -> dict[str, str]:
    """Names in the file of the keys that it has."""
    default = Columns().items()
    names = columns.items()
    missing = [
        name
        for key, name in names.items()
        if name not in table.column_names and (key in NEEDED_KEYS or name != default[key])
    ]
    if missing:
        has = ", ".join(table.column_names[:30]) or "none"
        raise SettingsError(
            f"{path} has no column {', '.join(missing)}; it has {has}: "
            "say which is which, as in --columns object_id=star,time=hjd,mag=vmag,err=e_vmag"
        )
    return {key: name for key, name in names.items() if name in table.column_names}


def _good(
    path: Path,
    rows: Rows,
    names: Mapping[str, str],
    numbers: dict[str, NDArray[np.float64]],
    *,
    skip_bad_rows: bool,
) -> tuple[Rows, dict[str, NDArray[np.float64]]]:
    """Refuse bad rows, or leave them out."""
    ids = pc.equal(_text(path, rows, names["object_id"]), "").to_numpy(zero_copy_only=False)
    broken = {"row": rows.malformed, "object_id": ids}
    broken |= unusable(numbers["time"], numbers["mag"], numbers["err"])
    for key in ("ra", "dec"):
        if key in names:
            broken[key] = ~np.isfinite(numbers[key]) & ~_empty(rows.table[names[key]])

    def describe(row: int, key: str) -> str:
        if key == "row":
            return f"{rows.place(row)}: {rows.why}"
        value = rows.table[names[key]][row].as_py()
        got = "nothing" if value in (None, "") else repr(value)
        return f"{rows.place(row)}: {names[key]} {WHAT_IS_WANTED[key]}, got {got}"

    kept = usable_rows(path, broken, describe, skip_bad_rows=skip_bad_rows)
    if kept.all():
        return rows, numbers
    chosen = Rows(
        rows.table.filter(kept),
        rows.malformed[kept],
        rows.why,
        rows.unit,
        rows.number[kept],
        None if rows.point is None else rows.point[kept],
    )
    return chosen, {key: values[kept] for key, values in numbers.items()}


def _numbers(path: Path, rows: Rows, name: str) -> NDArray[np.float64]:
    """Read a column as float64 (n,); NaN where there is no number."""
    column = _one(rows.table[name])
    if _is_text(column.type):
        text = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.match_substring_regex(text, NUMBER_PATTERN), text, None).cast(pa.float64())
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    elif not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        if not pa.types.is_null(column.type):
            raise TrainingError(f"{path}: {name} holds {column.type}, not numbers: convert the column")
        column = column.cast(pa.float64())
    values: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _text(path: Path, rows: Rows, name: str) -> pa.Array:
    """Read a column as trimmed text without nulls."""
    column = _one(rows.table[name])
    if pa.types.is_floating(column.type):
        raise TrainingError(
            f"{path}: {name} holds {column.type} numbers, which are no names: store text or whole numbers"
        )
    try:
        text = column.cast(pa.large_string())
    except pa.ArrowException:
        raise TrainingError(f"{path}: {name} holds {column.type}, not text: convert the column") from None
    return pc.utf8_trim_whitespace(text).fill_null("")


def _one(column: pa.ChunkedArray) -> pa.Array:
    """Return the column as one array; text in the type that has no limit of 2 GiB."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _empty(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Where a column has no value: null, NaN or blank (n,)."""
    values = _one(column)
    if _is_text(values.type):
        written = pc.utf8_lower(pc.utf8_trim_whitespace(values))
        values = pc.if_else(pc.is_in(written, pa.array(["", "nan"], pa.large_string())), None, values)
    empty: NDArray[np.bool_] = values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    return empty


def _require_one_per_star(path: Path, rows: Rows, name: str, column: Coded, star: Coded) -> None:
    first = np.unique(star.code, return_index=True)[1][star.code]
    differs = column.code != column.code[first]
    if differs.any():
        row = int(differs.argmax())
        one, other = (column.values[column.code[r]].as_py() for r in (first[row], row))
        raise TrainingError(
            f"{path}: {name} of {star.values[star.code[row]].as_py()} is {one!r} in {rows.place(first[row])} "
            f"and {other!r} in {rows.place(row)}: give all rows of a star the same"
        )


def _light_curves(star: Coded, band: Coded | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Light curve (n,) of every row, in order of first appearance, and the first row of each."""
    pair = star.code if band is None else star.code * len(band.values) + band.code
    _, first, curve = np.unique(pair, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(first), np.int64)
    rank[order] = np.arange(len(first))
    return rank[curve], first[order]


def _constant(table: pa.Table, curve: NDArray[np.int64], first: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return the columns that do not change within any light curve, one value a light curve."""
    result = {}
    for name in table.column_names:
        if pa.types.is_nested(table[name].type):
            continue
        column = _one(table[name])
        code = Coded.of(column).code
        if (code == code[first][curve]).all():
            result[name] = _values(column.take(pa.array(first)))
    return result


def _values(column: pa.Array) -> NDArray[Any]:
    """Numbers and truth values as they are, anything else as text; a missing number is NaN."""
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if pa.types.is_boolean(kind) and not column.null_count:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return _strings(pc.utf8_trim_whitespace(column.cast(pa.large_string())))


def _strings(column: pa.Array) -> NDArray[np.str_]:
    return np.array([value or "" for value in column.to_pylist()], dtype=np.str_)
