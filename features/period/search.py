"""The period: where the Lomb-Scargle periodogram is highest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.conventions import MIN_PERIOD_D, OVERSAMPLING
from features.period.direct_sum import lomb_scargle_power
from features.period.grid import (
    Grid,
    Plan,
    block_of,
    even_grid,
    groups_of,
    kernel_polynomials,
    plans,
)
from features.period.near import all_near, end_of_grid, highest_of_lanes, nothing_yet, with_group
from features.period.nufft import (
    Footprints,
    fill_footprints,
    move_to_group,
    room_for_footprints,
    sums,
    sums_doubled,
)
from features.period.points import Points
from features.period.power import NEEDS_EXACT, powers
from features.period.refine import SHARE_ON_GRID, SLACK, TIE_TOLERANCE, highest_maximum
from features.simd.fft import ELEMENT
from features.simd.lanes import LANES, any_above, load, spread

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

HIGHEST_FREQUENCY = 1.0 / MIN_PERIOD_D
"""[1/d]"""

LEVEL = np.float32(0.999)
"""Single-precision powers within this factor are not told apart."""


class Room(NamedTuple):
    """What a search of up to a number of points works in, used again by the next; and tables that it reads.

    Attributes
    ----------
    footprints : Footprints
        See there.
    wy, w, w_doubled : (ELEMENT L,) float32
        Transforms.
    power, highest : (LANES block,), (LANES,) float32
        Power of a group, and the highest of each lane.
    y_weights, weights : (n,) float32
        w y and w.
    rows : (block,) int64
        Rows of `power` in which something is high.
    plans : tuple of Plan
        See `features.period.grid.plans`.
    polynomials : (DEGREE + 1, TAPS) float32, flat
        See `features.period.grid.kernel_polynomials`.
    """

    footprints: Footprints
    wy: F4
    w: F4
    w_doubled: F4
    power: F4
    highest: F4
    y_weights: F4
    weights: F4
    rows: I8
    plans: tuple[Plan, ...]
    polynomials: F4


def room_for_search(n: int) -> Room:
    """Return room for searches of up to n points."""
    longest = plans()[-1]
    return Room(
        room_for_footprints(n),
        np.empty(ELEMENT * longest.length, np.float32),
        np.empty(ELEMENT * longest.length, np.float32),
        np.empty(ELEMENT * longest.length, np.float32),
        np.empty(LANES * longest.block, np.float32),
        np.empty(LANES, np.float32),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
        np.empty(longest.block, np.int64),
        plans(),
        kernel_polynomials().ravel(),
    )


@kernel
def find_period(points: Points, refine: bool, room: Room) -> float:
    """Period of the highest power [d]: between the frequencies of the grid, or on the published grid.

    Every maximum of the grid that could belong to the highest power is refined, not only the largest: the
    peaks of two aliases may be cut at different heights by the grid.

    Parameters
    ----------
    points : Points
        A light curve; its first and last point are not at one time.
    refine : bool
        Search from 1 / (3 T) to 1 / `MIN_PERIOD_D`, and between the frequencies.
    room : Room
        For at least as many points.
    """
    step = 1.0 / (float(points.x[points.n - 1]) * OVERSAMPLING)
    highest = max(HIGHEST_FREQUENCY, step)
    if refine:
        size = max(1, int(highest / step * (1.0 + 1e-12)))
        share = SHARE_ON_GRID
    else:
        size = _published_size(points)
        share = SLACK
    grid = even_grid(room.plans, points.n, step, size)
    near, power = near_highest(points, grid, share, refine, room)
    if near.size == 0:
        return 1.0 / step
    if refine:
        return 1.0 / highest_maximum(points, near, power, grid, highest)
    return 1.0 / ((_first_highest(points, near, step) + 1) * step)


@part
def _published_size(points: Points) -> int:
    """Length of the published frequency grid: up to 1 / (0.03 d), or 50 n / T where that is more."""
    factor = max(100, int(points.x[points.n - 1] / points.n / MIN_PERIOD_D * 2.0))
    return int(0.5 * OVERSAMPLING * factor * points.n)


@part
def _first_highest(points: Points, near: I8, step: float) -> int:
    """First of the frequencies (k + 1) step with the highest power: its k."""
    power = np.empty(near.size)
    highest = 0.0
    for i in range(near.size):
        power[i] = lomb_scargle_power(points, (near[i] + 1) * step)
        highest = max(highest, power[i])
    first = 0
    while power[first] < (1.0 - TIE_TOLERANCE) * highest:
        first += 1
    return int(near[first])


@kernel
def near_highest(points: Points, grid: Grid, share: float, maxima_only: bool, room: Room) -> tuple[I8, F4]:
    """Where on a grid the power is at least a share of the highest, and about that power.

    It is good to 1e-3 of the highest, and to 1e-2 for few points or very uneven weights.

    Parameters
    ----------
    points : Points
        A light curve.
    grid : Grid
        Frequencies.
    share : float
        In (0, 1).
    maxima_only : bool
        Leave out what is lower than a frequency beside it.
    room : Room
        For at least as many points.

    Returns
    -------
    index, power : (m,) int64, float32
        In order of frequency; none where the power is zero everywhere.
    """
    plan = room.plans[grid.plan]
    block = block_of(plan, grid.size)
    n = points.n
    for i in range(n):
        room.y_weights[i] = points.w[i] * points.y[i]
        room.weights[i] = points.w[i]
    fill_footprints(room.footprints, points, grid, plan, room.polynomials)
    near = nothing_yet()
    for group in range(groups_of(plan, grid.size)):
        move_to_group(room.footprints, n, grid, plan, group)
        sums(room.wy, room.y_weights[:n], room.footprints, plan)
        if points.floating_mean:
            sums(room.w, room.weights[:n], room.footprints, plan)
        sums_doubled(room.w_doubled, room.weights[:n], room.footprints, plan)
        transforms = (room.wy, room.w, room.w_doubled)
        safe = powers(room.power, room.highest, transforms, plan, block, points.floating_mean)
        if not safe or (group + 1) * LANES * block > grid.size:
            _complete(room.power, room.highest, points, grid, (block, group))
        level = LEVEL if safe else np.float32(1.0)  # all digits of the direct sum count
        here = (room.power, room.highest, block, group)
        near = with_group(near, here, share, level, maxima_only, room.rows)
    return all_near(near, share)


@part
def _complete(power: F4, highest: F4, points: Points, grid: Grid, block_group: tuple[int, int]) -> None:
    """Replace `NEEDS_EXACT` by the exact power, what is beyond the grid by 0, and the highest accordingly."""
    block, group = block_group
    first = group * LANES * block
    end_of_grid(power, first, block, grid.size)
    zero = spread(np.float32(0.0))
    for m in range(block):
        if any_above(zero, load(power, m * LANES)):
            for lane in range(LANES):
                if power[m * LANES + lane] == NEEDS_EXACT:
                    frequency = grid.lowest + (first + lane * block + m) * grid.step
                    power[m * LANES + lane] = lomb_scargle_power(points, frequency)
    highest_of_lanes(power, block, highest)
