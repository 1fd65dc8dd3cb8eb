"""Rows of Parquet and Avro: records that are points, or light curves with arrays of points."""

from __future__ import annotations

import zlib
from pathlib import Path

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pa_parquet
from fastavro.schema import SchemaParseException, UnknownType

from training.data.light_curves import NEEDED_KEYS, Columns
from training.data.tables.cells import one_array
from training.data.tables.nested import is_list, opened
from training.data.tables.rows import Rows, distinct_names, unreadable, with_gaps
from training.data.units import units_in
from training.errors import TrainingError

PARQUET_ERRORS = (OSError, ValueError, pa.ArrowException)
AVRO_ERRORS = (  # what fastavro raises when bytes are lost or flipped
    *(OSError, EOFError, ValueError, TypeError, LookupError, OverflowError, MemoryError, RecursionError),
    *(zlib.error, SchemaParseException, UnknownType, pa.ArrowException),
)


def read_parquet(path: Path, columns: Columns) -> Rows:
    """Read a Parquet file; the units of its columns are those that Astropy keeps, or of the fields.

    Raises
    ------
    SettingsError, TrainingError
        If it cannot be read, or what is meant by a name is not clear.
    """
    try:
        with pa_parquet.ParquetFile(path) as file:
            table = file.read()
        told = (table.schema.metadata or {}).get(b"table_meta_yaml", b"").decode("utf-8", "replace")
    except PARQUET_ERRORS as exc:
        raise unreadable(path, "Parquet", exc) from exc
    units = units_in(told.splitlines())
    for field in table.schema:
        _note_units(field, field.name, units)
    return _rows(path, table, columns, units)


def read_avro(path: Path, columns: Columns) -> Rows:
    """Read an Avro object container; the errors are those of `read_parquet`."""
    try:
        with path.open("rb") as file:
            table = pa.Table.from_pylist(list(fastavro.reader(file)))
    except AVRO_ERRORS as exc:
        raise unreadable(path, "an Avro object container", exc) from exc
    return _rows(path, table, columns, {})


def _note_units(field: pa.Field, name: str, units: dict[str, str]) -> None:
    """Keep the unit that a field states for itself, and those of its fields."""
    for key in (b"unit", b"units"):
        if key in (field.metadata or {}):
            units[name] = field.metadata[key].decode("utf-8", "replace")
    kind = field.type.value_type if is_list(field.type) else field.type
    if pa.types.is_struct(kind):
        for inner in kind:
            _note_units(inner, f"{name}.{inner.name}", units)


def _with_times(table: pa.Table, name: str) -> pa.Table:
    """Join the halves of Julian dates, in which Astropy writes times, to modified ones."""
    halves = [f"{name}.jd1", f"{name}.jd2"]
    if name in table.column_names or not {*halves} <= {*table.column_names}:
        return table
    day, rest = (one_array(table[half]) for half in halves)
    return table.drop_columns(halves).append_column(name, pc.add(pc.subtract(day, 2_400_000.5), rest))


def _rows(path: Path, table: pa.Table, columns: Columns, units: dict[str, str]) -> Rows:
    wanted = [name for name in columns.items().values() if name]
    table = table.rename_columns(distinct_names(path, table.column_names, wanted))
    asked = [
        name for key, name in columns.items().items() if name and (key in NEEDED_KEYS or columns.chosen(key))
    ]
    table, meant = opened(path, table, asked, [name for name in wanted if name not in asked])
    units |= {name: units[leaf] for leaf, name in meant.items() if leaf in units}
    table = _with_times(table, columns.time)
    number = np.arange(1, table.num_rows + 1)
    series = [name for name in (columns.time, columns.mag, columns.err) if name in table.column_names]
    arrays = [name for name in table.column_names if is_list(table[name].type)]
    if not set(series) & set(arrays):
        return Rows(table, np.zeros(len(number), dtype=bool), "", "row", number, units=units)
    single = [name for name in series if name not in arrays]
    if single:
        raise TrainingError(
            f"{path}: {single[0]} holds {table[single[0]].type} where others hold arrays: "
            "give a row for every point, or arrays of time, mag and err"
        )
    flat = {name: one_array(table[name]) for name in arrays}
    lengths = np.stack([pc.list_value_length(each).fill_null(0).to_numpy() for each in flat.values()])
    length = lengths[arrays.index(series[0])].astype(np.int64)
    along = [
        name for name, own in zip(arrays, lengths, strict=True) if name in series or (own == length).all()
    ]
    whole = (length > 0) & (lengths[[arrays.index(name) for name in along]] == length).all(axis=0)
    count = np.where(whole, length, 1)  # a malformed record is one malformed row
    kept = table.filter(pa.array(whole))
    parent = pa.array(np.repeat(np.arange(kept.num_rows), length[whole]))
    points = {
        name: pc.list_flatten(one_array(kept[name])) if name in along else kept[name].take(parent)
        for name in table.column_names
        if name in along or name not in arrays
    }
    lost = np.repeat(~whole, count)
    return Rows(
        with_gaps(pa.table(points), lost),
        lost,
        f"has empty arrays, or arrays of different lengths, among {', '.join(along)}",
        "row",
        np.repeat(number, count),
        np.arange(len(lost)) - np.repeat(np.cumsum(count) - count, count) + 1,
        units,
    )
