from __future__ import annotations

import numpy as np
import pytest

from features.period.grid import Grid, kernel_polynomials, plans
from features.period.nufft import fill_footprints, room_for_footprints
from features.period.points import Points, weighted_points
from tests.features.conftest import make_light_curve
from tests.features.period.on_grids import PLANS, direct_sums, footprints_of, grid_for, sums_on

ERROR, LARGEST_ERROR = 1e-5, 1.6e-4
"""Of the kernel, in parts of the sum of absolute coefficients: on average and at most. The largest is at the
ends of a block, where the kernel's transforms at all aliases add up to 1.54e-4 of that at the frequency."""

POINTS = weighted_points(*make_light_curve(1), True)
N = POINTS.n
COEFFICIENTS = np.random.default_rng(2).normal(size=N)


def sizes(plan):
    """One frequency, less than a block, a group whose blocks are full, several groups."""
    block = plans()[plan].block
    return 1, 7, 8 * block, 2 * 8 * block + 1


@pytest.mark.parametrize("doubled", [False, True])
@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("plan", PLANS)
def test_sums_of_all_groups_are_the_direct_sums(plan, which, doubled):
    grid = grid_for(POINTS, sizes(plan)[which], plan)
    footprints = footprints_of(POINTS, grid)
    found = sums_on(COEFFICIENTS, footprints, grid, doubled=doubled)
    expected = direct_sums(COEFFICIENTS, footprints.shifted[:N], grid, doubled=doubled)
    error = np.abs(found - expected) / np.abs(COEFFICIENTS).sum()
    assert error.max() <= LARGEST_ERROR
    assert np.sqrt((error**2).mean()) <= ERROR


@pytest.mark.parametrize("doubled", [False, True])
@pytest.mark.parametrize("plan", PLANS)
def test_a_point_alone_is_a_wave_of_its_time(plan, doubled):
    grid = grid_for(POINTS, 8 * plans()[plan].block, plan)
    footprints = footprints_of(POINTS, grid)
    for j in range(0, N, 17):
        alone = np.eye(N)[j]
        found = sums_on(alone, footprints, grid, doubled=doubled)
        expected = direct_sums([1.0], footprints.shifted[[j]], grid, doubled=doubled)
        assert np.abs(found - expected).max() <= LARGEST_ERROR


def test_all_points_are_moved_by_one_time():
    moved = footprints_of(POINTS, grid_for(POINTS, 1000, 0)).shifted[:N] - POINTS.x[:N]
    assert moved == pytest.approx(np.full(N, moved[0]), rel=1e-9)


@pytest.mark.parametrize("plan", PLANS)
def test_footprints_of_all_bands_give_the_sums_of_each(plan):
    """What a joint search needs: w, w y and w at twice the frequency, by the coefficients of one band."""
    grid = grid_for(POINTS, 8 * plans()[plan].block + 1, plan)
    footprints = footprints_of(POINTS, grid)
    band = np.random.default_rng(3).integers(0, 2, N)
    w, wy = POINTS.w[:N], (POINTS.w * POINTS.y)[:N]
    for each in range(2):
        ours = band == each
        for coefficients, doubled in ((w, False), (wy, False), (w, True)):
            found = sums_on(np.where(ours, coefficients, 0.0), footprints, grid, doubled=doubled)
            time = footprints.shifted[:N][ours]
            expected = direct_sums(coefficients[ours], time, grid, doubled=doubled)
            error = np.abs(found - expected) / np.abs(coefficients[ours]).sum()
            assert error.max() <= LARGEST_ERROR
            assert np.sqrt((error**2).mean()) <= ERROR


def guarded(footprints):
    """The same arrays as the middle of longer ones, and these, in which everything is 77."""
    longer = [np.full(array.size + 64, 77, array.dtype) for array in footprints]
    return type(footprints)(*(array[32:-32] for array in longer)), longer


def points_at(times):
    times = np.asarray(times, float)
    return Points(times.size, times, times, times, True)


@pytest.mark.parametrize("plan", PLANS)
def test_the_latest_time_of_a_transform_has_its_taps_in_it_and_a_later_one_is_refused(plan):
    length, step = plans()[plan].length, 0.01
    grid = Grid(step, step, 500, plan)
    latest = (length // 2 - 8) / (step * length)
    points = points_at([0.0, 0.3 * latest, latest, latest])
    footprints, longer = guarded(room_for_footprints(points.n))
    fill_footprints(footprints, points, grid, plans()[plan], kernel_polynomials().ravel())
    assert footprints.first.min() >= 0
    assert footprints.first_doubled.max() // 16 + 8 <= footprints.end[1] <= length
    found = sums_on(np.ones(4), footprints, grid, doubled=True)
    expected = direct_sums(np.ones(4), footprints.shifted[:4], grid, doubled=True)
    assert np.abs(found - expected).max() <= 4 * LARGEST_ERROR
    assert all((array[:32] == 77).all() and (array[-32:] == 77).all() for array in longer)
    with pytest.raises(ValueError, match="outside of the transform"):
        footprints_of(points_at([0.0, 1.0, np.nextafter(latest, np.inf)]), grid)


@pytest.mark.parametrize("wrong", [-1e-9, -1e300, np.nan, np.inf, -np.inf, 1e300, 51.0])
@pytest.mark.parametrize("where", [0, 2, 4])
def test_a_time_that_no_transform_has_room_for_is_refused_and_nothing_is_written_elsewhere(wrong, where):
    points = points_at([0.0, 1.0, 2.0, 3.0, 4.0])
    points.x[where] = wrong
    footprints, longer = guarded(room_for_footprints(points.n))
    with pytest.raises(ValueError, match="outside of the transform"):
        fill_footprints(
            footprints, points, Grid(0.01, 0.01, 500, 0), plans()[0], kernel_polynomials().ravel()
        )
    assert all((array[:32] == 77).all() and (array[-32:] == 77).all() for array in longer)


@pytest.mark.parametrize("plan", PLANS)
def test_points_in_the_first_quarter_of_a_transform_have_their_sums_too(plan):
    """A grid may be finer than a third of 1 / baseline."""
    step = 1.0 / (40.0 * POINTS.x[N - 1])
    grid = Grid(3.0 * step, step, 500, plan)
    footprints = footprints_of(POINTS, grid)
    for doubled in (False, True):
        found = sums_on(COEFFICIENTS, footprints, grid, doubled=doubled)
        expected = direct_sums(COEFFICIENTS, footprints.shifted[:N], grid, doubled=doubled)
        assert np.abs(found - expected).max() <= LARGEST_ERROR * np.abs(COEFFICIENTS).sum()
