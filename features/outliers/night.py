"""Points that the rest of their night contradicts: no period is needed to see it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.outliers.median import robust_sigma

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Mask = NDArray[np.bool_]

HOUR_D = 0.05
"""Exposures this close in time show a star at the same brightness, or nearly [d]."""

FEWEST_OTHERS = 2
FEWEST_POINTS = 5
"""A band has a scatter within nights if so many of its points have as many others beside them."""

SIGMAS = 5.0
LEANING = 0.5
"""A point leans with another if it lies on the same side, and at least this part as far off."""

SHARE_LEANING = 0.1
"""More of a point's others than this part lean with it: then it is no error of one exposure."""

SHARE_OUT = 0.1
"""Where more points than this part, and than one, would be left out, the model is wrong and none is."""


@kernel
def against_its_night(time: F8, mag: F8, err: F8, bounds: I8) -> Mask:
    r"""Points that the others of their band within `HOUR_D` contradict, whatever the period.

    With at least two such others a point is off by :math:`d = m - \mathrm{median}(m_{others})`. It is out if

    .. math:: |d| > 5 \sqrt{S^2 + e^2}, \quad S = 1.4826 \, \mathrm{median} |d|

    over at least five such points of its band, and if at most a tenth of its others lie on its side of theirs
    and half as far off or farther. If that were more than a tenth of all points, and more than one, none is.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Clean points, band after band, in order of (time, mag, err) within each [d, mag, mag].
    bounds : (B + 1,) int64
        Band j is ``bounds[j]`` to ``bounds[j + 1]`` of the series.

    Returns
    -------
    (n,) bool
        Which are out.
    """
    n = time.size
    out = np.zeros(n, np.bool_)
    offset = np.empty(n)
    first, last = np.empty(n, np.int64), np.empty(n, np.int64)
    ordered = np.empty(n)
    scratch = np.empty(n)
    for band in range(bounds.size - 1):
        begin, end = bounds[band], bounds[band + 1]
        told = _offsets(time, mag, (begin, end), (first, last), offset, ordered)
        if told < FEWEST_POINTS:
            continue
        count = 0
        for i in range(begin, end):
            if last[i] - first[i] > FEWEST_OTHERS:
                scratch[count] = offset[i]
                count += 1
        scatter = robust_sigma(scratch[:count])
        for i in range(begin, end):
            far = offset[i] ** 2 > SIGMAS**2 * (scatter**2 + err[i] ** 2)
            out[i] = far and last[i] - first[i] > FEWEST_OTHERS and _alone(offset, i, first[i], last[i])
    return none_if_many(out)


@part
def _offsets(time: F8, mag: F8, band: tuple[int, int], near: tuple[I8, I8], offset: F8, ordered: F8) -> int:
    """Fill the points near each of a band and its offset from their median, 0 where they are few.

    Returns the number of points with enough others. The magnitudes of a window that moves along the band are
    kept in rising order.
    """
    begin, end = band
    first, last = near
    low = high = begin
    told = 0
    for i in range(begin, end):
        while high < end and abs(time[high] - time[i]) <= HOUR_D:
            _insert(ordered, high - low, mag[high])
            high += 1
        while abs(time[low] - time[i]) > HOUR_D:
            _remove(ordered, high - low, mag[low])
            low += 1
        first[i], last[i] = low, high
        offset[i] = 0.0
        if high - low > FEWEST_OTHERS:
            told += 1
            offset[i] = mag[i] - _median_of_others(ordered, high - low, mag[i])
    return told


@part
def _insert(ordered: F8, n: int, value: float) -> None:
    """Insert into n numbers in rising order."""
    place = n
    while place > 0 and ordered[place - 1] > value:
        ordered[place] = ordered[place - 1]
        place -= 1
    ordered[place] = value


@part
def _remove(ordered: F8, n: int, value: float) -> None:
    """Remove from n numbers in rising order one that is there."""
    place = n - 1
    carried = ordered[place]
    while place > 0 and carried > value:
        place -= 1
        carried, ordered[place] = ordered[place], carried


@part
def _median_of_others(ordered: F8, n: int, value: float) -> float:
    """Median of n numbers in rising order without one that has this value."""
    upper = n // 2
    if n % 2 == 0:
        return float(ordered[upper] if value <= ordered[upper - 1] else ordered[upper - 1])
    lower, middle, higher = ordered[upper - 1], ordered[upper], ordered[upper + 1]
    if value < middle:
        return float((middle + higher) / 2.0)
    if value > middle:
        return float((lower + middle) / 2.0)
    return float((lower + higher) / 2.0)


@part
def _alone(offset: F8, i: int, first: int, last: int) -> bool:
    """Whether at most a tenth of the others of point i lean its way by half."""
    leaning = 0
    for j in range(first, last):
        if j != i:
            leaning += leans_with(offset[j], offset[i])
    return leaning <= SHARE_LEANING * (last - first - 1)


@part
def leans_with(other: float, one: float) -> bool:
    """Whether an offset is on the side of one that is not zero, and at least half as large."""
    return other >= LEANING * one if one > 0.0 else other <= LEANING * one


@part
def none_if_many(out: Mask) -> Mask:
    """These points, or none if they are more than a tenth of all and more than one."""
    count = 0
    for one in out:
        count += one
    if count > max(1.0, SHARE_OUT * out.size):
        for i in range(out.size):
            out[i] = False
    return out
