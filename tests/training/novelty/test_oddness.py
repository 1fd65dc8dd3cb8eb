from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit

from schemas.model.artifact import Artifact
from schemas.model.novelty import table_of
from tests.training.artifact.test_export import make_manifest, make_model
from training.artifact.export import parity, read_model, write_model
from training.network.preprocess import Preprocessing
from training.network.trained_network import TrainedNetwork
from training.novelty.fit_oddness import FEWEST_CALIBRATED, calibrate, surprises
from training.novelty.mixture import fit_mixture
from training.novelty.oddness import Centre, Oddness, log_odds


def scores_of(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 16))


def odd_model(*, has_other: bool) -> TrainedNetwork:
    scores = scores_of(2000)
    mixture = fit_mixture(scores, np.ones(2000), seed=0)
    other = Centre(-3.0, 1.5) if has_other else None
    return replace(make_model(), oddness=Oddness(mixture, Centre(22.0, 3.0), other))


def stating_novelty(classes: tuple[str, ...]):
    rng = np.random.default_rng(5)
    table = table_of(rng.normal(size=5000), rng.integers(10, 200, 5000))
    return replace(make_manifest(), classes=classes, novelty={"limit": 0.03, **table})


def test_log_odds_are_those_of_scipy_and_finite_at_the_ends():
    p = np.array([1e-9, 0.2, 0.5, 0.999])
    assert log_odds(p) == pytest.approx(logit(p))
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


def test_a_centre_is_the_median_and_a_standard_deviation_of_a_normal_distribution():
    centre = Centre.of(5.0 + 2.0 * np.random.default_rng(0).standard_normal(200_000))
    assert centre.median == pytest.approx(5.0, abs=0.02)
    assert centre.scale == pytest.approx(2.0, rel=0.02)
    assert centre(np.array([9.0])) == pytest.approx([2.0], rel=0.02)


@pytest.mark.parametrize("classes", [("A", "B", "C"), ("A", "B", "OTHER")])
def test_the_graph_says_the_oddness_that_numpy_says(tmp_path, classes):
    model = odd_model(has_other=classes[-1] == "OTHER")
    write_model(tmp_path, model, stating_novelty(classes))
    values = np.random.default_rng(9).lognormal(size=(500, 16))
    served = Artifact.load(tmp_path).score(values, np.ones(500, bool))
    scores, _ = model.preprocessing.transform(values)
    surprise = model.oddness.mixture.surprise(scores)
    expected = (surprise - 22.0) / 3.0
    if classes[-1] == "OTHER":
        expected += (logit(served.probabilities[:, -1].astype(np.float64)) + 3.0) / 1.5
    assert served.oddness == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert parity(tmp_path, model)[1] <= 1e-3


def test_what_was_written_is_read_again(tmp_path):
    model = odd_model(has_other=True)
    write_model(tmp_path, model, stating_novelty(("A", "B", "OTHER")))
    again, _ = read_model(tmp_path)
    values = np.random.default_rng(9).lognormal(size=(50, 16))
    assert again.odd(values) == pytest.approx(model.odd(values), rel=1e-9)


def test_a_graph_whose_manifest_says_nothing_of_novelty_says_nothing_of_oddness(tmp_path):
    write_model(tmp_path, odd_model(has_other=True), make_manifest())
    served = Artifact.load(tmp_path).score(np.ones((3, 16)), np.ones(3, bool))
    assert np.isnan(served.oddness).all()


def test_each_fold_is_judged_by_a_mixture_of_the_others():
    scores = scores_of(900)
    fold = np.repeat([0, 1, 2], 300).astype(np.int8)
    scores[fold == 2] += 20.0  # where nothing of the other folds lies
    usable = np.ones(900, bool)
    found = surprises(lambda _: scores, fold, usable, np.ones(900), count=3, seed=0)
    assert found[fold == 2].min() > 500.0
    assert np.median(found[fold == 0]) < 40.0


def test_few_calibration_stars_say_nothing_of_what_is_odd():
    mixture = fit_mixture(scores_of(500), np.ones(500), seed=0)
    surprise = mixture.surprise(scores_of(FEWEST_CALIBRATED))
    everything = np.ones(FEWEST_CALIBRATED, bool)
    few = everything.copy()
    few[0] = False
    assert calibrate(mixture, surprise, None, few) is None
    assert calibrate(mixture, surprise, None, everything) is not None


def test_preprocessing_is_that_of_the_network():
    model = odd_model(has_other=False)
    assert isinstance(model.preprocessing, Preprocessing)
    values = np.random.default_rng(1).lognormal(size=(20, 16))
    scores, _ = model.preprocessing.transform(values)
    assert (model.odd(values) == model.oddness.of(scores, None)).all()
