"""Curves without noise of stars of known shape."""

import numpy as np
import pytest

from tests.training.known_stars import PERIOD_D, SHAPES, seen, slow_shape, slow_star
from training.reobserve.aperiodic.random_walk_model import fit_random_walk
from training.reobserve.choose_model import choose_model
from training.reobserve.periodic_model import fit_periodic


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_fold_follows_the_true_shape_within_the_noise(shape):
    model = fit_periodic(*seen(shape), period_d=PERIOD_D)
    assert model.fault == ""
    phase = np.linspace(0.0, 1.0, 500, endpoint=False)
    miss = model.mag(phase * PERIOD_D) - 14.0 - shape(phase)
    assert np.sqrt(np.mean(miss**2)) < 0.02  # the error of one point


def test_an_eclipse_keeps_its_depth():
    model = fit_periodic(*seen(SHAPES["eclipses"], n=800), period_d=PERIOD_D)
    assert np.ptp(model.curve) == pytest.approx(0.8, abs=0.06)


def test_half_the_period_of_a_binary_is_mended():
    time, mag, err = seen(SHAPES["eclipses"])
    assert fit_periodic(time, mag, err, period_d=PERIOD_D / 2).period_d == pytest.approx(PERIOD_D, rel=1e-5)


def test_a_period_that_is_slightly_wrong_is_mended():
    time, mag, err = seen(SHAPES["sawtooth"])
    model = fit_periodic(
        time, mag, err, period_d=PERIOD_D * (1.0 + PERIOD_D / 2000.0)
    )  # one cycle off in all
    assert model.period_d == pytest.approx(PERIOD_D, rel=3e-5)
    assert model.fault == ""


def test_outliers_are_left_out_of_a_fold_but_eclipses_are_not():
    time, mag, err = seen(SHAPES["eclipses"])
    mag[::50] += 1.5
    model = fit_periodic(time, mag, err, period_d=PERIOD_D)
    assert not model.kept[::50].any()
    in_eclipse = SHAPES["eclipses"](time / PERIOD_D % 1.0) > 0.3
    in_eclipse[::50] = False
    assert model.kept[in_eclipse].mean() > 0.95


def test_noise_is_not_folded():
    rng = np.random.default_rng(2)
    for _ in range(20):
        time = np.sort(rng.uniform(0.0, 2000.0, 300))
        model = fit_periodic(
            time, rng.normal(14.0, 0.1, 300), np.full(300, 0.1), period_d=rng.uniform(0.2, 5.0)
        )
        assert model.fault == "too noisy"


def test_a_star_is_not_folded_at_a_wrong_period():
    time, mag, err = seen(SHAPES["sawtooth"])
    assert fit_periodic(time, mag, err, period_d=0.7717).fault != ""
    model, reason = choose_model(time, mag, err, period_d=0.7717, search=False)
    assert model is None
    assert reason in ("too noisy", "not periodic")


def test_a_gap_in_phase_is_not_filled():
    time, mag, err = seen(SHAPES["sine"])
    kept = time / PERIOD_D % 1.0 > 0.25
    assert fit_periodic(time[kept], mag[kept], err[kept], period_d=PERIOD_D).fault == "gap in phase"


def test_a_missing_period_is_found():
    model, kind = choose_model(*seen(SHAPES["sine"]), period_d=np.nan)
    assert kind == "folded"
    assert model[0].period_d == pytest.approx(PERIOD_D, rel=1e-4)


def test_both_modes_of_a_star_are_found():
    time, _, err = seen(SHAPES["sine"])
    modes = 0.2 * np.sin(2 * np.pi * time / 0.4012) + 0.1 * np.sin(2 * np.pi * time / 0.5384)
    mag = 15.0 + modes + np.random.default_rng(0).normal(0.0, 0.02, time.size)
    model, kind = choose_model(time, mag, err, period_d=np.nan, double_mode=True)
    assert kind == "two modes"
    assert [mode.period_d for mode in model] == pytest.approx([0.4012, 0.5384], rel=1e-4)
    assert choose_model(*seen(SHAPES["sine"]), period_d=PERIOD_D, double_mode=True)[0] is None


def test_a_slow_star_is_interpolated_where_it_is_known_and_only_there():
    model = fit_random_walk(*slow_star())
    assert model.fault == ""
    time = np.arange(10.0, 2300.0, 1.0)
    mag, known = model.mag_at(time)
    in_season = (time % 365.25 > 3.0) & (time % 365.25 < 237.0)
    in_gap = (time % 365.25 > 270.0) & (time % 365.25 < 335.0)
    assert known[in_season].all()
    assert not known[in_gap].any()
    miss = mag[in_season] - slow_shape(time[in_season])
    assert np.sqrt(np.mean(miss**2)) < 0.03  # the error of one point


def test_a_fast_star_is_not_interpolated():
    assert fit_random_walk(*seen(SHAPES["sine"])).fault == "too fast"
