"""Stars whose class has no period, shown to another survey."""

import numpy as np
import pytest

from features import MIN_POINTS
from schemas.model.verdict import OTHER
from tests.training.known_stars import PERIOD_D, SHAPES, seen, slow_star
from tests.training.reobserve.aperiodic.made_stars import (
    PEAK,
    RMS,
    TIMESCALE_D,
    dwarf_nova,
    quasar,
)
from tests.training.reobserve.test_reobserve import survey_of
from training.crossfit.labelled_file import LabelledFile
from training.data.stars_in_bands import stars_in_bands
from training.errors import TrainingError
from training.reobserve import choose_model
from training.reobserve.aperiodic.interpolated_model import MAX_GAP_D, interpolate
from training.reobserve.band_table import TABLES
from training.reobserve.observe import observe
from training.reobserve.reobserve import Reobservation, reobserve
from training.reobserve.star_in_bands import model_star
from training.reobserve.ztf_and_lsst import LSST_LIKE, ZTF_LIKE
from training.surveys.classes import APERIODIC


def shown(stars, meaning, cadence=ZTF_LIKE, *, seed=0, copies=2, **columns):
    settings = Reobservation(copies=copies, alerts_share=0.0, forced_share=0.0)
    return reobserve(
        survey_of(stars, **columns), cadence, seed=seed, settings=settings, meaning=np.array(meaning)
    )


@pytest.mark.parametrize("meaning", [*APERIODIC, OTHER])
def test_a_period_of_the_catalogue_is_not_used_and_none_is_looked_for(meaning, monkeypatch):
    monkeypatch.setattr(choose_model, "search_period", None)  # asking for one would fail
    monkeypatch.setattr(choose_model, "fit_periodic", None)
    stars = [seen(SHAPES["sine"]), slow_star(), dwarf_nova()]
    made = shown(stars, [meaning] * 3, period=np.full(3, PERIOD_D))
    assert set(made.outcome) <= {"smoothed", "interpolated", "outbursts"}
    assert np.isnan(made.survey.columns["model_period"]).all()
    assert ("outbursts" in made.outcome) == (meaning == "CV")


def test_a_star_of_a_class_with_a_period_is_folded_as_ever():
    made = shown([seen(SHAPES["sine"])], ["RRL_c"], period=np.array([PERIOD_D]))
    assert made.outcome.tolist() == ["folded"]


def test_why_stars_are_left_out_is_told():
    rng = np.random.default_rng(0)
    noise = (np.sort(rng.uniform(0, 900, 200)), rng.normal(15, 0.05, 200), np.full(200, 0.05))
    short = tuple(each[:30] for each in dwarf_nova())
    yearly = (np.arange(50) * 365.0, rng.normal(15, 0.5, 50), np.full(50, 0.05))
    made = shown([noise, short, yearly, dwarf_nova()], [OTHER, "CV", "QSO", "CV"])
    assert made.outcome.tolist() == ["too noisy", "too few points", "too sparse", "outbursts"]
    with pytest.raises(TrainingError, match="no star of made can be re-observed as ztf: too sparse"):
        shown([yearly], [OTHER])


def test_the_same_seed_gives_the_same_outbursts_and_another_does_not():
    one, again, other = (shown([dwarf_nova()], ["CV"], seed=seed).survey for seed in (1, 1, 2))
    assert one.curves.mag.tobytes() == again.curves.mag.tobytes()
    assert one.curves.mag.tobytes() != other.curves.mag.tobytes()


@pytest.mark.parametrize("cadence", [ZTF_LIKE, LSST_LIKE], ids=["ztf", "lsst"])
def test_copies_of_a_dwarf_nova_have_outbursts_and_do_not_saturate(cadence):
    made = shown([dwarf_nova()], ["CV"], cadence, copies=30).survey
    stars = stars_in_bands(made)
    points = stars.together(made.curves)
    brightened = []
    for star in range(len(points)):
        _, mag, _, band = points.pick(star)
        if band.size < 100:
            continue
        level = np.array([np.median(mag[band == each]) if (band == each).any() else 0.0 for each in range(6)])
        brightened.append((level[band] - mag).max())
        assert mag.min() > cadence.survey.saturation - 0.2
    assert len(brightened) >= 5
    assert np.median(brightened) > PEAK - 1.2
    assert max(brightened) < PEAK + 2.0  # bluer than quiescence: higher in g and u


def test_copies_of_a_quasar_have_its_structure_function():
    """A damped random walk: the squared difference after t is twice its variance times 1 - exp(-t / tau)."""
    lags = np.array([20.0, 50.0, 100.0])
    squares = np.zeros(3)
    pairs = np.zeros(3)
    for seed in range(6):
        star, kind = model_star(
            [(2.0, quasar(seed))],
            TABLES["QSO"],
            period_d=np.nan,
            fewest_points=40,
            search=False,
            double_mode=False,
            aperiodic=True,
        )
        assert kind == "smoothed"
        for number in range(4):
            copy = observe(
                star,
                ZTF_LIKE,
                rng=np.random.default_rng([seed, number]),
                fewest_epochs=MIN_POINTS,
                shares=(0.0, 0.0),
                needs_alert=False,
            )
            if copy is None:
                continue
            time, mag = copy.time[copy.band == 2], copy.truth[copy.band == 2]
            apart = time[None, :] - time[:, None]
            for i, lag in enumerate(lags):
                near = (apart > 0.8 * lag) & (apart < 1.2 * lag)
                squares[i] += ((mag[None, :] - mag[:, None])[near] ** 2).sum()
                pairs[i] += near.sum()
    expected = 2.0 * RMS**2 * (1.0 - np.exp(-lags / TIMESCALE_D))
    assert np.sqrt(squares / pairs) == pytest.approx(np.sqrt(expected), rel=0.35)


def test_between_nights_a_light_curve_is_straight_and_across_long_gaps_it_is_not_known():
    time = np.array([0.2, 0.4, 10.3, 10.3 + MAX_GAP_D + 1.0])
    mag = np.array([15.0, 15.2, 16.1, 15.0])
    lines = interpolate(time, mag, np.full(4, 0.02))
    found, known = lines.mag_at(np.array([0.0, 0.3, 5.3, 10.3, 40.0, 80.0]))
    assert known.tolist() == [False, True, True, True, False, False]
    assert found[[1, 2, 3]] == pytest.approx([15.1, 15.6, 16.1])


def test_pulsating_hot_stars_are_in_no_class_and_yet_are_folded(tmp_path):
    stars = survey_of([seen(SHAPES["sine"], seed=each) for each in (1, 2)])
    path = tmp_path / "hot.npz"
    np.savez(
        path,
        **{key: getattr(stars.curves, key) for key in ("time", "mag", "err", "offsets")},
        object_id=stars.columns["object_id"],
        period=np.full(2, PERIOD_D),
        native_class=np.array(["BCEP", "RCB"]),
    )
    file = LabelledFile(
        path,
        "native_class",
        {"BCEP": OTHER, "RCB": OTHER},
        observe_as="ztf",
        kinds={"BCEP": "hot star", "RCB": "R CrB"},
    )
    assert file.read().outcome == {"folded": 1, "interpolated": 1}
