from __future__ import annotations

import numpy as np
import pytest

import features
from features.period.points import weighted_points
from features.period.search import find_period, grid_index, refined_frequency, room_for_search
from tests import reference
from tests.features.conftest import even_points, make_light_curve, period_of
from tests.features.period.on_grids import exact_powers, grid_for

STEPS = 1e-5
"""Of the grid: what a refined frequency may be off by, against the step itself."""


@pytest.mark.parametrize("convention", ["refined", "kim2021"])
@pytest.mark.parametrize("seed", range(4))
def test_the_period_is_that_of_the_direct_search(seed, convention):
    light_curve = make_light_curve(seed + 20, n=30 + 20 * seed, baseline=60.0, noise=0.2)
    period = period_of(light_curve, convention)
    expected = reference.find_period(*light_curve, convention)
    baseline = np.ptp(light_curve.time)
    if convention == "kim2021":
        assert period == expected
    else:
        assert 1 / period == pytest.approx(1 / expected, abs=STEPS / (3 * baseline))


def test_of_equal_powers_the_lower_frequency_is_taken():
    time = np.arange(60.0)  # once a day: f, 1 - f, 1 + f, ... cannot be told apart
    mag = np.sin(2 * np.pi * 0.3107 * time)
    for convention in features.CONVENTIONS:
        period = period_of((time, mag, np.ones(60)), convention)
        assert 1 / period == pytest.approx(0.3107, abs=0.5 / (3 * 59))


def test_a_trend_is_not_searched_below_a_third_of_a_cycle():
    time = np.sort(np.random.default_rng(10).uniform(0.0, 50.0, 80))
    period = period_of((time, 0.01 * time, np.full(80, 0.01)), "refined")
    assert period <= 3 * np.ptp(time) * (1 + 1e-12)


def test_the_shortest_period_is_the_end_of_the_range():
    x = np.sort(np.random.default_rng(11).uniform(0.0, 10.0, 60))
    mag = np.sin(2 * np.pi * x / 0.0299)  # just outside: the flank of its peak is inside
    points, room = even_points(x, mag), room_for_search(60)
    assert refined_frequency(points, 1 / (3 * np.ptp(x)), 1 / 0.03, room) <= 1 / 0.03
    assert find_period(points, True, room) >= 0.03


def test_the_published_grid_is_searched_to_its_end():
    light_curve = make_light_curve(1, n=50, baseline=40.0)
    points = weighted_points(*light_curve, False)
    exact = exact_powers(points, grid_for(points, 300, 0))
    room = room_for_search(points.n)
    for size in (1, 2, 60, 300):
        assert grid_index(points, size, room) == np.argmax(exact[:size]) + 1


def test_golden_periods_of_the_published_code_are_met_exactly(golden):
    column = features.FEATURE_NAMES.index("period")
    found = [period_of(light_curve, "kim2021") for light_curve in golden.light_curves]
    assert found == pytest.approx(golden.published[:, column], rel=1e-12)


# classical power, unweighted, was used there: an alias, low signal, long or aperiodic ones, and noise differ
OTHER_POWER = ("g004", "g054", "g034", "g036", "g039", "g040", "g042", "g043", "g044", "g046", "g051")


def test_golden_periods_of_clear_periodics_are_met(golden):
    column = features.FEATURE_NAMES.index("period")
    compared = 0
    for name, light_curve, row in zip(golden.ids, golden.light_curves, golden.refined, strict=True):
        if not name.startswith(OTHER_POWER):
            period = period_of(light_curve, "refined")
            cycles = (1 / period - 1 / row[column]) * np.ptp(light_curve.time)
            assert abs(cycles) <= 0.1, name
            compared += 1
    assert compared == len(golden.ids) - len(OTHER_POWER)


def test_the_golden_alias_is_told_from_the_period(golden):
    light_curve = golden.light_curves[golden.ids.index("g004_rrab")]
    assert period_of(light_curve, "refined") == pytest.approx(0.47615, abs=1e-5)
