"""Stars of known shape, seen by one survey and then shown to another."""

import dataclasses

import numpy as np
import pytest

from features import FEATURE_NAMES, MIN_POINTS, extract
from tests.training.known_stars import PERIOD_D, SHAPES, seen, slow_star
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.errors import SettingsError, TrainingError
from training.reobserve.choose_model import choose_model
from training.reobserve.observe import Copy, observe
from training.reobserve.periodic_model import fit_periodic
from training.reobserve.reobserve import Reobservation, reobserve
from training.reobserve.ztf_and_lsst import LSST_LIKE, ZTF_LIKE


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


def copies_of(
    model, cadence, n: int, *, fewest_epochs: int = MIN_POINTS, detections_share: float = 0.0
) -> list[Copy]:
    """Copies of n seeds, without those that the survey sees too little of."""
    wanted = {"fewest_epochs": fewest_epochs, "detections_share": detections_share}
    copies = [observe(model, cadence, rng=np.random.default_rng(seed), **wanted) for seed in range(n)]
    return [copy for copy in copies if copy is not None]


def test_a_slow_star_is_only_looked_at_in_its_seasons():
    model, kind = choose_model(*slow_star(), period_d=np.nan, search=False)
    assert kind == "smoothed"
    for copy in copies_of(model, ZTF_LIKE, 20):
        assert (copy.time % 365.25 < 260.0).all()


@pytest.mark.parametrize("cadence", [ZTF_LIKE, LSST_LIKE], ids=["ztf", "lsst"])
def test_copies_differ_from_the_truth_by_their_errors(cadence):
    model = (fit_periodic(*seen(SHAPES["sine"]), period_d=PERIOD_D),)
    cadence = bright(cadence, 17.5)  # where errors are small enough to be symmetric in magnitudes
    residuals = [(copy.mag - copy.truth) / copy.err for copy in copies_of(model, cadence, 60)]
    chi2 = np.mean(np.concatenate(residuals) ** 2)
    assert chi2 == pytest.approx(1.0, abs=0.03)  # 7000 and more points: 0.017


@pytest.mark.parametrize("shape", SHAPES)
def test_the_copy_follows_the_true_shape(shape):
    model = (fit_periodic(*seen(SHAPES[shape]), period_d=PERIOD_D),)
    worst = []
    for copy in copies_of(model, bright(ZTF_LIKE, 15.0), 12):
        phases = copy.time / PERIOD_D % 1.0
        shifts = np.linspace(0.0, 1.0, 400)
        misses = [np.std(copy.truth - SHAPES[shape]((phases + shift) % 1.0)) for shift in shifts]
        worst.append(min(misses))
    assert len(worst) >= 8  # of the others the visits missed every eclipse
    assert max(worst) < 0.03  # the noise of the original, and half a step of the shift on a steep slope


def test_the_period_survives():
    model = (fit_periodic(*seen(SHAPES["sine"]), period_d=PERIOD_D),)
    found = []
    for copy in copies_of(model, bright(ZTF_LIKE, 15.0), 40, fewest_epochs=100):
        values, *_ = extract(copy.time, copy.mag, copy.err, np.array([0, copy.time.size]))
        found.append(values[0, FEATURE_NAMES.index("period")])
    assert len(found) > 10
    assert np.mean(np.isclose(found, PERIOD_D, rtol=1e-3)) > 0.9


def test_alerts_are_five_sigma_from_the_reference():
    model = (fit_periodic(*seen(SHAPES["sawtooth"]), period_d=PERIOD_D),)
    copies = copies_of(model, ZTF_LIKE, 30, detections_share=1.0)
    assert len(copies) > 20
    for copy in copies:
        flux, reference = 10.0 ** (-0.4 * copy.mag), 10.0 ** (-0.4 * copy.reference_mag)
        flux_err = flux * copy.err * np.log(10.0) / 2.5
        assert (np.abs(flux - reference) >= 5.0 * flux_err * (1.0 - 1e-9)).all()
        assert abs(copy.reference_mag - copy.mean_mag) < 0.4


@pytest.mark.parametrize("cadence", [ZTF_LIKE, LSST_LIKE], ids=["ztf", "lsst"])
def test_copies_are_well_formed_and_know_their_star(three, cadence):
    made = reobserve(three, cadence, seed=3, settings=Reobservation(copies=8)).survey
    assert made.name == f"made_as_{cadence.survey.name}"
    assert len(made.curves) >= 12
    for star in range(len(made.curves)):
        time, mag, err = made.curves.pick(star)
        assert time.size >= 8
        assert (np.diff(time) > 0.0).all()
        assert np.isfinite(mag).all()
        assert (err > 0.0).all()
    parent = made.columns["parent"]
    for key in ("object_id", "native_class", "ra", "dec"):
        np.testing.assert_array_equal(made.columns[key], three.columns[key][parent])
    assert set(made.columns["band"]) <= {band.name for band in cadence.bands}
    assert set(made.columns["detections_only"]) == {True, False}


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
    assert not made.survey.columns["detections_only"].any()
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
    "wrong", [{"copies": 0}, {"detections_share": 1.5}, {"fewest_points": 5}, {"fewest_epochs": 0}], ids=str
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Reobservation(**wrong)
