"""Labelled light curves in memory; `training.data.read` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.labels import without_missing
from training.errors import SettingsError

F8 = NDArray[np.float64]

SERIES = ("time", "mag", "err")

NEEDED_KEYS = ("object_id", *SERIES)
OPTIONAL_KEYS = ("label", "band", "ra", "dec")
"""Of `Columns`: what a table must have unless it is told to have none, and what it may be without."""

FOLDER_SUFFIXES = (".npz", ".csv", ".csv.gz", ".parquet", ".avro", ".tsv", ".tsv.gz", ".ecsv", ".ecsv.gz")
"""What is taken as a file of light curves where a folder is given."""

SUFFIXES = (*FOLDER_SUFFIXES, ".dat", ".dat.gz", ".txt", ".txt.gz")
"""What a file of light curves may be called."""

TABLE_SUFFIXES = SUFFIXES[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """How a table names its columns.

    Attributes
    ----------
    object_id, time, mag, err : str
        Star, time [d], magnitude and its one-sigma error [mag]: needed. No star, '', for a table of one,
        which is called as the file.
    label, band, ra, dec : str
        Class, photometric band, position [deg]: a table may lack them under these default names. '' for
        none, whatever columns the table has.
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
        twice = next((name for name in names if name and names.count(name) > 1), None)
        if twice is not None:
            raise SettingsError(f"the column {twice!r} cannot mean two things: give each key its own column")

    def items(self) -> dict[str, str]:
        """Return the file's name of every key, in the order above."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def chosen(self, key: str) -> bool:
        """Whether the column of a key was named: it has another name than by default, and one at all."""
        return getattr(self, key) not in ("", key)

    @classmethod
    def parse(cls, text: str) -> Columns:
        """Read ``time=hjd,mag=vmag,ra=,dec=``: our key, the file's column; the rest keep their names.

        Nothing after ``label=``, ``band=``, ``ra=`` or ``dec=`` says that there is no such column, after
        ``object_id=`` that the table is of one star.

        Raises
        ------
        SettingsError
            If a key is unknown, has no value though it needs one, or comes twice.
        """
        known = [f.name for f in fields(cls)]
        given: dict[str, str] = {}
        for word in text.split(","):
            key, equals, name = (part.strip() for part in word.partition("="))
            lacks = not name and not (equals and key in (*OPTIONAL_KEYS, "object_id"))
            if key not in known or lacks or key in given:
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

    time: F8
    mag: F8
    err: F8
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of light curves."""
        return len(self.offsets) - 1

    @property
    def n_epochs(self) -> NDArray[np.int64]:
        """Points that each light curve holds (n,); `features.extract` tells how many of them are used."""
        return np.diff(self.offsets)

    def pick(self, curve: int) -> tuple[F8, F8, F8]:
        """Time, magnitude and error of one light curve."""
        points = slice(self.offsets[curve], self.offsets[curve + 1])
        return self.time[points], self.mag[points], self.err[points]

    def without_repeats(self, curve: int) -> tuple[F8, F8, F8]:
        """Like `pick`, each of several equal points once: an epoch counts once, however often it is held."""
        time, mag, err = self.pick(curve)
        order = np.lexsort((err, mag, time))
        series = np.stack([time, mag, err])
        repeated = (np.diff(series[:, order], axis=1) == 0.0).all(axis=0)
        if not repeated.any():
            return time, mag, err
        kept = np.sort(order[np.concatenate([[True], ~repeated])])
        return time[kept], mag[kept], err[kept]

    def take(self, curves: NDArray[np.int64]) -> LightCurves:
        """Copy some of the light curves, in the given order."""
        counts = self.n_epochs[curves]
        offsets = offsets_of(counts)
        points = np.repeat(self.offsets[:-1][curves] - offsets[:-1], counts) + np.arange(offsets[-1])
        return LightCurves(self.time[points], self.mag[points], self.err[points], offsets)

    def first_epochs(self, count: int) -> LightCurves:
        """Return the first `count` epochs in time of every light curve, repeats left out; or all it has."""
        picked = [self.without_repeats(curve) for curve in range(len(self))]
        rows = [np.argsort(time, kind="stable")[:count] for time, _, _ in picked]
        time, mag, err = (
            np.concatenate([np.empty(0), *(each[i][kept] for each, kept in zip(picked, rows, strict=True))])
            for i in range(3)
        )
        return LightCurves(time, mag, err, offsets_of(np.array([len(kept) for kept in rows], np.int64)))


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
    left_out : mapping of str to int
        Points of the file that are not in the light curves, by reason of `training.data.bad_points.RULES`.
    """

    name: str
    curves: LightCurves
    columns: Mapping[str, NDArray[Any]]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def take(self, curves: NDArray[np.int64]) -> LabelledCurves:
        """Copy some of the light curves, in the given order."""
        columns = {name: values[curves] for name, values in self.columns.items()}
        return replace(self, curves=self.curves.take(curves), columns=columns)

    def labels(self, key: str) -> NDArray[np.str_]:
        """Native labels (n,) in column `key`; '' where one is missing, whatever text stands for that.

        Raises
        ------
        SettingsError
            If there is no such column.
        """
        if key not in self.columns:
            raise SettingsError(
                f"{self.name} has no column {key!r} with one label for each of its {len(self.curves)} "
                f"light curves; it has {', '.join(sorted(self.columns)) or 'none'}: name it with --label"
            )
        return without_missing(self.columns[key].astype(np.str_))


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
