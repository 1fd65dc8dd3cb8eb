from __future__ import annotations

import numpy as np
import pytest
from astropy.timeseries import LombScargle

from tests.features.conftest import make_light_curve, period_of


@pytest.mark.parametrize("seed", range(6))
def test_the_refined_period_is_at_the_highest_power_of_a_ten_times_finer_search(seed):
    light_curve = make_light_curve(seed, n=20 + 15 * seed, baseline=90.0, noise=0.15)
    period = period_of(light_curve, "refined")
    peer = LombScargle(*light_curve, fit_mean=True)
    x = light_curve.time
    fine = np.arange(1 / (3 * np.ptp(x)), 1 / 0.03, 1 / (30 * np.ptp(x)))
    with np.errstate(invalid="ignore"):
        highest = np.nanmax(peer.power(fine, method="cython"))
    assert peer.power(1 / period, method="slow") >= highest * (1 - 1e-9)


def test_a_sinusoid_between_two_frequencies_of_the_grid_is_found_between_them():
    rng = np.random.default_rng(8)
    time = np.sort(rng.uniform(0.0, 100.0, 200))
    frequency = 100.5 / (3 * np.ptp(time))
    mag = 15.0 + 0.2 * np.cos(2 * np.pi * frequency * time)
    period = period_of((time, mag, np.full(200, 0.01)), "refined")
    assert 1 / period == pytest.approx(frequency, rel=1e-7)


def test_the_gap_of_a_season_does_not_put_the_period_on_an_alias_of_the_year():
    # on the grid alone an alias is higher for about a third of these
    rng = np.random.default_rng(9)
    for _ in range(20):
        year = 365.25 * rng.integers(0, 3, 60)
        time = np.sort(year + 25 * rng.random(60))
        frequency = rng.uniform(0.5, 5.0)
        mag = 0.3 * np.sin(2 * np.pi * frequency * time + rng.random())
        period = period_of((time, mag, np.full(60, 0.02)), "refined")
        assert 1 / period == pytest.approx(frequency, rel=1e-6)
