"""Rows of a text table: CSV and its relatives."""

from __future__ import annotations

import csv
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from training.data.bad_points import say_once
from training.data.light_curves import Columns
from training.data.tables.layout import Layout, open_text, read_layout, split_line
from training.data.tables.rows import Rows, distinct_names, unreadable, with_gaps
from training.errors import TrainingError

TEXT_ERRORS = (OSError, EOFError, ValueError, csv.Error, zlib.error, pa.ArrowException)


def read_text(path: Path, columns: Columns) -> Rows:
    """Read a text table; what separates its values and how it is encoded is seen by its head.

    Comments, which begin with #, and blank lines are no rows.

    Raises
    ------
    SettingsError, TrainingError
        If it cannot be read, or has no line of column names.
    """
    try:
        layout = read_layout(path, columns)
        names = distinct_names(path, layout.names, [*columns.items().values()])
        read = _by_white_space if layout.separator == " " else _by_separator
        table, lost, comments = read(path, layout, names)
    except TEXT_ERRORS as exc:
        kind = f"text{' packed by gzip' if path.suffix == '.gz' else ''} in UTF-8"
        raise unreadable(path, f"{kind} (save it as that)", exc) from exc
    table = with_gaps(table, lost)
    filled = lost.copy()
    for column in table.columns:
        filled |= pc.not_equal(pc.utf8_trim_whitespace(column), "").fill_null(False).to_numpy()
    comments |= _begin_with_a_cross(table, filled & ~comments)
    if comments.any():
        say_once(f"{path}: {comments.sum()} lines that begin with # are taken as comments")
    rows = np.flatnonzero(filled & ~comments)  # blank lines, as at the end of many files, are no rows
    if len(rows) and lost[rows].all():
        raise TrainingError(
            f"{path}: no line has the {len(names)} values that the header names: separate values in "
            "all lines as in the header, and write decimals with a point"
        )
    return Rows(
        table.take(pa.array(rows)),
        lost[rows],
        f"has not the {len(names)} values that the header names",
        "line",
        rows + 1 + layout.n_before,
        units=layout.units,
    )


def _by_separator(
    path: Path, layout: Layout, names: list[str]
) -> tuple[pa.Table, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the whole rows, and of all lines which are malformed and which of those are comments."""
    malformed: list[int] = []
    comments: list[int] = []

    def note(row: Any) -> str:
        malformed.append(row.number)
        if (row.text or "").lstrip().startswith("#"):
            comments.append(row.number)
        return "skip"

    if not layout.has_rows:
        nothing = np.zeros(0, np.bool_)
        return pa.table({name: pa.array([], pa.large_string()) for name in names}), nothing, nothing.copy()
    with pa.input_stream(str(path), compression="gzip" if layout.compressed else None) as stream:
        table = pa_csv.read_csv(
            stream,
            read_options=pa_csv.ReadOptions(
                column_names=names,
                skip_rows=layout.n_before,
                use_threads=False,
                encoding="utf8" if layout.encoding == "utf-8-sig" else layout.encoding,
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=layout.separator, ignore_empty_lines=False, invalid_row_handler=note
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
    n_lines = table.num_rows + len(malformed)
    return (table, *(_at(n_lines, lines, layout.n_before) for lines in (malformed, comments)))


def _by_white_space(
    path: Path, layout: Layout, names: list[str]
) -> tuple[pa.Table, NDArray[np.bool_], NDArray[np.bool_]]:
    kept: list[list[str]] = []
    malformed: list[int] = []
    comments: list[int] = []
    with open_text(path, compressed=layout.compressed, encoding=layout.encoding) as file:
        number = 0
        for number, line in enumerate(file, start=1):
            words = split_line(line, " ") if number > layout.n_before else []
            if number <= layout.n_before:
                continue
            if len(words) == len(names) or not words:
                kept.append(words or [""] * len(names))
            else:
                malformed.append(number)
                if words[0].startswith("#"):
                    comments.append(number)
    values = zip(*kept, strict=True) if kept else [() for _ in names]
    arrays = [pa.array(column, pa.large_string()) for column in values]
    n_lines = max(number - layout.n_before, 0)
    lost = (_at(n_lines, lines, layout.n_before) for lines in (malformed, comments))
    return (pa.table(dict(zip(names, arrays, strict=True))), *lost)


def _at(n_lines: int, numbers: list[int], n_before: int) -> NDArray[np.bool_]:
    which = np.zeros(n_lines, np.bool_)
    which[np.array(numbers, np.int64) - 1 - n_before] = True
    return which


def _begin_with_a_cross(table: pa.Table, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which rows (n,) are written out as comments; none if all are, for then # is part of the names."""
    if not table.num_columns:
        return np.zeros(len(asked), np.bool_)
    first = pc.starts_with(pc.utf8_trim_whitespace(table.column(0)), "#").fill_null(False).to_numpy()
    cross: NDArray[np.bool_] = first & asked
    return np.zeros_like(cross) if cross.sum() == asked.sum() else cross
