"""The file that a command writes a table to: CSV or Parquet by its suffix, there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from training.errors import SettingsError

TABLE_FORMATS = (".csv", ".parquet")


def check_output(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse, before the work, a table that could not be written after it.

    Parameters
    ----------
    inputs : iterable of Path
        Files that the table is made of, which it must not replace.

    Raises
    ------
    SettingsError
        If the suffix is unknown, the folder is missing or not ours to write, or the file is an input.
    """
    if path.suffix not in TABLE_FORMATS:
        raise SettingsError(f"{path} must end in {' or '.join(TABLE_FORMATS)}: the suffix says the format")
    if not path.parent.is_dir() or path.is_dir() or not os.access(path.parent, os.W_OK):
        raise SettingsError(f"cannot write {path}: give a file in a folder that exists and can be written")
    if path.resolve() in {each.resolve() for each in inputs}:
        raise SettingsError(f"the table would replace {path}, which it is made of: give another --output")


def write_rows(path: Path, schema: pa.Schema, parts: Iterable[pa.Table]) -> None:
    """Write rows as they come; until all of them have, a file that was there stays as it was.

    Parameters
    ----------
    path : Path
        See `check_output`.
    schema : pyarrow.Schema
        Of every part.
    parts : iterable of pyarrow.Table
        One after the other; each is written before the next is asked for.

    Raises
    ------
    SettingsError
        If it cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    opened = pa_csv.CSVWriter if path.suffix == ".csv" else pa_parquet.ParquetWriter
    try:
        with opened(unfinished, schema) as file:
            for part in parts:
                file.write_table(part)
        unfinished.replace(path)
    except OSError as exc:
        raise SettingsError(f"cannot write {path}: {exc.strerror or exc}") from exc
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
