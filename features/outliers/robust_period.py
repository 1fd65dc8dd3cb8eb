"""Robust period: a search, two further looks at fewer points, and a judge who sees all of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.bands.joint_power import JointRoom
from features.bands.joint_search import Found, joint_search
from features.bands.points import band_points
from features.compilation.jit import kernel, part
from features.conventions import MIN_BAND_POINTS, MIN_BASELINE_D, MIN_POINTS
from features.outliers.judge import better
from features.outliers.median import median, robust_sigma
from features.outliers.night import against_its_night, none_if_many
from features.outliers.robust_fit import robust_fit
from features.outliers.support import outliers, unsupported

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Mask = NDArray[np.bool_]
Star = tuple[F8, F8, F8, I8, I8]

CORE_SIGMAS = 3.0
"""The second look is at points no farther than this from their band's median."""

SAME_CYCLES = 0.1
"""Frequencies no farther apart than this, in cycles over the baseline, are of one peak."""

STAGES = 2
LOOKS = 3


class RobustPeriod(NamedTuple):
    """A period that no single point decided, and what the features at it are made of.

    Attributes
    ----------
    frequency : float
        [1/d]
    found : Found
        Of the look that gave it.
    out : (n,) bool
        Points that are left out of the features.
    drawn_mag : (n,) float64
        Magnitudes [mag], some drawn in towards the fit.
    searches : int
        1 to 3: what it cost.
    """

    frequency: float
    found: Found
    out: Mask
    drawn_mag: F8
    searches: int


@kernel
def robust_period(time: F8, mag: F8, err: F8, bounds: I8, letters: I8, room: JointRoom) -> RobustPeriod:
    """Search all points, the core of them, and those that are supported; a judge decides between the answers.

    What the rest of its night contradicts is left out before. The first look is at all other points; the
    second at those within three robust sigmas of their band's median; the third at those that are supported
    at the period held by then. A look is taken if it leaves points out, and `MIN_POINTS` or more over
    `MIN_BASELINE_D` or more in. If it finds another peak, the judge compares both over all points
    (`features.outliers.judge`); if the third look finds the same one, its frequency is taken.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Clean points of one star, band after band, in order of (time, mag, err) within each; at least
        `MIN_POINTS` over `MIN_BASELINE_D` [d, mag, mag].
    bounds : (B + 1,) int64
        Band j is ``bounds[j]`` to ``bounds[j + 1]`` of the series: two points at least.
    letters : (B,) int64
        0 ... 5 for u, g, r, i, z, y, any larger number for another filter; rising.
    room : Room
        From `features.bands.joint_search.room_for_joint_search`, for at least n points.

    Returns
    -------
    RobustPeriod
        The same to the last bit whatever the order in which points arrived.
    """
    night = against_its_night(time, mag, err, bounds)
    star = only((time, mag, err, bounds, letters), ~night, 1)
    found = Found(0.0, 0.0, 0.0, 0.0, 0.0)
    searches = 0
    for look in range(LOOKS):  # one place that searches: the compiler copies what it calls
        keep = _all_but_some(star, look, found.frequency)
        chosen = only(star, keep, MIN_BAND_POINTS)
        baseline = _baseline(chosen[0])
        if look > 0 and (_all(keep) or chosen[0].size < MIN_POINTS or baseline < MIN_BASELINE_D):
            continue
        points = band_points(chosen[0], chosen[1], chosen[2], chosen[3], chosen[4], True)
        other = joint_search(points, STAGES, room)
        searches += 1
        if look == 0:
            found = other
        elif abs(other.frequency - found.frequency) * baseline <= SAME_CYCLES:
            found = other if look == LOOKS - 1 else found
        elif better(star[0], star[1], star[2], star[3], found.frequency, other.frequency):
            found = other
    frequency = found.frequency
    out, drawn_mag = outliers(time, mag, err, bounds, frequency)
    either = none_if_many(out | night)
    return RobustPeriod(frequency, found, either if either.any() else night, drawn_mag, searches)


@part
def only(star: Star, keep: Mask, fewest: int) -> Star:
    """The points that are kept, without bands of which fewer are."""
    time, mag, err, bounds, letters = star
    n = bands = 0
    times, mags, errs = np.empty(time.size), np.empty(time.size), np.empty(time.size)
    edges, names = np.zeros(bounds.size, np.int64), np.empty(letters.size, np.int64)
    for band in range(letters.size):
        begin = n
        for i in range(bounds[band], bounds[band + 1]):
            if keep[i]:
                times[n], mags[n], errs[n] = time[i], mag[i], err[i]
                n += 1
        if n - begin < fewest:
            n = begin
            continue
        names[bands] = letters[band]
        bands += 1
        edges[bands] = n
    return times[:n], mags[:n], errs[:n], edges[: bands + 1], names[:bands]


@part
def _all_but_some(star: Star, look: int, frequency: float) -> Mask:
    """Points of a look: all, the core, or those that are not unsupported at a frequency."""
    time, mag, err, bounds, _ = star
    if look == 1:
        return _core(star)
    keep = np.zeros(time.size, np.bool_)
    if look == LOOKS - 1:
        residuals, scale = robust_fit(time, mag, err, bounds, frequency)
        keep = unsupported(time, residuals, scale, err, frequency)
    for i in range(keep.size):
        keep[i] = not keep[i]
    return keep


@part
def _core(star: Star) -> Mask:
    """Points within `CORE_SIGMAS` of their band's median."""
    time, mag, err, bounds, _ = star
    n = time.size
    offset, scratch = np.empty(n), np.empty(n)
    for band in range(bounds.size - 1):
        begin, end = bounds[band], bounds[band + 1]
        for i in range(begin, end):
            scratch[i] = mag[i]
        middle = median(scratch[begin:end])
        for i in range(begin, end):
            offset[i] = mag[i] - middle
    for i in range(n):
        scratch[i] = offset[i]
    scatter = robust_sigma(scratch)
    for i in range(n):
        scratch[i] = err[i]
    scatter = max(scatter, median(scratch))
    keep = np.empty(n, np.bool_)
    for i in range(n):
        keep[i] = abs(offset[i]) <= CORE_SIGMAS * scatter
    return keep


@part
def _all(keep: Mask) -> bool:
    every = True
    for one in keep:
        every = every and one
    return every


@part
def _baseline(time: F8) -> float:
    """From the first to the last of times in any order; 0 for none."""
    if time.size == 0:
        return 0.0
    first = last = time[0]
    for each in time:
        first, last = min(first, each), max(last, each)
    return float(last - first)
