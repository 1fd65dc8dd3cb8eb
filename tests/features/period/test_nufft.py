from __future__ import annotations

import numpy as np
import pytest

from features.period.nufft import BLOCK, BLOCKS_PER_PASS, NEEDS_EXACT, grid_power
from features.period.points import weighted_points
from tests import reference
from tests.features.conftest import make_light_curve

# float32 transforms of kernel error 1e-5, divided by a determinant of at least 1e-2 of the trace
TOLERANCE = 2e-3


@pytest.mark.parametrize("floating_mean", [True, False])
@pytest.mark.parametrize("size", [1, 7, BLOCK, BLOCK + 1, BLOCKS_PER_PASS * BLOCK + 5])
def test_powers_on_the_grid_are_those_of_the_direct_sum(size, floating_mean):
    light_curve = make_light_curve(1)
    points = weighted_points(*light_curve, floating_mean)
    err = light_curve.err if floating_mean else np.ones(light_curve.err.size)
    grid = np.arange(1, size + 1) * points.step
    power = grid_power(points, size)
    exact = reference.power(points.x, points.y, err, grid, floating_mean=floating_mean)
    safe = power != NEEDS_EXACT
    assert power.dtype == np.float32
    assert safe[3:].all()  # only the lowest frequencies are nearly singular here
    assert power[safe] == pytest.approx(exact[safe], abs=TOLERANCE)


def test_frequencies_that_see_all_points_at_one_phase_are_left_to_the_exact_sum():
    rng = np.random.default_rng(2)
    day = np.sort(rng.choice(np.arange(1, 300), 60, replace=False)).astype(float)
    day[0], day[-1] = 0.0, 300.0  # every whole frequency is on the grid
    points = weighted_points(day, rng.normal(size=60), np.ones(60), True)
    power = grid_power(points, 900 * 33)
    assert (power[899::900] == NEEDS_EXACT).all()


def test_one_point_with_nearly_all_the_weight_leaves_nothing_to_single_precision():
    time, mag, err = (array.copy() for array in make_light_curve(3))
    err[40] = 1e-5
    power = grid_power(weighted_points(time, mag, err, True), 1000)
    assert (power == NEEDS_EXACT).all()
