"""Which frequencies of a grid the search hands on: all that may be the highest, on grids of every size."""

from __future__ import annotations

import numpy as np
import pytest

from features.period.grid import block_of, groups_of, plans
from features.period.points import weighted_points
from features.period.refine import SHARE_ON_GRID, SLACK
from features.period.search import near_highest, room_for_search
from tests.features.conftest import make_light_curve
from tests.features.period.on_grids import PLANS, exact_powers, grid_for

PRECISION, OF_FEW = 1e-3, (1.0 - SLACK) / 2.0
"""Of the powers, in parts of the highest: as is promised, and what two powers may be off by for the highest
still to be looked at. With few points, or one that has most of the weight, more are nearly singular."""


def noise(seed, *, n=70, baseline=60.0):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0.0, baseline, n))
    return time, rng.normal(15.0, 0.1, n), rng.uniform(0.05, 0.2, n)


def days(seed, *, n=70, last=200):
    """Twice a night at the same times: aliases of a day and half a day, and frequencies without power."""
    rng = np.random.default_rng(seed)
    time = np.sort(np.append(rng.choice(2 * last, n - 2, replace=False) / 2, [0.1, float(last)]))
    return time, 15.0 + 0.1 * np.sin(2 * np.pi * 0.3 * time) + rng.normal(0.0, 0.03, n), np.full(n, 0.03)


LIGHT_CURVES = {
    "a pulsator": lambda: make_light_curve(3, n=70, baseline=90.0),
    "noise": lambda: noise(1),
    "twice a night": lambda: days(1),
    "eight points": lambda: noise(2, n=8),
}


def all_light_curves(floating_mean):
    for make in LIGHT_CURVES.values():
        points = weighted_points(*make(), floating_mean)
        yield points, PRECISION if points.n > 20 else OF_FEW


def sizes(plan):
    block = plans()[plan].block
    return 1, 2, 7, block - 1, block, block + 1, 8 * block, 8 * block + 1, 19 * block + 3


def near_by_definition(exact, share, precision):
    """Where the exact power is at least a share of the highest, the more the more precisely."""
    return set(np.flatnonzero(exact >= (share + precision) * exact.max()))


@pytest.mark.parametrize("which", range(len(sizes(0))))
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("floating_mean", [True, False])
def test_all_that_is_near_the_highest_is_found_and_little_else(floating_mean, plan, which):
    for points, precision in all_light_curves(floating_mean):
        grid = grid_for(points, sizes(plan)[which], plan)
        exact = exact_powers(points, grid)
        room = room_for_search(points.n)
        for share in (0.3, SHARE_ON_GRID, SLACK):
            index, power = near_highest(points, grid, share, False, room)
            assert np.array_equal(index, np.unique(index))
            assert near_by_definition(exact, share, precision) <= set(index)
            assert set(index) <= near_by_definition(exact, share, -precision)
            assert power == pytest.approx(exact[index], abs=precision * exact.max())


@pytest.mark.parametrize("which", range(len(sizes(0))))
@pytest.mark.parametrize("plan", PLANS)
def test_of_the_near_ones_all_maxima_are_found_and_at_the_ends_of_groups_little_else(plan, which):
    for points, precision in all_light_curves(True):
        grid = grid_for(points, sizes(plan)[which], plan)
        exact = exact_powers(points, grid)
        beside = np.maximum(np.append(0.0, exact[:-1]), np.append(exact[1:], 0.0))
        index, _ = near_highest(points, grid, SHARE_ON_GRID, True, room_for_search(points.n))
        near = near_by_definition(exact, SHARE_ON_GRID, precision)
        assert near & set(np.flatnonzero(exact > beside)) <= set(index)
        lower = set(np.flatnonzero(exact < beside - (1e-3 + 2 * precision) * exact.max()))
        group = 8 * block_of(plans()[plan], grid.size)
        ends = set(range(group - 1, grid.size, group))
        assert not lower & set(index) - ends
        assert len(set(index) & lower) <= groups_of(plans()[plan], grid.size)


@pytest.mark.parametrize("plan", PLANS)
def test_nothing_is_near_where_there_is_no_power(plan):
    time, mag, err = (array.copy() for array in make_light_curve(3))
    err[40] = 1e-300  # all the weight
    points = weighted_points(time, mag, err, True)
    index, power = near_highest(points, grid_for(points, 3000, plan), SLACK, False, room_for_search(points.n))
    assert index.size == power.size == 0


@pytest.mark.parametrize("seed", range(40))
def test_the_highest_is_among_the_near_ones_of_few_or_unevenly_weighted_points(seed):
    rng = np.random.default_rng(seed)
    n = 8 + seed % 17
    night = np.sort(rng.choice(90, n, replace=False))
    err = rng.uniform(0.02, 0.2, n)
    err[seed % n] = 0.002
    points = weighted_points(night + 0.1 * rng.random(n), rng.normal(size=n), err, True)
    plan = seed % 2
    grid = grid_for(points, 8 * plans()[plan].block, plan)
    exact = exact_powers(points, grid)
    index, power = near_highest(points, grid, SLACK, False, room_for_search(n))
    assert np.argmax(exact) in index
    assert power == pytest.approx(exact[index], abs=OF_FEW * exact.max())


@pytest.mark.parametrize("maxima_only", [True, False])
def test_a_room_does_not_remember_what_was_searched_in_it(maxima_only):
    room = room_for_search(400)
    searched = [(make_light_curve(0, n=400), 9000, 2), (noise(1), 300, 0), (days(1), 5000, 1)] * 2
    for light_curve, size, plan in [*searched, *searched[::-1]]:
        points = weighted_points(*light_curve, plan != 1)
        grid = grid_for(points, size, plan)
        here = near_highest(points, grid, 0.5, maxima_only, room)
        alone = near_highest(points, grid, 0.5, maxima_only, room_for_search(points.n))
        assert all(np.array_equal(a, b) for a, b in zip(here, alone, strict=True))


def test_more_near_ones_than_there_was_room_for_at_first_are_all_found():
    """Of three points every sinusoid with a mean takes away all the variance."""
    points = weighted_points(*noise(4, n=3), True)
    for plan in PLANS:
        grid = grid_for(points, 50_000, plan)
        exact = exact_powers(points, grid)
        index, _ = near_highest(points, grid, 0.5, False, room_for_search(3))
        assert near_by_definition(exact, 0.5, PRECISION) <= set(index)
        assert index.size > 45_000
