"""A star in bands in which it was seen, and in others."""

import numpy as np
import pytest

from tests.training.known_stars import PERIOD_D, SHAPES, seen, slow_star
from training.crossfit.labelled_file import known_file
from training.data.stars_in_bands import stars_in_bands
from training.reobserve.band_table import (
    PLACES,
    RATIO_SCATTER,
    TABLES,
    UNKNOWN_CLASS,
    Drawn,
    table_of,
)
from training.reobserve.observe import observe
from training.reobserve.periodic_model import fit_as, fit_periodic
from training.reobserve.star_in_bands import StarInBands, model_star
from training.reobserve.ztf_and_lsst import LSST_LIKE
from training.surveys.classes import CLASSES, NON_VARIABLE

AS_TABLED = Drawn(np.ones(6), np.zeros(6))


def modelled(*bands, table=UNKNOWN_CLASS, **how):
    given = {"period_d": PERIOD_D, "fewest_points": 40, "search": False, "double_mode": False} | how
    return model_star(bands, table, **given)


def wave_of(star, number):
    """Complex amplitude of the first harmonic in a band: the angle is that of a lag."""
    phase = np.linspace(0.0, 1.0, 512, endpoint=False)
    time = phase * star.period_d
    mag = star.periodic(time, np.full(512, number, np.int8), [0.0], AS_TABLED)
    return (mag * np.exp(-2j * np.pi * phase)).mean()


def test_the_richest_band_decides_and_others_have_its_period():
    shape = SHAPES["sawtooth"]
    star, kind = modelled((2.0, seen(shape, n=150, seed=3)), (1.0, seen(shape)))
    assert kind == "folded"
    ((blue, red),) = star.modes
    assert [blue[0], red[0]] == [1.0, 2.0]
    assert blue[1].period_d == red[1].period_d == star.period_d


def test_a_band_with_too_few_points_or_another_shape_is_left_to_the_table():
    star, _ = modelled((1.0, seen(SHAPES["sine"])), (2.0, seen(SHAPES["sine"], n=15)))
    assert [place for place, _ in star.modes[0]] == [1.0]
    rng = np.random.default_rng(0)
    noise = (np.sort(rng.uniform(0.0, 900.0, 200)), rng.normal(15.0, 0.05, 200), np.full(200, 0.05))
    star, _ = modelled((1.0, seen(SHAPES["sine"])), (2.0, noise))
    assert [place for place, _ in star.modes[0]] == [1.0]


def test_where_the_richest_band_shows_nothing_the_next_one_is_asked():
    rng = np.random.default_rng(0)
    noise = (np.sort(rng.uniform(0.0, 900.0, 500)), rng.normal(15.0, 0.05, 500), np.full(500, 0.05))
    star, kind = modelled((1.0, noise), (2.0, seen(SHAPES["sine"])))
    assert kind == "folded"
    assert [place for place, _ in star.modes[0]] == [2.0]
    assert modelled((1.0, noise))[1] == "too noisy"


@pytest.mark.parametrize("name", TABLES)
def test_a_star_seen_in_v_is_between_g_and_r_and_as_tabled_from_band_to_band(name):
    table = TABLES[name]
    (star, _) = modelled((PLACES["V"], seen(SHAPES["sine"])), table=table)
    g, *others = (wave_of(star, number) for number in (1, 0, 2, 3, 4, 5))
    ratios = [abs(other / g) for other in others]
    assert ratios == pytest.approx(table.ratio[[0, 2, 3, 4, 5]], rel=1e-4)
    lags = [-np.angle(other / g) / (2.0 * np.pi) for other in others]
    assert lags == pytest.approx(table.lag[[0, 2, 3, 4, 5]], abs=1e-5)  # curves of straight lines
    amplitude = np.ptp(star.modes[0][0][1].curve) / 4.0  # of a sine: half its range, and half of that
    assert abs(g) / amplitude == pytest.approx(table.ratio[2] ** -0.5, rel=0.02)


def test_the_lag_of_a_curve_of_two_cycles_is_half_as_long_a_part_of_it():
    curve = fit_periodic(*seen(SHAPES["eclipses"]), period_d=PERIOD_D / 2)
    assert curve.cycles == 2
    assert fit_as(curve, *seen(SHAPES["eclipses"], seed=5)).cycles == 2
    star = StarInBands((((1.0, curve),),), None, TABLES["LPV"])
    lag = -np.angle(wave_of(star, 5) / wave_of(star, 1)) / (2.0 * np.pi)
    assert lag == pytest.approx(0.06 / 2.0, abs=1e-3)


def test_a_star_that_is_not_periodic_has_the_amplitudes_of_its_class():
    star, kind = modelled((1.0, slow_star()), table=TABLES["QSO"], period_d=np.nan)
    assert kind == "smoothed"
    slopes = []
    for seed in range(60):
        copy = observe(star, LSST_LIKE, rng=np.random.default_rng(seed), fewest_epochs=200, shares=(0.0, 0.0))
        if copy is not None and min(np.bincount(copy.band, minlength=5)[1:5]) > 5:
            curve, _ = star.walk[1].mag_at(copy.time)  # the copy's times are those of the star
            bands = [copy.band == number for number in (1, 2, 3, 4)]
            slopes.append([np.polyfit(curve[here], copy.truth[here], 1)[0] for here in bands])
    assert len(slopes) > 15
    assert np.mean(slopes, axis=0) == pytest.approx(TABLES["QSO"].ratio[1:5], abs=0.03)
    assert np.ptp(np.array(slopes)[:, 0]) < 1e-9  # in g it is the star's own


def test_every_class_has_a_table_of_its_own():
    assert set(TABLES) == {*CLASSES} - {NON_VARIABLE}
    assert table_of("RRL_ab|RRL_c|RRL_d") is TABLES["RRL_ab"]
    assert table_of(NON_VARIABLE) is table_of("something else") is UNKNOWN_CLASS
    for table in TABLES.values():
        assert table.ratio[1] == 1.0
        assert table.lag[1] == 0.0


def test_ratios_scatter_by_five_per_cent_and_colours_go_together():
    rng = np.random.default_rng(1)
    drawn = [TABLES["ROT"].draw(rng) for _ in range(4000)]
    factors = np.log([each.scatter for each in drawn])
    assert factors.std(axis=0) == pytest.approx(np.full(6, RATIO_SCATTER), abs=0.005)
    colour = np.array([each.colour for each in drawn])
    assert (colour[:, 2] == 0.0).all()
    g_r, r_i = colour[:, 1], -colour[:, 3]
    # 0.75 with a scatter of 0.30, and a reddening of 0.08 times 0.96 with the same scatter
    assert g_r.mean() == pytest.approx(0.75 + 0.08 * 0.96, abs=0.02)
    assert g_r.std() == pytest.approx(np.hypot(0.30, 0.08 * 0.96), abs=0.02)
    assert np.corrcoef(g_r, r_i)[0, 1] > 0.95


def test_rr_lyrae_stars_of_stripe_82_keep_the_ratio_and_the_lag_that_were_measured(shared_data):
    files = (shared_data / "lightcurves" / f"sdss_s82_rrl_{band}.npz" for band in "gr")
    survey = known_file(*files).read().survey
    stars = stars_in_bands(survey)
    chosen = np.flatnonzero(survey.labels("native_class")[stars.first] == "RRab")[:60]
    ratios, lags = [], []
    for number in chosen.tolist():
        curves = stars.curves_of(number)
        bands = [(float(stars.band[curve]), survey.curves.pick(curve)) for curve in curves]
        period_d = float(survey.columns["period"][curves[0]])
        star, _ = modelled(*bands, table=TABLES["RRL_ab"], period_d=period_d)
        if star is None or len(star.modes[0]) < 2:
            continue
        (_, g), (_, r) = star.modes[0]
        ratios.append(r.curve.std() / g.curve.std())
        lags.append(-np.angle(wave_of(star, 2) / wave_of(star, 1)) / (2.0 * np.pi))
    assert len(ratios) > 40
    assert np.median(ratios) == pytest.approx(0.70, abs=0.02)  # 310 stars: 0.697
    assert np.median(lags) == pytest.approx(0.017, abs=0.006)
