from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.bands.climb import drops_at
from tests.features.bands import oracle
from tests.features.bands.stars import Visits, make_star, points_of

PRECISION = 1e-9


def drops(points, stages, frequencies):
    """(m,) drops of chi^2, by the kernel."""
    m = len(frequencies)
    filled = np.resize(np.asarray(frequencies, float), -(-m // 4) * 4)
    value = np.empty(filled.size)
    drops_at(points, stages, filled, value)
    return value[:m] * points.chi2


def stage_of(stages):
    return oracle.first_stage if stages == 1 else oracle.second_stage


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("bands", ["i", "gr", "ugrizy"])
def test_drops_are_those_of_the_definition(bands, stages):
    frequencies = np.random.default_rng(1).uniform(0.02, 33.0, 100)
    for seed in range(4):
        visits = make_star(seed, bands=bands, n=35)
        expected = stage_of(stages)(oracle.star(*visits), frequencies)
        assert drops(points_of(visits), stages, frequencies) == pytest.approx(expected, rel=PRECISION)


@pytest.mark.parametrize("harmonics", [1, 2])
@pytest.mark.parametrize("ratio", [oracle.EQUAL, oracle.PULSATOR])
def test_the_definition_is_dense_least_squares(harmonics, ratio):
    for seed in range(4):
        star = oracle.star(*make_star(seed, bands="gri", n=35))
        for frequency in (0.37, 1.0007, 3.21, 20.2):
            dense = oracle.by_least_squares(star, frequency, harmonics, ratio)
            assert oracle.drop(star, frequency, harmonics, ratio)[0] == pytest.approx(dense, rel=PRECISION)


@pytest.mark.parametrize("stages", [1, 2])
def test_where_phases_are_nearly_all_the_same_no_digits_are_lost(stages):
    """Ten of twelve exposures within a second of whole days, seen at frequencies close to 1 / d."""
    rng = np.random.default_rng(2)
    time = 1000.0 + np.concatenate([np.arange(10) + 1e-5 * rng.random(10), [3.31, 6.74]])
    letter = np.array(["g", "r"])[np.arange(12) % 2]
    visits = Visits(time, rng.normal(17.0, 0.3, 12), np.full(12, 0.02), letter)
    points, star = points_of(visits), oracle.star(*visits)
    for frequency in (1.0, 2.0, 1.0 + 1e-7):
        if stages == 2:
            ways = [
                oracle.by_least_squares(star, frequency, 2, each) for each in (oracle.EQUAL, oracle.PULSATOR)
            ]
        else:
            ways = [oracle.by_least_squares(star, frequency, 1, oracle.EQUAL)]
        assert drops(points, stages, [frequency])[0] == pytest.approx(max(ways), rel=1e-6)


@pytest.mark.parametrize("stages", [1, 2])
def test_of_whole_days_nothing_is_learnt_at_one_a_day_and_one_amplitude_at_half_of_it(stages):
    rng = np.random.default_rng(3)
    time = np.arange(30.0)
    mag = rng.normal(17.0, 0.3, 30)
    letter = np.where(rng.random(30) < 0.5, "g", "r")
    visits = Visits(time, mag, np.full(30, 0.02), letter)
    points, star = points_of(visits), oracle.star(*visits)
    found = drops(points, stages, [1.0, 0.5])
    assert found[0] == 0.0
    even = 0.0  # (sum w y c)^2 / sum w (c - mean)^2 of c = +-1 at even and odd days, by the definition
    square = sum((band.w * np.cos(np.pi * band.x)) @ band.y for band in star.bands)
    for band in star.bands:
        c = np.cos(np.pi * band.x)
        even += band.w @ (c - np.average(c, weights=band.w)) ** 2
    assert found[1] == pytest.approx(square**2 / even, rel=PRECISION)


def test_a_shape_that_the_model_has_takes_nearly_all_away():
    rng = np.random.default_rng(4)
    time, letter = rng.uniform(0.0, 50.0, 200), np.array(["g", "r"])[np.arange(200) % 2]
    wave = np.cos(2 * np.pi * 0.7 * time) * np.where(letter == "g", 1.0, 0.7)
    visits = Visits(time, 17.0 + (letter == "g") + wave, np.full(200, 0.01), letter)
    points = points_of(visits, floors=False)
    second = drops(points, 2, [0.7])[0] / points.chi2
    assert second == pytest.approx(1.0, abs=1e-9)  # in the amplitudes of a pulsator
    assert drops(points, 1, [0.7])[0] / points.chi2 < 0.98  # not in equal ones


@given(
    seed=st.integers(0, 10**6),
    bands=st.sampled_from(["r", "gr", "gri", "ugrizy"]),
    n=st.integers(13, 60),
    frequencies=st.lists(st.floats(1e-3, 33.3), min_size=1, max_size=40),
    stages=st.sampled_from([1, 2]),
)
@settings(max_examples=120, deadline=None)
def test_one_more_point_raises_the_drop_nowhere_by_more_than_its_own_share(
    seed, bands, n, frequencies, stages
):
    """w W / (w + W) (m - mean)^2 of the band that it joins: the bound that a lazy search would need."""
    visits = make_star(seed, bands=bands, n=n)
    fewer = points_of(visits.picked(slice(None, -1)), floors=False)
    more = points_of(visits, floors=False)
    band = fewer.letters.tolist().index("ugrizy".index(visits.letter[-1]))
    w, weight = visits.err[-1] ** -2.0, fewer.weight[band] * fewer.total
    share = w * weight / (w + weight) * (visits.mag[-1] - fewer.mean[band]) ** 2
    before, after = (drops(points, stages, frequencies) for points in (fewer, more))
    assert more.chi2 == pytest.approx(fewer.chi2 + share, rel=1e-9)
    assert (after <= (before + share) * (1.0 + 1e-9)).all()
