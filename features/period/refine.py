"""The refinement: the maximum of the power between the frequencies of the grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import fast_kernel, inlined
from features.period.direct_sum import TIE_TOLERANCE, lomb_scargle_power
from features.period.points import Points

TOLERANCE_STEPS = 1e-6
"""Precision of a refined frequency in steps of the grid: 3e-7 cycles over the baseline."""

GOLDEN_SECTION = 0.3819660112501051
MAX_MOVES = 100


@fast_kernel
def highest_maximum(maxima: NDArray[np.int64], points: Points, highest: float) -> float:
    """Refine the local maxima of the grid at the frequencies ``maxima + 1``; where the highest of them is."""
    step = points.step
    best = step
    best_power = -1.0
    for i in maxima:
        upper = min((i + 2) * step, highest)
        frequency, power = _refine(points, max(i, 1) * step, (i + 1) * step, upper)
        if power > best_power * (1.0 + TIE_TOLERANCE):
            best = frequency
            best_power = power
    return best


@inlined
def _refine(points: Points, lower: float, start: float, upper: float) -> tuple[float, float]:
    """Frequency and power of the maximum between `lower` and `upper`, from `start`.

    Brent (1973), Algorithms for Minimization without Derivatives, chapter 5: parabolas through the best
    three points, golden sections where these do not help.
    """
    smallest = TOLERANCE_STEPS * points.step
    best = second = third = (start, lomb_scargle_power(points, start))
    move = 0.0
    before = 0.0
    for _ in range(MAX_MOVES):
        middle = 0.5 * (lower + upper)
        if abs(best[0] - middle) <= 2.0 * smallest - 0.5 * (upper - lower):
            break
        parabolic = _to_parabola_top(best, second, third)
        if abs(parabolic) < 0.5 * abs(before) and lower < best[0] + parabolic < upper:
            before = move
            move = parabolic
            if best[0] + move - lower < 2.0 * smallest or upper - best[0] - move < 2.0 * smallest:
                move = math.copysign(smallest, middle - best[0])
        else:
            before = (upper if best[0] < middle else lower) - best[0]
            move = GOLDEN_SECTION * before
        frequency = best[0] + math.copysign(max(abs(move), smallest), move)
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


@inlined
def _to_parabola_top(
    best: tuple[float, float], second: tuple[float, float], third: tuple[float, float]
) -> float:
    """Step from the best of three (frequency, power) to the top of their parabola; NaN if two coincide."""
    a = (best[0] - second[0]) * (best[1] - third[1])
    b = (best[0] - third[0]) * (best[1] - second[1])
    return 0.5 * ((best[0] - third[0]) * b - (best[0] - second[0]) * a) / (a - b)
