from __future__ import annotations

import numpy as np
import pytest
from astropy.timeseries import LombScargle

import features
from features.conventions import CONVENTIONS
from features.period.search import (
    find_period,
    grid_index,
    lomb_scargle_power,
    refined_frequency,
    weighted_points,
)
from tests import reference
from tests.features.conftest import make_light_curve

FREQUENCIES = np.array([0.0021, 0.1, 0.5, 0.9998, 1.633, 7.7, 33.3])
STEPS = 1e-5
"""Of the grid: what a refined frequency may be off by, against the step itself."""


def even_points(x, y, *, floating_mean=True):
    """Points of equal weight."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    return weighted_points(x, y, np.ones(x.size), floating_mean)


@pytest.mark.parametrize("floating_mean", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_power_is_that_of_astropy(seed, floating_mean):
    light_curve = make_light_curve(seed, n=8 + 40 * seed)
    points = weighted_points(*light_curve, floating_mean)
    err = light_curve.err if floating_mean else None
    peer = LombScargle(light_curve.time, light_curve.mag, err, fit_mean=floating_mean)
    expected = peer.power(FREQUENCIES, method="slow")
    found = [lomb_scargle_power(points, f) for f in FREQUENCIES]
    assert found == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_a_sinusoid_without_noise_has_all_the_power():
    x = np.linspace(0.0, 100.0, 5001)
    points = even_points(x, 0.3 * np.sin(2 * np.pi * 1.7 * x))
    assert lomb_scargle_power(points, 1.7) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("floating_mean", [True, False])
def test_points_at_one_phase_have_no_power_that_a_mean_could_not_take(floating_mean):
    mag = np.random.default_rng(1).normal(size=40)
    points = even_points(np.arange(40), mag, floating_mean=floating_mean)
    assert lomb_scargle_power(points, 1.0) == pytest.approx(0.0, abs=1e-20)


def test_points_at_two_opposite_phases_have_the_power_of_one_amplitude():
    x = np.arange(40.0)
    points = even_points(x, np.where(x % 2 == 0, 0.2, -0.2))
    assert lomb_scargle_power(points, 0.5) == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_refined_period_is_at_the_highest_power_of_a_ten_times_finer_search(seed):
    light_curve = make_light_curve(seed, n=20 + 15 * seed, baseline=90.0, noise=0.15)
    period = find_period(*light_curve, CONVENTIONS["refined"])
    peer = LombScargle(*light_curve, fit_mean=True)
    x = light_curve.time
    fine = np.arange(1 / (3 * np.ptp(x)), 1 / 0.03, 1 / (30 * np.ptp(x)))
    with np.errstate(invalid="ignore"):
        highest = np.nanmax(peer.power(fine, method="cython"))
    assert peer.power(1 / period, method="slow") >= highest * (1 - 1e-9)


@pytest.mark.parametrize("convention", ["refined", "kim2021"])
@pytest.mark.parametrize("seed", range(4))
def test_the_period_is_that_of_the_direct_search(seed, convention):
    light_curve = make_light_curve(seed + 20, n=30 + 20 * seed, baseline=60.0, noise=0.2)
    period = find_period(*light_curve, CONVENTIONS[convention])
    expected = reference.find_period(*light_curve, convention)
    baseline = np.ptp(light_curve.time)
    if convention == "kim2021":
        assert period == expected
    else:
        assert 1 / period == pytest.approx(1 / expected, abs=STEPS / (3 * baseline))


def test_a_sinusoid_between_two_frequencies_of_the_grid_is_found_between_them():
    rng = np.random.default_rng(8)
    time = np.sort(rng.uniform(0.0, 100.0, 200))
    frequency = 100.5 / (3 * np.ptp(time))
    mag = 15.0 + 0.2 * np.cos(2 * np.pi * frequency * time)
    period = find_period(time, mag, np.full(200, 0.01), CONVENTIONS["refined"])
    assert 1 / period == pytest.approx(frequency, rel=1e-7)


def test_the_gap_of_a_season_does_not_put_the_period_on_an_alias_of_the_year():
    # on the grid alone an alias is higher for about a third of these
    rng = np.random.default_rng(9)
    for _ in range(20):
        year = 365.25 * rng.integers(0, 3, 60)
        time = np.sort(year + 25 * rng.random(60))
        frequency = rng.uniform(0.5, 5.0)
        mag = 0.3 * np.sin(2 * np.pi * frequency * time + rng.random())
        period = find_period(time, mag, np.full(60, 0.02), CONVENTIONS["refined"])
        assert 1 / period == pytest.approx(frequency, rel=1e-6)


def test_of_equal_powers_the_lower_frequency_is_taken():
    time = np.arange(60.0)  # once a day: f, 1 - f, 1 + f, ... cannot be told apart
    mag = np.sin(2 * np.pi * 0.3107 * time)
    for convention in CONVENTIONS.values():
        period = find_period(time, mag, np.ones(60), convention)
        assert 1 / period == pytest.approx(0.3107, abs=0.5 / (3 * 59))


def test_a_trend_is_not_searched_below_a_third_of_a_cycle():
    time = np.sort(np.random.default_rng(10).uniform(0.0, 50.0, 80))
    period = find_period(time, 0.01 * time, np.full(80, 0.01), CONVENTIONS["refined"])
    assert period <= 3 * np.ptp(time) * (1 + 1e-12)


def test_the_shortest_period_is_the_end_of_the_range():
    x = np.sort(np.random.default_rng(11).uniform(0.0, 10.0, 60))
    mag = np.sin(2 * np.pi * x / 0.0299)  # just outside: the flank of its peak is inside
    assert refined_frequency(even_points(x, mag), 1 / 0.03) <= 1 / 0.03


def test_the_published_grid_is_searched_to_its_end():
    light_curve = make_light_curve(1, n=50, baseline=40.0)
    points = weighted_points(*light_curve, False)
    grid = np.arange(1, 301) * points.step
    exact = reference.power(points.x, points.y, np.ones(50), grid, floating_mean=False)
    for size in (1, 2, 60, 300):
        assert grid_index(points, size) == np.argmax(exact[:size]) + 1


def test_golden_periods_of_the_published_code_are_met_exactly(golden):
    column = features.FEATURE_NAMES.index("period")
    found = [find_period(*light_curve, CONVENTIONS["kim2021"]) for light_curve in golden.light_curves]
    assert found == pytest.approx(golden.published[:, column], rel=1e-12)


# classical power, unweighted, was used there: an alias, low signal, long or aperiodic ones, and noise differ
OTHER_POWER = ("g004", "g054", "g034", "g036", "g039", "g040", "g042", "g043", "g044", "g046", "g051")


def test_golden_periods_of_clear_periodics_are_met(golden):
    column = features.FEATURE_NAMES.index("period")
    compared = 0
    for name, light_curve, row in zip(golden.ids, golden.light_curves, golden.refined, strict=True):
        if not name.startswith(OTHER_POWER):
            period = find_period(*light_curve, CONVENTIONS["refined"])
            cycles = (1 / period - 1 / row[column]) * np.ptp(light_curve.time)
            assert abs(cycles) <= 0.1, name
            compared += 1
    assert compared == len(golden.ids) - len(OTHER_POWER)


def test_the_golden_alias_is_told_from_the_period(golden):
    light_curve = golden.light_curves[golden.ids.index("g004_rrab")]
    assert find_period(*light_curve, CONVENTIONS["refined"]) == pytest.approx(0.47615, abs=1e-5)
