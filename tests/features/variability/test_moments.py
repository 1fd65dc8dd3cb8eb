from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from features.variability.moments import (
    hl_amp_ratio,
    percentile,
    skewness_kurtosis,
    stetson_k,
    weighted_mean_std,
)

CYCLES = np.linspace(0.0, 300.0, 300_001)  # a cut cycle costs 1e-3 at most
WAVES = {
    "square": np.where(CYCLES % 1.0 < 0.5, 1.0, -1.0),
    "sine": np.sin(2 * np.pi * CYCLES),
    "sawtooth": CYCLES % 1.0 - 0.5,
}
NOISE = np.random.default_rng(1).normal(18.0, 0.3, 457)
ERR = np.random.default_rng(2).uniform(0.01, 0.1, NOISE.size)


@pytest.mark.parametrize(
    ("wave", "expected"), [("square", 1.0), ("sine", np.sqrt(8) / np.pi), ("sawtooth", np.sqrt(12) / 4)]
)
def test_stetson_k_of_a_known_wave(wave, expected):
    mag = WAVES[wave]
    assert stetson_k(mag, np.ones_like(mag), 0.0) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("wave", "expected"), [("square", -2.0), ("sine", -1.5), ("sawtooth", -1.2)])
def test_a_symmetric_wave_has_no_skewness_and_a_known_kurtosis(wave, expected):
    skewness, kurtosis = skewness_kurtosis(WAVES[wave])
    assert skewness == pytest.approx(0.0, abs=1e-3)
    assert kurtosis == pytest.approx(expected, abs=2e-3)


def test_skewness_and_kurtosis_are_those_of_scipy():
    assert skewness_kurtosis(NOISE) == pytest.approx((stats.skew(NOISE), stats.kurtosis(NOISE)), abs=1e-12)


@pytest.mark.parametrize("wave", ["sine", "sawtooth"])
def test_a_wave_symmetric_about_its_median_has_equal_sides(wave):
    mag = WAVES[wave]
    assert hl_amp_ratio(mag, np.ones_like(mag), np.median(mag)) == pytest.approx(1.0, rel=5e-3)


def test_eclipses_make_the_faint_side_larger_by_the_ratio_of_their_depths():
    # bright side: half at 0, half at -1 with scatter 1/2; faint side: all at +3
    mag = np.array([-1.0, -1.0, 0.0, 0.0, 3.0, 3.0, 3.0])
    assert hl_amp_ratio(mag, np.ones(7), 0.0) == pytest.approx(np.sqrt(9.0 / 0.5))


def test_an_error_weighs_by_its_inverse_in_the_amplitude_ratio():
    mag = np.array([-1.0, 1.0, 2.0])
    assert hl_amp_ratio(mag, np.array([1.0, 1.0, 3.0]), 0.0) == pytest.approx(
        np.sqrt((1.0 + 4.0 / 3.0) / (4.0 / 3.0))
    )


def test_without_a_point_fainter_than_the_median_the_ratio_is_not_finite():
    mag = np.array([1.0, 2.0, 2.0, 2.0])
    assert not np.isfinite(hl_amp_ratio(mag, np.ones(4), 2.0))


def test_mean_and_standard_deviation_weigh_by_the_inverse_error():
    assert weighted_mean_std(np.array([0.0, 1.0]), np.array([3.0, 1.0])) == pytest.approx(
        (0.75, np.sqrt(3 / 16))
    )
    mean = np.average(NOISE, weights=1 / ERR)
    std = np.sqrt(np.average((NOISE - mean) ** 2, weights=1 / ERR))
    assert weighted_mean_std(NOISE, ERR) == pytest.approx((mean, std), rel=1e-13)


@pytest.mark.parametrize("percent", [0.0, 10.0, 25.0, 50.0, 73.0, 90.0, 100.0])
def test_percentiles_are_those_of_numpy(percent):
    assert percentile(np.sort(NOISE), percent) == pytest.approx(np.percentile(NOISE, percent), rel=1e-14)


def test_the_percentile_of_one_value_is_that_value():
    assert percentile(np.array([7.0]), 90.0) == 7.0
