from __future__ import annotations

import numpy as np
import pytest

from features.outliers.robust_fit import robust_fit
from features.outliers.support import outliers, unsupported
from tests.features.outliers import oracle
from tests.features.outliers.conftest import canonical, eclipsing, in_eclipse, made_up, real_stars


def pulsator(n, *, seed=1):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, 5.0 * n, n))
    mag = 15 + 0.3 * np.cos(2 * np.pi * time / 0.61) + rng.normal(0, 0.02, n)
    return canonical(time, mag, np.full(n, 0.02), np.zeros(n))


def judged(star):
    out, drawn = outliers(*star[:4], 1 / 0.61)
    return list(np.flatnonzero(out)), list(np.flatnonzero(drawn != star.mag)), drawn


def test_a_lone_bright_point_is_out_and_a_lone_faint_one_of_few_is_drawn_in():
    star = pulsator(40)
    assert judged(star)[:2] == ([], [])
    star.mag[11] -= 1.5
    assert judged(star)[:2] == ([11], [])
    star.mag[11] += 3.0
    out, drawn, mags = judged(star)
    assert (out, drawn) == ([], [11])
    residuals, scale = robust_fit(*star[:4], 1 / 0.61)
    assert mags[11] == pytest.approx(star.mag[11] - residuals[11] + 4 * np.hypot(scale, 0.02), abs=1e-12)


def test_from_sixty_points_on_a_lone_faint_point_is_out():
    star = pulsator(60)
    star.mag[11] += 1.5
    assert judged(star)[:2] == ([11], [])


def test_a_faint_point_that_two_others_of_its_hour_refute_is_out_of_few_points_too():
    star = pulsator(40)
    time = np.concatenate([star.time, star.time[11] + [0.004, 0.008]])
    mag = np.concatenate([star.mag, star.mag[[11, 11]]])
    mag[11] += 1.5
    more = canonical(time, mag, np.full(42, 0.02), np.zeros(42))
    out, drawn, _ = judged(more)
    assert [float(more.time[i]) for i in out] == [float(star.time[11])]
    assert drawn == []


def test_two_lone_points_of_one_side_support_one_another_if_they_are_few():
    star = pulsator(40)
    star.mag[[5, 25]] -= 1.5
    assert judged(star)[:2] == ([], [])
    star = pulsator(80)  # two are 3 % of 80
    star.mag[[5, 25]] -= 1.5
    assert judged(star)[:2] == ([5, 25], [])


def test_a_flare_of_three_exposures_two_days_long_stands():
    star = pulsator(60)
    flare = 11
    star.time[flare + 1 : flare + 3] = star.time[flare] + np.array([0.8, 1.7])
    star.mag[flare : flare + 3] = 14.0
    again = canonical(*star.dense)
    assert judged(again)[0] == []


def test_if_more_than_a_tenth_were_out_none_is():
    star = pulsator(40)
    time = np.concatenate([star.time[:8, None] + [0, 0.004, 0.008] for _ in range(1)]).ravel()
    mag = 15 + 0.3 * np.cos(2 * np.pi * time / 0.61)
    mag[[1, 7, 13]] += (1.0, -1.5, 2.5)  # three of 24, each refuted, none supported
    few = canonical(time, mag, np.full(24, 0.02), np.zeros(24))
    residuals, scale = robust_fit(*few[:4], 1 / 0.61)
    assert unsupported(few.time, residuals, scale, few.err, 1 / 0.61).sum() == 3
    assert judged(few)[0] == []


def same_sets(star, frequency):
    residuals, scale = robust_fit(*star[:4], frequency)
    alone = unsupported(star.time, residuals, scale, star.err, frequency)
    out, drawn = outliers(*star[:4], frequency)
    expected = oracle.unsupported(*oracle_fit(star, frequency), star.err, frequency)
    expected_out, expected_drawn = oracle.outliers(*star.dense, frequency)
    assert np.array_equal(alone, expected)
    assert np.array_equal(out, expected_out)
    assert drawn == pytest.approx(expected_drawn, abs=1e-9)
    return alone.sum()


def oracle_fit(star, frequency):
    return star.time, *oracle.robust_fit(*star.dense, frequency)


def test_sets_of_made_up_stars_are_those_of_tables_of_all_pairs():
    assert sum(same_sets(*made_up(seed, outliers=seed % 5)) for seed in range(250)) > 100


def test_sets_of_real_stars_with_an_injected_point_are_those_of_tables_of_all_pairs(shared_data):
    found = [same_sets(*each) for each in real_stars(shared_data)]
    assert len(found) >= 100
    assert np.count_nonzero(found) > 50


@pytest.mark.parametrize("name", ["css_sss_V", "asas_acvs_V", "ztf_dr_labelled_g"])
def test_eclipses_stay_at_the_true_period_and_five_mad_would_throw_them_away(shared_data, name):
    eclipsed = lost = by_distance = 0
    for star, orbit in eclipsing(shared_data, name):
        faint = in_eclipse(star, orbit)
        out, drawn = outliers(*star[:4], 2.0 / orbit)
        off = star.mag - np.median(star.mag)
        eclipsed += faint.sum()
        lost += (faint & (out | (drawn != star.mag))).sum()
        by_distance += (faint & (np.abs(off) > 5 * oracle.sigma(off))).sum()
    assert eclipsed > 200
    assert lost <= 0.015 * eclipsed
    assert by_distance > 0.15 * eclipsed


def test_a_call_leaves_nothing_behind_for_the_next():
    stars = [made_up(seed) for seed in range(20)]
    first = [outliers(*star[:4], frequency) for star, frequency in stars]
    again = [outliers(*star[:4], frequency) for star, frequency in reversed(stars)][::-1]
    for (out, drawn), (out_again, drawn_again) in zip(first, again, strict=True):
        assert np.array_equal(out, out_again)
        assert np.array_equal(drawn, drawn_again)
