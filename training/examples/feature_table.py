"""The feature table: features of the examples made from many light curves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import CONVENTIONS, MIN_POINTS, scorable
from training.errors import SettingsError


class View(IntEnum):
    """What the features of a row were measured on."""

    OWN = 0
    """A band by itself: its own points, with the period that they give."""
    MERGED = 1
    """The merged curve of all bands of a star, with the period that they give together."""
    AT_JOINT = 2
    """A band of such a star at the period that all bands give together."""
    BEST_BAND = 3
    """The band of such a star with most epochs, by itself: to hold answers against, never learnt from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """How features are computed; see `features.extract`."""

    convention: str = "robust"
    clip_sigma: float | None = None

    def __post_init__(self) -> None:
        """Refuse a cut where outliers are decided on otherwise.

        Raises
        ------
        SettingsError
            If the convention has rules of its own.
        """
        if self.clip_sigma is not None and self.convention in CONVENTIONS and self.together:
            raise SettingsError(
                f"convention {self.convention!r} decides on outliers by itself, "
                f"clip_sigma={self.clip_sigma:g} is for others: give no cut, or convention 'refined'"
            )

    @property
    def together(self) -> bool:
        """Whether bands of a star can be measured together so."""
        return CONVENTIONS[self.convention].by_support


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of m rows, of examples of one file's light curves.

    An example of one band is a row. An example of all bands of a star is a row for its merged curve, and rows
    for its bands (`View`), which have the number of the example in common.

    Attributes
    ----------
    values : (m, 16) float64
        NaN where `status` blocks.
    status : (m,) uint32
        Bits of `features.Status`.
    curve : (m,) int64
        Number of the light curve in its file: several of them may be of one star. The first of the star for a
        merged curve.
    kind : (m,) int8
        `training.examples.augment.Kind`.
    n_epochs : (m,) int64
        Points of the row that were used.
    n_shown : (m,) int64
        Points that the example was made of, over all bands.
    view : (m,) int8
        `View`.
    example : (m,) int64
        Number of the example, from 0.
    first_band : (m,) int64
        Number of the light curve in the file that is the first of the bands of the star, of those that are
        used; `curve` where there are no others.
    n_bands : (m,) int64
        Usable bands of the example.
    """

    values: NDArray[np.float64]
    status: NDArray[np.uint32]
    curve: NDArray[np.int64]
    kind: NDArray[np.int8]
    n_epochs: NDArray[np.int64]
    n_shown: NDArray[np.int64]
    view: NDArray[np.int8]
    example: NDArray[np.int64]
    first_band: NDArray[np.int64]
    n_bands: NDArray[np.int64]

    @classmethod
    def of_one_band(
        cls,
        values: NDArray[np.float64],
        status: NDArray[np.uint32],
        curve: NDArray[np.int64],
        kind: NDArray[np.int8],
        *,
        n_epochs: NDArray[np.int64],
        n_shown: NDArray[np.int64],
    ) -> FeatureTable:
        """Rows of examples of one band, whose star has no other."""
        n = len(curve)
        view, one = np.full(n, View.OWN, np.int8), np.ones(n, np.int64)
        return cls(values, status, curve, kind, n_epochs, n_shown, view, np.arange(n), curve, one)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Rows (m,) that a model may be trained on or asked about."""
        return self.scorable(MIN_POINTS)

    @property
    def own(self) -> NDArray[np.bool_]:
        """Rows (m,) of bands by themselves."""
        own: NDArray[np.bool_] = self.view == View.OWN
        return own

    def scorable(self, min_epochs: int) -> NDArray[np.bool_]:
        """Rows (m,) that a model for light curves of so many epochs may be asked about."""
        return scorable(self.values, self.status, self.n_epochs, min_epochs)

    def take(self, rows: NDArray[np.int64]) -> FeatureTable:
        """Copy some of the rows."""
        return FeatureTable(*(getattr(self, f.name)[rows] for f in fields(self)))

    def renumbered(self, curves: NDArray[np.int64], first: int) -> FeatureTable:
        """Count the light curves `curves` of a file, in ascending order, from `first` on."""
        curve, first_band = (first + np.searchsorted(curves, each) for each in (self.curve, self.first_band))
        return replace(self, curve=curve, first_band=first_band)

    @classmethod
    def join(cls, tables: Iterable[FeatureTable]) -> FeatureTable:
        """One table after the other; their examples are numbered on."""
        parts = list(tables)
        columns: dict[str, NDArray[Any]] = {
            f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)
        }
        sizes = [int(part.example.max(initial=-1)) + 1 for part in parts]
        before = np.repeat(np.cumsum([0, *sizes[:-1]]), [len(part.example) for part in parts])
        return cls(**{**columns, "example": columns["example"] + before})
