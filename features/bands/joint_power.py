"""The power of the first stage on a grid: by transforms, one of w for each band; where it may be highest."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.bands.points import BandPoints
from features.bands.shared_shape import first_stage
from features.compilation.jit import part
from features.period.grid import Grid, block_of, groups_of
from features.period.near import all_near, end_of_grid, highest_of_lanes, nothing_yet, with_group
from features.period.nufft import fill_footprints, move_to_group, sums, sums_doubled, sums_of_range
from features.period.power import NEEDS_EXACT, powers
from features.period.refine import SLACK
from features.period.search import Room
from features.simd.fft import ELEMENT
from features.simd.lanes import DOUBLE_LANES, LANES, any_above, load, spread, store

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

SHARE = 0.75
"""Part of the highest power on the grid that a candidate for the second stage has at least."""

BANDS_IN_ROOM = 6
"""Of more bands the transforms are made in memory that is taken for each search."""


class JointRoom(NamedTuple):
    """What a joint search of up to a number of points works in, used again by the next.

    Attributes
    ----------
    search : Room
        That of a search of one band, which may be used for either.
    w : (BANDS_IN_ROOM ELEMENT L,) float32
        Transforms of w, a band each.
    of_band : (n,) float32
        w over the square root of the weight of its band.
    few : (DOUBLE_LANES,) float64
        Frequencies, or powers, of a register.
    """

    search: Room
    w: F4
    of_band: F4
    few: F8


@part
def near_highest_of_bands(points: BandPoints, grid: Grid, room: JointRoom) -> I8:
    """Where on a grid a maximum of at least `SHARE` of the highest power may be: (m,) int64, rising.

    In single precision, with slack for what it lacks.
    """
    search = room.search
    plan = search.plans[grid.plan]
    block = block_of(plan, grid.size)
    n = points.n
    length = ELEMENT * plan.length
    bands = points.letters.size
    w = room.w[: bands * length] if bands <= BANDS_IN_ROOM else np.empty(bands * length, np.float32)
    for band in range(bands):
        root = 1.0 / math.sqrt(points.weight[band])
        for i in range(points.bounds[band], points.bounds[band + 1]):
            search.y_weights[i] = points.w[i] * points.y[i]
            search.weights[i] = points.w[i]
            room.of_band[i] = points.w[i] * root
    fill_footprints(search.footprints, points, grid, plan, search.polynomials)
    near = nothing_yet()
    for group in range(groups_of(plan, grid.size)):
        move_to_group(search.footprints, n, grid, plan, group)
        sums(search.wy, search.y_weights[:n], search.footprints, plan)
        for band in range(bands):
            ours = (points.bounds[band], points.bounds[band + 1])
            into = w[band * length : (band + 1) * length]
            sums_of_range(into, room.of_band, ours, search.footprints, plan)
        sums_doubled(search.w_doubled, search.weights[:n], search.footprints, plan)
        transforms = (search.wy, w, search.w_doubled)
        safe = powers(search.power, search.highest, transforms, plan, block, True)
        if not safe or (group + 1) * LANES * block > grid.size:
            _complete(points, grid, (block, group), room)
        here = (search.power, search.highest, block, group)
        near = with_group(near, here, SLACK * SHARE, np.float32(SLACK), True, search.rows)
    return all_near(near, SLACK * SHARE)[0]


@part
def _complete(points: BandPoints, grid: Grid, block_group: tuple[int, int], room: JointRoom) -> None:
    """Replace `NEEDS_EXACT` by the exact power, what is beyond the grid by 0, and the highest accordingly."""
    block, group = block_group
    power, few = room.search.power, room.few
    first = group * LANES * block
    end_of_grid(power, first, block, grid.size)
    zero = spread(np.float32(0.0))
    for m in range(block):
        if any_above(zero, load(power, m * LANES)):
            for half in range(0, LANES, DOUBLE_LANES):
                for lane in range(DOUBLE_LANES):
                    few[lane] = grid.lowest + (first + (half + lane) * block + m) * grid.step
                store(few, 0, first_stage(points, load(few, 0)))
                for lane in range(DOUBLE_LANES):
                    if power[m * LANES + half + lane] == NEEDS_EXACT:
                        power[m * LANES + half + lane] = few[lane]
    highest_of_lanes(power, block, room.search.highest)
