"""Outbursts of a star whose history is known, and what becomes of stars that have none."""

import math

import numpy as np
import pytest

from tests.training.known_stars import slow_star
from tests.training.reobserve.aperiodic.made_stars import (
    DUTY_CYCLE,
    FLICKER,
    PEAK,
    QUIESCENT,
    dwarf_nova,
)
from training.reobserve.aperiodic.choose_curve import choose_curve
from training.reobserve.aperiodic.outburst_model import fit_outbursts
from training.reobserve.aperiodic.quiescence import DURATIONS_D, duration_chance, two_states
from training.reobserve.band_table import STEADY_DISC, TABLES, Drawn
from training.reobserve.star_in_bands import StarInBands


@pytest.fixture(scope="module")
def model():
    time, mag, err = dwarf_nova()
    return fit_outbursts(time, mag, err, two_states(time, mag))


def test_quiescence_and_duty_cycle_are_the_stars(model):
    assert model.level == pytest.approx(QUIESCENT, abs=0.02)
    # an outburst is seen while it is half a magnitude high: of rise and decline all but a seventh
    expected = DUTY_CYCLE * (1.0 - 0.5 / PEAK)
    assert model.duty_cycle == pytest.approx(expected, abs=2.5 * math.sqrt(expected / 500))
    assert np.std(model.faint) == pytest.approx(FLICKER, abs=0.015)


def test_simulated_outbursts_take_the_stars_share_of_the_time_and_its_heights(model):
    time = np.sort(np.random.default_rng(0).uniform(0.0, 3000.0, 400))
    shares, highest = [], []
    for seed in range(60):
        height, quiescent = model.simulate(time, np.random.default_rng(seed))
        shares.append(np.mean(height > 0.0))
        highest.append(height.max())
        assert height.max() <= PEAK + 5.0 * np.hypot(FLICKER, 0.05)
        assert height[height > 0.0].min() > 0.5
        assert np.abs(quiescent).max() < 5.0 * FLICKER
    d = model.duty_cycle
    assert np.mean(shares) == pytest.approx(d, abs=3.0 * np.std(shares) / math.sqrt(60))
    # outbursts of ten days at random of 400 visits in 3000 days: each is seen by 1.3 of them, binomial within
    # a factor of two
    assert np.std(shares) == pytest.approx(math.sqrt(d * (1.0 - d) / 400), rel=1.0)
    assert np.median(highest) > PEAK - 0.7


def test_heights_are_distributed_as_the_stars_own(model):
    time = np.linspace(0.0, 60000.0, 30000)
    height, _ = model.simulate(time, np.random.default_rng(1))
    passed = np.quantile(height[height > 0.0], [0.25, 0.5, 0.75])
    # a straight decline from 3.5 to 0.5 spends equal times at all heights
    assert passed == pytest.approx(0.5 + np.array([0.25, 0.5, 0.75]) * (PEAK - 0.5), abs=0.35)


def test_an_outburst_lasts_some_days_and_rises_faster_than_it_declines(model):
    time = np.arange(0.0, 20000.0, 0.25)
    height, _ = model.simulate(time, np.random.default_rng(2))
    steps = np.diff(height)[(height[1:] > 0.0) & (height[:-1] > 0.0)]
    assert steps.max() > 3.0 * np.median(-steps[steps < 0.0])
    begins = np.flatnonzero((height[1:] > 0.0) & (height[:-1] == 0.0))
    assert 2.0 < np.sum(height > 0.0) * 0.25 / begins.size < 30.0


@pytest.mark.parametrize("lasts_d", [20.0, 100.0])
def test_durations_are_found_from_nights_of_two_states(lasts_d):
    """Two states that are left at constant rates, looked at every third night."""
    rng = np.random.default_rng(7)
    ends = np.cumsum(rng.exponential(np.tile([lasts_d, 3.0 * lasts_d], 400)))
    night = np.arange(0.0, min(ends[-1], 6000.0), 3.0)
    state = np.searchsorted(ends, night) % 2 == 0
    found = float(np.exp(duration_chance(night, state) @ np.log(DURATIONS_D)))
    assert found == pytest.approx(lasts_d, rel=0.4)


def test_without_close_nights_durations_are_those_of_dwarf_novae():
    night = np.arange(0.0, 200.0 * 365.0, 365.0)
    chance = duration_chance(night, np.random.default_rng(1).random(200) < 0.1)
    assert np.exp(chance @ np.log(DURATIONS_D)) == pytest.approx(8.0, rel=0.4)


def test_nights_that_are_all_alike_tell_nothing_of_durations():
    night = np.arange(0.0, 300.0, 3.0)
    for state in (np.ones(100, bool), np.zeros(100, bool)):
        chance = duration_chance(night, state)
        assert chance.sum() == pytest.approx(1.0)
        assert np.exp(chance @ np.log(DURATIONS_D)) == pytest.approx(8.0, rel=0.1)


def test_a_star_without_outbursts_or_without_quiescence_has_no_two_states():
    time, mag, err = slow_star()
    assert two_states(time, mag).fault != ""
    model, kind = choose_curve(time, mag, err, outbursts=True)
    assert kind == "smoothed"
    assert model is not None
    rng = np.random.default_rng(0)
    assert two_states(time, rng.normal(15.0, 0.3, time.size)).fault == "no outburst"
    one = np.full(time.size, 15.0) + rng.normal(0.0, 0.05, time.size)
    one[40] = 12.0
    assert two_states(time, one).fault == "no outburst"
    few = np.concatenate([np.full(10, 18.0), np.linspace(15.0, 15.5, 9)]) + rng.normal(0.0, 0.01, 19)
    assert two_states(np.arange(19.0), few).fault == "no quiescence"


def test_a_star_with_outbursts_is_only_simulated_if_it_may_have_them():
    assert choose_curve(*dwarf_nova(), outbursts=True)[1] == "outbursts"
    assert choose_curve(*dwarf_nova(), outbursts=False)[1] != "outbursts"


def test_the_light_of_an_outburst_has_the_colour_of_a_steady_disc(model):
    """Far above quiescence nothing else is seen; of a red star it is higher in blue bands."""
    star = StarInBands((), None, TABLES["CV"], (1.5, model))
    quiescent = np.array([0.9, 0.4, 0.0, -0.2, -0.3, -0.35])  # less r
    drawn = Drawn(np.ones(6), quiescent, STEADY_DISC - quiescent)
    height = np.full(6, 12.0)
    mag = quiescent + star.in_outburst(height, np.zeros(6), np.arange(6, dtype=np.int8), drawn)
    nu = 1.0 / np.array([367.0, 483.0, 622.0, 755.0, 869.0, 971.0])
    assert mag - mag[2] == pytest.approx(-2.5 / 3.0 * np.log10(nu / nu[2]), abs=1e-3)
    # half way from g to r it is as high as in V
    seen = [
        star.in_outburst(np.full(1, 3.0), np.zeros(1), np.full(1, band, np.int8), drawn)[0] for band in (1, 2)
    ]
    assert seen[0] < -3.0 < seen[1]
    in_quiescence = star.in_outburst(np.zeros(6), np.zeros(6), np.arange(6, dtype=np.int8), drawn)
    assert in_quiescence == pytest.approx(np.zeros(6), abs=1e-12)


def test_a_drawn_star_is_as_red_in_outburst_as_its_reddening_makes_it():
    rng = np.random.default_rng(2)
    for _ in range(20):
        drawn = TABLES["CV"].draw(rng)
        reddening = (drawn.colour + drawn.outburst - STEADY_DISC)[1]
        assert reddening >= 0.0
        assert (drawn.colour + drawn.outburst - STEADY_DISC)[0] == pytest.approx(
            reddening * (4.145 - 2.273) / (3.237 - 2.273)
        )
