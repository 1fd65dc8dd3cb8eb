from __future__ import annotations

import numpy as np
import pytest
from astropy.timeseries import LombScargle
from hypothesis import given, settings
from hypothesis import strategies as st

from features.period.direct_sum import lomb_scargle_power
from features.period.points import weighted_points
from tests.features.conftest import even_points, make_light_curve

FREQUENCIES = np.array([0.0021, 0.1, 0.5, 0.9998, 1.633, 7.7, 33.3])
WELL_CONDITIONED = 1e4
"""Ratio of largest and smallest singular value: the normal matrix multiplies roundings by its square."""


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


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 7, 9])
def test_what_fills_the_last_register_weighs_nothing(n):
    rng = np.random.default_rng(n)
    x, y = np.sort(rng.uniform(0.0, 9.0, n)), rng.normal(size=n)
    points = even_points(x, y, floating_mean=False)
    twice = even_points(np.repeat(x, 4), np.repeat(y, 4), floating_mean=False)  # fills all registers
    for f in (0.07, 0.31, 2.2):
        assert lomb_scargle_power(points, f) == pytest.approx(lomb_scargle_power(twice, f), rel=1e-9)


def least_squares(points, frequency):
    """Part of the variance that LAPACK's fit takes away, and the condition of its matrix."""
    n = points.n
    root = np.sqrt(points.w[:n])
    angle = 2 * np.pi * ((frequency * points.x[:n]) % 1.0)
    columns = np.stack([np.cos(angle), np.sin(angle), np.ones(n)][: 3 if points.floating_mean else 2], axis=1)
    columns = columns * root[:, None]
    y = root * points.y[:n]
    fit, _, _, singular = np.linalg.lstsq(columns, y, rcond=None)
    return 1.0 - np.sum((y - columns @ fit) ** 2) / np.sum(y**2), singular[0] / max(singular[-1], 1e-300)


KINDS_OF_TIMES = {
    "any": lambda rng, n: rng.uniform(0.0, 50.0, n),
    "multiples of 1/16 d": lambda rng, n: rng.choice(16 * 60, n, replace=False) / 16,
    "whole days": lambda rng, n: rng.choice(300, n, replace=False).astype(float),
    "whole days plus 1e-5": lambda rng, n: rng.choice(300, n, replace=False) + 1e-5 * rng.random(n),
    "whole days plus 1e-3": lambda rng, n: rng.choice(300, n, replace=False) + 1e-3 * rng.random(n),
    "whole days but one": lambda rng, n: np.append(rng.choice(300, n - 1, replace=False), 120.37),
    "minutes": lambda rng, n: rng.uniform(0.0, 0.004, n),
    "thirty years": lambda rng, n: rng.uniform(0.0, 10_957.0, n),
}
frequencies = st.one_of(
    st.floats(1e-5, 34.0),
    st.integers(1, 34).map(float),
    st.integers(1, 34 * 16).map(lambda k: k / 16),
    st.tuples(st.integers(1, 33), st.floats(-1e-3, 1e-3)).map(sum),
)


def points_of(kind, seed, n, floating_mean):
    rng = np.random.default_rng(seed)
    time = np.sort(KINDS_OF_TIMES[kind](rng, n))
    mag = 15.0 + rng.normal(size=n)
    err = rng.choice([0.01, 0.02, 0.3], n)
    return weighted_points(time, mag, err, floating_mean)


@settings(max_examples=1000, deadline=None)
@given(
    st.sampled_from(list(KINDS_OF_TIMES)), st.integers(0, 99), st.integers(4, 90), st.booleans(), frequencies
)
def test_the_power_is_a_part_of_the_variance_and_that_of_least_squares(
    kind, seed, n, floating_mean, frequency
):
    points = points_of(kind, seed, n, floating_mean)
    power = lomb_scargle_power(points, frequency)
    assert -1e-9 <= power <= 1.0 + 1e-9
    expected, condition = least_squares(points, frequency)
    if condition < WELL_CONDITIONED:
        assert power == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("n", [4, 5, 8, 40])
@pytest.mark.parametrize("floating_mean", [True, False])
@pytest.mark.parametrize("kind", KINDS_OF_TIMES)
def test_near_singular_frequencies_have_no_power_above_one(kind, floating_mean, n):
    for seed in range(20):
        points = points_of(kind, seed, n, floating_mean)
        for whole in range(1, 34, 4):
            for part in (0.0, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1 / 16, 0.5, 0.5 + 1e-6):
                assert -1e-9 <= lomb_scargle_power(points, whole - part) <= 1.0 + 1e-9
