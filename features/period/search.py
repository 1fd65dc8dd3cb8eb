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
    groups_of,
    kernel_polynomials,
    plans,
    refining_grid,
    sized_plan,
)
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
from features.simd.lanes import LANES, any_above, larger, load, spread, store

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
        *(np.empty(ELEMENT * longest.length, np.float32) for _ in range(3)),
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

    Parameters
    ----------
    points : Points
        A light curve; its first and last point are not at one time.
    refine : bool
        Search from 1 / (3 T) to 1 / `MIN_PERIOD_D`, and between the frequencies.
    room : Room
        For at least as many points.
    """
    baseline = points.x[points.n - 1]
    step = 1.0 / (baseline * OVERSAMPLING)
    if refine:
        return 1.0 / refined_frequency(points, step, max(step, HIGHEST_FREQUENCY), room)
    return 1.0 / (grid_index(points, published_size(points.n, baseline), room) * step)


@kernel
def published_size(n: int, baseline: float) -> int:
    """Length of the published frequency grid: up to 1 / (0.03 d), or 50 n / T where that is more."""
    factor = max(100, int(baseline / n / MIN_PERIOD_D * 2.0))
    return int(0.5 * OVERSAMPLING * factor * n)


@kernel
def refined_frequency(points: Points, lowest: float, highest: float, room: Room) -> float:
    """Frequency of the highest power between two [1/d].

    Every maximum of the grid that could belong to it is refined, not only the largest: the peaks of two
    aliases may be cut at different heights by the grid.
    """
    grid = refining_grid(room.plans, points.n, points.x[points.n - 1], lowest, highest)
    near, power = near_highest(points, grid, SHARE_ON_GRID, True, room)
    if near.size == 0:
        return lowest
    return highest_maximum(points, near, power, grid, highest)


@kernel
def grid_index(points: Points, size: int, room: Room) -> int:
    """First k in 1 ... size with the highest power at k / (3 T)."""
    step = 1.0 / (points.x[points.n - 1] * OVERSAMPLING)
    grid = Grid(step, step, size, sized_plan(room.plans, points.n, size))
    near, _ = near_highest(points, grid, SLACK, False, room)
    if near.size == 0:
        return 1
    exact = np.empty(near.size)
    for i in range(near.size):
        exact[i] = lomb_scargle_power(points, (near[i] + 1) * step)
    threshold = (1.0 - TIE_TOLERANCE) * np.max(exact)
    first = 0
    while exact[first] < threshold:
        first += 1
    return int(near[first]) + 1


@kernel
def near_highest(points: Points, grid: Grid, share: float, maxima_only: bool, room: Room) -> tuple[I8, F4]:
    """Where on a grid the power is at least a share of the highest on it, and the power there, to 1e-3 of that.

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
    near = np.empty(64, np.int64)
    near_power = np.empty(64, np.float32)
    count = 0
    highest = np.float32(0.0)
    last = np.float32(0.0)
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
        highest = max(highest, np.max(room.highest))
        threshold = np.float32(share * highest)
        if near.size - count < LANES * block:
            count = _drop_below(near, near_power, count, threshold)
            near, near_power = _longer(near, near_power, count + LANES * block)
        rows = _rows_above(room.power, block, threshold, room.rows)
        for lane in range(LANES):
            if not room.highest[lane] > threshold:
                continue
            for row in room.rows[:rows]:
                power = room.power[row * LANES + lane]
                before, after = _beside(room.power, block, row, lane, last)
                if power > threshold and not (maxima_only and power < LEVEL * max(before, after)):
                    near[count] = (group * LANES + lane) * block + row
                    near_power[count] = power
                    count += 1
        last = room.power[block * LANES - 1]
    count = _drop_below(near, near_power, count, np.float32(share * highest))
    return near[:count], near_power[:count]


@part
def _complete(power: F4, highest: F4, points: Points, grid: Grid, block_group: tuple[int, int]) -> None:
    """Replace `NEEDS_EXACT` by the exact power, what is beyond the grid by 0, and the highest accordingly."""
    block, group = block_group
    first = group * LANES * block
    if first + LANES * block > grid.size:
        for lane in range(LANES):
            for m in range(max(0, grid.size - first - lane * block), block):
                power[m * LANES + lane] = 0.0
    top = zero = spread(np.float32(0.0))
    for m in range(block):
        if any_above(zero, load(power, m * LANES)):
            for lane in range(LANES):
                if power[m * LANES + lane] == NEEDS_EXACT:
                    frequency = grid.lowest + (first + lane * block + m) * grid.step
                    power[m * LANES + lane] = lomb_scargle_power(points, frequency)
        top = larger(load(power, m * LANES), top)
    store(highest, 0, top)


@part
def _rows_above(power: F4, block: int, threshold: np.float32, rows: I8) -> int:
    """Fill rows of a group with power above a threshold in any lane; return their number."""
    count = 0
    limit = spread(threshold)
    for m in range(block):
        rows[count] = m
        count += any_above(load(power, m * LANES), limit)
    return count


@part
def _beside(power: F4, block: int, row: int, lane: int, last: np.float32) -> tuple[np.float32, np.float32]:
    """Power at the frequency before, `last` for a group's first, and after, 0 for its last: the group that follows
    is not there yet, and one maximum too many is refined.
    """
    if row > 0:
        before = power[(row - 1) * LANES + lane]
    else:
        before = power[(block - 1) * LANES + lane - 1] if lane > 0 else last
    if row < block - 1:
        return before, power[(row + 1) * LANES + lane]
    return before, power[lane + 1] if lane < LANES - 1 else np.float32(0.0)


@part
def _drop_below(near: I8, power: F4, count: int, threshold: np.float32) -> int:
    """Leave out what is not above a threshold; return the number of the others."""
    kept = 0
    for i in range(count):
        if power[i] > threshold:
            near[kept] = near[i]
            power[kept] = power[i]
            kept += 1
    return kept


@part
def _longer(near: I8, power: F4, size: int) -> tuple[I8, F4]:
    """Return arrays of at least a size, with what is in these."""
    size = max(size, 2 * near.size)
    longer_near = np.empty(size, np.int64)
    longer_power = np.empty(size, np.float32)
    longer_near[: near.size] = near
    longer_power[: near.size] = power
    return longer_near, longer_power
