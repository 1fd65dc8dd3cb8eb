from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.bands.merged_curve import amplitude_ratios, levels, merged_curve
from tests.features.bands import oracle
from tests.features.bands.stars import Visits, canonical, make_star, points_of


def levels_of(visits, frequency):
    return levels(points_of(visits), canonical(visits)[1], frequency)


def within_bands(visits, level):
    """Whether each band's level is within the magnitudes of the band."""
    _, mag, _, bounds, _ = canonical(visits)
    its = [mag[a:b] for a, b in itertools.pairwise(bounds)]
    return [each.min() <= own <= each.max() for each, own in zip(its, level, strict=True)]


@pytest.mark.parametrize("bands", ["z", "gr", "ugrizy"])
@pytest.mark.parametrize("frequency", [1e-3, 0.37, 2.1])
def test_levels_and_ratios_are_those_of_dense_least_squares(bands, frequency):
    for seed in range(4):
        visits = make_star(seed, bands=bands)
        points, star = points_of(visits), oracle.star(*visits)
        level = oracle.levels_within(star, frequency)
        _, ratio = oracle.levels_and_ratios(star, frequency, fit_ratios=True)
        assert levels_of(visits, frequency) == pytest.approx(list(level.values()), abs=1e-10)
        assert amplitude_ratios(points, frequency) == pytest.approx(list(ratio.values()), rel=1e-10)


def test_the_curve_is_in_order_of_time_and_band_and_each_point_keeps_its_error():
    visits = make_star(5, bands="gri", n=60)
    visits.time[10:14] = visits.time[10]  # several bands at once
    time, mag, err, bounds, letters = canonical(visits)
    level = np.array([1.0, 20.0, 300.0])
    merged = merged_curve(time, mag, err, bounds, level)
    band = np.repeat(letters, np.diff(bounds))
    order = np.lexsort((band, time))
    assert np.array_equal(merged.time, time[order])
    assert np.array_equal(merged.mag, (mag - np.repeat(level, np.diff(bounds)))[order])
    assert np.array_equal(merged.err, err[order])


def test_a_colour_does_not_depend_on_which_phases_were_seen():
    """g at maximum, r at minimum: their means are 0.8 mag redder than the star."""
    rng = np.random.default_rng(6)
    time = rng.uniform(0.0, 40.0, 4000)
    wave = 0.5 * np.cos(2 * np.pi * 0.61 * time)
    letter = np.where(np.arange(4000) % 2, "g", "r")
    seen = np.where(letter == "g", wave < 0.3, wave > -0.3)
    mag = 17.0 + 0.4 * (letter == "g") + wave
    visits = Visits(time, mag, np.full(4000, 0.02), letter).picked(seen)
    points = points_of(visits)
    g, r = levels_of(visits, 0.61)
    assert g - r == pytest.approx(0.4, abs=0.02)
    assert points.mean[0] - points.mean[1] < 0.2


def test_amplitudes_of_many_points_are_the_stars_own_and_of_few_the_priors():
    rng = np.random.default_rng(7)
    time, letter = rng.uniform(0.0, 40.0, 2000), np.array(list("gri"))[np.arange(2000) % 3]
    own = {"g": 1.0, "r": 0.6, "i": 1.3}
    wave = np.array([own[each] for each in letter]) * 0.4 * np.cos(2 * np.pi * 0.61 * time)
    star = Visits(time, 17.0 + wave + 0.01 * rng.normal(size=2000), np.full(2000, 0.01), letter)
    found = amplitude_ratios(points_of(star), 0.61)
    assert found / found[0] == pytest.approx([1.0, 0.6, 1.3], rel=0.03)
    faint = Visits(time, 17.0 + 0.1 * rng.normal(size=2000), np.full(2000, 1.0), letter).picked(slice(0, 30))
    assert amplitude_ratios(points_of(faint), 0.61) == pytest.approx([1.0, 0.82, 0.72], abs=0.03)


def test_a_period_longer_than_the_baseline_has_levels():
    visits = make_star(8, bands="gr", baseline=20.0)
    assert np.isfinite(levels_of(visits, 1.0 / 500.0)).all()


@st.composite
def few_visits(draw):
    """Eight to thirty points of up to six bands, of rounded magnitudes: many of a band may be equal."""
    n = draw(st.integers(8, 30))
    bands = draw(st.sampled_from(["gr", "gri", "ugrizy"]))
    letter = np.array(draw(st.lists(st.sampled_from(bands), min_size=n, max_size=n)))
    letter[:4] = list("grgr")
    hundredths = st.lists(st.integers(0, draw(st.sampled_from([1, 20, 300]))), min_size=n, max_size=n)
    days = st.lists(st.floats(0.0, 60.0), min_size=n, max_size=n, unique=True)
    err = draw(st.lists(st.sampled_from([1e-3, 0.02, 0.5]), min_size=n, max_size=n))
    return Visits(np.array(draw(days)), 15.0 + np.array(draw(hundredths)) / 100.0, np.array(err), letter)


@settings(max_examples=300, deadline=None)
@given(few_visits(), st.floats(math.log(1e-3), math.log(30.0)).map(math.exp))
@example(make_star(0, n=9, bands="gr", baseline=4.0), 0.013)
def test_no_level_is_beyond_the_magnitudes_of_its_band(visits, frequency):
    assert all(within_bands(visits, levels_of(visits, frequency)))


def test_a_tenth_of_a_cycle_of_a_constant_star_leaves_its_levels_within_its_noise():
    """Of three sigma; plainly fitted they are off by 0.04 to 0.58 mag."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        time = np.repeat([0.0, 1.0, 4.0], 8) + 0.1 * rng.random(24)
        letter = np.array(list("gr"))[np.arange(24) % 2]
        mag = 17.0 + 0.4 * (letter == "g") + 0.02 * rng.normal(size=24)
        found = levels_of(Visits(time, mag, np.full(24, 0.02), letter), 1.0 / 50.0)
        assert found == pytest.approx([17.4, 17.0], abs=0.06)


def test_of_a_band_of_equal_magnitudes_these_are_the_level_to_the_last_bit():
    """And the others have their means, as by a shape of no amplitude."""
    visits = make_star(9, bands="gr", n=30, kind="pulsator")
    visits.mag[visits.letter == "r"] = 17.7
    points, (g, r) = points_of(visits), levels_of(visits, 0.4)
    assert r == 17.7
    assert g == points.mean[0]
