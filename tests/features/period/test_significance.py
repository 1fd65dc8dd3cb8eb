from __future__ import annotations

import decimal
import math

import numpy as np
import pytest

from features.period.significance import (
    Coverage,
    Peak,
    coverage,
    false_alarm_probability,
    frequency_error,
    period_probability,
    significance,
)
from features.sorting import room_for_sorting
from features.status import Status

GOOD = Coverage(eta=0.2, gap=0.1, nights=40, left=0.05, one_hour=False)
PEAK = Peak(power=0.8, rival=0.8, drops=(90.0, 100.0, 90.0), chi2=110.0, bands=1)


def seen(time, mag, frequency, left=0.1):
    residuals = math.sqrt(left) * (mag - mag.mean())
    return coverage(time, mag, residuals, frequency, room_for_sorting(time.size))


def wave(n=60, baseline=100.0, period=0.61, noise=0.0, seed=1):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, baseline, n))
    return time, 15 + 0.3 * np.cos(2 * np.pi * time / period) + rng.normal(0, noise, n)


def test_neighbours_in_phase_of_a_wave_agree_and_those_of_noise_do_not():
    time, mag = wave(n=400)
    assert seen(time, mag, 1 / 0.61).eta < 0.01
    noise = np.random.default_rng(2).normal(size=4000)
    assert seen(np.sort(np.random.default_rng(3).uniform(0, 900, 4000)), noise, 0.7).eta == pytest.approx(
        2, abs=0.1
    )


def test_a_binary_is_folded_at_its_orbit_not_at_half_of_it():
    time = np.linspace(0.0, 300.0, 700)
    phase = (time / 2.0) % 1.0
    unequal = np.where(np.abs(phase - 0.25) < 0.1, 1.0, 0.0) + np.where(np.abs(phase - 0.75) < 0.1, 0.5, 0.0)
    assert seen(time, unequal, 1.0).eta < 0.1  # the search finds 1 d, the orbit is 2 d


@pytest.mark.parametrize("missing", [0.0, 0.2, 0.45])
def test_the_gap_is_the_part_of_the_cycle_that_was_not_seen(missing):
    phase = missing / 2 + (1 - missing) * (np.arange(200) + 0.5) / 200  # the gap is around phase zero
    time = np.sort(np.arange(200) * 0.7 + 0.7 * np.random.default_rng(4).permutation(phase))
    step = (1 - missing) / 200
    assert seen(time, np.cos(time), 1 / 0.7).gap == pytest.approx(missing + step, abs=1e-9)


def test_epochs_more_than_0_3_d_apart_are_of_two_nights():
    time = np.array([0.0, 0.1, 0.35, 1.0, 1.29, 1.6, 9.0])
    assert seen(time, np.sin(time), 0.7).nights == 4  # 0.35 to 1.0, 1.29 to 1.6, 1.6 to 9


def test_one_hour_of_the_day_may_lie_around_its_beginning():
    days = np.arange(40.0)
    rng = np.random.default_rng(5)
    for middle in (0.4, 0.99):
        time = 60000.0 + days + middle + rng.uniform(-0.049, 0.049, 40)
        assert seen(time, np.sin(time), 0.7).one_hour
    time[::2] += 0.25
    assert not seen(np.sort(time), np.sin(time), 0.7).one_hour


def test_what_is_left_is_that_of_the_residuals():
    time, mag = wave()
    assert seen(time, mag, 1 / 0.61, left=0.25).left == pytest.approx(0.25, rel=1e-12)


def test_the_probability_is_the_logistic_of_its_five_numbers():
    z = 13.58 - 0.98 * math.log(0.2) - 17.58 * 0.8 - 5.38 * 0.1 + 0.83 * math.log(40) - 0.54 * math.log(0.05)
    assert period_probability(GOOD, 0.8) == pytest.approx(1 / (1 + math.exp(-z)), rel=1e-12)
    bounded = Coverage(eta=0.0, gap=0.0, nights=1, left=0.0, one_hour=False)
    z = 13.58 - 0.98 * math.log(0.01) - 17.58 * 0.75 - 0.54 * math.log(0.001)
    assert period_probability(bounded, 0.0) == pytest.approx(1 / (1 + math.exp(-z)), rel=1e-12)


@pytest.mark.parametrize(
    "worse", [{"eta": 1.5}, {"gap": 0.4}, {"nights": 5}, {"left": 0.9}], ids=lambda change: next(iter(change))
)
def test_each_number_that_is_worse_makes_a_period_less_probable(worse):
    assert period_probability(GOOD._replace(**worse), 0.8) < period_probability(GOOD, 0.8)
    assert period_probability(GOOD, 0.99) < period_probability(GOOD, 0.8)


@pytest.mark.parametrize("power", [0.0, 0.05, 0.3, 0.7, 0.95, 1.0])
@pytest.mark.parametrize(("n", "bands"), [(10, 1), (40, 1), (40, 3), (400, 6)])
def test_the_false_alarm_probability_has_all_its_digits(power, n, bands):
    with decimal.localcontext(decimal.Context(prec=400)):
        single = (1 - decimal.Decimal(power)) ** (decimal.Decimal(n - bands - 2) / 2)
        frequencies = 2 * 250 / decimal.Decimal("0.03")
        expected = float(1 - (1 - single) ** frequencies) if single < 1 else 1.0
    assert false_alarm_probability(power, n, bands, 250.0) == pytest.approx(expected, rel=1e-9)


def test_without_a_degree_of_freedom_any_power_is_chance():
    assert false_alarm_probability(1.0, 8, 6, 30.0) == 1.0


def test_noise_looks_significant_as_often_as_it_says():
    """One frequency in place of M: 1 - p of noise to the power of (n - 3) / 2 is even in 0 to 1."""
    rng = np.random.default_rng(6)
    angle = 2 * np.pi * np.arange(30) * 0.137
    design = np.column_stack([np.ones(30), np.cos(angle), np.sin(angle)])
    noise = rng.normal(size=(30, 4000))
    noise -= noise.mean(axis=0)
    rest = noise - design @ np.linalg.lstsq(design, noise, rcond=None)[0]
    power = 1 - (rest**2).sum(axis=0) / (noise**2).sum(axis=0)
    chance = [false_alarm_probability(each, 30, 1, 0.015) for each in power]  # M = 1
    assert np.quantile(chance, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.03)


def drop(time, mag, err, frequency):
    """Of chi^2 by two harmonics, the second with the ridge of the joint search, by dense least squares."""
    angle = 2 * np.pi * frequency * time
    design = np.column_stack([np.ones_like(angle), *(g(k * angle) for k in (1, 2) for g in (np.cos, np.sin))])
    rows = np.vstack([design / err, np.diag(np.sqrt([0, 0, 0, 0.5, 0.5]) * math.sqrt(time.size) / err)])
    right = np.concatenate([mag / err, np.zeros(5)])
    fit = np.linalg.lstsq(rows, right, rcond=None)[0]
    return (mag**2).sum() / err**2 - ((right - rows @ fit) ** 2).sum()


@pytest.mark.parametrize(("n", "amplitude", "noise"), [(500, 0.3, 0.05), (2000, 0.1, 0.1)])
def test_the_error_of_a_sinusoids_frequency_is_that_of_theory(n, amplitude, noise):
    """sqrt(6 / n) sigma / (pi A T): Montgomery & O'Donoghue (1999), Delta Scuti Star Newsletter 13, 28."""
    baseline = 50.0
    time = np.linspace(0.0, baseline, n)
    mag = amplitude * np.sin(2 * np.pi * 1.7 * time) + np.random.default_rng(7).normal(0, noise, n)
    mag -= mag.mean()
    step = 0.02 / baseline
    near = 1.7 + np.linspace(-5e-4, 5e-4, 201)
    top = near[np.argmax([drop(time, mag, noise, f) for f in near])]
    drops = tuple(float(drop(time, mag, noise, top + k * step)) for k in (-1, 0, 1))
    peak = PEAK._replace(drops=drops, chi2=float((mag**2).sum() / noise**2))
    theory = math.sqrt(6 / n) * noise / (math.pi * amplitude * baseline)
    expected = math.hypot(1.2 * theory, 0.02 / baseline)
    assert frequency_error(peak, n, baseline) == pytest.approx(expected, rel=0.02)


def test_where_no_degree_of_freedom_is_left_there_is_no_error():
    assert math.isnan(frequency_error(PEAK, 6, 30.0))
    assert frequency_error(PEAK, 7, 30.0) > 0.0
    assert math.isnan(frequency_error(PEAK._replace(bands=2), 7, 30.0))


def bits(time, mag, frequency, peak=PEAK):
    found, _ = significance(time, mag, 0.1 * (mag - mag.mean()), frequency, peak, room_for_sorting(time.size))
    return found, Status(int(found.bits))


def test_a_well_seen_wave_has_no_bits_and_an_error():
    time, mag = wave()
    found, status = bits(time, mag, 1 / 0.61)
    assert status == Status.OK
    assert found.p_period > 0.9
    assert found.period_error == pytest.approx(0.61**2 * frequency_error(PEAK, 60, np.ptp(time)), rel=1e-9)
    assert found.n_nights == 1 + np.count_nonzero(np.diff(time) > 0.3)


def test_bits_name_what_is_wrong_with_a_period():
    time, mag = wave()
    assert bits(time, mag, 0.517)[1] == Status.POOR_FIT
    assert bits(time, mag, 1 / 0.61, PEAK._replace(rival=0.951))[1] == Status.ALIAS
    assert bits(time, mag, 1 / 0.61, PEAK._replace(rival=0.95))[1] == Status.OK
    few = (time % 0.61) < 0.4
    assert bits(time[few], mag[few], 1 / 0.61)[1] == Status.FEW_PHASES


def test_few_nights_leave_no_error_of_the_period():
    time = np.concatenate([7.3 * night + 0.01 * np.arange(12) for night in range(10)])
    found, status = bits(time, np.cos(2 * np.pi * time / 0.61), 1 / 0.61)
    assert status & Status.FEW_NIGHTS
    assert found.n_nights == 10
    assert math.isnan(found.period_error)
    assert 0.0 < found.p_period < 1.0


def test_a_peak_without_curvature_has_no_error():
    found, _ = bits(*wave(), 1 / 0.61, PEAK._replace(drops=(1.0, 1.0, 1.0)))
    assert math.isnan(found.period_error)
