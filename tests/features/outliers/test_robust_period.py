from __future__ import annotations

import numpy as np
import pytest

from features.bands.joint_search import joint_search, room_for_joint_search
from features.bands.points import band_points
from features.outliers.robust_period import robust_period
from tests.features.outliers import oracle
from tests.features.outliers.conftest import canonical, eclipsing, in_eclipse, made_up, real_stars
from tests.features.outliers.windows import exact, stripe82, with_outliers, ztf


@pytest.fixture(scope="module")
def room():
    return room_for_joint_search(1000)


def searched(star, room):
    return joint_search(band_points(*star[:5], True), 2, room)


def looked_at(star, room):
    return robust_period(*star[:5], room)


def same_bits(one, other):
    return (
        one.frequency == other.frequency
        and np.array_equal(one.out, other.out)
        and np.array_equal(one.drawn_mag, other.drawn_mag)
        and one.found.q == other.found.q
        and one.searches == other.searches
    )


def plain(room):
    """The search as the oracle takes it."""

    def search(time, mag, err, band):
        return searched(canonical(time, mag, err, band), room).frequency

    return search


def agree(star, room):
    found = looked_at(star, room)
    frequency, out, drawn, searches = oracle.robust_period(*star.dense, plain(room))
    assert found.frequency == frequency == found.found.frequency
    assert np.array_equal(found.out, out)
    assert found.drawn_mag == pytest.approx(drawn, abs=1e-9)
    assert found.searches == searches
    return found


def test_looks_at_made_up_stars_are_those_of_the_rules_in_plain_numpy(room):
    found = [agree(made_up(seed, outliers=seed % 4)[0], room) for seed in range(60)]
    assert {one.searches for one in found} == {1, 2, 3}
    assert sum(one.out.any() for one in found) > 10


def test_looks_at_real_stars_with_an_outlier_are_those_of_the_rules_in_plain_numpy(shared_data, room):
    stars = [star for star, _ in real_stars(shared_data, a_file=20, most=70) if np.ptp(star.time) < 2000.0]
    assert len(stars) >= 100
    for star in stars:
        agree(star, room)


def test_one_outlier_moves_searches_but_no_looks(room):
    moved = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        time = np.sort(rng.uniform(0, 90, 40))
        mag = 18 + 0.2 * np.cos(2 * np.pi * time / 0.5713) + rng.normal(0, 0.02, 40)
        mag[17] += 1.5
        star = canonical(time, mag, np.full(40, 0.02), np.zeros(40))
        moved += not exact(searched(star, room).frequency, 1 / 0.5713, 90.0)
        found = looked_at(star, room)
        assert exact(found.frequency, 1 / 0.5713, 90.0)
        assert list(np.flatnonzero(found.drawn_mag != star.mag)) == [17]
    assert moved > 10


@pytest.mark.parametrize("seed", range(12))
def test_order_of_arrival_and_repeats_change_no_bit(seed, room):
    star, _ = made_up(seed)
    expected = looked_at(star, room)
    order = np.random.default_rng(seed).permutation(star.time.size)
    order = np.concatenate([order, order[:5]])
    again = canonical(*(series[order] for series in star.dense))
    looked_at(made_up(seed + 100)[0], room)  # and nothing is left in the room
    assert same_bits(looked_at(again, room), expected)


def test_times_on_another_zero_and_bands_on_another_level_change_no_set(room):
    for seed in range(12):
        star, _ = made_up(seed)
        time = np.round(star.time * 2**20) / 2**20  # a shift leaves every difference as it is
        here = looked_at(canonical(time, star.mag, star.err, star.band), room)
        there = looked_at(canonical(time + 2**15, star.mag, star.err, star.band), room)
        assert same_bits(here, there)
        moved = looked_at(canonical(time, star.mag + 0.5 * (star.band == 1), star.err, star.band), room)
        assert moved.frequency == pytest.approx(here.frequency, rel=1e-6)
        assert np.array_equal(moved.out, here.out)


def shares(windows, room):
    """Share of right frequencies by the search and by the looks, each as it is, with one and two outliers."""
    rng = np.random.default_rng(1)
    right = []
    for window in windows:
        stars = (window.star, with_outliers(window.star, rng), with_outliers(window.star, rng, count=2))
        found = [ask(star, room).frequency for ask in (searched, looked_at) for star in stars]
        right.append([exact(each, window.frequency, np.ptp(window.star.time)) for each in found])
    assert len(right) > 150
    return np.mean(right, axis=0).reshape(2, 3)


def test_periods_of_stripe_82_survive_an_outlier(shared_data, room):
    alone, looks = shares(stripe82(shared_data, 30), room)
    assert looks[1] >= 0.57  # the search alone finds 17 %
    assert looks[1] >= alone[1] + 0.3
    assert looks[0] >= alone[0] - 0.03


@pytest.mark.slow
def test_periods_of_ztf_survive_an_outlier(shared_data, room):
    alone, looks = shares(ztf(shared_data, 30), room)
    assert looks[1] >= 0.65
    assert looks[1] >= alone[1] + 0.25
    assert looks[0] >= alone[0] - 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "most"),
    [
        (["css_sss_V"], 0.02),
        (["asas_acvs_V"], 0.06),
        (["ztf_dr_labelled_g", "ztf_dr_labelled_r"], 0.09),
    ],
    ids=["Catalina", "ASAS", "ZTF"],
)
def test_eclipses_stay_at_the_period_that_is_found(shared_data, room, names, most):
    eclipsed = lost = 0
    for name in names:
        for star, orbit in eclipsing(shared_data, name):
            faint = in_eclipse(star, orbit)
            for n in (40, 80, 400):
                part = canonical(*(series[:n] for series in star.dense))
                found = looked_at(part, room)
                eclipsed += faint[:n].sum()
                lost += (faint[:n] & (found.out | (found.drawn_mag != part.mag))).sum()
    assert eclipsed > 500
    assert lost <= most * eclipsed
