"""The refinement: the maximum of the power between the frequencies of the grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.period.direct_sum import lomb_scargle_power
from features.period.grid import SEARCHED, Grid
from features.period.points import Points

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
Place = tuple[float, float]

TIE_TOLERANCE = 1e-9
"""Powers closer than this, relatively, are equal: the lower frequency is taken."""

SLACK = 0.98
"""Single-precision powers within this factor of a threshold are looked at exactly."""


def least_power_within(cycles: float) -> float:
    r"""Part of the highest power that is left so many cycles over the baseline from its frequency.

    :math:`\cos^2 \pi \, \delta f \, T`: nothing that is sampled for a time T falls off faster from its highest
    value (Duffin & Schaeffer 1938, Bull. AMS 44, 236), and two points at the ends of T do so.
    """
    return math.cos(math.pi * cycles) ** 2


SHARE_ON_GRID = SLACK * least_power_within(0.5 / SEARCHED)
"""A frequency of the grid that is nearest to the highest power has at least this part of it."""

SHARE_ON_HALVES = SLACK * least_power_within(0.25 / SEARCHED)
SHARE_ON_QUARTERS = SLACK * least_power_within(0.125 / SEARCHED)

TOLERANCE_CYCLES = 3e-7
"""Precision of a refined frequency, in cycles over the baseline."""

GOLDEN_SECTION = 0.3819660112501051
MAX_MOVES = 100


@kernel
def highest_maximum(points: Points, near: NDArray[np.int64], power: F4, grid: Grid, highest: float) -> float:
    """Frequency of the highest power [1/d], of two equal ones the lower.

    Parameters
    ----------
    points : Points
        A light curve.
    near : (m,) int64
        Maxima of the grid that may belong to it, those of at least `SHARE_ON_GRID`, rising.
    power : (m,) float32
        Their power.
    grid : Grid
        Its last frequency may be above the highest one that is searched.
    highest : float
        [1/d]

    Notes
    -----
    The highest is closer to one of them than half a step. So first the power is taken half a step to either
    side of each, and who is now too low for a maximum within a quarter of a step to be the highest is
    out; then a quarter of a step to either side of the others.
    """
    frequency = np.empty(near.size)
    exact = np.empty(near.size)
    for i in range(near.size):
        frequency[i] = min(grid.lowest + near[i] * grid.step, highest)
        exact[i] = power[i]
        for side in (-0.5, 0.5):
            there = frequency[i] + side * grid.step
            there = min(max(there, grid.lowest), highest)
            value = lomb_scargle_power(points, there)
            if value > exact[i]:
                frequency[i], exact[i] = there, value
    threshold = SHARE_ON_HALVES * np.max(exact)
    top = 0.0
    quarter = 0.25 * grid.step
    lower = np.empty(near.size)
    upper = np.empty(near.size)
    for i in range(near.size):
        if exact[i] >= threshold:
            _climb(points, i, quarter, (frequency, exact, lower, upper), (grid.lowest, highest))
            top = max(top, exact[i])
        else:
            exact[i] = -1.0
    best = grid.lowest
    best_power = -1.0
    tolerance = TOLERANCE_CYCLES / points.x[points.n - 1]
    for i in range(near.size):
        if exact[i] >= SHARE_ON_QUARTERS * top:
            place = _refine(points, (lower[i], frequency[i], upper[i]), exact[i], tolerance)
            top = max(top, place[1])
            if place[1] > best_power * (1.0 + TIE_TOLERANCE):
                best, best_power = place
    return best


@part
def _climb(
    points: Points, i: int, step: float, at: tuple[F8, F8, F8, F8], limits: tuple[float, float]
) -> None:
    """Move frequency i uphill by steps until those beside it are lower, or are the limits."""
    frequency, exact, lower, upper = at
    exact[i] = lomb_scargle_power(points, frequency[i])
    for side in (-step, step):
        for _ in range(MAX_MOVES):
            there = min(max(frequency[i] + side, limits[0]), limits[1])
            value = lomb_scargle_power(points, there)
            if not value > exact[i]:
                break
            frequency[i], exact[i] = there, value
    lower[i] = max(frequency[i] - step, limits[0])
    upper[i] = min(frequency[i] + step, limits[1])


@part
def _refine(points: Points, around: tuple[float, float, float], power: float, tolerance: float) -> Place:
    """Frequency and power of the maximum between the first and the last of three frequencies.

    Brent (1973), Algorithms for Minimization without Derivatives, chapter 5: parabolas through the best
    three points, golden sections where these do not help.
    """
    lower, start, upper = around
    best = (start, power)
    second = (lower, lomb_scargle_power(points, lower))
    third = (upper, lomb_scargle_power(points, upper))
    if third[1] > second[1]:
        second, third = third, second
    before = upper - lower
    move = before
    for _ in range(MAX_MOVES):
        middle = 0.5 * (lower + upper)
        if abs(best[0] - middle) <= 2.0 * tolerance - 0.5 * (upper - lower):
            break
        parabolic = _to_parabola_top(best, second, third)
        if abs(parabolic) < 0.5 * abs(before) and lower < best[0] + parabolic < upper:
            before = move
            move = parabolic
            if best[0] + move - lower < 2.0 * tolerance or upper - best[0] - move < 2.0 * tolerance:
                move = math.copysign(tolerance, middle - best[0])
        else:
            before = (upper if best[0] < middle else lower) - best[0]
            move = GOLDEN_SECTION * before
        frequency = best[0] + math.copysign(max(abs(move), tolerance), move)
        trial = (frequency, lomb_scargle_power(points, frequency))
        if trial[1] >= best[1]:
            lower, upper = (lower, best[0]) if trial[0] < best[0] else (best[0], upper)
            best, second, third = trial, best, second
            continue
        lower, upper = (trial[0], upper) if trial[0] < best[0] else (lower, trial[0])
        if trial[1] >= second[1] or second[0] == best[0]:
            second, third = trial, second
        elif trial[1] >= third[1] or third[0] in (best[0], second[0]):
            third = trial
    return best


@part
def _to_parabola_top(best: Place, second: Place, third: Place) -> float:
    """Step from the best of three (frequency, power) to the top of their parabola; NaN if two coincide."""
    a = (best[0] - second[0]) * (best[1] - third[1])
    b = (best[0] - third[0]) * (best[1] - second[1])
    return 0.5 * ((best[0] - third[0]) * b - (best[0] - second[0]) * a) / (a - b)
