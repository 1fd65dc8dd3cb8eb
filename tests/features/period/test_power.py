from __future__ import annotations

import numpy as np
import pytest
from astropy.timeseries import LombScargle

from features.period.grid import plans
from features.period.points import weighted_points
from features.period.power import NEEDS_EXACT
from tests.features.conftest import make_light_curve
from tests.features.period.on_grids import PLANS, exact_powers, frequencies, grid_for, powers_on

# float32 transforms of kernel error 1e-5, divided by a determinant of at least 1e-2 of the trace
TOLERANCE = 2e-3


def light_curve_of_days(seed=2, n=60, last=300.0):
    """Noise at whole days: every whole frequency sees all points at one phase."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.choice(np.arange(1, int(last)), n, replace=False)).astype(float)
    day[0], day[-1] = 0.0, last
    return weighted_points(day, rng.normal(size=n), np.ones(n), True)


@pytest.mark.parametrize("floating_mean", [True, False])
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("blocks", [0, 1, 8, 16])
def test_powers_on_the_grid_are_those_of_the_direct_sum(blocks, plan, floating_mean):
    points = weighted_points(*make_light_curve(1), floating_mean)
    for size in {max(1, blocks * plans()[plan].block), blocks * plans()[plan].block + 5}:
        grid = grid_for(points, size, plan)
        power, _ = powers_on(points, grid)
        exact = exact_powers(points, grid)
        safe = power != NEEDS_EXACT
        assert power.dtype == np.float32
        assert safe[3:].all()  # only the lowest frequencies are nearly singular here
        assert power[safe] == pytest.approx(exact[safe], abs=TOLERANCE)


@pytest.mark.parametrize("floating_mean", [True, False])
def test_powers_on_the_grid_are_those_of_astropy(floating_mean):
    light_curve = make_light_curve(5, n=200, baseline=90.0)
    points = weighted_points(*light_curve, floating_mean)
    grid = grid_for(points, 9000, 1)
    power, _ = powers_on(points, grid)
    err = light_curve.err if floating_mean else None
    peer = LombScargle(light_curve.time, light_curve.mag, err, fit_mean=floating_mean)
    safe = power != NEEDS_EXACT
    assert safe.mean() > 0.99
    assert power[safe] == pytest.approx(peer.power(frequencies(grid), method="cython")[safe], abs=TOLERANCE)


@pytest.mark.parametrize("plan", PLANS)
def test_frequencies_that_see_all_points_at_one_phase_are_left_to_the_exact_sum(plan):
    points = light_curve_of_days()
    power, safe = powers_on(points, grid_for(points, 900 * 33, plan))
    assert (power[899::900] == NEEDS_EXACT).all()
    exact = exact_powers(points, grid_for(points, 900 * 33, plan))
    others = power != NEEDS_EXACT
    assert power[others] == pytest.approx(exact[others], abs=TOLERANCE)
    assert not all(safe)


def test_a_group_is_safe_if_no_power_in_it_needs_the_exact_sum():
    points = light_curve_of_days(n=200, last=3000.0)
    in_group = 8 * plans()[0].block
    power, safe = powers_on(points, grid_for(points, 8 * in_group, 0))
    one_direction = [4499, 8999]  # once in two days, and once a day
    assert (power[one_direction] == NEEDS_EXACT).all()
    assert [i for i in range(8) if not safe[i]] == [k // in_group for k in one_direction]


def test_one_point_with_nearly_all_the_weight_leaves_nothing_to_single_precision():
    time, mag, err = (array.copy() for array in make_light_curve(3))
    err[40] = 1e-5
    points = weighted_points(time, mag, err, True)
    power, safe = powers_on(points, grid_for(points, 1000, 0))
    assert (power == NEEDS_EXACT).all()
    assert not any(safe)
