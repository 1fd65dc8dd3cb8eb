"""Sums and powers of light curves on grids, by the kernels and by NumPy, for the tests of the search."""

from __future__ import annotations

import numpy as np

from features.period.grid import Grid, block_of, groups_of, kernel_polynomials, plans
from features.period.nufft import fill_footprints, move_to_group, room_for_footprints, sums, sums_doubled
from features.period.power import powers
from features.simd.fft import ELEMENT
from features.simd.lanes import LANES
from tests import reference

PLANS = range(len(plans()))


def grid_for(points, size, plan):
    """Multiples of a third of 1 / baseline, to be worked on with a plan."""
    step = 1.0 / (3.0 * points.x[points.n - 1])
    return Grid(step, step, size, plan)


def frequencies(grid):
    return grid.lowest + np.arange(grid.size) * grid.step


def footprints_of(points, grid):
    made = room_for_footprints(points.n)
    fill_footprints(made, points, grid, plans()[grid.plan], kernel_polynomials().ravel())
    return made


def transforms_of(coefficients, footprints, grid, doubled):
    """The transforms of all groups of a grid, each (ELEMENT L,) float32; they begin as garbage."""
    plan = plans()[grid.plan]
    coefficients = np.asarray(coefficients, np.float32)
    for group in range(groups_of(plan, grid.size)):
        move_to_group(footprints, coefficients.size, grid, plan, group)
        x = np.full(ELEMENT * plan.length, np.nan, np.float32)
        (sums_doubled if doubled else sums)(x, coefficients, footprints, plan)
        yield x


def sums_on(coefficients, footprints, grid, *, doubled=False):
    """(size,) complex128: what the kernels give for all frequencies of a grid."""
    plan = plans()[grid.plan]
    block = block_of(plan, grid.size)
    in_block = (plan.offset >= -(block // 2)) & (plan.offset < block // 2)
    found = np.full((groups_of(plan, grid.size), LANES, block), np.nan, complex)
    for group, x in enumerate(transforms_of(coefficients, footprints, grid, doubled)):
        taken = x.reshape(-1, 2, LANES)[plan.place] * plan.correction[:, None, None]
        found[group][:, plan.offset[in_block] + block // 2] = (taken[:, 0] + 1j * taken[:, 1])[in_block].T
    return found.ravel()[: grid.size]


def direct_sums(coefficients, time, grid, *, doubled=False):
    """The same from the definition."""
    turns = np.outer((2.0 if doubled else 1.0) * frequencies(grid), time)
    return np.exp(-2j * np.pi * turns) @ np.asarray(coefficients, complex)


def powers_on(points, grid):
    """(size,) float32: powers of all frequencies of a grid; and whether each group is said to be safe."""
    plan, n = plans()[grid.plan], points.n
    block = block_of(plan, grid.size)
    footprints = footprints_of(points, grid)
    w, wy = points.w[:n], (points.w * points.y)[:n]
    transforms = [
        transforms_of(coefficients, footprints_of(points, grid), grid, doubled)
        for coefficients, doubled in ((wy, False), (w, False), (w, True))
    ]
    assert footprints.end[0] <= footprints.end[1] <= plan.length
    found, safe = [], []
    for group in zip(*transforms, strict=True):
        power, highest = np.full(LANES * block, np.nan, np.float32), np.full(LANES, np.nan, np.float32)
        safe.append(powers(power, highest, group, plan, block, points.floating_mean))
        assert np.array_equal(highest, np.maximum(power.reshape(block, LANES).max(axis=0), 0.0))
        found.append(power.reshape(block, LANES).T.ravel())
    return np.concatenate(found)[: grid.size], safe


def exact_powers(points, grid):
    """Powers of all frequencies of a grid by the direct sum in NumPy."""
    n = points.n
    with np.errstate(divide="ignore"):
        err = points.w[:n] ** -0.5
    return reference.power(
        points.x[:n], points.y[:n], err, frequencies(grid), floating_mean=points.floating_mean
    )
