from __future__ import annotations

import numpy as np
import pytest

from features.sorting import room_for_sorting
from features.variability import phase
from features.variability.phase import folded, phase_cusum, phase_eta

SINE = np.sin(2 * np.pi * np.arange(20_000) / 10_000)  # two cycles: folded at twice the period


def phase_fold(time, mag, period):
    return phase.phase_fold(time, mag, period, room_for_sorting(time.size))


def slope_percentiles(since, mag):
    return phase.slope_percentiles(since, mag, room_for_sorting(mag.size))


@pytest.mark.parametrize("start", [0.0, 58_000.0, 2_450_000.0, -3.0e4])
@pytest.mark.parametrize("period", [0.03, 0.0612288570207722, 1.0, 1 / 3, 77.7, 40_000.0])
def test_times_since_the_start_of_a_cycle_have_no_rounding(start, period):
    time = start + np.sort(np.random.default_rng(5).uniform(0.0, 4000.0, 1001))
    time[::10] = np.rint(time[::10])
    since = folded(time, period)
    assert since.size == 1004
    assert (since[1001:] == 0.0).all()
    assert (since >= 0.0).all()
    assert (since < period).all()
    expected = np.mod(time, period)  # exact, but that it may round up to the period from below
    if start < 0.0:
        assert since[:1001] == pytest.approx(expected, rel=1e-15, abs=1e-16 * period)
    else:
        assert np.array_equal(since[:1001], expected)


@pytest.mark.parametrize("cycles", [1, 3, 7, 12_345, 40_000_003])
def test_a_whole_number_of_cycles_folds_to_zero_and_the_time_before_to_the_end(cycles):
    period = 0.0390625  # exact in binary, and so are the products
    time = np.array([cycles * period, np.nextafter(cycles * period, 0.0), -1e-30])
    since = folded(time, period)
    assert since[0] == 0.0
    assert since[1] == time[1] - (cycles - 1) * period
    assert 0.0 <= since[2] < period


def test_folding_puts_points_in_the_order_of_their_time_in_two_periods():
    time = np.array([0.0, 0.3, 1.1, 2.5, 4.9])
    folded, mag = phase_fold(time, np.arange(5.0), 0.6)
    assert folded == pytest.approx([0.0, 0.1, 0.1, 0.3, 1.1])
    assert sorted(mag[1:3]) == [3.0, 4.0]
    assert list(mag[[0, 3, 4]]) == [0.0, 1.0, 2.0]


def test_equal_phases_keep_the_order_of_time():
    _, mag = phase_fold(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([5.0, 6.0, 7.0, 8.0, 9.0]), 1.0)
    assert list(mag) == [5.0, 7.0, 9.0, 6.0, 8.0]


def test_eta_of_noise_is_two():
    noise = np.random.default_rng(6).normal(size=100_000)
    assert phase_eta(noise, 1.0) == pytest.approx(2.0, abs=0.03)  # three standard errors


def test_eta_of_a_smooth_wave_is_the_square_of_its_angular_step():
    step = 2 * np.pi / 10_000
    assert phase_eta(SINE, np.sqrt(0.5)) == pytest.approx(step**2, rel=1e-3)


def test_cusum_of_a_sinusoid_folded_at_two_periods():
    # integral of sin over half a cycle is 2, over an angle of 4 pi, in units of std = 1 / sqrt(2)
    assert phase_cusum(SINE, 0.0, np.sqrt(0.5)) == pytest.approx(2 / (4 * np.pi) * np.sqrt(2), rel=1e-3)


def test_cusum_of_a_square_wave_folded_at_two_periods_is_a_quarter():
    assert phase_cusum(np.sign(SINE + 1e-9), 0.0, 1.0) == pytest.approx(0.25, abs=1e-3)


def test_slopes_of_a_sawtooth_are_its_period_over_its_range():
    time = np.linspace(0.0, 2.0, 500, endpoint=False)
    assert slope_percentiles(time, 0.4 * (time % 1.0)) == pytest.approx((2.5, 2.5), rel=1e-9)


def test_slopes_of_a_triangle_wave_are_both_ways():
    time = np.linspace(0.0, 1.0, 401)
    assert slope_percentiles(time, np.abs(time - 0.5)) == pytest.approx((-1.0, 1.0), rel=1e-9)


def test_pairs_of_equal_magnitudes_have_no_slope():
    assert slope_percentiles(np.arange(4.0), np.array([0.0, 0.0, 2.0, 2.0])) == (0.5, 0.5)


def test_times_whose_cycles_cannot_be_counted_stay_within_the_cycle():
    time = np.array([1e16, -3e17, 1e300, 0.5])
    assert folded(time, 0.0437)[:4].tolist() == (time % 0.0437).tolist()
