"""Support: whether another exposure says what a far-off point says, in phase or in time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.outliers.night import HOUR_D, leans_with, none_if_many
from features.outliers.robust_fit import robust_fit

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Mask = NDArray[np.bool_]

SUSPECT_SIGMAS = 4.0
"""A point this far from the robust fit needs another that supports it."""

NEIGHBOURS = 4
WIDTH_CYCLES = 0.05
WIDTH_DAYS = 2.0
"""Who can support a point: of so many nearest those within this part of a cycle, or within these days."""

REFUTING = 2
"""So many exposures within `HOUR_D` that do not support a point refute it."""

SHARE_LONE = 0.03
"""More lone points on one side than this part of all, and than one, support one another."""

ONE_ECLIPSE = 60
"""From so many points on a lone faint one is left out; below it may be the one eclipse seen so far."""


@kernel
def unsupported(time: F8, residuals: F8, scale: float, err: F8, frequency: float) -> Mask:
    r"""Points far from a robust fit that neither phase nor time supports.

    A point is suspect if :math:`|r| > 4 \sqrt{s^2 + e^2}`. It stands if any of its neighbours, of whatever
    band, lies on its side of the fit, half as far off or farther: the four nearest in phase at twice the
    period within 0.025 of that cycle, the four nearest in phase at the period within 0.05, the four nearest
    in time within 2 d. Of equally near ones the first in the order of the points are taken.

    Parameters
    ----------
    time, err : (n,) float64
        Clean points [d, mag], in canonical order.
    residuals, scale : (n,) float64, float
        From `features.outliers.robust_fit.robust_fit` [mag].
    frequency : float
        [1/d]

    Returns
    -------
    (n,) bool
        Which are suspect and do not stand.
    """
    n = time.size
    alone = np.zeros(n, np.bool_)
    suspects = 0
    for i in range(n):
        alone[i] = residuals[i] ** 2 > SUSPECT_SIGMAS**2 * (scale**2 + err[i] ** 2)
        suspects += alone[i]
    if suspects == 0:
        return alone
    origin = time[0]
    for each in time:
        origin = min(origin, each)
    since, half, whole = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        since[i] = time[i] - origin
        cycles = frequency * since[i]
        half[i] = 0.5 * cycles - math.floor(0.5 * cycles)
        whole[i] = cycles - math.floor(cycles)
    near, leans = np.empty(NEIGHBOURS), np.empty(NEIGHBOURS, np.bool_)
    for i in range(n):
        alone[i] = alone[i] and not (
            _stands(half, 1.0, 0.5 * WIDTH_CYCLES, residuals, i, near, leans)
            or _stands(whole, 1.0, WIDTH_CYCLES, residuals, i, near, leans)
            or _stands(since, math.inf, WIDTH_DAYS, residuals, i, near, leans)
        )
    return alone


@part
def _stands(place: F8, cycle: float, width: float, residuals: F8, i: int, near: F8, leans: Mask) -> bool:
    """Whether any of the nearest points within a width leans as point i does."""
    found = 0
    limit = width
    for j in range(place.size):
        distance = abs(place[j] - place[i])
        distance = min(distance, cycle - distance)
        if distance > limit or j == i or (found == NEIGHBOURS and distance == limit):
            continue
        k = min(found, NEIGHBOURS - 1)
        while k > 0 and near[k - 1] > distance:
            near[k], leans[k] = near[k - 1], leans[k - 1]
            k -= 1
        near[k], leans[k] = distance, leans_with(residuals[j], residuals[i])
        found = min(found + 1, NEIGHBOURS)
        if found == NEIGHBOURS:
            limit = near[NEIGHBOURS - 1]
    support = 0
    for k in range(found):
        support += leans[k]
    return support > 0


@kernel
def outliers(time: F8, mag: F8, err: F8, bounds: I8, frequency: float) -> tuple[Mask, F8]:
    r"""Points that are left out of the features at a frequency, and the magnitudes that these take.

    A point without support is *refuted* where two others lie within `HOUR_D` of it, and out. Otherwise it is
    *lone*, if there are no more than one, or 3 % of all, on its side: a bright one is out; a faint one is out
    from 60 points on, below that it is drawn in to the limit, :math:`m - r + 4 \sqrt{s^2 + e^2}`, for it may
    be the one eclipse seen so far. If more than a tenth of all points, and more than one, were out, none is.

    Parameters
    ----------
    time, mag, err, bounds, frequency
        See `features.outliers.robust_fit.robust_fit`.

    Returns
    -------
    out : (n,) bool
        Which are left out.
    drawn_mag : (n,) float64
        Magnitudes [mag], those of lone faint points of few drawn in.
    """
    n = time.size
    residuals, scale = robust_fit(time, mag, err, bounds, frequency)
    alone = unsupported(time, residuals, scale, err, frequency)
    out = np.zeros(n, np.bool_)
    drawn = mag.copy()
    faint = bright = 0
    for i in range(n):
        if not alone[i]:
            continue
        out[i] = _refuted(time, i)
        if not out[i]:
            faint += residuals[i] > 0.0
            bright += residuals[i] < 0.0
    most = max(1.0, SHARE_LONE * n)
    for i in range(n):
        if not alone[i] or out[i]:
            continue
        if residuals[i] < 0.0:
            out[i] = bright <= most
        elif faint <= most:
            if n < ONE_ECLIPSE:
                drawn[i] = mag[i] - residuals[i] + SUSPECT_SIGMAS * math.sqrt(scale**2 + err[i] ** 2)
            else:
                out[i] = True
    return none_if_many(out), drawn


@part
def _refuted(time: F8, i: int) -> bool:
    """Whether enough other points, of any band, lie within an hour of point i."""
    others = -1
    for each in time:
        others += abs(each - time[i]) <= HOUR_D
    return others >= REFUTING
