r"""Fourier sums over points at any times, on a group of eight blocks of frequencies.

All sums that a periodogram needs are of the kind :math:`\sum_j c_j e^{-2 \pi i f_k x_j}` on an even grid of
frequencies. The points are moved by the middle frequency of a block, spread over the even elements of a
transform with a narrow kernel, transformed, and divided by the kernel's transform (a non-uniform FFT of
type 1). A transform is short enough to stay in the cache with the seven beside it, so that the cost is
proportional to the number of frequencies.

Lane l of a group g has the frequencies ``lowest + ((8 g + l) block + m) step``, m = 0 ... block - 1.

References
----------
Barnett, Magland & af Klinteberg (2019), SIAM J. Sci. Comput. 41, C479: the kernel and its error;
Garrison et al. (2024), RNAAS 8, 250: the same for periodograms.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.period.grid import DEGREE, TAPS, Grid, Plan, block_of
from features.period.points import Timed
from features.simd.fft import ELEMENT, transform
from features.simd.lanes import DOUBLE_LANES, LANES, filled, load, mul, mul_add, mul_sub, spread, store
from features.simd.sincos import cos_sin_cycles

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


class Footprints(NamedTuple):
    """Where points lie in transforms, and what they are moved by.

    Attributes
    ----------
    shifted : (at least n,) float64
        Times [d] from half a kernel before the first point, so that no tap is before the first element.
    first, first_doubled : (n,) int64
        Index into a transform's float32 of the first tap, at the frequency and at twice the frequency.
    end : (2,) int64
        Elements up to the last tap, at the frequency and at twice the frequency.
    taps, taps_doubled : (TAPS n,) float32
        The kernel there.
    cosine, sine : (at least n,) float64
        Of the middle frequency of a group's first block.
    lanes : (ELEMENT n,) float32
        exp(-2 pi i f x) for f = 0, 1, ... 7 blocks: what a lane is moved by more than the first.
    moved, moved_doubled : (ELEMENT n,) float32
        exp(-2 pi i f x) at the middle frequencies of the blocks of a group, and at twice these.
    """

    shifted: F8
    first: I8
    first_doubled: I8
    end: I8
    taps: F4
    taps_doubled: F4
    cosine: F8
    sine: F8
    lanes: F4
    moved: F4
    moved_doubled: F4


@kernel
def room_for_footprints(n: int) -> Footprints:
    """Return footprints of up to n points, not yet filled."""
    return Footprints(
        np.empty(filled(n)),
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(2, np.int64),
        np.empty(TAPS * n, np.float32),
        np.empty(TAPS * n, np.float32),
        np.empty(filled(n)),
        np.empty(filled(n)),
        np.empty(ELEMENT * n, np.float32),
        np.empty(ELEMENT * n, np.float32),
        np.empty(ELEMENT * n, np.float32),
    )


@kernel
def fill_footprints(into: Footprints, points: Timed, grid: Grid, plan: Plan, polynomials: F4) -> None:
    """Fill the footprints of points, in any order, and what the lanes are moved by.

    Raises
    ------
    ValueError
        If a time is negative or NaN, or so late that its taps would lie beyond the transform.
    """
    per_day = grid.step * plan.length
    latest = (plan.length // 2 - TAPS) / per_day
    shift = (TAPS // 2) / per_day
    into.end[0] = into.end[1] = 0
    for j in range(points.n):
        if not 0.0 <= points.x[j] <= latest:
            raise ValueError("a time lies outside of the transform")
        into.shifted[j] = points.x[j] + shift
        position = into.shifted[j] * per_day
        into.first[j] = write_taps(into.taps, j * TAPS, position, polynomials)
        into.first_doubled[j] = write_taps(into.taps_doubled, j * TAPS, 2.0 * position, polynomials)
        into.end[0] = max(into.end[0], into.first[j] // ELEMENT + TAPS)
        into.end[1] = max(into.end[1], into.first_doubled[j] // ELEMENT + TAPS)
    for j in range(points.n, filled(points.n)):
        into.shifted[j] = 0.0
    _turn(into, points.n, block_of(plan, grid.size) * grid.step)
    for j in range(points.n):
        c = 1.0
        s = 0.0
        for lane in range(LANES):
            into.lanes[j * ELEMENT + lane] = c
            into.lanes[j * ELEMENT + LANES + lane] = s
            c, s = c * into.cosine[j] - s * into.sine[j], c * into.sine[j] + s * into.cosine[j]


@part
def _turn(points: Footprints, n: int, frequency: float) -> None:
    """Fill the cosines and sines of exp(-2 pi i f x)."""
    turns_per_day = spread(-frequency)
    for j in range(0, n, DOUBLE_LANES):
        cosine, sine = cos_sin_cycles(mul(turns_per_day, load(points.shifted, j)))
        store(points.cosine, j, cosine)
        store(points.sine, j, sine)


@part
def write_taps(taps: F4, at: int, position: float, polynomials: F4) -> int:
    """Write the kernel at the taps of a point, and return where in a transform's float32 they begin."""
    start = math.ceil(position - TAPS // 2)
    u = spread(np.float32(2.0 * (start - (position - TAPS // 2)) - 1.0))
    value = load(polynomials, DEGREE * TAPS)
    for power in range(DEGREE - 1, -1, -1):
        value = mul_add(value, u, load(polynomials, power * TAPS))
    store(taps, at, value)
    return int(start) * ELEMENT


@kernel
def move_to_group(points: Footprints, n: int, grid: Grid, plan: Plan, group: int) -> None:
    """Fill what n points are moved by for a group of blocks."""
    block = block_of(plan, grid.size)
    _turn(points, n, grid.lowest + (group * LANES * block + block // 2) * grid.step)
    two = spread(np.float32(2.0))
    for j in range(n):
        c, s = spread(np.float32(points.cosine[j])), spread(np.float32(points.sine[j]))
        lane_c, lane_s = load(points.lanes, j * ELEMENT), load(points.lanes, j * ELEMENT + LANES)
        real = mul_sub(c, lane_c, mul(s, lane_s))
        imaginary = mul_add(c, lane_s, mul(s, lane_c))
        store(points.moved, j * ELEMENT, real)
        store(points.moved, j * ELEMENT + LANES, imaginary)
        store(points.moved_doubled, j * ELEMENT, mul_sub(real, real, mul(imaginary, imaginary)))
        store(points.moved_doubled, j * ELEMENT + LANES, mul(mul(two, real), imaginary))


@kernel
def sums(x: F4, coefficients: F4, points: Footprints, plan: Plan) -> None:
    """Fill x with the sums of coefficients (n,) times exp(-2 pi i f x), before the correction, by `place`."""
    end = points.end[0]
    clear(x, end)
    add_points(x, coefficients, (0, coefficients.size), points)
    transform(x, plan.length, end, plan.turn)


@kernel
def sums_doubled(x: F4, coefficients: F4, points: Footprints, plan: Plan) -> None:
    """Fill x as `sums` does, at twice the frequencies."""
    end = points.end[1]
    clear(x, end)
    add_points_doubled(x, coefficients, points)
    transform(x, plan.length, end, plan.turn)


@part
def add_points(x: F4, coefficients: F4, begin_end: tuple[int, int], points: Footprints) -> None:
    """Spread a range of the points over the elements of eight transforms."""
    _add(x, coefficients, begin_end, points.first, points.taps, points.moved)


@part
def add_points_doubled(x: F4, coefficients: F4, points: Footprints) -> None:
    """Spread all points over the elements of eight transforms at twice the frequencies."""
    every = (0, coefficients.size)
    _add(x, coefficients, every, points.first_doubled, points.taps_doubled, points.moved_doubled)


@part
def clear(x: F4, elements: int) -> None:
    """Put zero into the first elements."""
    zero = spread(np.float32(0.0))
    for i in range(0, elements * ELEMENT, LANES):
        store(x, i, zero)


@part
def _add(x: F4, coefficients: F4, begin_end: tuple[int, int], first: I8, taps: F4, moved: F4) -> None:
    begin, end = begin_end
    for j in range(begin, end):
        coefficient = spread(coefficients[j])
        real = mul(coefficient, load(moved, j * ELEMENT))
        imaginary = mul(coefficient, load(moved, j * ELEMENT + LANES))
        spread_point(x, first[j], taps, j * TAPS, real, imaginary)


@part
def spread_point(x: F4, first: int, taps: F4, at: int, real: F4, imaginary: F4) -> None:
    """Add a point's coefficients, one a lane, to its taps, from element `first` / ELEMENT on."""
    for tap in range(TAPS):
        value = spread(taps[at + tap])
        store(x, first, mul_add(value, real, load(x, first)))
        store(x, first + LANES, mul_add(value, imaginary, load(x, first + LANES)))
        first += ELEMENT
