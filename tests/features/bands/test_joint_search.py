from __future__ import annotations

import itertools

import numpy as np
import pytest

from features.bands.joint_search import joint_search, room_for_joint_search
from features.bands.points import band_points
from tests.features.bands import oracle
from tests.features.bands.real_stars import one_a_night, stripe_82, ztf_dr
from tests.features.bands.stars import Visits, make_star, points_of, search
from tests.features.conftest import period_of

CYCLES = 1e-3
"""Of the baseline: what a frequency may be off by from the oracle's, as accepted."""

PRECISION = 1e-9


def compare(visits):
    """Hold a search to the dense one; return by how many cycles it is off."""
    star, found = oracle.star(*visits), search(visits)
    frequency, drop, tops = oracle.search(star)
    far = [top for top in tops if abs(top[0] - frequency) * star.baseline > 1.0]
    off = abs(found.frequency - frequency) * star.baseline
    assert off <= CYCLES
    assert found.q == pytest.approx(drop, rel=PRECISION)
    assert found.power * star.chi2 == pytest.approx(oracle.candidates(star)[1].max(), rel=PRECISION)
    if far:
        rival = max(far, key=lambda top: top[1])
        assert found.rival == pytest.approx(rival[1] / drop, rel=1e-6)
        assert abs(found.rival_frequency - rival[0]) * star.baseline <= CYCLES
    else:
        assert found.rival == 0.0
        assert np.isnan(found.rival_frequency)
    return off


@pytest.mark.parametrize("bands", ["r", "gr", "ugrizy"])
def test_the_search_finds_what_the_dense_search_finds(bands):
    for seed in range(4):
        compare(make_star(seed, n=20 + 10 * seed, bands=bands, baseline=40.0))


@pytest.mark.slow
def test_it_does_so_for_a_hundred_stars():
    rng = np.random.default_rng(9)
    off = []
    for seed in range(100, 160):
        bands = ("r", "gr", "gri", "ugrizy")[seed % 4 if seed % 5 else 3]
        n = int(rng.integers(20, 61))
        off.append(compare(make_star(seed, n=n, bands=bands, baseline=rng.uniform(20, 120), noise=0.1)))
    assert max(off) <= 1e-4


@pytest.mark.slow
def test_it_does_so_for_real_stars(shared_data):
    rng = np.random.default_rng(10)
    stars = [visits for _, visits in stripe_82(shared_data, every=14)]
    stars += [one_a_night(bands) for _, bands in ztf_dr(shared_data)][::2]
    off = []
    for visits in stars:
        n = int(rng.integers(20, 61))
        begin = int(rng.integers(0, max(1, visits.time.size - n)))
        window = visits.picked(np.argsort(visits.time, kind="stable")[begin : begin + n])
        window = window.picked(window.time < window.time[0] + 250.0)  # or the dense one takes minutes
        if window.time.size >= 12 and np.ptp(window.time) >= 1.0:
            off.append(compare(window))
    assert len(off) >= 40
    assert max(off) <= 1e-4


def one_band(light_curve, **chosen):
    n = light_curve[0].size
    points = band_points(*light_curve, np.array([0, n]), np.array([2]), chosen.get("floors", False))
    found = joint_search(points, chosen.get("stages", 1), room_for_joint_search(n))
    return found.frequency, points.baseline


@pytest.mark.parametrize(
    "survey", ["css_sss_V", "ztf_dr_labelled_r", "asas_acvs_V", "hipparcos_debosscher_Hp"]
)
def test_one_band_without_floors_and_second_stage_has_the_period_of_today(shared_data, survey):
    with np.load(shared_data / "lightcurves" / f"{survey}.npz") as file:
        data = dict(file)
    compared = 0
    for i in np.linspace(0, data["offsets"].size - 2, 24).astype(int):
        at = slice(data["offsets"][i], min(data["offsets"][i] + 120, data["offsets"][i + 1]))
        points = np.unique(np.column_stack([data[key][at] for key in ("time", "mag", "err")]), axis=0)
        points = points[points[:, 2] > 1e-5].astype(float)
        if len(points) >= 8 and np.ptp(points[:, 0]) >= 1.0:
            light_curve = [np.ascontiguousarray(column) for column in points.T]
            frequency, baseline = one_band(light_curve)
            assert abs(frequency - 1.0 / period_of(light_curve, "refined")) * baseline <= 1e-6
            compared += 1
    assert compared >= 20


@pytest.mark.parametrize("bands", ["gr", "ugrizy"])
def test_order_of_arrival_repeats_and_a_band_of_one_point_change_no_bit(bands):
    rng = np.random.default_rng(11)
    for seed in range(6):
        visits = make_star(seed, n=36, bands=bands.replace("u", "g"), baseline=60.0)
        mixed = visits.picked(np.concatenate([rng.permutation(36), rng.integers(0, 36, 5)]))
        lonely = Visits(visits.time[:1] - 0.2, np.array([17.0]), np.array([0.1]), np.array(["u"]))
        mixed = Visits(*(np.concatenate(pair) for pair in zip(mixed, lonely, strict=True)))
        for ours, theirs in zip(points_of(visits), points_of(mixed), strict=True):
            assert np.array_equal(ours, theirs)
        assert repr(search(visits)) == repr(search(mixed))


def test_another_zero_point_of_a_band_or_of_time_changes_no_period():
    for seed in range(6):
        visits = make_star(seed, n=36, bands="gri", baseline=60.0)
        moved = visits._replace(mag=visits.mag + 3.0 * (visits.letter == "r"), time=visits.time - 1_234.5)
        off = search(moved).frequency - search(visits).frequency
        assert abs(off) * np.ptp(visits.time) <= 1e-6


def test_a_room_does_not_remember_what_was_searched_in_it():
    room = room_for_joint_search(300)
    stars = [
        points_of(make_star(seed, n=20 + 40 * seed, bands=bands))
        for seed, bands in enumerate(("ugrizy", "r", "gr"))
    ]
    for points in [*stars, *stars[::-1]]:
        assert repr(joint_search(points, 2, room)) == repr(
            joint_search(points, 2, room_for_joint_search(points.n))
        )


def test_more_bands_than_any_survey_has_are_searched_together():
    """Twelve filters of three points each."""
    visits = make_star(1, n=36, bands="g", baseline=60.0, kind="binary")
    order = np.argsort(visits.time)
    band = np.arange(36) % 12
    order = order[np.argsort(band, kind="stable")]
    series = [np.ascontiguousarray(array[order]) for array in visits[:3]]
    points = band_points(*series, np.arange(0, 37, 3), np.arange(6, 18), True)
    found = joint_search(points, 2, room_for_joint_search(36))
    star = oracle.Star(
        [
            oracle.Band("x", points.x[a:b], points.y[a:b], points.w[a:b], series[2][a:b], 0.0, 0.0)
            for a, b in itertools.pairwise(points.bounds)
        ],
        0.0,
    )
    frequency, _, _ = oracle.search(star)
    assert abs(found.frequency - frequency) * star.baseline <= CYCLES


def test_where_nothing_varies_the_first_frequency_of_the_grid_is_given_without_power():
    visits = make_star(2, n=30, bands="gr")
    visits.mag[:] = np.where(visits.letter == "g", 17.0, 16.5)
    found = search(visits)
    assert found.frequency == 1.0 / (3.0 * np.ptp(visits.time))
    assert (found.power, found.q, found.rival) == (0.0, 0.0, 0.0)


def test_of_frequencies_that_cannot_be_told_apart_the_lowest_is_taken():
    time = np.arange(60.0)  # once a day: f, 1 - f, 1 + f, ...
    visits = Visits(time, np.sin(2 * np.pi * 0.3107 * time), np.full(60, 0.01), np.resize(["g", "r"], 60))
    found = search(visits)
    assert found.frequency == pytest.approx(0.3107, abs=0.2 / 59)
    assert found.rival == pytest.approx(1.0, rel=1e-6)


def test_a_trend_is_searched_down_to_a_third_of_a_cycle_and_the_range_has_an_end():
    rng = np.random.default_rng(11)
    time, letter = rng.uniform(0.0, 10.0, 60), np.resize(["g", "r"], 60)
    trend = search(Visits(time, 0.1 * time, np.full(60, 0.01), letter))
    assert trend.frequency * np.ptp(time) >= (1.0 - 1e-12) / 3.0
    fast = np.sin(2 * np.pi * time / 0.02998)  # just outside: the flank of its peak is inside
    for stages in (1, 2):
        found = search(Visits(time, fast, np.full(60, 0.01), letter), stages=stages)
        assert found.frequency == pytest.approx(1.0 / 0.03, rel=1e-9)
