"""Files of labelled light curves.

A table (text, Parquet, Avro) has a row for every epoch, see `training.data.tables.read_table`. An .npz
holds the concatenated series ``time`` [d], ``mag`` and ``err`` [mag], ``offsets`` (n + 1) so that light
curve i is the points ``offsets[i]`` to ``offsets[i + 1]``, ``object_id`` (n; without it a light curve is
known by its points), and columns of labels or anything else, n values or a single one, such as
``native_class``, ``band``, ``ra`` and ``dec`` [deg].
"""

from __future__ import annotations

import hashlib
import importlib.util
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.bad_points import RULES, UNINFORMATIVE, say_once, unusable, usable_rows
from training.data.filters import stand_for_all
from training.data.labels import without_missing
from training.data.light_curves import (
    F8,
    SERIES,
    SUFFIXES,
    Columns,
    LabelledCurves,
    LightCurves,
    is_table,
    offsets_of,
    survey_name,
)
from training.data.times import check_times
from training.data.units import days_of
from training.errors import SettingsError, TrainingError
from training.surveys.public import is_public

NPZ_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    AttributeError,
)
"""What NumPy raises for a file that is no archive, or a broken one."""


def read_light_curves(
    path: Path, columns: Columns | None = None, *, skip_bad_rows: bool = False
) -> LabelledCurves:
    """Read one file, as its suffix says; pickled contents are refused.

    Parameters
    ----------
    path : Path
        One of `SUFFIXES`.
    columns : Columns, optional
        The names that a table uses; the arrays of an .npz have fixed names.
    skip_bad_rows : bool
        Leave out the rows that `training.data.bad_points` does not believe, and say how many.

    Raises
    ------
    SettingsError
        If there is no such file, its suffix is unknown, or it lacks a column.
    TrainingError
        If it cannot be read, its contents do not fit together, a row is bad, or a band is called ``all``.
    """
    check_file(path)
    if is_table(path):
        if importlib.util.find_spec("pyarrow") is None:
            raise SettingsError(
                f"{path} needs pyarrow, which is not installed: pip install 'varstream[training]'"
            )
        from training.data.tables.read_table import read_table  # noqa: PLC0415 - needs pyarrow

        named = columns or Columns()
        return _with_bands_apart(path, read_table(path, named, skip_bad_rows=skip_bad_rows), named.band)
    if columns is not None:
        raise SettingsError(
            f"{path}: columns are named for tables only; in an .npz the names are fixed, and --label says "
            "which holds the labels"
        )
    return _with_bands_apart(path, _read_npz(path, skip_bad_rows), "band")


def _with_bands_apart(path: Path, survey: LabelledCurves, name: str) -> LabelledCurves:
    """Refuse a file that calls a band as we call all of them; `name` is that of its column in the file."""
    bands = survey.columns.get("band", np.full(len(survey.curves), "")).astype(np.str_)
    wrong = stand_for_all(bands)
    if wrong.any():
        curve = int(wrong.argmax())
        raise TrainingError(
            f"{path}: {name} of {survey.columns['object_id'][curve]} is {str(bands[curve])!r}, which stands "
            "for all bands of a star together: give the band another name"
            f"{', or --columns band= to say that bands have none' if is_table(path) else ''}"
        )
    return survey


def _read_npz(path: Path, skip_bad_rows: bool) -> LabelledCurves:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except NPZ_ERRORS as exc:
        raise TrainingError(f"cannot read {path} as npz without pickles: {exc}") from exc
    missing = [key for key in (*SERIES, "offsets") if key not in arrays]
    if missing:
        raise TrainingError(
            f"{path} lacks {', '.join(missing)}; it needs time, mag, err, offsets and a column of labels"
        )
    single = arrays["time"].dtype in (np.float16, np.float32)
    if arrays["time"].dtype.kind in "mM":
        arrays["time"] = days_of(arrays["time"])
    offsets = _checked_offsets(path, arrays)
    columns = _columns(path, arrays, len(offsets) - 1)
    time, mag, err = (arrays[key].astype(np.float64) for key in SERIES)
    curve = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    numbers = np.arange(len(offsets) - 1)
    ids = without_missing(columns.get("object_id", numbers).astype(np.str_))
    if "object_id" not in columns:
        columns["object_id"] = _names_by_contents(time, mag, err, offsets)

    def describe(row: int, reason: str) -> str:
        key, wanted = RULES[reason]
        point = f"light curve {ids[curve[row]] or curve[row]!s} point {row - offsets[curve[row]] + 1}"
        value = f", got {arrays[key][row]!s}" if key in SERIES else ""
        return f"{point}: {key} {wanted}{value}"

    name = survey_name(path)
    kept, left_out = usable_rows(
        path,
        {"object_id": ids[curve] == "", **unusable(time, mag, err, curve)},
        describe,
        skip_bad_rows=skip_bad_rows,
        left_out=UNINFORMATIVE if is_public(name) else (),
    )
    order = np.flatnonzero(kept)
    order = order[np.lexsort((time[order], curve[order]))]
    counts = np.bincount(curve[order], minlength=len(ids))
    curves = LightCurves(time[order], mag[order], err[order], offsets_of(counts))
    check_times(
        str(path),
        curves,
        columns["object_id"].astype(np.str_),
        say_once,
        single=single,
        refuse=not is_public(name),
    )
    return LabelledCurves(name, curves, columns, left_out)


def _columns(path: Path, arrays: Mapping[str, NDArray[Any]], n: int) -> dict[str, NDArray[Any]]:
    """Return what is known of each light curve; a single value is that of every one."""
    columns = {
        key: np.broadcast_to(value, n)
        for key, value in arrays.items()
        if key not in (*SERIES, "offsets") and value.shape in ((), (n,))
    }
    for key in ("ra", "dec"):
        if key in columns and columns[key].dtype.kind not in "fiu":
            raise TrainingError(
                f"{path}: {key} must be numbers of degrees, NaN for unknown, got {columns[key].dtype}"
            )
    return columns


def _names_by_contents(time: F8, mag: F8, err: F8, offsets: NDArray[np.int64]) -> NDArray[np.str_]:
    """Names (n,) of light curves that have none: the same points in the same order are the same star."""
    curves = np.split(np.stack([time, mag, err], axis=1), offsets[1:-1])
    return np.array([hashlib.blake2b(each.tobytes(), digest_size=8).hexdigest() for each in curves])


def _checked_offsets(path: Path, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    offsets = arrays["offsets"]
    if offsets.ndim != 1 or offsets.size < 2 or offsets.dtype.kind not in "iu":
        raise TrainingError(
            f"{path}: offsets must be at least 2 integers, got {offsets.dtype} {offsets.shape}"
        )
    bounds = offsets.astype(np.int64)
    if bounds[0] != 0 or (np.diff(bounds) < 0).any():
        raise TrainingError(f"{path}: offsets must start at 0 and never fall")
    for key in SERIES:
        if arrays[key].shape != (bounds[-1],) or arrays[key].dtype.kind not in "fiu":
            raise TrainingError(
                f"{path}: {key} must be {bounds[-1]} numbers as offsets say, "
                f"got {arrays[key].dtype} {arrays[key].shape}"
            )
    if bounds[-1] == 0:
        raise TrainingError(f"{path} has no points")
    return bounds


def check_file(path: Path) -> None:
    """Refuse what cannot be a file of light curves, before it is read.

    Raises
    ------
    SettingsError
        If there is no such file, or its suffix is unknown.
    TrainingError
        If it is empty.
    """
    if path.is_dir():
        raise SettingsError(f"{path} is a folder: give a file in it")
    if not path.name.endswith(SUFFIXES):
        raise SettingsError(
            f"{path} is none of {', '.join(SUFFIXES)}: name the file by what it holds, or convert it"
        )
    if not path.exists():
        raise SettingsError(f"no light curves at {path}: the file does not exist")
    if not path.is_file():
        raise SettingsError(f"{path} is not a file: give the files in it")
    if path.stat().st_size == 0:
        raise TrainingError(f"{path} is an empty file: write it again")
