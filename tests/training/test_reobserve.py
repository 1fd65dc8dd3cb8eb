"""Stars of known shape, seen by one survey and then shown to another."""

import dataclasses

import numpy as np
import pytest

from features import FEATURE_NAMES, extract
from training.cadence import LSST_LIKE, ZTF_LIKE
from training.errors import SettingsError, TrainingError
from training.folded import fit_folded
from training.light_curves import LabelledCurves, LightCurves, offsets_of, read_light_curves
from training.reobserve import Reobservation, observe, reobserve, write_light_curves
from training.smoothed import fit_smoothed
from training.star_model import choose_model

PERIOD_D = 0.5713
SHAPES = {
    "sine": lambda phase: 0.3 * np.sin(2.0 * np.pi * phase),
    "sawtooth": lambda phase: 0.8 * np.minimum(phase / 0.85, (1.0 - phase) / 0.15),
    "eclipses": lambda phase: (
        0.8 * np.maximum(0.0, 1.0 - np.abs(phase - 0.2) / 0.05)
        + 0.4 * np.maximum(0.0, 1.0 - np.abs(phase - 0.7) / 0.05)
    ),
}


def seen(shape, *, n=400, error=0.02, seed=1, period=PERIOD_D, span=2000.0):
    """Time, magnitude and error of a star of some shape."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0.0, span, n))
    return time, 14.0 + shape(time / period % 1.0) + rng.normal(0.0, error, n), np.full(n, error)


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


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_fold_follows_the_true_shape_within_the_noise(shape):
    model = fit_folded(*seen(shape), period_d=PERIOD_D)
    assert model.fault == ""
    phase = np.linspace(0.0, 1.0, 500, endpoint=False)
    miss = model.mag(phase * PERIOD_D) - 14.0 - shape(phase)
    assert np.sqrt(np.mean(miss**2)) < 0.02  # the error of one point


def test_an_eclipse_keeps_its_depth():
    model = fit_folded(*seen(SHAPES["eclipses"], n=800), period_d=PERIOD_D)
    assert np.ptp(model.curve) == pytest.approx(0.8, abs=0.06)


def test_half_the_period_of_a_binary_is_mended():
    time, mag, err = seen(SHAPES["eclipses"])
    assert fit_folded(time, mag, err, period_d=PERIOD_D / 2).period_d == pytest.approx(PERIOD_D, rel=1e-5)


def test_a_period_that_is_slightly_wrong_is_mended():
    time, mag, err = seen(SHAPES["sawtooth"])
    model = fit_folded(time, mag, err, period_d=PERIOD_D * (1.0 + PERIOD_D / 2000.0))  # one cycle off in all
    assert model.period_d == pytest.approx(PERIOD_D, rel=3e-5)
    assert model.fault == ""


def test_outliers_are_left_out_of_a_fold_but_eclipses_are_not():
    time, mag, err = seen(SHAPES["eclipses"])
    mag[::50] += 1.5
    model = fit_folded(time, mag, err, period_d=PERIOD_D)
    assert not model.kept[::50].any()
    in_eclipse = SHAPES["eclipses"](time / PERIOD_D % 1.0) > 0.3
    in_eclipse[::50] = False
    assert model.kept[in_eclipse].mean() > 0.95


def test_noise_is_not_folded():
    rng = np.random.default_rng(2)
    for _ in range(20):
        time = np.sort(rng.uniform(0.0, 2000.0, 300))
        model = fit_folded(
            time, rng.normal(14.0, 0.1, 300), np.full(300, 0.1), period_d=rng.uniform(0.2, 5.0)
        )
        assert model.fault == "too noisy"


def test_a_star_is_not_folded_at_a_wrong_period():
    time, mag, err = seen(SHAPES["sawtooth"])
    assert fit_folded(time, mag, err, period_d=0.7717).fault != ""
    model, reason = choose_model(time, mag, err, period_d=0.7717, search=False)
    assert model is None
    assert reason in ("too noisy", "not periodic")


def test_a_gap_in_phase_is_not_filled():
    time, mag, err = seen(SHAPES["sine"])
    kept = time / PERIOD_D % 1.0 > 0.25
    assert fit_folded(time[kept], mag[kept], err[kept], period_d=PERIOD_D).fault == "gap in phase"


def test_a_missing_period_is_found():
    model, kind = choose_model(*seen(SHAPES["sine"]), period_d=np.nan)
    assert kind == "folded"
    assert model[0].period_d == pytest.approx(PERIOD_D, rel=1e-4)


def test_both_modes_of_a_star_are_found():
    time, _, err = seen(SHAPES["sine"])
    modes = 0.2 * np.sin(2 * np.pi * time / 0.4012) + 0.1 * np.sin(2 * np.pi * time / 0.5384)
    mag = 15.0 + modes + np.random.default_rng(0).normal(0.0, 0.02, time.size)
    model, kind = choose_model(time, mag, err, period_d=np.nan, double_mode=True)
    assert kind == "two modes"
    assert [mode.period_d for mode in model] == pytest.approx([0.4012, 0.5384], rel=1e-4)
    assert choose_model(*seen(SHAPES["sine"]), period_d=PERIOD_D, double_mode=True)[0] is None


def slow_star(seed=4):
    """A sum of long waves, seen every 3 days for eight months of each year."""
    rng = np.random.default_rng(seed)
    time = np.arange(0.0, 2400.0, 3.0) + rng.uniform(-0.3, 0.3, 800)
    time = time[time % 365.25 < 240.0]
    return time, slow_shape(time) + rng.normal(0.0, 0.03, time.size), np.full(time.size, 0.03)


def slow_shape(time):
    return 13.0 + 0.6 * np.sin(time / 33.0) + 0.4 * np.cos(time / 61.0 + 1.0) + 0.3 * np.sin(time / 171.0)


def test_a_slow_star_is_interpolated_where_it_is_known_and_only_there():
    model = fit_smoothed(*slow_star())
    assert model.fault == ""
    time = np.arange(10.0, 2300.0, 1.0)
    mag, known = model.mag_at(time)
    in_season = (time % 365.25 > 3.0) & (time % 365.25 < 237.0)
    in_gap = (time % 365.25 > 270.0) & (time % 365.25 < 335.0)
    assert known[in_season].all()
    assert not known[in_gap].any()
    miss = mag[in_season] - slow_shape(time[in_season])
    assert np.sqrt(np.mean(miss**2)) < 0.03  # the error of one point


def test_a_fast_star_is_not_interpolated():
    assert fit_smoothed(*seen(SHAPES["sine"])).fault == "too fast"


def test_a_slow_star_is_only_looked_at_in_its_seasons():
    model, kind = choose_model(*slow_star(), period_d=np.nan, search=False)
    assert kind == "smoothed"
    settings = Reobservation(detections_share=0.0)
    for seed in range(20):
        copy = observe(model, ZTF_LIKE, rng=np.random.default_rng(seed), settings=settings)
        assert copy is None or (copy.time % 365.25 < 260.0).all()


def bright(cadence, mag):
    return dataclasses.replace(cadence, magnitudes=(mag, mag))


@pytest.mark.parametrize("cadence", [ZTF_LIKE, LSST_LIKE], ids=["ztf", "lsst"])
def test_copies_differ_from_the_truth_by_their_errors(cadence):
    model = (fit_folded(*seen(SHAPES["sine"]), period_d=PERIOD_D),)
    settings = Reobservation(detections_share=0.0)
    cadence = bright(cadence, 17.5)  # where errors are small enough to be symmetric in magnitudes
    residuals = []
    for seed in range(60):
        copy = observe(model, cadence, rng=np.random.default_rng(seed), settings=settings)
        if copy is not None:
            residuals.append((copy.mag - copy.truth) / copy.err)
    chi2 = np.mean(np.concatenate(residuals) ** 2)
    assert chi2 == pytest.approx(1.0, abs=0.03)  # 7000 and more points: 0.017


@pytest.mark.parametrize("shape", SHAPES)
def test_the_copy_follows_the_true_shape(shape):
    model = (fit_folded(*seen(SHAPES[shape]), period_d=PERIOD_D),)
    settings = Reobservation(detections_share=0.0)
    worst = []
    for seed in range(12):
        copy = observe(model, bright(ZTF_LIKE, 15.0), rng=np.random.default_rng(seed), settings=settings)
        if copy is not None:  # the visits missed every eclipse
            phases = copy.time / PERIOD_D % 1.0
            shifts = np.linspace(0.0, 1.0, 400)
            misses = [np.std(copy.truth - SHAPES[shape]((phases + shift) % 1.0)) for shift in shifts]
            worst.append(min(misses))
    assert len(worst) >= 8
    assert max(worst) < 0.03  # the noise of the original, and half a step of the shift on a steep slope


def test_the_period_survives():
    model = (fit_folded(*seen(SHAPES["sine"]), period_d=PERIOD_D),)
    settings = Reobservation(detections_share=0.0, fewest_epochs=100)
    found = []
    for seed in range(40):
        copy = observe(model, bright(ZTF_LIKE, 15.0), rng=np.random.default_rng(seed), settings=settings)
        if copy is not None:
            values, _ = extract(copy.time, copy.mag, copy.err, np.array([0, copy.time.size]))
            found.append(values[0, FEATURE_NAMES.index("period")])
    assert len(found) > 10
    assert np.mean(np.isclose(found, PERIOD_D, rtol=1e-3)) > 0.9


def test_alerts_are_five_sigma_from_the_reference():
    model = (fit_folded(*seen(SHAPES["sawtooth"]), period_d=PERIOD_D),)
    settings = Reobservation(detections_share=1.0)
    share = []
    for seed in range(30):
        copy = observe(model, ZTF_LIKE, rng=np.random.default_rng(seed), settings=settings)
        if copy is not None:
            flux, reference = 10.0 ** (-0.4 * copy.mag), 10.0 ** (-0.4 * copy.reference_mag)
            flux_err = flux * copy.err * np.log(10.0) / 2.5
            assert (np.abs(flux - reference) >= 5.0 * flux_err * (1.0 - 1e-9)).all()
            assert abs(copy.reference_mag - copy.mean_mag) < 0.4
            share.append(copy.time.size)
    assert len(share) > 20


@pytest.mark.parametrize("cadence", [ZTF_LIKE, LSST_LIKE], ids=["ztf", "lsst"])
def test_copies_are_well_formed_and_know_their_star(three, cadence):
    made = reobserve(three, cadence, seed=3, settings=Reobservation(copies=8)).survey
    assert made.name == f"made_as_{cadence.name}"
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


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(three, tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        made = reobserve(three, ZTF_LIKE, seed=seed, settings=Reobservation())
        write_light_curves(tmp_path / f"{name}.npz", made.survey)
    one, again, other = (np.load(tmp_path / f"{name}.npz") for name in ("one", "again", "other"))
    assert all(one[key].tobytes() == again[key].tobytes() for key in one.files)
    assert one["mag"].tobytes() != other["mag"].tobytes()


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


def test_the_written_file_is_read_by_the_pipeline(three, tmp_path):
    made = reobserve(three, ZTF_LIKE, seed=1, settings=Reobservation()).survey
    write_light_curves(tmp_path / "copies.npz", made)
    read = read_light_curves(tmp_path / "copies.npz")
    np.testing.assert_array_equal(read.curves.time, made.curves.time)
    np.testing.assert_allclose(read.curves.mag, made.curves.mag, rtol=1e-6)
    assert read.labels("native_class").tolist() == made.columns["native_class"].tolist()
    assert set(read.columns) == set(made.columns)


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


def test_a_file_that_cannot_be_written_is_named(three, tmp_path):
    with pytest.raises(SettingsError, match="cannot write the light curves to"):
        write_light_curves(tmp_path / "none" / "copies.npz", three)
