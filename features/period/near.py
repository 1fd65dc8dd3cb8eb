"""The frequencies of a grid at which the power is near the highest, gathered group by group of blocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import part
from features.simd.lanes import LANES, any_above, larger, load, spread, store

F4 = NDArray[np.float32]
I8 = NDArray[np.int64]


class Near(NamedTuple):
    """What the groups so far have that is near the highest power.

    Attributes
    ----------
    number, power : (at least `found`,) int64, float32
        Frequencies, by their number in the grid, rising; their power.
    found : int
        How many there are.
    highest : float32
        The highest power of all.
    last : float32
        Power at the last frequency of the last group.
    """

    number: I8
    power: F4
    found: int
    highest: np.float32
    last: np.float32


@part
def nothing_yet() -> Near:
    """Before the first group."""
    return Near(np.empty(64, np.int64), np.empty(64, np.float32), 0, np.float32(0.0), np.float32(0.0))


@part
def with_group(
    near: Near,
    group: tuple[F4, F4, int, int],
    share: float,
    level: np.float32,
    maxima_only: bool,
    rows: I8,
) -> Near:
    """Take in what is near the highest in one more group.

    Parameters
    ----------
    near : Near
        Of the groups before.
    group : power, highest, block, which
        (LANES block,) and (LANES,) float32 as `features.period.power.powers` fills them; the frequencies of a
        block, and which group it is.
    share : float
        Of the highest power, that what is near has at least.
    level : float32
        A maximum has at least this part of its neighbours' power.
    maxima_only : bool
        Leave out what is no maximum.
    rows : (block,) int64
        To work in.
    """
    power, highest_of_lane, block, which = group
    number, near_power, found, highest, last = near
    for lane in range(LANES):
        highest = max(highest, highest_of_lane[lane])
    threshold = np.float32(share * highest)
    if number.size - found < LANES * block:
        found = _drop_below(number, near_power, found, threshold)
        number, near_power = _longer(number, near_power, found, found + LANES * block)
    filled = _rows_above(power, block, threshold, rows)
    for lane in range(LANES):
        if not highest_of_lane[lane] > threshold:
            continue
        for row in rows[:filled]:
            value = power[row * LANES + lane]
            before, after = _beside(power, block, row, lane, last)
            if value > threshold and not (maxima_only and value < level * max(before, after)):
                number[found] = (which * LANES + lane) * block + row
                near_power[found] = value
                found += 1
    return Near(number, near_power, found, highest, power[block * LANES - 1])


@part
def all_near(near: Near, share: float) -> tuple[I8, F4]:
    """(m,) int64, float32: what is near the highest of all groups."""
    found = _drop_below(near.number, near.power, near.found, np.float32(share * near.highest))
    return near.number[:found], near.power[:found]


@part
def end_of_grid(power: F4, first: int, block: int, size: int) -> None:
    """Put zero where a group, whose first frequency is number `first`, goes beyond a grid of a size."""
    if first + LANES * block > size:
        for lane in range(LANES):
            for m in range(max(0, size - first - lane * block), block):
                power[m * LANES + lane] = 0.0


@part
def highest_of_lanes(power: F4, block: int, highest: F4) -> None:
    """Fill (LANES,) with the highest power of each lane, 0 where none is above."""
    top = spread(np.float32(0.0))
    for m in range(block):
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
    """Power at the frequencies before and after; before a group's first it is `last`, after its last 0.

    The group that follows is not there yet: at worst one maximum too many is refined.
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
def _longer(near: I8, power: F4, count: int, size: int) -> tuple[I8, F4]:
    """Return arrays of at least a size, and twice as long, with the first of what is in these."""
    size = max(size, 2 * near.size)
    longer_near = np.empty(size, np.int64)
    longer_power = np.empty(size, np.float32)
    for i in range(count):
        longer_near[i] = near[i]
        longer_power[i] = power[i]
    return longer_near, longer_power
