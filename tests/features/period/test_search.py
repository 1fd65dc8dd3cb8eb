from __future__ import annotations

import numpy as np
import pytest

import features
from features.period.points import weighted_points
from tests import reference
from tests.features.conftest import make_light_curve, period_of
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
    mag = np.sin(2 * np.pi * x / 0.02998)  # just outside: the flank of its peak is inside
    period = period_of((x, mag, np.ones(60)), "refined")
    assert period == pytest.approx(0.03, rel=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_the_published_grid_has_its_highest_power_where_the_direct_sum_has(seed):
    rng = np.random.default_rng(seed)
    n, baseline = 8 + 9 * seed, float(rng.integers(2, 90))
    time = np.sort(rng.uniform(0.0, baseline, n))
    light_curve = time, rng.normal(size=n), np.ones(n)
    index = 3 * np.ptp(time) / period_of(light_curve, "kim2021")
    assert index == pytest.approx(
        3 * np.ptp(time) / reference.find_period(*light_curve, "kim2021"), rel=1e-12
    )


@pytest.mark.parametrize("index", [1, 2, 4499, 4500])
def test_the_published_grid_is_searched_to_its_ends(index):
    time = np.sort(np.random.default_rng(10).uniform(0.0, 7.0, 30))
    step = 1 / (3 * np.ptp(time))  # 50 n / T are 4500 of them, and more than 1 / (0.03 d)
    mag = np.sin(2 * np.pi * index * step * (time - time[0]) + 1.0)
    points = weighted_points(time, mag, np.ones(30), False)
    exact = exact_powers(points, grid_for(points, 4500, 0))
    found = 1 / (step * period_of((time, mag, np.ones(30)), "kim2021"))
    assert found == pytest.approx(np.argmax(exact) + 1, rel=1e-12)
    assert abs(found - index) <= 1.0 + 1e-9


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
