from __future__ import annotations

import numpy as np
import pytest

from features.outliers.night import against_its_night
from tests.features.outliers import oracle
from tests.features.outliers.conftest import canonical, made_up


def one_night_each(n=8, nights=6):
    time = np.concatenate([10.0 * night + 0.004 * np.arange(n) for night in range(nights)])
    mag = 15.0 + 0.1 * np.sin(time) + np.random.default_rng(1).normal(0, 0.01, time.size)
    return time, mag, np.full(time.size, 0.01), np.zeros(time.size)


def out(time, mag, err, band):
    star = canonical(time, mag, err, band)
    return against_its_night(*star[:4])


def test_a_point_that_seven_others_of_its_hour_contradict_is_out():
    time, mag, err, band = one_night_each()
    assert not out(time, mag, err, band).any()
    mag[20] += 0.3
    assert list(np.flatnonzero(out(time, mag, err, band))) == [20]


def test_a_flare_of_two_exposures_stays():
    time, mag, err, band = one_night_each()
    mag[[20, 21]] -= (1.0, 0.6)  # of seven others one leans its way: more than a tenth
    assert not out(time, mag, err, band).any()


def test_another_band_says_nothing_of_a_night():
    time, mag, err, band = one_night_each()
    mag[20] += 0.3
    band[20] = 1
    assert not out(time, mag, err, band).any()


def test_if_more_than_a_tenth_were_out_none_is():
    time, mag, err, band = one_night_each(n=12)
    some = np.arange(3, 72, 12)
    mag[some] += 1.0
    assert list(np.flatnonzero(out(time, mag, err, band))) == list(some)  # six of 72
    mag[[30, 42]] -= 1.0
    assert not out(time, mag, err, band).any()  # eight


@pytest.mark.parametrize("seed", range(0, 300, 3))
def test_sets_are_those_of_tables_of_all_pairs(seed):
    star, _ = made_up(seed, outliers=4)
    assert np.array_equal(against_its_night(*star[:4]), oracle.against_its_night(*star.dense))


def test_many_exposures_of_one_hour_take_no_table_of_pairs():
    rng = np.random.default_rng(3)
    star = canonical(
        np.linspace(0.0, 1.0, 3000), rng.normal(15, 0.01, 3000), np.full(3000, 0.01), np.zeros(3000)
    )
    star.mag[1500] += 0.5
    assert list(np.flatnonzero(against_its_night(*star[:4]))) == [1500]
