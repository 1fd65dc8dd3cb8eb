"""One probability, one label: the worker, the library, the commands and the card, at the very limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from broker.classify.classifier import Classifier as ServedClassifier
from schemas.model.artifact import Artifact
from tests.training.artifact.test_serving import light_curves
from tests.training.made_up import made_up_dataset
from training import light_curve_features
from training.crossfit.assess.one_band import reliability
from training.crossfit.recipe import Recipe
from training.data.light_curves import LabelledCurves
from training.examples.feature_file import compute_features
from training.examples.feature_table import Extraction
from training.library import Classifier
from training.measure.answers import answer
from training.measure.evaluate import load_artifact
from training.measure.prediction_rows import prediction_rows
from training.progress import QUIET

CURVES = light_curves().take(np.array([0, 0, 0]))
"""Three that any model may be asked about."""

AT_A_HALF = [
    (0.49999997, True),  # the single-precision number before a half: published as 0.5
    (0.5, True),
    (0.50000003, True),
    (0.49999994, False),  # published as 0.4999999
    (0.4999999, False),
    (0.4, False),
]


class Saying:
    """A graph that gives every row the same probabilities."""

    def __init__(self, probabilities: np.ndarray) -> None:
        self._probabilities = probabilities

    def run(self, _: Any, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        n = len(feed["features"])
        return [np.tile(self._probabilities, (n, 1)), np.zeros(n, np.int64)]


def saying(folder, probability: float, kind: type) -> Artifact:
    """A model of three classes that says this of the second, and less of the others."""
    rest = (1.0 - probability) / 2
    stated = load_artifact(folder).manifest
    terms = {"abstain_below": 0.5, "min_epochs": 10, "priors": {}, "novelty": None}
    manifest = replace(stated, classes=stated.labels[:3], **terms)
    return Artifact(manifest, Saying(np.array([rest, probability, rest - 1e-3], kind)))


@pytest.mark.parametrize(("probability", "given"), AT_A_HALF)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_everyone_gives_a_label_or_nobody_does(model_folder, probability, given, kind):
    artifact = saying(model_folder, probability, kind)
    published, name = round(float(np.float32(probability)), 7), artifact.manifest.classes[1]
    series = (CURVES.time, CURVES.mag, CURVES.err, CURVES.offsets)

    served = ServedClassifier(artifact).score(*series).verdicts
    assert (served.given.tolist(), served.probability.tolist()) == ([given] * 3, [published] * 3)

    offline = answer(artifact, CURVES).verdicts(0.5)
    assert (offline.given.tolist(), offline.probability.tolist()) == ([given] * 3, [published] * 3)

    asked = Classifier(artifact).predict(light_curve_features(CURVES))
    assert asked.probability.tolist() == asked[f"p_{name}"].tolist() == [published] * 3
    assert asked.label.notna().tolist() == [given] * 3

    survey = LabelledCurves("stars", CURVES, {"object_id": np.array(["a", "b", "c"])})
    chunk = compute_features(survey, Extraction(), cache_folder=None, workers=1, progress=QUIET)
    (rows,) = prediction_rows(artifact, survey, [chunk], name_survey=False)
    assert rows.table["probability"].to_pylist() == [published] * 3
    assert rows.table["label"].to_pylist() == [name if given else None] * 3
    assert ["ABSTAINED" in text for text in rows.table["status"].to_pylist()] == [not given] * 3
    assert (dict(rows.labels), dict(rows.reasons)) == (({name: 3}, {}) if given else ({}, {"ABSTAINED": 3}))


@pytest.mark.parametrize(("probability", "given"), AT_A_HALF)
def test_the_card_counts_what_the_stream_will_label(probability, given):
    """In double precision, as networks of folds answer before there is a graph."""
    m = 60
    label, fold = np.arange(m) % 2, np.arange(m) // 2 % 3
    dataset = made_up_dataset(np.zeros((m, 16)), label, fold)
    said = np.tile([probability, 1.0 - probability], (m, 1))
    said[:, 1] = np.minimum(said[:, 1], probability - 1e-3)
    (row, *_) = reliability(dataset, said, Recipe(name="test", abstain_below=0.5))
    assert row["abstained"] == (0.0 if given else 1.0)
