"""When and how well ZTF and LSST look: facts measured on their data, and published ones."""

import dataclasses

import numpy as np
import pytest

from training.errors import SettingsError
from training.reobserve.ztf_and_lsst import CADENCES, LSST_LIKE, ZTF_LIKE

N_STARS = 600


def visits_of(cadence, seed=3):
    rng = np.random.default_rng(seed)
    return [cadence.draw_visits(rng) for _ in range(N_STARS)]


def nights_of(visits):
    return np.unique(np.floor(visits.time + 0.5))


@pytest.fixture(scope="module", params=CADENCES)
def drawn(request):
    return CADENCES[request.param], visits_of(CADENCES[request.param])


def test_times_rise_and_lie_in_the_night(drawn):
    _, visits = drawn
    for one in visits:
        assert (np.diff(one.time) > 0.0).all()
        from_midnight = (one.time + 0.5) % 1.0 - 0.5
        assert np.abs(from_midnight).max() < 0.46


def test_every_exposure_has_a_depth_near_that_of_its_band(drawn):
    cadence, visits = drawn
    depths = cadence.survey.depth
    for one in visits:
        assert one.depth.shape == one.time.shape
        assert one.band.shape == one.time.shape
        for number in np.unique(one.band):
            assert abs(np.median(one.depth[one.band == number]) - depths["ugrizy"[number]]) < 2.0
    seen = np.unique(np.concatenate([one.band for one in visits]))
    assert {"ugrizy"[number] for number in seen} == set(depths)


def test_a_star_is_lost_for_a_part_of_every_year(drawn):
    cadence, visits = drawn
    long = [one for one in visits if np.ptp(one.time) > 730.0]
    assert len(long) > 100
    for one in long:
        assert np.diff(nights_of(one)).max() >= cadence.season_gap_d[0] - 1.0


def test_the_nights_of_ztf_are_as_far_apart_as_measured():
    in_a_band = [one.take(one.band == number) for one in visits_of(ZTF_LIKE) for number in (1, 2)]
    gaps = np.concatenate([np.diff(nights_of(one)) for one in in_a_band])
    shares = [(gaps == nights).mean() for nights in (1, 2, 3, 4)]
    assert shares == pytest.approx(
        [0.35, 0.21, 0.17, 0.07], abs=0.06
    )  # twelve stars of the forced photometry
    assert (gaps <= 8).mean() == pytest.approx(0.90, abs=0.03)


def test_ztf_has_both_bands_in_half_of_its_nights_an_hour_apart():
    shares, minutes, of_r = [], [], []
    for one in visits_of(ZTF_LIKE):
        g, r = (nights_of(one.take(one.band == number)) for number in (1, 2))
        shares.append(len(np.intersect1d(g, r)) / len(np.union1d(g, r)))
        of_r.append(len(r) / (len(g) + len(r)))
        for night in np.intersect1d(g, r)[:10]:
            there = np.floor(one.time + 0.5) == night
            times = [one.time[there & (one.band == number)] for number in (1, 2)]
            minutes.append(np.abs(times[0][:, None] - times[1]).min() * 1440.0)
    assert np.median(shares) == pytest.approx(0.55, abs=0.08)  # 42 stars: 0.56, 0.54
    assert np.percentile(shares, [5, 95]) == pytest.approx([0.35, 0.65], abs=0.1)
    assert np.median(of_r) == pytest.approx(0.51, abs=0.04)
    assert np.percentile(minutes, [5, 50, 95]) == pytest.approx([18.0, 62.0, 158.0], rel=0.25)


def test_lsst_pairs_are_mostly_of_different_bands_half_an_hour_apart():
    wide = LSST_LIKE.by_main_strategy()
    steps = [np.diff(one.time) * 1440.0 for one in visits_of(wide)]
    changes = [np.diff(one.band) != 0 for one in visits_of(wide)]
    same_night = np.concatenate(steps) < 240.0
    assert np.concatenate(changes)[same_night].mean() > 0.8
    assert np.median(np.concatenate(steps)[same_night]) == pytest.approx(26.0, abs=5.0)  # 15 to 45
    assert np.mean(~same_night) == pytest.approx(0.5, abs=0.06)


def test_the_wide_survey_of_lsst_takes_the_published_number_of_visits_in_each_band():
    wide = dataclasses.replace(
        LSST_LIKE,
        strategies=(dataclasses.replace(LSST_LIKE.strategies[0], share=1.0, duration_d=(3652.0, 3653.0)),),
    )
    visits = visits_of(wide)
    published = {"u": 56, "g": 74, "r": 184, "i": 184, "z": 160, "y": 160}
    for number, band in enumerate("ugrizy"):
        counts = [np.count_nonzero(one.band == number) for one in visits]
        assert np.median(counts) == pytest.approx(published[band], rel=0.25)


def test_a_deep_field_is_exposed_many_times_a_night():
    deep = dataclasses.replace(
        LSST_LIKE, strategies=(dataclasses.replace(LSST_LIKE.strategies[1], share=1.0),)
    )
    counts = np.concatenate(
        [np.unique(np.floor(one.time[one.band == 2] + 0.5), return_counts=True)[1] for one in visits_of(deep)]
    )
    assert 4 <= np.median(counts) <= 20  # 13 in the alert packets


def test_by_the_main_strategy_no_star_is_in_a_deep_field():
    most = [
        np.unique(np.floor(one.time + 0.5), return_counts=True)[1].max()
        for one in visits_of(LSST_LIKE.by_main_strategy())
    ]
    assert max(most) <= 8  # a pair of visits, now and then repeated; in a deep field 13 in a band alone


@pytest.mark.parametrize(
    ("mag", "measured"),
    [(14.25, 0.0166), (16.25, 0.0191), (17.25, 0.0296), (18.25, 0.0583), (19.25, 0.1185), (19.75, 0.161)],
)
def test_errors_of_the_ztf_data_release_are_as_measured(mag, measured):
    depth = np.array([20.5 - ZTF_LIKE.archive_loss])
    assert ZTF_LIKE.archive_noise.error(np.array([mag]), depth)[0] == pytest.approx(measured, rel=0.22)


def test_mean_magnitudes_follow_the_table():
    rng = np.random.default_rng(0)
    mags = [ZTF_LIKE.draw_mean_mag(rng) for _ in range(4000)]
    assert np.percentile(mags, [25, 50, 75]) == pytest.approx([14.9, 16.2, 17.8], abs=0.5)  # 706 alerts
    assert min(mags) >= 13.0


def test_shares_that_do_not_add_up_are_refused():
    g_half = dataclasses.replace(ZTF_LIKE.strategies[0], share=1.0, bands={"g": 0.5})
    with pytest.raises(SettingsError, match=r"bands of a strategy of cadence 'ztf' have shares .* 0\.5"):
        dataclasses.replace(ZTF_LIKE, strategies=(g_half,))
    with pytest.raises(SettingsError, match=r"strategies of cadence 'ztf' have shares that add up to 0\.6"):
        dataclasses.replace(ZTF_LIKE, strategies=ZTF_LIKE.strategies[:1])


def test_a_band_without_a_depth_is_refused():
    in_z = dataclasses.replace(ZTF_LIKE.strategies[0], share=1.0, bands={"g": 0.5, "z": 0.5})
    with pytest.raises(SettingsError, match="cadence 'ztf' has no depth of its band 'z'"):
        dataclasses.replace(ZTF_LIKE, strategies=(in_z,))
