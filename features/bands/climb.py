"""The climb to the highest drop between two frequencies of the grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.bands.points import BandPoints
from features.bands.shared_shape import first_stage, second_stage
from features.compilation.jit import kernel, part
from features.simd.lanes import DOUBLE_LANES, load, store

F8 = NDArray[np.float64]
Place = tuple[float, float]

NET = 16
"""Frequencies, the neighbours on the grid and what is evenly between them, from which the climb begins at
every one that is higher than those beside it."""

NARROWED = 0.04
"""Width, over that of before, of the bracket about the top of a parabola."""

TOLERANCE = 3e-5
"""Of the step of the grid: where the tops of two parabolas, of which the second is 1 / `NARROWED` times as
narrow, are so close, the second is good to 1e-6 of the step."""

MAX_ROUNDS = 60


@kernel
def drops_at(points: BandPoints, stages: int, frequency: F8, value: F8) -> None:
    """Fill the parts of the variance taken away at frequencies [1/d], (m,) float64, m a multiple of four."""
    for i in range(0, frequency.size, DOUBLE_LANES):
        if stages == 1:
            store(value, i, first_stage(points, load(frequency, i)))
        else:
            store(value, i, second_stage(points, load(frequency, i)))


@part
def highest_between(points: BandPoints, stages: int, low: float, high: float, room: tuple[F8, F8]) -> Place:
    """Frequency [1/d] and value of the highest drop from a frequency to another, of equal ones the first.

    Parameters
    ----------
    points : BandPoints
        A star.
    stages : int
        Which drop: 1 or 2.
    low, high : float
        Two steps of the grid apart, at most [1/d].
    room : (NET,), (NET,) float64
        To work in.
    """
    frequency, value = room
    for j in range(NET):
        frequency[j] = low + (high - low) * (j / (NET - 1))
    drops_at(points, stages, frequency, value)
    tops = 0
    bracket = np.empty((NET, 3, 2))
    for j in range(NET):
        before, after = max(j - 1, 0), min(j + 1, NET - 1)
        if (j == 0 or value[j] > value[before]) and value[j] >= value[after]:
            for k, at in enumerate((before, j, after)):
                bracket[tops, k, 0] = frequency[at]
                bracket[tops, k, 1] = value[at]
            tops += 1
    best, highest = low, -1.0
    for i in range(tops):
        found = _climb(points, stages, bracket[i], TOLERANCE * 0.5 * (high - low), room)
        if found[1] > highest:
            best, highest = found
    return best, highest


@part
def _climb(points: BandPoints, stages: int, bracket: F8, tolerance: float, room: tuple[F8, F8]) -> Place:
    """Top between the first and the last of three; the one in the middle is the highest, and may be an end.

    The top of a parabola through the three is tried with a frequency close to it on either side, so that
    these three are the next bracket; and a fourth halves the larger part, should the parabola have misled.
    """
    frequency, value = room[0][:DOUBLE_LANES], room[1][:DOUBLE_LANES]
    before = np.inf
    for _ in range(MAX_ROUNDS):
        low, middle, high = bracket[0, 0], bracket[1, 0], bracket[2, 0]
        width = high - low
        top = _top_of_parabola(bracket)
        if abs(top - before) <= tolerance or width <= 1e-2 * tolerance:
            return _on_parabola(bracket, top)
        before = top
        reach = 0.5 * NARROWED * width
        if middle in (low, high):  # an end: as close to it, and further away
            inner = width if middle == low else -width
            for k, share in enumerate((1e-3, 0.05, 0.3, 0.65)):
                frequency[k] = middle + share * inner
            before = np.inf
        else:
            near = min(max(top, low + 2.0 * reach), high - 2.0 * reach)
            frequency[0], frequency[1], frequency[2] = near - reach, near, near + reach
            upper = high - near > near - low
            frequency[3] = 0.5 * (near + reach + high) if upper else 0.5 * (low + near - reach)
        drops_at(points, stages, frequency, value)
        _narrow(bracket, frequency, value)
    return bracket[1, 0], bracket[1, 1]


@part
def _narrow(bracket: F8, frequency: F8, value: F8) -> None:
    """Make the highest of all the middle of the bracket, and those beside it the ends."""
    best, highest = bracket[1, 0], bracket[1, 1]
    for k in range(DOUBLE_LANES):
        if value[k] > highest:
            best, highest = frequency[k], value[k]
    first, middle, last = bracket[0, 0], bracket[1, 0], bracket[2, 0]
    first_value, middle_value, last_value = bracket[0, 1], bracket[1, 1], bracket[2, 1]
    bracket[1, 0], bracket[1, 1] = best, highest
    for k in range(-1, DOUBLE_LANES):
        at, its = (middle, middle_value) if k < 0 else (frequency[k], value[k])
        if first < at < best:
            first, first_value = at, its
        if best < at < last:
            last, last_value = at, its
    bracket[0, 0], bracket[0, 1], bracket[2, 0], bracket[2, 1] = first, first_value, last, last_value


@part
def _top_of_parabola(bracket: F8) -> float:
    """Where the parabola through three places is highest; the middle one if they do not make one."""
    low, high = bracket[0, 0] - bracket[1, 0], bracket[2, 0] - bracket[1, 0]
    falls, rises = bracket[1, 1] - bracket[0, 1], bracket[1, 1] - bracket[2, 1]
    curvature = high * falls - low * rises
    if not curvature > 0.0 or low == 0.0 or high == 0.0:
        return float(bracket[1, 0])
    return float(bracket[1, 0] + 0.5 * (high * high * falls - low * low * rises) / curvature)


@part
def _on_parabola(bracket: F8, top: float) -> Place:
    """A frequency near the middle of three places and its value on the parabola through them."""
    low, high = bracket[0, 0] - bracket[1, 0], bracket[2, 0] - bracket[1, 0]
    if low == 0.0 or high == 0.0:
        return bracket[1, 0], bracket[1, 1]
    falls, rises = bracket[1, 1] - bracket[0, 1], bracket[1, 1] - bracket[2, 1]
    move = top - bracket[1, 0]
    first = move * (move - high) / (low * (low - high))
    last = move * (move - low) / (high * (high - low))
    return top, bracket[1, 1] - first * falls - last * rises
