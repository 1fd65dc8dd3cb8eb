from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.outliers.judge import better
from features.outliers.robust_fit import robust_fit
from tests.features.outliers import oracle
from tests.features.outliers.conftest import canonical, made_up, real_stars


def test_two_shared_harmonics_with_means_of_their_own_leave_nothing():
    time = np.random.default_rng(1).uniform(0, 100, 300)
    band = np.arange(300) % 3
    angle = 2 * np.pi * time / 0.7
    star = canonical(
        time, 17 + band + 0.3 * np.cos(angle) + 0.2 * np.sin(angle + 1), np.full(300, 0.01), band
    )
    residuals, scale = robust_fit(*star[:4], 1 / 0.7)
    assert np.abs(residuals).max() < 1e-5  # the ridge of 1e-6 on the first harmonic
    assert scale == 0.001


def test_ten_outliers_of_a_hundred_points_do_not_move_the_fit():
    rng = np.random.default_rng(2)
    time = rng.uniform(0, 100, 100)
    mag = 17 + 0.5 * np.cos(2 * np.pi * time / 0.7) + rng.normal(0, 0.02, 100)
    mag[::10] += 3.0
    star = canonical(time, mag, np.full(100, 0.02), np.zeros(100))
    residuals, scale = robust_fit(*star[:4], 1 / 0.7)
    far = np.abs(residuals) > 1.0
    assert far.sum() == 10
    assert np.abs(residuals[~far]).max() < 0.15
    assert scale == pytest.approx(0.023, abs=0.006)  # of 90 points of 100, and those wander


@pytest.mark.parametrize("seed", range(150))
def test_residuals_and_scale_are_those_of_dense_least_squares(seed):
    star, frequency = made_up(seed)
    residuals, scale = robust_fit(*star[:4], frequency)
    expected, expected_scale = oracle.robust_fit(*star.dense, frequency)
    assert residuals == pytest.approx(expected, abs=1e-9)
    assert scale == pytest.approx(expected_scale, abs=1e-9)
    assert better(*star[:4], frequency, 1.3 * frequency) == oracle.judged_better(
        star.dense, frequency, 1.3 * frequency
    )


def test_residuals_of_real_stars_are_those_of_dense_least_squares(shared_data):
    for star, frequency in real_stars(shared_data, a_file=10):
        residuals, scale = robust_fit(*star[:4], frequency)
        expected, expected_scale = oracle.robust_fit(*star.dense, frequency)
        assert residuals == pytest.approx(expected, abs=1e-9)
        assert scale == pytest.approx(expected_scale, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 30.0), st.floats(-5.0, 5.0))
def test_a_shift_of_one_band_changes_no_residual(seed, frequency, shift):
    star, _ = made_up(seed)
    moved = star.mag + shift * (star.band == star.band[0])
    here, there = (robust_fit(star.time, mag, star.err, star.bounds, frequency) for mag in (star.mag, moved))
    assert there[0] == pytest.approx(here[0], abs=1e-7)  # the factors of Huber's weights carry roundings on
    assert there[1] == pytest.approx(here[1], abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e-300, 1e-5, 1e6, 1e160, 1e300]))
def test_any_errors_and_magnitudes_come_to_an_end(seed, factor):
    star, frequency = made_up(seed)
    residuals, _ = robust_fit(star.time, star.mag * factor, star.err, star.bounds, frequency)
    assert residuals.shape == star.mag.shape
    robust_fit(star.time, star.mag, np.maximum(star.err * factor, 1e-5), star.bounds, frequency)


def test_the_judge_prefers_the_period_that_all_points_have():
    time = np.sort(np.random.default_rng(4).uniform(0, 90, 80))
    mag = 15 + 0.4 * np.cos(2 * np.pi * time / 0.61) + np.random.default_rng(5).normal(0, 0.02, 80)
    mag[7] += 1.5
    star = canonical(time, mag, np.full(80, 0.02), np.zeros(80))
    assert better(*star[:4], 0.31, 1 / 0.61)
    assert not better(*star[:4], 1 / 0.61, 0.31)
    assert not better(*star[:4], 1 / 0.61, 1 / 0.61)
