"""Labelled light curves in memory, and how files of them are read.

A table (.csv, .csv.gz, .parquet, .avro) has a row for every epoch, see `training.tables`. An .npz holds
the concatenated series ``time`` [d], ``mag`` and ``err`` [mag], ``offsets`` (n + 1) so that light curve i
is the points ``offsets[i]`` to ``offsets[i + 1]``, ``object_id`` (n), and columns of labels or anything
else, n values or a single one, such as ``native_class``, ``band``, ``ra`` and ``dec`` [deg].
"""

from __future__ import annotations

import importlib.util
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import SettingsError, TrainingError
from training.points import WANTED, unusable, usable_rows

SERIES = ("time", "mag", "err")
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

TABLE_SUFFIXES = (".csv", ".csv.gz", ".parquet", ".avro")
SUFFIXES = (".npz", *TABLE_SUFFIXES)
"""What a file of light curves may be called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """How a table names its columns.

    Attributes
    ----------
    object_id, time, mag, err : str
        Star, time [d], magnitude and its one-sigma error [mag]: needed.
    label, band, ra, dec : str
        Class, photometric band, position [deg]: a table may lack them under these default names.
    """

    object_id: str = "object_id"
    time: str = "time"
    mag: str = "mag"
    err: str = "err"
    label: str = "label"
    band: str = "band"
    ra: str = "ra"
    dec: str = "dec"

    def __post_init__(self) -> None:
        names = list(self.items().values())
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SettingsError(f"the column {twice!r} cannot mean two things: give each key its own column")

    def items(self) -> dict[str, str]:
        """Return the file's name of every key, in the order above."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def parse(cls, text: str) -> Columns:
        """Read ``time=hjd,mag=vmag,label=type``: our key, the file's column; the rest keep their names.

        Raises
        ------
        SettingsError
            If a key is unknown, has no value or comes twice.
        """
        known = [f.name for f in fields(cls)]
        given: dict[str, str] = {}
        for word in text.split(","):
            key, _, name = (part.strip() for part in word.partition("="))
            if key not in known or not name or key in given:
                what = "comes twice" if key in given else "has no column" if key in known else "is not known"
                raise SettingsError(
                    f"columns {text!r}: {key!r} {what}; give KEY=COLUMN,... with the keys {', '.join(known)}"
                )
            given[key] = name
        return cls(**given)


@dataclass(frozen=True, slots=True)
class LightCurves:
    """Light curves one after the other.

    Attributes
    ----------
    time, mag, err : (n_points,) float64
        In days and magnitudes.
    offsets : (n + 1,) int64
        Bounds of the light curves.
    """

    time: NDArray[np.float64]
    mag: NDArray[np.float64]
    err: NDArray[np.float64]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of light curves."""
        return len(self.offsets) - 1

    @property
    def n_epochs(self) -> NDArray[np.int64]:
        """Points of each light curve (n,)."""
        return np.diff(self.offsets)

    def pick(self, star: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Time, magnitude and error of one light curve."""
        points = slice(self.offsets[star], self.offsets[star + 1])
        return self.time[points], self.mag[points], self.err[points]

    def take(self, stars: NDArray[np.int64]) -> LightCurves:
        """Copy some of the light curves, in the given order."""
        counts = self.n_epochs[stars]
        offsets = offsets_of(counts)
        points = np.repeat(self.offsets[:-1][stars] - offsets[:-1], counts) + np.arange(offsets[-1])
        return LightCurves(self.time[points], self.mag[points], self.err[points], offsets)

    def first_epochs(self, count: int) -> LightCurves:
        """Return the first `count` epochs in time of every light curve; shorter ones stay as they are."""
        star = np.repeat(np.arange(len(self)), self.n_epochs)
        order = np.lexsort((self.time, star))
        rank = np.arange(len(star)) - np.repeat(self.offsets[:-1], self.n_epochs)
        kept = order[rank < count]
        return LightCurves(
            self.time[kept], self.mag[kept], self.err[kept], offsets_of(np.minimum(self.n_epochs, count))
        )


@dataclass(frozen=True, slots=True)
class LabelledCurves:
    """The contents of one file.

    Attributes
    ----------
    name : str
        File name without its suffix: how surveys are known.
    curves : LightCurves
        Every time and magnitude is finite, every error positive.
    columns : mapping of str to (n,) array
        One value a light curve, among them the labels.
    """

    name: str
    curves: LightCurves
    columns: Mapping[str, NDArray[Any]]

    def take(self, stars: NDArray[np.int64]) -> LabelledCurves:
        """Copy some of the light curves, in the given order."""
        columns = {name: values[stars] for name, values in self.columns.items()}
        return LabelledCurves(self.name, self.curves.take(stars), columns)

    def labels(self, key: str) -> NDArray[np.str_]:
        """Native labels (n,) in column `key`.

        Raises
        ------
        SettingsError
            If there is no such column.
        """
        if key not in self.columns:
            raise SettingsError(
                f"{self.name} has no column {key!r} with one label for each of its {len(self.curves)} "
                f"light curves; it has {', '.join(sorted(self.columns)) or 'none'}"
            )
        return self.columns[key].astype(np.str_)


def offsets_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bounds of light curves with the given numbers of points."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def is_table(path: Path) -> bool:
    """Whether the file name is that of a table, whose label column `Columns` names."""
    return path.name.endswith(TABLE_SUFFIXES)


def survey_name(path: Path) -> str:
    """Return the file name without its suffix, ``stars`` for ``stars.csv.gz`` as well."""
    suffix = next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), path.suffix)
    return path.name.removesuffix(suffix)


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
        Leave out the rows that `training.points` does not believe, and say how many.

    Raises
    ------
    SettingsError
        If there is no such file, its suffix is unknown, or it lacks a column.
    TrainingError
        If it cannot be read, its contents do not fit together, or a row is bad.
    """
    if not path.name.endswith(SUFFIXES):
        raise SettingsError(f"{path} is none of {', '.join(SUFFIXES)}: name the file by what it holds")
    if not path.exists():
        raise SettingsError(f"no light curves at {path}: the file does not exist")
    if not path.is_file():
        raise SettingsError(f"{path} is not a file: give the files in it")
    if path.stat().st_size == 0:
        raise TrainingError(f"{path} is an empty file: write it again")
    if is_table(path):
        if importlib.util.find_spec("pyarrow") is None:
            raise SettingsError(
                f"{path} needs pyarrow, which is not installed: pip install 'varstream[training]'"
            )
        from training.tables import read_table  # noqa: PLC0415 - needs pyarrow, and this module

        return read_table(path, columns or Columns(), skip_bad_rows=skip_bad_rows)
    if columns is not None:
        raise SettingsError(
            f"{path}: columns are named for tables only; in an .npz the names are fixed, and --label says "
            "which holds the labels"
        )
    return _read_npz(path, skip_bad_rows)


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
    offsets = _checked_offsets(path, arrays)
    columns = {
        key: np.broadcast_to(value, len(offsets) - 1)  # a single value is that of every light curve
        for key, value in arrays.items()
        if key not in (*SERIES, "offsets") and value.shape in ((), (len(offsets) - 1,))
    }
    time, mag, err = (arrays[key].astype(np.float64) for key in SERIES)
    star = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    ids = columns.get("object_id", np.arange(len(offsets) - 1)).astype(np.str_)
    # without names, stars of one file are never those of another
    columns.setdefault("object_id", np.char.add(f"{survey_name(path)} ", ids))

    def describe(row: int, key: str) -> str:
        point = f"light curve {ids[star[row]] or star[row]!s} point {row - offsets[star[row]] + 1}"
        value = f", got {arrays[key][row]!s}" if key in SERIES else ""
        return f"{point}: {key} {WANTED[key]}{value}"

    broken = {"object_id": ids[star] == "", **unusable(time, mag, err)}
    kept = usable_rows(path, broken, describe, skip_bad_rows=skip_bad_rows)
    order = np.flatnonzero(kept)
    order = order[np.lexsort((time[order], star[order]))]
    counts = np.bincount(star[order], minlength=len(ids))
    return LabelledCurves(
        survey_name(path), LightCurves(time[order], mag[order], err[order], offsets_of(counts)), columns
    )


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
