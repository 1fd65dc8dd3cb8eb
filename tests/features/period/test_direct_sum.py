from __future__ import annotations

import numpy as np
import pytest
from astropy.timeseries import LombScargle

from features.period.direct_sum import lomb_scargle_power
from features.period.points import weighted_points
from tests.features.conftest import even_points, make_light_curve

FREQUENCIES = np.array([0.0021, 0.1, 0.5, 0.9998, 1.633, 7.7, 33.3])


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
