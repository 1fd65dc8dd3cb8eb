"""Rows of the feature table of stars in several bands, each shown with all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features import MIN_POINTS, Measured, extract, extract_together
from training.data.light_curves import offsets_of
from training.examples.augment import Kind, Sampling, SeriesOfBands, augmented_together
from training.examples.feature_table import Extraction, FeatureTable, View
from training.examples.some_stars import SomeStars

HELD_AGAINST_A_BAND = (Kind.FULL, Kind.FIRST)
"""Examples of which the best band is measured by itself as well."""


class Shown(NamedTuple):
    """An example of all bands of a star.

    Attributes
    ----------
    curve : (b,) int64
        Number in the file of the star's light curve in each band, by its number; -1 for none.
    kind : Kind
        How it was made.
    series : SeriesOfBands
        Its points, in order of time.
    """

    curve: NDArray[np.int64]
    kind: Kind
    series: SeriesOfBands

    @property
    def first_band(self) -> int:
        """Number of the star's first light curve."""
        return int(self.curve[self.curve >= 0].min())


def shown_together(some: SomeStars, places: NDArray[np.int64], sampling: Sampling) -> list[Shown]:
    """Make the examples of some light curves of one star; none where all together are too short."""
    series = some.all_bands(places)
    if len(series[0]) < sampling.min_epochs:
        return []
    made = augmented_together(series, int(some.curves[places].min()), sampling)
    return [Shown(some.curve_in_bands(places), kind, each) for kind, each in made]


def rows_together(shown: Sequence[Shown], extraction: Extraction) -> FeatureTable:
    """Features of examples, all in one call of `features.extract_together`.

    An example has a row for its merged curve; one for each band of `features.MIN_POINTS` points or more at
    the joint period, if two bands or more are usable; and one for its band with most epochs by itself where
    it is held against that.
    """
    counts = np.array([len(each.series[0]) for each in shown], np.int64)
    most = len(shown[0].curve)
    time, mag, err, band = (np.concatenate([each.series[i] for each in shown]) for i in range(4))
    measured = extract_together(
        time, mag, err, band, offsets_of(counts), convention=extraction.convention, n_bands=most
    )
    n = len(shown)
    n_bands = measured.usable.sum(axis=1).astype(np.int64)
    curve = np.stack([each.curve for each in shown])
    several = np.repeat(n_bands > 1, most)
    at_joint = np.flatnonzero(several & measured.usable.ravel() & (measured.bands.n_used >= MIN_POINTS))
    best = np.array([i for i in range(n) if shown[i].kind in HELD_AGAINST_A_BAND], np.int64)
    best_band, by_itself = best_bands([shown[i].series for i in best], extraction)
    examples = np.concatenate([np.arange(n), at_joint // most, best])
    first_band = np.array([each.first_band for each in shown], np.int64)
    parts = [
        (measured.merged, np.arange(n), first_band, View.MERGED),
        (measured.bands, at_joint, curve.ravel()[at_joint], View.AT_JOINT),
        (by_itself, np.arange(len(best)), curve[best, best_band], View.BEST_BAND),
    ]
    return FeatureTable(
        values=np.concatenate([each.values[rows] for each, rows, _, _ in parts]),
        status=np.concatenate([each.status[rows] for each, rows, _, _ in parts]),
        curve=np.concatenate([of for _, _, of, _ in parts]),
        kind=np.array([each.kind for each in shown], np.int8)[examples],
        n_epochs=np.concatenate([each.n_used[rows] for each, rows, _, _ in parts]),
        n_shown=counts[examples],
        view=np.concatenate([np.full(len(rows), view, np.int8) for _, rows, _, view in parts]),
        example=examples,
        first_band=first_band[examples],
        n_bands=n_bands[examples],
    )


def best_bands(series: Sequence[SeriesOfBands], extraction: Extraction) -> tuple[NDArray[np.int64], Measured]:
    """Return the band with most epochs of each star, the first of equals, and its features by itself."""
    numbers = [int(np.bincount(band).argmax()) for _, _, _, band in series]
    chosen = [each[3] == number for each, number in zip(series, numbers, strict=True)]
    time, mag, err = (
        np.concatenate([np.empty(0), *(each[i][rows] for each, rows in zip(series, chosen, strict=True))])
        for i in range(3)
    )
    offsets = offsets_of(np.array([rows.sum() for rows in chosen], np.int64))
    measured = extract(time, mag, err, offsets, convention=extraction.convention)
    return np.array(numbers, np.int64), measured
