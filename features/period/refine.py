"""The refinement: the maximum of the power between the frequencies of the grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.conventions import OVERSAMPLING
from features.period.direct_sum import lomb_scargle_power
from features.period.grid import Grid
from features.period.points import Points

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
Place = tuple[float, float]

TIE_TOLERANCE = 1e-9
"""Powers closer than this, relatively, are equal: the lower frequency is taken."""

SLACK = 0.98
"""Single-precision powers within this factor of a threshold are looked at exactly."""


SHARE_ON_GRID = SLACK * math.cos(math.pi * 0.5 / OVERSAMPLING) ** 2
r"""The frequency of the grid that is nearest to the highest power has at least this part of it:
:math:`\cos^2 \pi \, \delta f \, T`, half a step off. Nothing that is sampled for a time T falls off faster
from its highest value (Duffin & Schaeffer 1938, Bull. AMS 44, 236), and two points at the ends of T do so."""

TOLERANCE_CYCLES = 3e-7
"""Precision of a refined frequency, in cycles over the baseline."""

NET = 2
"""Parts of a step at whose ends the power beside a maximum of the grid is looked at."""

NET_SHIFT = 0.0381966
"""Parts of a net's step that it lies beside the grid. Where times are whole numbers of some unit, as those
of observers by eye are, the power has holes at frequencies that are, which may be on the grid or halfway."""

NET_OF_FEW = 4
FEW_POINTS = 24
"""Of fewer points a sinusoid with a mean leaves little: the power is near 1 in many places, between valleys
that are narrower than those of a sum."""

GAINS_TO_COME = 8.0
"""A maximum is given up when so many times the last change of its power would not make it the highest."""

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
        Of frequencies.
    highest : float
        [1/d]
    """
    net = NET_OF_FEW if _effective(points) < FEW_POINTS else NET
    frequency = np.zeros((near.size, net))
    exact = np.zeros((near.size, net))
    first = 0
    for i in range(1, near.size):
        if power[i] > power[first]:
            first = i
    top = _maxima(points, near[first], grid, highest, 0.0, frequency[first], exact[first])
    for i in range(near.size):
        if i != first:
            found = _maxima(points, near[i], grid, highest, top, frequency[i], exact[i])
            top = max(top, found)
    best = grid.lowest
    best_power = 0.0
    for i in range(near.size):
        for j in range(net):
            if exact[i, j] > best_power * (1.0 + TIE_TOLERANCE):
                best, best_power = frequency[i, j], exact[i, j]
    return best


@part
def _effective(points: Points) -> float:
    """How many points of equal weight would say as much, 1 / sum w^2 (Kish 1965, Survey Sampling, 8.2)."""
    square = 0.0
    for i in range(points.n):
        square += points.w[i] ** 2
    return 1.0 / square


@part
def _maxima(
    points: Points, index: int, grid: Grid, highest: float, top: float, frequency: F8, exact: F8
) -> float:
    """Write where the maxima beside a frequency of the grid are, and return the highest power.

    A net of powers tells about where they are. It ends at the neighbours, where the power may have holes, or
    one step beyond if it rises there. They are found roughly if they stay below `top`.
    """
    net = frequency.size
    lower = _place(points, _on_net(grid, highest, index, -net, net))
    middle = _place(points, _on_net(grid, highest, index, 1 - net, net))
    j = 2 - net
    if lower[1] > middle[1]:
        lower, middle = _place(points, _on_net(grid, highest, index, -net - 1, net)), lower
        j = 1 - net
    count = 0
    found = 0.0
    while j <= net or (j == net + 1 and middle[1] > lower[1]):
        upper = _place(points, _on_net(grid, highest, index, j, net))
        apart = upper[0] > lower[0]  # not so at an end of the range
        if apart and middle[1] >= lower[1] and middle[1] >= upper[1] and count < net:
            frequency[count], exact[count] = _refine(points, (lower, middle, upper), max(top, found))
            found = max(found, exact[count])
            count += 1
        lower, middle = middle, upper
        j += 1
    return found


@part
def _on_net(grid: Grid, highest: float, index: int, j: int, net: int) -> float:
    """Frequency j parts of a step from one of the grid, in the range that is searched."""
    frequency = grid.lowest + index * grid.step + (j + NET_SHIFT) * (grid.step / net)
    return min(max(frequency, grid.lowest), highest)


@part
def _place(points: Points, frequency: float) -> Place:
    """A frequency and its power."""
    return frequency, lomb_scargle_power(points, frequency)


@part
def _refine(points: Points, around: tuple[Place, Place, Place], top: float) -> Place:
    """Frequency and power of the maximum between the first and the last of three; roughly if below `top`.

    Brent (1973), Algorithms for Minimization without Derivatives, chapter 5: parabolas through the best
    three points, golden sections where these do not help.
    """
    tolerance = TOLERANCE_CYCLES / points.x[points.n - 1]
    second, best, third = around
    lower, upper = second[0], third[0]
    if third[1] > second[1]:
        second, third = third, second
    move = before = upper - lower
    for trials in range(MAX_MOVES):
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
        trial = _place(points, frequency)
        change = abs(trial[1] - best[1])
        if trials > 0 and max(trial[1], best[1]) + GAINS_TO_COME * change < top:
            break
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
