r"""Pairs of points of one band: the squares of a band's sums, as sums of their own.

What a band's mean takes from the squares of cosine and sine are, with z its sum of w times
:math:`e^{-2 \pi i f x}`,

.. math:: z^2 = \sum_{j,k} w_j w_k e^{-2 \pi i f (x_j + x_k)}, \quad
          |z|^2 = \sum_{j,k} w_j w_k \cos 2 \pi f (x_j - x_k)

The first has the times of a sum at twice the frequency, and is taken in with it. The second is one transform
for all bands. So bands of few points, whose pairs are not many, need no transform of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.bands.points import BandPoints
from features.compilation.jit import part
from features.period.grid import CACHE_LENGTH, ELEMENT_COST, TAPS, Grid, Plan, groups_of
from features.period.nufft import Footprints, spread_point, write_taps
from features.simd.fft import ELEMENT
from features.simd.lanes import LANES, load, mul, mul_add, mul_sub, spread

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

MOST_POINTS = 24
"""Of a band whose pairs are summed."""

MOST_PAIRS = 6 * MOST_POINTS * (MOST_POINTS - 1) // 2
"""More do not stay in the cache."""

PAIR_COST = 1.2
"""Time to spread a pair, over that to spread a point."""


class Pairs(NamedTuple):
    """Pairs of points, as they lie in transforms.

    Attributes
    ----------
    one, other : (m,) int64
        The earlier and the later point.
    coefficient : (m,) float32
        -2 w w / W.
    first, first_apart : (m,) int64
        Index into a transform's float32 of the first tap, of the sum and of the difference of the times.
    taps, taps_apart : (TAPS m,) float32
        The kernel there.
    """

    one: I8
    other: I8
    coefficient: F4
    first: I8
    first_apart: I8
    taps: F4
    taps_apart: F4


class Way(NamedTuple):
    """How a grid is worked on.

    Attributes
    ----------
    grid : Grid
        With its plan.
    by_pairs : int
        Bands of at most so many points are summed by pairs.
    """

    grid: Grid
    by_pairs: int


def room_for_pairs(n: int) -> Pairs:
    """Return pairs of the bands of up to n points, not yet filled."""
    most = min(n * (MOST_POINTS - 1) // 2 + 1, MOST_PAIRS)
    return Pairs(
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.float32),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(TAPS * most, np.float32),
        np.empty(TAPS * most, np.float32),
    )


@part
def quickest_way(points: BandPoints, plans: tuple[Plan, ...], step: float, size: int) -> Way:
    """The plan, and which bands are summed by pairs, that take least time for the multiples of a step."""
    best, best_pairs, least = 0, 0, np.inf
    for i in range(len(plans)):
        length = plans[i].length
        most = 0
        while most < MOST_POINTS and PAIR_COST * (most + 1) * most < ELEMENT_COST * length + most + 1:
            most += 1
        for by_pairs in (0, most):
            pairs, transforms, spreads = 0, 2, 2 * points.n
            for band in range(points.letters.size):
                count = points.bounds[band + 1] - points.bounds[band]
                if count <= by_pairs:
                    pairs += count * (count - 1) // 2
                else:
                    spreads += count
                    transforms += 1
            transforms += pairs > 0
            if pairs > MOST_PAIRS:
                continue
            cache = 1.0 + transforms / 3.0 * length / CACHE_LENGTH
            time = spreads + 2.0 * PAIR_COST * pairs + transforms * ELEMENT_COST * length * cache
            time *= groups_of(plans[i], size)
            if time < least:
                best, best_pairs, least = i, by_pairs, time
    return Way(Grid(step, step, size, best), best_pairs)


@part
def fill_pairs(
    into: Pairs,
    points: BandPoints,
    by_pairs: int,
    footprints: Footprints,
    grid: Grid,
    plan: Plan,
    polynomials: F4,
) -> int:
    """Fill the pairs of all bands of at most so many points; return their number."""
    per_day = grid.step * plan.length
    count = 0
    for band in range(points.letters.size):
        begin, end = points.bounds[band], points.bounds[band + 1]
        if end - begin > by_pairs:
            continue
        twice = -2.0 / points.weight[band]
        for k in range(begin, end):
            for j in range(begin, k):
                into.one[count], into.other[count] = j, k
                into.coefficient[count] = twice * points.w[j] * points.w[k]
                both = (footprints.shifted[j] + footprints.shifted[k]) * per_day
                apart = (points.x[k] - points.x[j]) * per_day + TAPS // 2
                into.first[count] = write_taps(into.taps, count * TAPS, both, polynomials)
                into.first_apart[count] = write_taps(into.taps_apart, count * TAPS, apart, polynomials)
                count += 1
    return count


@part
def add_pairs(x: F4, pairs: Pairs, count: int, points: Footprints, apart: bool) -> None:
    """Spread pairs over the elements of eight transforms, by the sums of their times or by the differences.

    The difference is a sum in which the earlier time, and with it the sine that moves it, has the other sign.
    """
    moved = points.moved
    first = pairs.first_apart if apart else pairs.first
    taps = pairs.taps_apart if apart else pairs.taps
    sign = spread(np.float32(-1.0 if apart else 1.0))
    for pair in range(count):
        one, other = pairs.one[pair] * ELEMENT, pairs.other[pair] * ELEMENT
        c, s = load(moved, one), mul(sign, load(moved, one + LANES))
        c2, s2 = load(moved, other), load(moved, other + LANES)
        coefficient = spread(pairs.coefficient[pair])
        real = mul(coefficient, mul_sub(c, c2, mul(s, s2)))
        imaginary = mul(coefficient, mul_add(c, s2, mul(s, c2)))
        spread_point(x, first[pair], taps, pair * TAPS, real, imaginary)
