"""Light curves of three points and of a hundred thousand, of minutes and of thirty years."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.timeseries import LombScargle

import features
from features.period.search import room_for_search
from tests.features.conftest import period_of

MINUTE = 1.0 / 1440.0
YEAR = 365.25
BYTES_PER_POINT = 512
BYTES = 2**20


def planted(seed, n, baseline, frequency, noise=0.02):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0.0, baseline, n))
    time[0], time[-1] = 0.0, baseline
    err = noise * rng.uniform(0.5, 2.0, n)
    mag = 15.0 + 0.3 * np.sin(2 * np.pi * frequency * time + rng.uniform(0, 6)) + err * rng.normal(size=n)
    return 2_000.0 + time, mag, err  # a baseline of minutes is then good to 1e-10


def cycles_off(period, frequency, baseline):
    """By how many cycles over the baseline the frequency of a period is off."""
    return abs(1.0 / period - frequency) * baseline


@pytest.mark.parametrize("convention", features.CONVENTIONS)
@pytest.mark.parametrize("baseline", [1.5, 40.0, 3 * YEAR, 30 * YEAR])
@pytest.mark.parametrize("n", [30, 31, 33, 100, 1000])
def test_a_planted_frequency_is_found_over_any_baseline(n, baseline, convention):
    rng = np.random.default_rng(n)
    for seed in range(3):
        # the published grid may end below 1 / 0.03 d
        highest = min(33.0, 1.5 * 100 * n / (3.0 * baseline)) if convention == "kim2021" else 33.0
        frequency = np.exp(rng.uniform(np.log(3.0 / baseline), np.log(0.98 * highest)))
        period = period_of(planted(seed, n, baseline, frequency), convention)
        assert cycles_off(period, frequency, baseline) <= 0.25


@pytest.mark.parametrize("baseline", [2 * MINUTE, 10 * MINUTE, 60 * MINUTE, 300 * MINUTE])
@pytest.mark.parametrize("n", [30, 200])
def test_within_minutes_the_published_grid_goes_as_far_as_there_are_points(n, baseline):
    for cycles in (2.0, 5.2, 11.0):
        light_curve = planted(n, n, baseline, cycles / baseline)
        assert cycles_off(period_of(light_curve, "kim2021"), cycles / baseline, baseline) <= 0.25


@pytest.mark.parametrize("baseline", [2 * MINUTE, 10 * MINUTE, 0.0099])
def test_where_a_third_of_a_cycle_is_faster_than_the_highest_frequency_it_is_taken(baseline):
    light_curve = planted(1, 30, baseline, 2.0 / baseline)
    assert period_of(light_curve, "refined") == pytest.approx(3.0 * baseline, rel=1e-7)


def is_at_the_highest_of_a_finer_search(seed, n):
    light_curve = planted(seed, n, 9.0, 1.7, noise=0.1)
    period = period_of(light_curve, "refined")
    assert 1 / 27.0 * (1 - 1e-9) <= 1 / period <= 1 / 0.03 * (1 + 1e-9)
    peer = LombScargle(*light_curve, fit_mean=True)
    fine = np.arange(1 / 27.0, 1 / 0.03, 1 / 270.0)
    with np.errstate(invalid="ignore"):
        highest = np.nanmax(peer.power(fine, method="cython"))
    return bool(peer.power(1 / period, method="slow") >= highest * (1 - 1e-9))


@pytest.mark.parametrize("n", [10, 11, 12, 16, 23, 24, 25])
def test_of_ten_points_the_power_is_that_of_a_ten_times_finer_search(n):
    assert all(is_at_the_highest_of_a_finer_search(seed, n) for seed in range(8))


@pytest.mark.parametrize("n", [8, 9])
def test_of_fewer_it_is_for_all_but_a_few(n):
    """Their powers are near 1 in many places, in peaks that may be narrower than the grid."""
    found = [is_at_the_highest_of_a_finer_search(seed, n) for seed in range(60)]
    assert sum(found) >= 54


@pytest.mark.parametrize("convention", features.CONVENTIONS)
@pytest.mark.parametrize("baseline", [10 * MINUTE, 1.0, 300.0])
@pytest.mark.parametrize("n", [3, 4, 5, 7])
def test_of_fewer_points_than_are_asked_for_there_is_a_period_nevertheless(n, baseline, convention):
    for seed in range(5):
        period = period_of(planted(seed, n, baseline, 2.0 / baseline), convention)
        assert 0.0 < period <= 3.0 * baseline * (1 + 1e-7)


@pytest.mark.parametrize("convention", features.CONVENTIONS)
@pytest.mark.parametrize("n", [10_000, 100_000])
def test_more_points_than_are_ever_used_are_searched_too(n, convention):
    baseline = 20.0 if convention == "kim2021" and n == 100_000 else YEAR
    period = period_of(planted(n, n, baseline, 5.4321, noise=0.2), convention)
    assert cycles_off(period, 5.4321, baseline) <= 0.2


@pytest.mark.slow
def test_a_hundred_thousand_points_of_thirty_years_are_searched():
    period = period_of(planted(1, 100_000, 30 * YEAR, 5.4321, noise=0.2), "refined")
    assert cycles_off(period, 5.4321, 30 * YEAR) <= 0.05


@pytest.mark.parametrize("n", [3, 100, 100_000])
def test_a_search_takes_room_for_its_points_and_for_transforms_that_stay_in_the_cache(n):
    room = room_for_search(n)
    arrays = [*room.footprints, *(each for each in room if isinstance(each, np.ndarray))]
    arrays += [each for plan in room.plans for each in plan if isinstance(each, np.ndarray)]
    assert sum(array.nbytes for array in arrays) <= BYTES_PER_POINT * n + 2 * BYTES
