"""Labelled light curves in memory, and the reader of their npz layout.

A file holds the concatenated series ``time`` [d], ``mag`` and ``err`` [mag], ``offsets`` (n + 1) so that
light curve i is the points ``offsets[i]`` to ``offsets[i + 1]``, ``object_id`` (n), and columns of labels
or anything else of length n, such as ``native_class``, ``ra`` and ``dec`` [deg].
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import SettingsError, TrainingError

SERIES = ("time", "mag", "err")


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
        Points without a finite time and magnitude are left out.
    columns : mapping of str to (n,) array
        One value a light curve, among them the labels.
    """

    name: str
    curves: LightCurves
    columns: Mapping[str, NDArray[Any]]

    def labels(self, key: str) -> NDArray[np.str_]:
        """Native labels (n,) in column `key`.

        Raises
        ------
        SettingsError
            If there is no such column.
        """
        if key not in self.columns:
            raise SettingsError(
                f"{self.name}.npz has no column {key!r} of {len(self.curves)} labels; "
                f"it has {', '.join(sorted(self.columns))}"
            )
        return self.columns[key].astype(np.str_)


def offsets_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bounds of light curves with the given numbers of points."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def read_light_curves(path: Path) -> LabelledCurves:
    """Read one file of the layout above; pickled contents are refused.

    Raises
    ------
    SettingsError
        If there is no such file.
    TrainingError
        If it cannot be read, or its arrays are missing or do not fit together.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise SettingsError(f"no light curves at {path}: the file does not exist") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as exc:
        raise TrainingError(f"cannot read {path} as npz without pickles: {exc}") from exc
    missing = [key for key in (*SERIES, "offsets") if key not in arrays]
    if missing:
        raise TrainingError(
            f"{path} lacks {', '.join(missing)}; it needs time, mag, err, offsets and a column of labels"
        )
    curves = _checked(path, arrays)
    columns = {
        key: value
        for key, value in arrays.items()
        if key not in (*SERIES, "offsets") and value.shape == (len(curves),)
    }
    return LabelledCurves(path.stem, curves, columns)


def _checked(path: Path, arrays: Mapping[str, NDArray[Any]]) -> LightCurves:
    offsets = arrays["offsets"]
    if offsets.ndim != 1 or offsets.size < 2 or offsets.dtype.kind not in "iu":
        raise TrainingError(
            f"{path}: offsets must be at least 2 integers, got {offsets.dtype} {offsets.shape}"
        )
    offsets = offsets.astype(np.int64)
    if offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise TrainingError(f"{path}: offsets must start at 0 and never fall")
    for key in SERIES:
        if arrays[key].shape != (offsets[-1],) or arrays[key].dtype.kind not in "fiu":
            raise TrainingError(
                f"{path}: {key} must be {offsets[-1]} numbers as offsets say, "
                f"got {arrays[key].dtype} {arrays[key].shape}"
            )
    time, mag, err = (arrays[key].astype(np.float64) for key in SERIES)
    usable = np.isfinite(time) & np.isfinite(mag)
    counts = np.diff(np.concatenate([[0], np.cumsum(usable)])[offsets])
    return LightCurves(time[usable], mag[usable], err[usable], offsets_of(counts))
