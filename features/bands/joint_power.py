"""The power of the first stage on a grid, by transforms, and where it may be highest."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.bands.pairs import Pairs, Way, add_pairs, fill_pairs
from features.bands.points import BandPoints
from features.bands.shared_shape import first_stage
from features.compilation.jit import kernel, part
from features.period.grid import TAPS, Grid, Plan, block_of, groups_of
from features.period.near import all_near, end_of_grid, highest_of_lanes, nothing_yet, with_group
from features.period.nufft import (
    add_points,
    add_points_doubled,
    clear,
    fill_footprints,
    move_to_group,
    sums,
)
from features.period.power import NEEDS_EXACT, power_of
from features.period.refine import SLACK
from features.period.search import Room
from features.simd.fft import ELEMENT, transform
from features.simd.lanes import (
    DOUBLE_LANES,
    LANES,
    add,
    any_above,
    larger,
    load,
    mul,
    mul_add,
    smaller,
    spread,
    store,
    sub,
    sub_mul,
)

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

SHARE = 0.75
"""Part of the highest power on the grid that a candidate for the second stage has at least."""

TRANSFORMS_IN_ROOM = 7
"""Of w: one for each of six bands, or fewer and one of pairs. More are made in memory that a search takes."""


class JointRoom(NamedTuple):
    """What a joint search of up to a number of points works in, used again by the next.

    Attributes
    ----------
    search : Room
        That of a search of one band, which may be used for either.
    w : (TRANSFORMS_IN_ROOM ELEMENT L,) float32
        Transforms of w.
    of_band : (n,) float32
        w over the square root of the weight of its band.
    pairs : Pairs
        See there.
    few : (DOUBLE_LANES,) float64
        Frequencies, or powers, of a register.
    """

    search: Room
    w: F4
    of_band: F4
    pairs: Pairs
    few: F8


@kernel
def near_highest_of_bands(points: BandPoints, way: Way, room: JointRoom) -> I8:
    """Where on a grid a maximum of at least `SHARE` of the highest power may be: (m,) int64, rising.

    In single precision, with slack for what it lacks.
    """
    search, grid = room.search, way.grid
    plan = search.plans[grid.plan]
    block = block_of(plan, grid.size)
    n, bands = points.n, points.letters.size
    length = ELEMENT * plan.length
    footprints = search.footprints
    fill_footprints(footprints, points, grid, plan, search.polynomials)
    pairs = fill_pairs(room.pairs, points, way.by_pairs, footprints, grid, plan, search.polynomials)
    end_apart = 0
    for pair in range(pairs):
        end_apart = max(end_apart, room.pairs.first_apart[pair] // ELEMENT + TAPS)
    own, paired = _coefficients(points, way.by_pairs, room)
    rows = own + 1
    w = room.w[: rows * length] if rows <= TRANSFORMS_IN_ROOM else np.empty(rows * length, np.float32)
    near = nothing_yet()
    for group in range(groups_of(plan, grid.size)):
        move_to_group(footprints, n, grid, plan, group)
        sums(search.wy, search.y_weights[:n], footprints, plan)
        clear(search.w_doubled, footprints.end[1])
        add_points_doubled(search.w_doubled, search.weights[:n], footprints)
        add_pairs(search.w_doubled, room.pairs, pairs, footprints, False)
        transform(search.w_doubled, plan.length, footprints.end[1], plan.turn)
        row = 0
        for band in range(bands):
            begin, end = points.bounds[band], points.bounds[band + 1]
            if end - begin > way.by_pairs:
                into = w[row * length : (row + 1) * length]
                clear(into, footprints.end[0])
                add_points(into, room.of_band, (begin, end), footprints)
                transform(into, plan.length, footprints.end[0], plan.turn)
                row += 1
        if pairs > 0:
            into = w[row * length : (row + 1) * length]
            clear(into, end_apart)
            add_pairs(into, room.pairs, pairs, footprints, True)
            transform(into, plan.length, end_apart, plan.turn)
        safe = _powers(search, w, (own, pairs > 0, paired), plan, block)
        if not safe or (group + 1) * LANES * block > grid.size:
            _complete(points, grid, (block, group), room)
        here = (search.power, search.highest, block, group)
        near = with_group(near, here, SLACK * SHARE, np.float32(SLACK), True, search.rows)
    return all_near(near, SLACK * SHARE)[0]


@part
def _coefficients(points: BandPoints, by_pairs: int, room: JointRoom) -> tuple[int, float]:
    """Fill the coefficients of all transforms.

    Return the number of bands with a transform of their own, and the sum of w^2 / W in the others.
    """
    search = room.search
    own, paired = 0, 0.0
    for band in range(points.letters.size):
        begin, end = points.bounds[band], points.bounds[band + 1]
        alone = end - begin > by_pairs
        own += alone
        root = 1.0 / math.sqrt(points.weight[band])
        for i in range(begin, end):
            search.y_weights[i] = points.w[i] * points.y[i]
            room.of_band[i] = points.w[i] * root
            square = 0.0 if alone else points.w[i] * points.w[i] / points.weight[band]
            search.weights[i] = points.w[i] - square
            paired += square
    return own, paired


@part
def _powers(room: Room, w: F4, of_w: tuple[int, bool, float], plan: Plan, block: int) -> bool:
    """Fill power and highest as `features.period.power.powers` does; return whether none needs the exact sum.

    Of w there are rows of bands on their own, and, if there are pairs, one of their differences, to which
    the sum of w^2 / W of each point with itself is added.
    """
    own, with_pairs, paired = of_w
    half, rest = spread(np.float32(0.5)), spread(np.float32(0.5 * (1.0 - paired)))
    top = lowest = spread(np.float32(0.0))
    side = block // 2
    length = ELEMENT * plan.length
    for j in range(plan.block):
        offset = plan.offset[j]
        if offset < -side or offset >= side:
            continue
        i = plan.place[j] * ELEMENT
        d = spread(plan.correction[j])
        half_d = mul(half, d)
        c2, cs = mul(half_d, load(room.w_doubled, i)), mul(half_d, load(room.w_doubled, i + LANES))
        trace = rest
        if with_pairs:  # their taps are half a kernel late
            turn = 2 * ((TAPS // 2 * offset) & (plan.length - 1))
            at = own * length + i
            real = mul(spread(plan.turn[turn]), load(w, at))
            real = mul_add(spread(plan.turn[turn + 1]), load(w, at + LANES), real)
            trace = mul_add(half_d, real, trace)
        cc, ss = add(trace, c2), sub(trace, c2)
        for at in range(i, own * length, length):
            c, s = mul(d, load(w, at)), mul(d, load(w, at + LANES))
            cc, ss, cs = sub_mul(c, c, cc), sub_mul(s, s, ss), sub_mul(c, s, cs)
        value = power_of((cc, ss, cs), (load(room.wy, i), load(room.wy, i + LANES)), d)
        store(room.power, (offset + side) * LANES, value)
        top, lowest = larger(value, top), smaller(value, lowest)
    store(room.highest, 0, top)
    return not any_above(spread(np.float32(0.0)), lowest)


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
