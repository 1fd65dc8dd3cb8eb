"""The driver for stars in several bands: one period for all of them, and what their curves say at it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.bands.joint_search import room_for_joint_search
from features.conventions import CONVENTIONS, MAX_EPOCHS, MIN_BAND_POINTS, Convention
from features.light_curve import choices
from features.measured import Measured, empty_measured
from features.series import bands_of, checked_offsets, series_of
from features.sorting import room_for_sorting
from features.star import BandRows, StarRows, measure_stars
from features.status import Status

F8 = NDArray[np.float64]

SURVEY_BANDS = "ugrizy"
"""Bands of the surveys, by number; larger numbers are free for other filters."""


class Together(NamedTuple):
    """What `extract_together` finds in n stars.

    Attributes
    ----------
    merged : Measured
        Of the curve that all usable bands make together, n rows. Of a star of one usable band it is, to the
        last bit, what `features.extract` finds in that band.
    bands : Measured
        Of each band by itself, but at the period of all: row ``n_bands i + b`` is band b of star i. Of which
        points no band takes decided all bands together. What is said of a period is NaN there.
    usable : (n, n_bands) bool
        Bands of two points and more.
    level : (n, n_bands) float64
        Magnitude of each band where the shape that all share is 0, within the range of the band's own
        magnitudes that are kept [mag]; NaN where not usable, and of stars that are not measured.
    amplitude_ratio : (n, n_bands) float64
        Amplitude of each band over that in g, whether g was seen or not; NaN where not usable, or alone.
    """

    merged: Measured
    bands: Measured
    usable: NDArray[np.bool_]
    level: F8
    amplitude_ratio: F8


def extract_together(
    time: ArrayLike,
    mag: ArrayLike,
    err: ArrayLike,
    band: ArrayLike,
    offsets: ArrayLike,
    *,
    convention: str = "robust",
    n_bands: int = len(SURVEY_BANDS),
) -> Together:
    """Compute the features of every star of a batch, from all of its bands together.

    Star i is the points ``offsets[i]`` to ``offsets[i + 1]`` of the series, in any order, as in
    `features.extract`. A result is a function of the set of the star's points, to the last bit.

    Parameters
    ----------
    time, mag, err : (n_points,) array_like
        See `features.extract`.
    band : (n_points,) array_like of int
        0 ... 5 for u, g, r, i, z and y, of one survey; from 6 on other filters.
    offsets : (n + 1,) array_like of int
        From 0 to n_points, never falling.
    convention : str
        One in which bands can be measured together: ``"robust"``.
    n_bands : int
        Bands that there may be, at most 128.

    Raises
    ------
    ValueError
        If the arguments do not fit together, a band is not one of `n_bands`, or the convention cannot.
    """
    if convention not in CONVENTIONS or not CONVENTIONS[convention].by_support:
        able = ", ".join(name for name, each in CONVENTIONS.items() if each.by_support)
        raise ValueError(f"bands can be measured together by convention {able}, not by {convention!r}")
    if not 1 <= n_bands <= np.iinfo(np.int8).max + 1:
        raise ValueError(f"n_bands must be 1 to 128, got {n_bands}")
    time, mag, err = series_of(time, "time"), series_of(mag, "mag"), series_of(err, "err")
    numbers = bands_of(band, n_bands)
    sizes = {"time": time.size, "mag": mag.size, "err": err.size, "band": numbers.size}
    bounds = checked_offsets(offsets, sizes)
    n = bounds.size - 1
    merged, bands = empty_measured(n), empty_measured(n * n_bands)
    bands.status[:] = Status.TOO_FEW
    usable = np.zeros((n, n_bands), np.bool_)
    level, ratio = np.full((n, n_bands), np.nan), np.full((n, n_bands), np.nan)
    rows = BandRows(
        bands.values, bands.status, bands.n_used, bands.baseline_d, bands.n_nights, usable, level, ratio
    )
    _measure((time, mag, err, numbers, bounds), MIN_BAND_POINTS, CONVENTIONS[convention], merged, rows)
    return Together(merged, bands, usable, level, ratio)


def measure_each(time: F8, mag: F8, err: F8, bounds: NDArray[np.int64], convention: Convention) -> Measured:
    """Measure light curves of one band each, whichever it is, as `extract_together` does stars."""
    found = empty_measured(bounds.size - 1)
    none = empty_measured(0)
    no_bands = np.empty((bounds.size - 1, 0))
    rows = BandRows(
        none.values,
        none.status,
        none.n_used,
        none.baseline_d,
        none.n_nights,
        no_bands.astype(np.bool_),
        no_bands,
        no_bands.copy(),
    )
    _measure((time, mag, err, bands_of(np.zeros(time.size, np.int8), 1), bounds), 1, convention, found, rows)
    return found


def _measure(
    stars: tuple[F8, F8, F8, NDArray[np.int8], NDArray[np.int64]],
    fewest: int,
    convention: Convention,
    found: Measured,
    bands: BandRows,
) -> None:
    bounds = stars[4]
    most = min(int(np.diff(bounds).max(initial=0)), MAX_EPOCHS)
    if bounds.size > 1:
        room = (room_for_joint_search(most), room_for_sorting(most))
        measure_stars(stars, fewest, choices(convention), room, StarRows(*found), bands)
