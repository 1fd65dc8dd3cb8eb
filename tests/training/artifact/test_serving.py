"""The offline evaluation and the worker answer a light curve alike."""

from __future__ import annotations

import numpy as np
import pytest

from broker.classify.classifier import Classifier
from features import MIN_POINTS, scorable
from schemas.model.shipped import find_model
from training.data.light_curves import LightCurves
from training.measure.answers import answer
from training.measure.evaluate import load_artifact


def light_curves():
    """Periodic, constant, flat, too few, too short, and one below the model's fewest epochs."""
    rng = np.random.default_rng(2)
    series = []
    for n, amplitude, noise, span in [
        (80, 0.4, 0.02, 300.0),
        (60, 0.0, 0.02, 200.0),
        (40, 0.0, 0.0, 100.0),
        (5, 0.3, 0.02, 50.0),
        (30, 0.3, 0.02, 0.5),
        (9, 0.3, 0.02, 50.0),
    ]:
        time = np.sort(rng.uniform(0.0, span, n))
        mag = 15.0 + amplitude * np.sin(2 * np.pi * time / 0.61) + noise * rng.standard_normal(n)
        series.append((time, mag, np.full(n, 0.02)))
    offsets = np.cumsum([0, *(s[0].size for s in series)])
    return LightCurves(*(np.concatenate(column) for column in zip(*series, strict=True)), offsets)


def test_evaluate_says_exactly_what_the_worker_says():
    folder = find_model("varstream-ztf")
    curves = light_curves()
    offline = answer(load_artifact(folder), curves)
    served = Classifier(load_artifact(folder)).score(curves.time, curves.mag, curves.err, curves.offsets)
    assert offline.scored.tolist() == served.scored.tolist() == [True, True, False, False, False, False]
    assert np.array_equal(offline.probabilities, served.verdicts.probabilities, equal_nan=True)
    said = offline.verdicts(load_artifact(folder).manifest.abstain_below)
    assert said.given.tolist() == served.verdicts.given.tolist()
    assert said.best.tolist() == served.verdicts.best.tolist()


@pytest.mark.parametrize("min_epochs", [1, MIN_POINTS, 20])
def test_no_model_judges_fewer_points_than_the_features_need(min_epochs):
    n_epochs = np.array([MIN_POINTS - 1, MIN_POINTS, 20])
    judged = scorable(np.zeros((3, 16)), np.zeros(3, np.uint32), n_epochs, min_epochs)
    assert judged.tolist() == (n_epochs >= max(min_epochs, MIN_POINTS)).tolist()
