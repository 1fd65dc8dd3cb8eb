"""Rows of a .csv, .csv.gz, .parquet or .avro file, each with its place in the file."""

from __future__ import annotations

import csv
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from fastavro.schema import SchemaParseException, UnknownType
from numpy.typing import NDArray

from training.data.light_curves import Columns
from training.errors import TrainingError

CSV_ERRORS = (OSError, EOFError, ValueError, csv.Error, zlib.error, pa.ArrowException)
PARQUET_ERRORS = (OSError, ValueError, pa.ArrowException)
AVRO_ERRORS = (  # what fastavro raises when bytes are lost or flipped
    *(OSError, EOFError, ValueError, TypeError, LookupError, OverflowError, MemoryError, RecursionError),
    *(zlib.error, SchemaParseException, UnknownType, pa.ArrowException),
)


@dataclass(frozen=True, slots=True)
class Rows:
    """The n rows of a file.

    Attributes
    ----------
    table : pyarrow.Table
        Text only, if the file is a CSV.
    malformed : (n,) bool
        Rows without their values; nulls in `table`.
    why : str
        What is wrong with those.
    unit : str
        What the file counts in.
    number : (n,) int64
        Line (the header of a CSV is 1) or record (from 1) of the row.
    point : (n,) int64, optional
        Where a record is a whole light curve, the point of it, from 1.
    """

    table: pa.Table
    malformed: NDArray[np.bool_]
    why: str
    unit: str
    number: NDArray[np.int64]
    point: NDArray[np.int64] | None = None

    def place(self, row: int) -> str:
        """Return where a row is, in words."""
        place = f"{self.unit} {self.number[row]}"
        return place if self.point is None else f"{place} point {self.point[row]}"


def read_rows(path: Path, columns: Columns) -> Rows:
    """Read a table as its suffix says.

    Raises
    ------
    TrainingError
        If it cannot be read, or two of its columns have the same name.
    """
    if path.suffix == ".parquet":
        return _records(path, _parquet(path), columns)
    if path.suffix == ".avro":
        return _records(path, _avro(path), columns)
    return _csv(path)


def _csv(path: Path) -> Rows:
    malformed: list[int] = []

    def note(row: Any) -> str:
        malformed.append(row.number)
        return "skip"

    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig") as file
        ):
            names = [name.strip() for name in next(csv.reader(file), [])]
        _refuse_twins(path, names)
        table = pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
            parse_options=pa_csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=note),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
    except CSV_ERRORS as exc:
        raise _unreadable(path, "a CSV in UTF-8", exc) from exc
    lost = np.zeros(table.num_rows + len(malformed), dtype=bool)
    lost[np.array(malformed, np.int64) - 2] = True
    table = _with_gaps(table, lost)
    filled = lost.copy()
    for column in table.columns:
        filled |= pc.not_equal(pc.utf8_trim_whitespace(column), "").fill_null(False).to_numpy()
    rows = np.flatnonzero(filled)  # blank lines, as at the end of many files, are no rows
    return Rows(
        table.take(rows),
        lost[rows],
        f"has not the {len(names)} values that the header names",
        "line",
        rows + 2,
    )


def _parquet(path: Path) -> pa.Table:
    try:
        with pa_parquet.ParquetFile(path) as file:
            return file.read()
    except PARQUET_ERRORS as exc:
        raise _unreadable(path, "Parquet", exc) from exc


def _avro(path: Path) -> pa.Table:
    try:
        with path.open("rb") as file:
            return pa.Table.from_pylist(list(fastavro.reader(file)))
    except AVRO_ERRORS as exc:
        raise _unreadable(path, "an Avro object container", exc) from exc


def _records(path: Path, table: pa.Table, columns: Columns) -> Rows:
    """Rows of records that are points, or of records that are light curves with arrays of points."""
    _refuse_twins(path, table.column_names)
    number = np.arange(1, table.num_rows + 1)
    series = [name for name in (columns.time, columns.mag, columns.err) if name in table.column_names]
    arrays = [name for name in table.column_names if _is_list(table[name].type)]
    if not set(series) & set(arrays):
        return Rows(table, np.zeros(len(number), dtype=bool), "", "row", number)
    single = [name for name in series if name not in arrays]
    if single:
        raise TrainingError(
            f"{path}: {single[0]} holds {table[single[0]].type} where others hold arrays: "
            "give a row for every point, or arrays of time, mag and err"
        )
    lengths = np.stack([pc.list_value_length(table[name]).fill_null(0).to_numpy() for name in arrays])
    length = lengths[arrays.index(series[0])].astype(np.int64)
    along = [
        name for name, own in zip(arrays, lengths, strict=True) if name in series or (own == length).all()
    ]
    whole = (length > 0) & (lengths[[arrays.index(name) for name in along]] == length).all(axis=0)
    count = np.where(whole, length, 1)  # a malformed record is one malformed row
    kept = table.filter(whole)
    parent = np.repeat(np.arange(kept.num_rows), length[whole])
    points = {
        name: pc.list_flatten(kept[name]) if name in along else kept[name].take(parent)
        for name in table.column_names
        if name in along or name not in arrays
    }
    lost = np.repeat(~whole, count)
    return Rows(
        _with_gaps(pa.table(points), lost),
        lost,
        f"has empty arrays, or arrays of different lengths, among {', '.join(along)}",
        "row",
        np.repeat(number, count),
        np.arange(len(lost)) - np.repeat(np.cumsum(count) - count, count) + 1,
    )


def _is_list(kind: pa.DataType) -> bool:
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_kind(kind) for is_kind in kinds)


def _with_gaps(table: pa.Table, lost: NDArray[np.bool_]) -> pa.Table:
    """Put rows of nulls where rows are lost."""
    return table.take(pa.array(np.cumsum(~lost) - 1, mask=lost)) if lost.any() else table


def _refuse_twins(path: Path, names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TrainingError(f"{path} has two columns {twice!r}: rename one")


def _unreadable(path: Path, kind: str, exc: BaseException) -> TrainingError:
    return TrainingError(f"cannot read {path} as {kind}: {type(exc).__name__}: {' '.join(str(exc).split())}")
