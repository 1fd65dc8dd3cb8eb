"""From the points of a star, in one band or several, to its features where no single point decides."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.bands.joint_power import JointRoom
from features.bands.merged_curve import amplitude_ratios, levels, merged_curve
from features.bands.points import BandPoints, band_points
from features.bands.shared_shape import drop
from features.clean_bands import blocking, clean_bands
from features.compilation.jit import kernel, part
from features.conventions import MIN_BAND_POINTS, MIN_POINTS
from features.light_curve import Choices, count_nights, features_at_period
from features.outliers.robust_fit import robust_fit
from features.outliers.robust_period import RobustPeriod, Star, only, robust_period
from features.period.significance import STEP_CYCLES, Peak, significance
from features.sorting import SortingRoom
from features.status import BLOCKING, Status

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
U4 = NDArray[np.uint32]

BLOCKING_BITS = np.uint32(BLOCKING)
CLIPPED = np.uint32(Status.CLIPPED)
DEGENERATE = np.uint32(Status.DEGENERATE)
LONG_PERIOD = np.uint32(Status.LONG_PERIOD)
TOO_FEW = np.uint32(Status.TOO_FEW)

ANY_LETTER = 1
"""Of one band alone, whichever it is: g, over whose amplitude those of others are taken."""


class StarRows(NamedTuple):
    """A row for each star: what `features.extract.Measured` has."""

    values: F8
    status: U4
    n_used: I8
    baseline_d: F8
    n_nights: I8
    n_outliers: I8
    outlier: I8
    p_period: F8
    period_fap: F8
    period_err_d: F8
    period_rival_d: F8


class BandRows(NamedTuple):
    """Rows for k bands of each star: what `features.extract_together.Together` has, k = 0 for none.

    Attributes
    ----------
    values, status, n_used, baseline_d, n_nights
        Row ``k i + b`` is band b of star i.
    usable, level, amplitude_ratio : (n, k)
        See there.
    """

    values: F8
    status: U4
    n_used: I8
    baseline_d: F8
    n_nights: I8
    usable: NDArray[np.bool_]
    level: F8
    amplitude_ratio: F8


@kernel
def measure_stars(
    stars: tuple[F8, F8, F8, NDArray[np.int8], I8],
    fewest: int,
    convention: Choices,
    room: tuple[JointRoom, SortingRoom],
    rows: StarRows,
    bands: BandRows,
) -> None:
    """Fill the rows of stars; what it takes was checked by who calls it.

    Parameters
    ----------
    stars : time, mag, err, band, bounds
        Star i is ``bounds[i]`` to ``bounds[i + 1]`` of the series.
    fewest : int
        Points that a band must have, see `features.clean_bands.clean_bands`.
    convention : Choices
        See `features.light_curve`.
    room
        For as many points as are used of the longest.
    rows, bands
        Results; the values are NaN and stay so where there are none.
    """
    time, mag, err, band, bounds = stars
    for i in range(bounds.size - 1):
        begin, end = bounds[i], bounds[i + 1]
        series = (time[begin:end], mag[begin:end], err[begin:end], band[begin:end])
        times, mags, errs, edges, letters, bits = clean_bands(*series, fewest)
        star = (times, mags, errs, edges, letters)
        if bits & BLOCKING_BITS:
            _count(star, rows, bands, i)
        else:
            bits |= _measure(star, convention, room, rows, bands, i)
            if rows.outlier[i] >= 0:
                rows.outlier[i] = begin + _place(series, star, rows.outlier[i])
        rows.status[i] = bits


@part
def _measure(
    star: Star,
    convention: Choices,
    room: tuple[JointRoom, SortingRoom],
    rows: StarRows,
    bands: BandRows,
    i: int,
) -> np.uint32:
    """Fill the rows of a star that can be searched; the bits of what was found."""
    time, mag, err, edges, letters = star
    period = robust_period(time, mag, err, edges, _compared(letters), room[0])
    bits = _note_outliers(star, period, rows, i)
    kept = only((time, period.drawn_mag, err, edges, letters), ~period.out, MIN_BAND_POINTS)
    _count(kept, rows, bands, i)
    blocked = blocking(kept[0], kept[1], kept[3])
    if blocked:
        return bits | blocked
    time, mag, err, edges, letters = kept
    points = band_points(time, mag, err, edges, _compared(letters), True)
    level = levels(points, mag, period.frequency)
    shift = level if letters.size > 1 else np.zeros(1)
    merged = merged_curve(time, mag, err, edges, shift)
    period_d = 1.0 / period.frequency
    row = features_at_period(merged.time, merged.mag, merged.err, period_d, convention, room[1])
    if not _fill(rows.values, i, row):
        return bits | DEGENERATE
    if period_d > rows.baseline_d[i]:
        bits |= LONG_PERIOD
    residuals, _ = robust_fit(time, mag, err, edges, period.frequency)
    said, _ = significance(
        merged.time, merged.mag, residuals, period.frequency, _peak(points, period), room[1]
    )
    rows.period_fap[i] = said.false_alarm
    if not bits & LONG_PERIOD:  # longer ones took no part in what these are known from
        rows.p_period[i], rows.period_err_d[i] = said.p_period, said.period_error
    rows.period_rival_d[i] = 1.0 / period.found.rival_frequency
    _measure_bands(kept, points, level, period.frequency, convention, room[1], bands, i)
    return bits | said.bits


@part
def _measure_bands(
    star: Star,
    points: BandPoints,
    level: F8,
    frequency: float,
    convention: Choices,
    room: SortingRoom,
    bands: BandRows,
    i: int,
) -> None:
    """Fill the rows of a star's bands at a frequency."""
    n_bands = bands.usable.shape[1]
    if n_bands == 0:
        return
    time, mag, err, edges, letters = star
    ratio = amplitude_ratios(points, frequency)
    of_g = 1.0
    for j in range(letters.size):
        if letters[j] == ANY_LETTER:
            of_g = ratio[j]
    for j in range(letters.size):
        begin, end = edges[j], edges[j + 1]
        bands.level[i, letters[j]] = level[j]
        if letters.size > 1:
            bands.amplitude_ratio[i, letters[j]] = ratio[j] / of_g
        k = n_bands * i + letters[j]
        if end - begin < MIN_POINTS:
            continue
        row = features_at_period(
            time[begin:end], mag[begin:end], err[begin:end], 1.0 / frequency, convention, room
        )
        bands.status[k] = np.uint32(0) if _fill(bands.values, k, row) else DEGENERATE
        if 1.0 / frequency > points.baseline:
            bands.status[k] |= LONG_PERIOD


@part
def _compared(letters: I8) -> I8:
    """The bands to be compared; of one alone the answer does not depend on which it is, to the last bit."""
    return letters if letters.size > 1 else np.full(1, ANY_LETTER, np.int64)


@part
def _note_outliers(star: Star, period: RobustPeriod, rows: StarRows, i: int) -> np.uint32:
    """Count what is left out or drawn in, and note which is farthest from the fit; the bit of it."""
    time, mag, err, edges, _ = star
    count = 0
    for k in range(mag.size):
        count += period.out[k] or period.drawn_mag[k] != mag[k]
    rows.n_outliers[i] = count
    if count == 0:
        return np.uint32(0)
    residuals, _ = robust_fit(time, mag, err, edges, period.frequency)
    farthest = -1.0
    for k in range(mag.size):
        if (period.out[k] or period.drawn_mag[k] != mag[k]) and abs(residuals[k]) > farthest:
            farthest = abs(residuals[k])
            rows.outlier[i] = k
    return CLIPPED


@part
def _peak(points: BandPoints, period: RobustPeriod) -> Peak:
    """What the look that gave the period says of its peak, and how it bends."""
    step = STEP_CYCLES / points.baseline
    drops = (
        drop(points, period.frequency - step),
        drop(points, period.frequency),
        drop(points, period.frequency + step),
    )
    found = period.found
    return Peak(found.power, found.rival, drops, points.chi2, points.letters.size)


@part
def _count(star: Star, rows: StarRows, bands: BandRows, i: int) -> None:
    """Fill how many points there are, over how long."""
    time, _, _, edges, letters = star
    rows.n_used[i] = time.size
    if time.size == 0:
        return
    ordered = np.sort(time)
    rows.baseline_d[i] = ordered[ordered.size - 1] - ordered[0]
    rows.n_nights[i] = count_nights(ordered)
    n_bands = bands.usable.shape[1]
    if n_bands == 0:
        return
    for j in range(letters.size):
        k = n_bands * i + letters[j]
        its_time = time[edges[j] : edges[j + 1]]
        bands.usable[i, letters[j]] = True
        bands.n_used[k] = its_time.size
        bands.baseline_d[k] = its_time[its_time.size - 1] - its_time[0]
        bands.n_nights[k] = count_nights(its_time)


@part
def _fill(values: F8, i: int, row: F8) -> bool:
    """Write a row if all of it is finite, and tell whether it is."""
    for value in row:
        if not math.isfinite(value):
            return False
    for k in range(row.size):
        values[i, k] = row[k]
    return True


@part
def _place(series: tuple[F8, F8, F8, NDArray[np.int8]], star: Star, which: int) -> int:
    """Where in a series the point is that clean point `which` was, the first of equal ones."""
    time, mag, _, band = series
    j = 0
    while star[3][j + 1] <= which:
        j += 1
    for i in range(time.size):
        if time[i] == star[0][which] and mag[i] == star[1][which] and band[i] == star[4][j]:
            return i
    return -1
