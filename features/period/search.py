"""The period: where the Lomb-Scargle periodogram is highest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.conventions import MIN_PERIOD_D, OVERSAMPLING, Convention
from features.period.direct_sum import TIE_TOLERANCE, powers_at
from features.period.nufft import NEEDS_EXACT, grid_power
from features.period.points import Points, weighted_points
from features.period.refine import highest_maximum

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]

SCALLOPED_POWER = 0.75
"""Three grid points per 1 / baseline see at least this part of any maximum between them: (cos 30 deg)^2."""

SINGLE_PRECISION_SLACK = 0.98
"""Single-precision powers within this factor of a threshold are looked at exactly."""


def find_period(time: F8, mag: F8, err: F8, convention: Convention) -> float:
    """Period of the highest power [d], on the grid of frequencies or between them.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Clean points: finite, in order of time, errors positive.
    convention : Convention
        Which power, which range, and whether the period may lie between the frequencies of the grid.
    """
    points = weighted_points(time, mag, err, convention.floating_mean)
    if convention.refine:
        return 1.0 / refined_frequency(points, 1.0 / MIN_PERIOD_D)
    return 1.0 / (grid_index(points, published_size(time)) * points.step)


def published_size(time: F8) -> int:
    """Length of the published frequency grid: up to 1 / (0.03 d), or 50 n / T where that is more."""
    factor = max(100, int((time[-1] - time[0]) / time.size / MIN_PERIOD_D * 2.0))
    return int(0.5 * OVERSAMPLING * factor * time.size)


def refined_frequency(points: Points, highest: float) -> float:
    """Frequency of the highest power between the step of the grid and `highest` [1/d].

    Every local maximum of the grid that could belong to it is refined, not only the largest: the peaks
    of two aliases may be cut at different heights by the grid.
    """
    size = max(1, int(highest / points.step * (1.0 + 1e-12)))
    power = _grid_power(points, size)
    if not power.max() > 0.0:
        return points.step
    near = np.flatnonzero(power >= SCALLOPED_POWER * SINGLE_PRECISION_SLACK * power.max())
    rises = power[near] >= power[np.maximum(near - 1, 0)]
    falls = power[near] >= power[np.minimum(near + 1, size - 1)]
    return highest_maximum(near[rises & falls], points, highest)


def grid_index(points: Points, size: int) -> int:
    """First k in 1 ... size with the highest power at k times the step of the grid."""
    power = _grid_power(points, size)
    if not power.max() > 0.0:
        return 1
    near = np.flatnonzero(power >= SINGLE_PRECISION_SLACK * power.max())
    exact = powers_at(near, points)
    return int(near[np.argmax(exact >= (1.0 - TIE_TOLERANCE) * exact.max())]) + 1


def _grid_power(points: Points, size: int) -> F4:
    """Power on the grid, by the exact sum where single precision could not do it."""
    power = grid_power(points, size)
    if power.min() == NEEDS_EXACT:
        unsafe = np.flatnonzero(power == NEEDS_EXACT)
        power[unsafe] = powers_at(unsafe, points)
    return power
