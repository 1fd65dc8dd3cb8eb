"""Powers of the first stage on grids, by a transform for each band, by pairs, by both, and what is near."""

from __future__ import annotations

import numpy as np
import pytest

from features.bands.joint_power import SHARE, near_highest_of_bands
from features.bands.joint_search import room_for_joint_search, way_to_search
from features.bands.pairs import MOST_PAIRS, MOST_POINTS, Way
from features.compilation.jit import kernel
from features.period.grid import Grid, block_of, plans
from features.simd.lanes import LANES
from tests.features.bands import oracle
from tests.features.bands.stars import make_star, points_of
from tests.features.period.on_grids import PLANS

TOLERANCE = 2e-3
"""Of powers: float32 transforms of kernel error 1e-5, over a determinant of at least 1e-2 of the trace."""

OF_FEW = 1e-2
"""The same in parts of the highest, of a few points in many bands."""


@kernel
def near_on(points, way, room):
    return near_highest_of_bands(points, way, room)


@kernel
def chosen_way(points, room):
    return way_to_search(points, room)


def uneven_star(seed):
    """Forty points in g, six in each of the other bands."""
    letters = "g" * 40 + "urizy" * 6
    visits = make_star(seed, n=70, bands="g", baseline=40.0)
    visits.letter[:] = list(letters)
    return visits


STARS = {
    "a band": lambda: make_star(1, n=24, bands="r", baseline=40.0),
    "two bands": lambda: make_star(2, n=40, bands="gr", baseline=40.0),
    "six bands": lambda: make_star(4, n=60, bands="ugrizy", baseline=40.0),
    "one of many points and five of few": lambda: uneven_star(5),
}


@pytest.mark.parametrize("by_pairs", [0, 10, MOST_POINTS])
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("star", STARS)
def test_powers_are_those_of_the_definition_by_transforms_and_by_pairs(star, plan, by_pairs):
    visits = STARS[star]()
    points, dense = points_of(visits), oracle.star(*visits)
    room = room_for_joint_search(points.n)
    size = min(4 * plans()[plan].block, 3000)
    step = 1.0 / (3.0 * points.baseline)
    grid = Grid(step, step, size, plan)
    exact = oracle.first_stage(dense, step * np.arange(1, size + 1)) / dense.chi2
    near = near_on(points, Way(grid, by_pairs), room)
    block = block_of(plans()[plan], size)
    power = room.search.power[: LANES * block].reshape(block, LANES).T.ravel()[:size]
    assert power == pytest.approx(exact, abs=TOLERANCE if points.n > 24 else OF_FEW)
    beside = np.concatenate([[-1.0], exact, [-1.0]])
    peaks = (exact >= SHARE * exact.max()) & (exact >= beside[:-2]) & (exact >= beside[2:])
    assert set(np.flatnonzero(peaks)) <= set(near)
    assert (exact[near] >= (SHARE - 0.04) * exact.max()).all()


@pytest.mark.parametrize("bands", ["r", "gr", "gri", "ugrizy"])
@pytest.mark.parametrize("n", [20, 60, 120, 400])
def test_pairs_are_summed_where_bands_are_many_and_points_few_and_never_more_than_there_is_room_for(bands, n):
    points = points_of(make_star(6, n=n, bands=bands, baseline=365.0))
    way = chosen_way(points, room_for_joint_search(points.n))
    count = np.diff(points.bounds)
    paired = count[count <= way.by_pairs]
    assert (paired * (paired - 1) // 2).sum() <= MOST_PAIRS
    if len(bands) == 1:
        assert paired.size == 0
    if len(bands) == 6 and n <= 60:
        assert paired.size == 6
    if n == 400:
        assert paired.size == 0
