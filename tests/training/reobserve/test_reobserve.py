"""Stars of known shape, seen by one survey and then shown to another."""

import dataclasses

import numpy as np
import pytest

from features import FEATURE_NAMES, MIN_POINTS, extract
from tests.training.known_stars import PERIOD_D, SHAPES, seen, slow_star
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.data.stars_in_bands import stars_in_bands
from training.errors import SettingsError, TrainingError
from training.reobserve.band_table import TABLES, UNKNOWN_CLASS
from training.reobserve.choose_model import choose_model
from training.reobserve.epochs import CopyKind
from training.reobserve.observe import Copy, observe
from training.reobserve.periodic_model import fit_periodic
from training.reobserve.reobserve import Reobservation, reobserve
from training.reobserve.star_in_bands import StarInBands
from training.reobserve.ztf_and_lsst import LSST_LIKE, ZTF_LIKE
from training.stars.folds import folds
from training.stars.identity import known_identities
from training.stars.same_star import same_stars


def survey_of(stars, **columns):
    time, mag, err = (np.concatenate(series) for series in zip(*stars, strict=True))
    counts = np.array([len(star[0]) for star in stars])
    given = {"object_id": np.array([f"star{i}" for i in range(len(stars))]), **columns}
    return LabelledCurves("made", LightCurves(time, mag, err, offsets_of(counts)), given)


@pytest.fixture(scope="module")
def three():
    """One star of each shape."""
    return survey_of(
        [seen(shape) for shape in SHAPES.values()],
        period=np.full(3, PERIOD_D),
        native_class=np.array(list(SHAPES)),
        ra=np.array([1.0, 2.0, np.nan]),
        dec=np.array([-1.0, -2.0, np.nan]),
    )


def bright(cadence, mag):
    return dataclasses.replace(cadence, magnitudes=(mag, mag))


G = 1


def in_g(shape) -> StarInBands:
    """A star whose curve is known in g."""
    return StarInBands((((1.0, fit_periodic(*seen(shape), period_d=PERIOD_D)),),), None, UNKNOWN_CLASS)


def copies_of(
    star, cadence, n: int, *, fewest_epochs: int = MIN_POINTS, shares: tuple[float, float] = (0.0, 0.0)
) -> list[Copy]:
    """Copies of n seeds, without those that the survey sees too little of; of all visits by default."""
    wanted = {"fewest_epochs": fewest_epochs, "shares": shares}
    copies = [observe(star, cadence, rng=np.random.default_rng(seed), **wanted) for seed in range(n)]
    return [copy for copy in copies if copy is not None]


def test_a_slow_star_is_only_looked_at_in_its_seasons():
    model, kind = choose_model(*slow_star(), period_d=np.nan, search=False)
    assert kind == "smoothed"
    for copy in copies_of(StarInBands((), (1.0, model), UNKNOWN_CLASS), ZTF_LIKE, 20):
        assert (copy.time % 365.25 < 260.0).all()


@pytest.mark.parametrize("cadence", [ZTF_LIKE, LSST_LIKE], ids=["ztf", "lsst"])
def test_copies_differ_from_the_truth_by_their_errors(cadence):
    cadence = bright(cadence, 17.5)  # where errors are small enough to be symmetric in magnitudes
    residuals = [(copy.mag - copy.truth) / copy.err for copy in copies_of(in_g(SHAPES["sine"]), cadence, 60)]
    chi2 = np.mean(np.concatenate(residuals) ** 2)
    assert chi2 == pytest.approx(1.0, abs=0.03)  # 14000 and more points: 0.012


@pytest.mark.parametrize("shape", SHAPES)
def test_the_copy_follows_the_true_shape(shape):
    worst = []
    for copy in copies_of(in_g(SHAPES[shape]), bright(ZTF_LIKE, 15.0), 12):
        phases, truth = copy.time[copy.band == G] / PERIOD_D % 1.0, copy.truth[copy.band == G]
        shifts = np.linspace(0.0, 1.0, 400)
        misses = [np.std(truth - SHAPES[shape]((phases + shift) % 1.0)) for shift in shifts]
        worst.append(min(misses))
    assert len(worst) >= 8  # of the others the visits missed every eclipse
    assert max(worst) < 0.03  # the noise of the original, and half a step of the shift on a steep slope


def test_the_period_survives():
    found = []
    for copy in copies_of(in_g(SHAPES["sine"]), bright(ZTF_LIKE, 15.0), 40, fewest_epochs=200):
        series = (each[copy.band == G] for each in (copy.time, copy.mag, copy.err))
        values, *_ = extract(*series, np.array([0, (copy.band == G).sum()]))
        found.append(values[0, FEATURE_NAMES.index("period")])
    assert len(found) > 10
    assert np.mean(np.isclose(found, PERIOD_D, rtol=1e-3)) > 0.9


def test_alerts_are_five_sigma_from_the_reference():
    copies = copies_of(in_g(SHAPES["sawtooth"]), ZTF_LIKE, 30, shares=(1.0, 0.0))
    assert len(copies) > 20
    for copy in copies:
        assert copy.kind is CopyKind.ALERTS
        assert copy.alert.all()
        flux, reference = 10.0 ** (-0.4 * copy.mag), 10.0 ** (-0.4 * copy.reference_mag[copy.band])
        of_difference = np.sqrt(copy.err**2 - 0.015**2)  # without the error of the reference image
        flux_err = flux * of_difference * np.log(10.0) / 2.5
        assert (np.abs(flux - reference) >= 5.0 * flux_err * (1.0 - 1e-9)).all()
        assert (np.abs(copy.reference_mag - copy.mean_mag)[[1, 2]] < 0.4).all()


@pytest.mark.parametrize("cadence", [ZTF_LIKE, LSST_LIKE], ids=["ztf", "lsst"])
def test_copies_are_well_formed_and_know_their_star(three, cadence):
    made = reobserve(three, cadence, seed=3, settings=Reobservation(copies=8)).survey
    assert made.name == f"made_as_{cadence.survey.name}"
    assert len(made.curves) >= 12
    for star in range(len(made.curves)):
        time, mag, err = made.curves.pick(star)
        assert (np.diff(time) > 0.0).all()
        assert np.isfinite(mag).all()
        assert (err > 0.0).all()
    parent = made.columns["parent"]
    for key in ("object_id", "native_class", "ra", "dec"):
        np.testing.assert_array_equal(made.columns[key], three.columns[key][parent])
    assert set(made.columns["band"]) == set(cadence.survey.depth)
    assert set(made.columns["copy_kind"]) == {"alerts", "alerts and forced", "archive"}
    stars = stars_in_bands(made)
    assert len(stars) == len({*zip(parent.tolist(), made.columns["copy"].tolist(), strict=True)})
    assert np.diff(stars.offsets).max() == len(cadence.survey.depth)
    points = stars.together(made.curves)
    assert (np.diff(points.offsets) >= MIN_POINTS).all()


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(three):
    one, again, other = (
        reobserve(three, ZTF_LIKE, seed=seed, settings=Reobservation()).survey for seed in (1, 1, 2)
    )
    for key in ("time", "mag", "err", "offsets"):
        assert getattr(one.curves, key).tobytes() == getattr(again.curves, key).tobytes()
    for key, column in one.columns.items():
        np.testing.assert_array_equal(column, again.columns[key])
    assert one.curves.mag.tobytes() != other.curves.mag.tobytes()


def test_a_star_does_not_depend_on_the_others(three):
    last = LabelledCurves(
        "made",
        three.curves.take(np.array([0, 1])),
        {key: value[:2] for key, value in three.columns.items()},
    )
    settings = Reobservation(copies=3)
    few, all_three = (reobserve(s, ZTF_LIKE, seed=5, settings=settings).survey for s in (last, three))
    n = len(few.curves)
    np.testing.assert_array_equal(few.curves.mag, all_three.curves.mag[: few.curves.offsets[-1]])
    np.testing.assert_array_equal(few.columns["parent"], all_three.columns["parent"][:n])


def test_a_star_known_not_to_vary_stays_constant_in_all_its_visits(three):
    made = reobserve(three, ZTF_LIKE, seed=1, settings=Reobservation(copies=5), constant=np.ones(3, bool))
    assert set(made.outcome) == {"constant"}
    assert set(made.survey.columns["copy_kind"]) == {"archive"}
    for star in range(len(made.survey.curves)):
        _, mag, err = made.survey.curves.pick(star)
        if made.survey.columns["mean_mag"][star] < 19.0:  # fainter stars lose their faint half to the limit
            assert np.mean(((mag - made.survey.columns["mean_mag"][star]) / err) ** 2) < 2.5


def test_why_stars_are_left_out_is_told():
    rng = np.random.default_rng(0)
    noise = (np.sort(rng.uniform(0, 900, 200)), rng.normal(15, 0.05, 200), np.full(200, 0.05))
    short = seen(SHAPES["sine"], n=30)
    good = seen(SHAPES["sine"])
    survey = survey_of([noise, short, good], period=np.array([0.3, PERIOD_D, PERIOD_D]))
    made = reobserve(survey, ZTF_LIKE, seed=0, settings=Reobservation(search_periods=False))
    assert made.outcome.tolist() == ["too noisy", "too few points", "folded"]
    assert set(made.survey.columns["parent"]) <= {2}
    nothing = survey_of([noise], period=np.array([0.3]))
    with pytest.raises(TrainingError, match="no star of made can be re-observed as ztf: too noisy"):
        reobserve(nothing, ZTF_LIKE, seed=0, settings=Reobservation(search_periods=False))


@pytest.mark.parametrize(
    "wrong",
    [{"copies": 0}, {"alerts_share": 1.5}, {"forced_share": 0.8}, {"fewest_points": 5}, {"fewest_epochs": 0}],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Reobservation(**wrong)


def two_bands(r_over_g: float, lag: float) -> LabelledCurves:
    """A pulsating star seen in g and in r at the same times."""
    shape = SHAPES["sawtooth"]
    g = seen(shape)
    r = seen(lambda phase: r_over_g * shape((phase - lag) % 1.0), seed=2)
    names = {"band": np.array(["SDSS g", "SDSS r"]), "period": np.full(2, PERIOD_D)}
    return survey_of([g, r], **{**names, "object_id": np.array(["a", "a"])})


def test_a_star_seen_in_two_bands_keeps_both_curves_at_one_origin_of_time():
    made = reobserve(
        two_bands(0.5, 0.1), bright(LSST_LIKE, 17.0), seed=0, settings=Reobservation(copies=12)
    ).survey
    assert set(made.columns["parent"]) == {0}
    grid = np.linspace(0.0, 1.0, 200, endpoint=False)
    checked = 0
    for copy in range(12):
        curves = {made.columns["band"][i]: i for i in np.flatnonzero(made.columns["copy"] == copy)}
        if not {"g", "r"} <= curves.keys() or min(made.curves.n_epochs[curves[b]] for b in "gr") < 60:
            continue
        shift = []
        for band, size in (("g", 1.0), ("r", 0.5)):
            time, mag, _ = made.curves.pick(curves[band])
            phase = time / PERIOD_D
            shape = size * SHAPES["sawtooth"]((phase[:, None] + grid) % 1.0)
            shift.append(grid[np.std(mag[:, None] - shape, axis=0).argmin()])
            assert np.std(mag[:, None] - shape, axis=0).min() < 0.04
        assert (shift[0] - shift[1] + 0.5) % 1.0 - 0.5 == pytest.approx(0.1, abs=0.02)
        checked += 1
    assert checked >= 3


@pytest.mark.parametrize(("wanted", "band"), [(0.697, "r"), (0.54, "i")])
def test_a_star_seen_in_g_alone_is_in_other_bands_by_the_table_of_its_class(wanted, band):
    star = dataclasses.replace(in_g(SHAPES["sine"]), table=TABLES["RRL_ab"])
    number, ratios, lags = "ugrizy".index(band), [], []
    for copy in copies_of(star, bright(LSST_LIKE, 17.0), 80, fewest_epochs=300):
        waves = []
        for each in (G, number):
            phase = 2.0 * np.pi * copy.time[copy.band == each] / PERIOD_D
            columns = np.stack([np.ones(phase.size), np.cos(phase), np.sin(phase)], axis=1)
            _, cosine, sine = np.linalg.lstsq(columns, copy.truth[copy.band == each], rcond=None)[0]
            waves.append(cosine - 1j * sine)
        ratios.append(abs(waves[1] / waves[0]))
        lags.append(-np.angle(waves[1] / waves[0]) / (2.0 * np.pi))
    assert np.mean(ratios) == pytest.approx(wanted, abs=0.02)
    assert np.std(np.log(ratios)) == pytest.approx(0.05, abs=0.02)
    assert np.mean(lags) == pytest.approx({"r": 0.017, "i": 0.035}[band], abs=0.002)


def test_a_copy_has_one_colour_in_all_of_its_epochs_near_that_of_its_class():
    star = dataclasses.replace(in_g(SHAPES["sine"]), table=TABLES["RRL_ab"])
    colours = np.array([np.diff(copy.mean_mag[[2, 1]])[0] for copy in copies_of(star, ZTF_LIKE, 200)])
    # g - r of 0.23, and a reddening of 0.08 in the mean times 3.24 - 2.27
    assert colours.mean() == pytest.approx(0.23 + 0.08 * 0.96, abs=0.02)


def test_copies_do_not_depend_on_the_number_of_threads(three):
    many = survey_of([three.curves.pick(i % 3) for i in range(45)], period=np.full(45, PERIOD_D))
    one, two = (
        reobserve(many, ZTF_LIKE, seed=4, settings=Reobservation(), workers=workers).survey
        for workers in (1, 2)
    )
    assert one.curves.mag.tobytes() == two.curves.mag.tobytes()
    np.testing.assert_array_equal(one.columns["parent"], two.columns["parent"])


def test_all_bands_and_copies_of_a_star_are_on_one_side_of_any_split(three):
    made = reobserve(three, LSST_LIKE, seed=2, settings=Reobservation(copies=4)).survey
    (star,) = same_stars([known_identities(made)])
    fold = folds(star, np.zeros(len(star), np.int64), count=2, seed=0)
    for parent in np.unique(made.columns["parent"]):
        assert len(set(fold[made.columns["parent"] == parent].tolist())) == 1
