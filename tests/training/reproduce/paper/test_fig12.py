"""Light curves of fewer points in less time: Fig. 12."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from features import extract
from tests.training.reproduce.experiments import convinced, is_png, noise_curves
from training.data.light_curves import LabelledCurves
from training.examples.feature_table import Extraction
from training.network.networks import Networks
from training.network.preprocess import fit_preprocessing
from training.network.trained_network import TrainedNetwork
from training.reproduce.labelled_sets import Part, Target
from training.reproduce.paper import fig12 as durations_module
from training.reproduce.paper.fig12 import durations, mc_by_duration, resampled
from training.reproduce.paper.random_curves import Asked


def test_points_are_drawn_from_the_first_days_of_each_light_curve():
    whole = noise_curves([200, 30, 200, 10])
    short, kept = resampled(whole, 20, 40.0, seed=1)
    assert kept.tolist() == [0, 2]  # 30 points in 100 days are some 12 in 40
    assert short.n_epochs.tolist() == [20, 20]
    for place, number in enumerate(kept):
        time, mag, err = short.pick(place)
        of_all = list(zip(*whole.pick(number), strict=True))
        assert set(zip(time, mag, err, strict=True)) <= set(of_all)
        assert (np.diff(time) > 0.0).all()  # none is drawn twice, and they are in order
        assert time.max() <= whole.pick(number)[0].min() + 40.0
        assert time.tolist() != whole.pick(number)[0][:20].tolist()  # at random


def test_drawing_all_there_is_gives_the_light_curve_itself():
    whole = noise_curves([25, 25])
    short, kept = resampled(whole, 25, 1000.0, seed=3)
    assert kept.tolist() == [0, 1]
    assert (short.time == whole.time).all()
    assert (short.mag == whole.mag).all()


def test_the_seed_draws_the_points_and_nothing_is_left_of_light_curves_that_are_too_short():
    whole = noise_curves([100])
    draws = [resampled(whole, 30, 100.0, seed=seed)[0].time for seed in (1, 1, 2)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()
    none, kept = resampled(whole, 101, 100.0, seed=1)
    assert (len(none), len(kept)) == (0, 0)


@pytest.fixture(scope="module")
def seen() -> Target:
    """Eight light curves of 60 points in 90 days, of two classes."""
    whole = noise_curves([60] * 8, 90.0)
    label = np.arange(8) % 2
    part = Part(LabelledCurves("seen", whole, {}), np.arange(8), np.array(["A", "B"])[label])
    return Target("seen", ("A", "B"), label, np.arange(8), (part,))


@pytest.fixture
def small_grid(monkeypatch):
    monkeypatch.setattr(durations_module, "NUMBERS_OF_POINTS", (10, 20, 70))
    monkeypatch.setattr(durations_module, "DURATIONS_D", (10, 90))


@pytest.mark.usefixtures("small_grid")
def test_fig_12_has_a_number_where_half_of_the_stars_have_the_points(bench, seen):
    mc = mc_by_duration(bench, convinced(1), seen, np.arange(8), (0, 1, -1), workers=1)
    assert (np.isfinite(mc) == [[False, True], [False, True], [False, False]]).all()  # some 7 points in 10 d
    assert mc[:2, 1] == pytest.approx(0.5)  # one answer only
    of_a = mc_by_duration(bench, convinced(2), seen, np.arange(0, 8, 2), (1, 1, -1), workers=1)
    assert of_a[0, 1] == pytest.approx(0.5)


@pytest.mark.usefixtures("small_grid")
def test_fig_12_measures_what_the_model_says_about_the_stars_it_is_given(bench, seen):
    shown = np.array([0, 1, 2, 5])
    whole = seen.parts[0].survey.curves
    short, kept = resampled(whole.take(shown), 20, 90.0, seed=20)
    assert len(kept) == 4
    values, *_ = extract(short.time, short.mag, short.err, short.offsets)
    # of 20 seeds the first whose answers would be judged otherwise under another meaning
    meaning, truth = np.array([1, 0, 0]), shown % 2
    for seed in range(20):
        model = TrainedNetwork(Networks.random(3, [seed]).weights(), 1e-5, fit_preprocessing(values))
        said = model.probabilities(values).argmax(axis=1)
        expected, other = ((1.0 + matthews_corrcoef(truth, each)) / 2.0 for each in (meaning[said], said))
        if abs(expected - other) > 0.1 and abs(expected - 0.5) > 0.1:
            break
    else:
        pytest.fail("no network tells the light curves apart")
    asked = Asked("random", model, ("x", "y", "z"), Extraction())
    mc = mc_by_duration(bench, asked, seen, shown, meaning, workers=1)
    assert mc[1, 1] == pytest.approx(expected, abs=1e-12)


@pytest.mark.usefixtures("small_grid")
def test_fig_12_is_a_table_and_a_plot_for_each_model(bench, seen):
    models = [(convinced(0), (0, 1, -1)), (convinced(1), (0, 1, -1))]
    section = durations(bench, seen, np.arange(8), models, workers=1)
    assert [table.caption for table in section.tables] == ["always 0: Mc", "always 1: Mc"]
    for table in section.tables:
        assert table.header == ("points", "10 d", "90 d")
        assert table.rows == (("10", "", "0.500"), ("20", "", "0.500"), ("70", "", ""))
    assert [figure.path.name for figure in section.figures] == ["fig12_0.png", "fig12_1.png"]
    assert all(is_png(figure.path) for figure in section.figures)
    assert "8 light curves of seen" in section.paragraphs[0]
