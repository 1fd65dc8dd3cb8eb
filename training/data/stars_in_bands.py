"""Stars in several bands: which light curves are the bands of one star, and its points together.

A star is an `object_id` within one survey. Where a survey's light curves are copies that stars were
re-observed in, each copy is a star by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.filters import numbered
from training.data.light_curves import F8, SERIES, LabelledCurves, LightCurves, offsets_of
from training.surveys.public import SURVEYS

COPY = "copy"
"""Column of the number of a copy, of stars that were re-observed."""


@dataclass(frozen=True, slots=True)
class PointsInBands:
    """Points of n stars one star after the other, each star's in order of time, whatever their band.

    Attributes
    ----------
    time, mag, err : (n_points,) float64
        In days and magnitudes.
    band : (n_points,) int64
        Number of the band, 0 to 5 for u g r i z y.
    offsets : (n + 1,) int64
        Bounds of the stars.
    """

    time: F8
    mag: F8
    err: F8
    band: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of stars."""
        return len(self.offsets) - 1

    def pick(self, star: int) -> tuple[F8, F8, F8, NDArray[np.int64]]:
        """Time, magnitude, error and band of the points of one star."""
        points = slice(self.offsets[star], self.offsets[star + 1])
        return self.time[points], self.mag[points], self.err[points], self.band[points]


@dataclass(frozen=True, slots=True)
class StarsInBands:
    """Which of n light curves are the bands of one star.

    Attributes
    ----------
    order : (n,) int64
        Light curves, star by star as they first come, those of a star in the order of their bands.
    offsets : (m + 1,) int64
        Bounds of the m stars in `order`.
    band : (n,) int64
        Number of each light curve's band, -1 for one without a name.
    names : tuple of str
        Of the bands, by number.
    """

    order: NDArray[np.int64]
    offsets: NDArray[np.int64]
    band: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of stars."""
        return len(self.offsets) - 1

    @property
    def star(self) -> NDArray[np.int64]:
        """Number of the star (n,) of each light curve."""
        star = np.empty(len(self.order), np.int64)
        star[self.order] = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        return star

    @property
    def first(self) -> NDArray[np.int64]:
        """First light curve (m,) of each star, as the survey has them."""
        return np.minimum.reduceat(self.order, self.offsets[:-1]) if len(self) else self.order

    @property
    def any_in_several(self) -> bool:
        """Whether any star has several bands."""
        return bool((np.diff(self.offsets) > 1).any())

    def curves_of(self, star: int) -> NDArray[np.int64]:
        """Light curves of one star in the order of their bands."""
        return self.order[self.offsets[star] : self.offsets[star + 1]]

    def together(self, curves: LightCurves, stars: NDArray[np.int64] | None = None) -> PointsInBands:
        """Return the points of some of the stars, in the given order; of all by default.

        Parameters
        ----------
        curves : LightCurves
            The n light curves.
        stars : (k,) int64, optional
            Numbers of stars.
        """
        chosen = np.arange(len(self)) if stars is None else stars
        counts = np.diff(self.offsets)[chosen]
        bounds = offsets_of(counts)
        rows = np.repeat(self.offsets[:-1][chosen] - bounds[:-1], counts) + np.arange(bounds[-1])
        each = self.order[rows]
        points = curves.take(each)
        star = np.repeat(np.repeat(np.arange(len(chosen)), counts), points.n_epochs)
        band = np.repeat(self.band[each], points.n_epochs)
        order = np.lexsort((band, points.time, star))
        n_points = np.bincount(star, minlength=len(chosen))
        time, mag, err = (getattr(points, key)[order] for key in SERIES)
        return PointsInBands(time, mag, err, band[order], offsets_of(n_points))


def stars_in_bands(survey: LabelledCurves) -> StarsInBands:
    """Find the bands of each star of a survey.

    Light curves are of one star if they share an `object_id`, and `COPY` where they have one. A light curve
    whose band has no name stands by itself, and so does a second one of a star in the same band: which of
    them belong together nobody knows.
    """
    bands, names = numbered(bands_of(survey))
    ids = _names(survey)
    copies = survey.columns.get(COPY, np.zeros(len(ids), np.int64)).astype(np.str_)
    keys = np.char.add(np.char.add(copies, "\n"), ids)
    _, key = np.unique(keys, return_inverse=True)
    rank = np.lexsort((np.arange(len(key)), bands, key))
    again = np.zeros(len(key), np.bool_)
    again[rank[1:]] = (np.diff(key[rank]) == 0) & (np.diff(bands[rank]) == 0)
    alone = again | (bands < 0)
    group = np.where(alone, len(key) + np.arange(len(key)), key)
    _, first, star = np.unique(group, return_index=True, return_inverse=True)
    turn = np.argsort(np.argsort(first))[star]
    order = np.lexsort((np.arange(len(key)), bands, turn))
    return StarsInBands(order, offsets_of(np.bincount(turn, minlength=len(first))), bands, names)


def bands_of(survey: LabelledCurves) -> NDArray[np.str_]:
    """Names of bands (n,); '' where a light curve has none. A public survey may say it by its names."""
    n = len(survey.curves)
    known = SURVEYS.get(survey.name)
    if known is not None and known.filters:
        if known.filter_key is not None:
            told = survey.columns[known.filter_key].astype(np.str_).tolist()
        else:
            ids = survey.columns["object_id"].astype(np.str_).tolist()
            told = [found[0] if (found := re.search(f"{known.band_suffix}$", name)) else "" for name in ids]
        return np.array([known.filters.get(each, "") for each in told], np.str_)
    return survey.columns.get("band", np.full(n, "")).astype(np.str_)


def _names(survey: LabelledCurves) -> NDArray[np.str_]:
    """Names of stars (n,), without the band where a public survey has it there."""
    ids = survey.columns["object_id"].astype(np.str_)
    known = SURVEYS.get(survey.name)
    if known is None or known.band_suffix is None:
        return ids
    return np.array([re.sub(f"{known.band_suffix}$", "", name) for name in ids.tolist()], np.str_)
