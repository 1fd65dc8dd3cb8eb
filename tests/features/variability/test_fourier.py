from __future__ import annotations

import math

import numpy as np
import pytest

from features.variability.fourier import fourier_coefficients, fourier_shape

TIME = np.sort(np.random.default_rng(3).uniform(0.0, 200.0, 150))
PERIOD = 0.7318


def phases(time):
    return (time % PERIOD) / PERIOD


def test_a_series_of_order_three_is_found_exactly():
    terms = [(0.31, 0.4), (0.12, -2.0), (0.05, 1.1)]
    mag = 15.0 + sum(a * np.cos(2 * np.pi * k * phases(TIME) + p) for k, (a, p) in enumerate(terms, 1))
    h1, r21, r31, phi21, phi31 = fourier_shape(fourier_coefficients(TIME, mag, PERIOD), full_angles=True)
    assert (h1, r21, r31) == pytest.approx((0.31, 0.12 / 0.31, 0.05 / 0.31), rel=1e-12)
    assert (phi21, phi31) == pytest.approx((-2.0 - 0.8, 1.1 - 1.2), rel=1e-12)


def test_a_sawtooth_has_amplitudes_that_fall_as_one_over_k():
    time = np.arange(10_000) * (PERIOD / 10_000)
    h1, r21, r31, phi21, phi31 = fourier_shape(
        fourier_coefficients(time, phases(time), PERIOD), full_angles=True
    )
    # x - 1/2 = -sum sin(2 pi k x) / (pi k), and -sin = cos(. + pi / 2)
    assert (h1, r21, r31) == pytest.approx((1 / np.pi, 1 / 2, 1 / 3), rel=1e-3)
    assert phi21 == pytest.approx(-np.pi / 2, abs=1e-2)
    assert abs(phi31) == pytest.approx(np.pi, abs=1e-2)


def test_coefficients_are_the_least_squares_solution_of_lapack():
    rng = np.random.default_rng(4)
    mag = rng.normal(size=TIME.size)
    angle = 2 * np.pi * phases(TIME)
    waves = [wave(k * angle) for k in (1, 2, 3) for wave in (np.sin, np.cos)]
    design = np.stack([np.ones_like(angle), *waves], axis=1)
    expected = np.linalg.lstsq(design, mag - mag.mean(), rcond=None)[0]
    assert fourier_coefficients(TIME, mag, PERIOD) == pytest.approx(expected, rel=1e-11, abs=1e-13)


def test_fewer_phases_than_coefficients_give_nearly_the_shortest_solution():
    time = np.arange(30) * PERIOD / 4  # four phases
    mag = np.cos(2 * np.pi * time / PERIOD)
    angle = 2 * np.pi * time / PERIOD
    waves = [wave(k * angle) for k in (1, 2, 3) for wave in (np.sin, np.cos)]
    design = np.stack([np.ones_like(angle), *waves], axis=1)
    shortest = np.linalg.pinv(design, rcond=1e-8) @ (mag - mag.mean())
    assert fourier_coefficients(time, mag, PERIOD) == pytest.approx(shortest, abs=1e-5)


@pytest.mark.parametrize("shift", [0.1, 0.45, 123.456])
def test_wrapped_phase_differences_do_not_depend_on_the_origin_of_time(shift):
    mag = sum(np.cos(2 * np.pi * k * TIME / PERIOD + k * k) / k for k in (1, 2, 3))
    here = fourier_shape(fourier_coefficients(TIME, mag, PERIOD), full_angles=True)
    there = fourier_shape(fourier_coefficients(TIME + shift, mag, PERIOD), full_angles=True)
    assert there == pytest.approx(here, rel=1e-9)


def test_phases_of_the_published_code_agree_with_the_wrapped_ones_up_to_half_turns():
    coefficients = fourier_coefficients(TIME, np.random.default_rng(5).normal(size=TIME.size), PERIOD)
    wrapped = fourier_shape(coefficients, full_angles=True)
    published = fourier_shape(coefficients, full_angles=False)
    assert wrapped[:3] == published[:3]
    for a, b in zip(wrapped[3:], published[3:], strict=True):
        assert math.remainder(a - b, math.pi) == pytest.approx(0.0, abs=1e-12)
        assert -math.pi <= a < math.pi
