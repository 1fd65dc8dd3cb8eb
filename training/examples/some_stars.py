"""Some stars of a file, with all their light curves: the pieces that features are computed in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.filters import UGRIZY
from training.data.light_curves import LabelledCurves, LightCurves
from training.data.stars_in_bands import stars_in_bands
from training.examples.augment import SeriesOfBands
from training.result_cache import hash_of

I8 = NDArray[np.int64]

MAX_BANDS = 128
"""Numbers that bands which are measured together may have, more than there are filters with a name."""


class SomeStars(NamedTuple):
    """Light curves of some stars, those of a star one after the other.

    Attributes
    ----------
    points : LightCurves
        The n light curves.
    curves : (n,) int64
        Their numbers in the file: they seed the draws.
    band : (n,) int64
        Numbers of their bands, see `training.data.filters`.
    bounds : (s + 1,) int64
        Of the s stars.
    """

    points: LightCurves
    curves: I8
    band: I8
    bounds: I8

    @property
    def star(self) -> I8:
        """Number of the star (n,) of each light curve."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))

    @property
    def first_band(self) -> I8:
        """Number in the file (n,) of the first light curve of the star of each."""
        first = np.minimum.reduceat(self.curves, self.bounds[:-1]) if len(self.curves) else self.curves
        return first[self.star]

    def fingerprint(self) -> str:
        """Hash of all that features of these stars depend on, for a key."""
        points = self.points
        return hash_of(
            self.curves, self.band, self.bounds, points.offsets, points.time, points.mag, points.err
        )

    def in_several_bands(self) -> list[tuple[int, I8]]:
        """Return the stars with several bands that can be measured together, and the places of these."""
        known = (self.band >= 0) & (self.band < MAX_BANDS)
        found = []
        for star, (first, last) in enumerate(zip(self.bounds[:-1], self.bounds[1:], strict=True)):
            places = first + np.flatnonzero(known[first:last])
            if len(places) > 1:
                found.append((star, places))
        return found

    def all_bands(self, places: I8) -> SeriesOfBands:
        """Points of several light curves of a star in order of time, each epoch once."""
        picked = [self.points.without_repeats(int(place)) for place in places]
        band = np.repeat(self.band[places].astype(np.int8), [len(time) for time, _, _ in picked])
        time, mag, err = (np.concatenate([each[i] for each in picked]) for i in range(3))
        order = np.lexsort((err, mag, band, time))
        return time[order], mag[order], err[order], band[order]

    @property
    def n_bands(self) -> int:
        """One more than the largest number of a band, but no fewer than u g r i z y."""
        return max(len(UGRIZY), int(self.band[self.band < MAX_BANDS].max(initial=-1)) + 1)

    def curve_in_bands(self, places: I8) -> I8:
        """Return the numbers in the file (n_bands,) of light curves by their bands, -1 for none."""
        curve = np.full(self.n_bands, -1, np.int64)
        curve[self.band[places]] = self.curves[places]
        return curve


def in_pieces(survey: LabelledCurves, chosen: I8, size: int, *, by_star: bool = True) -> Iterator[SomeStars]:
    """Yield the chosen light curves of a file star by star, about `size` of them at a time.

    If not by star, or where stars have no names, they come in the given order, each as a star of its own.
    """
    order, bounds = np.arange(len(chosen)), np.arange(len(chosen) + 1)
    band = np.full(len(chosen), -1, np.int64)
    if by_star and "object_id" in survey.columns:
        stars = stars_in_bands(survey.take(chosen))
        order, bounds, band = stars.order, stars.offsets, stars.band[stars.order]
    numbers = np.ascontiguousarray(chosen[order], np.int64)
    first = 0
    for last in range(1, len(bounds)):
        if bounds[last] - bounds[first] >= size or last == len(bounds) - 1:
            rows = slice(bounds[first], bounds[last])
            points = survey.curves.take(numbers[rows])
            yield SomeStars(points, numbers[rows], band[rows], bounds[first : last + 1] - bounds[first])
            first = last
