"""Calibration in a stream's mix, of answers whose probabilities are known in closed form."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from schemas.model.verdict import OTHER
from tests.training.made_up import made_up_dataset
from training.crossfit.assess.stream_mix import STREAM_MIX, assess_stream_mix
from training.crossfit.recipe import Recipe
from training.examples.augment import Sampling

CLASSES = tuple(sorted(STREAM_MIX, key=lambda name: (name == OTHER, name)))
EQUAL = dict.fromkeys(CLASSES, 1 / len(CLASSES))
RECIPE = Recipe(name="test", sampling=Sampling(), folds=3)


def bell_curves(spread: float, *, of_each: int = 400):
    """Stars of each class about a place of its own, and how probable the classes are where all are alike."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(len(CLASSES)), of_each)
    place = label + spread * rng.standard_normal(len(label))
    density = norm.pdf(place[:, None], np.arange(len(CLASSES)), spread)
    probabilities = density / density.sum(axis=1, keepdims=True)
    outlier = np.where(label == len(CLASSES) - 1, 0, -1)
    dataset = made_up_dataset(
        np.zeros((len(label), 16)), label, np.arange(len(label)) % 3, classes=CLASSES, outlier=outlier
    )
    return dataset, probabilities


def test_probabilities_for_another_mix_are_calibrated_once_its_priors_are_used():
    dataset, probabilities = bell_curves(1.0)
    said = assess_stream_mix(dataset, probabilities, RECIPE, None, EQUAL)
    assert said["mix"] == dict(STREAM_MIX)
    own, declared = said["by_epochs"]["all"]["own"], said["by_epochs"]["all"]["declared"]
    assert declared["calibration_error"] < 0.03
    assert own["calibration_error"] > 0.05
    assert declared["accuracy"] > own["accuracy"] + 0.05


def test_shares_are_those_of_the_mix():
    dataset, probabilities = bell_curves(0.01)
    wrong = np.repeat(np.array(CLASSES) == "QSO", 400)
    probabilities[wrong] = np.eye(len(CLASSES))[CLASSES.index("LPV")]
    novelty = np.where(np.repeat(np.array(CLASSES) == "EB_EC", 400), 0.001, 0.5)
    recipe = replace(RECIPE, novel_below=0.03)
    own = assess_stream_mix(dataset, probabilities, recipe, novelty, EQUAL)["by_epochs"]["all"]["own"]
    assert own["novel"] == pytest.approx(STREAM_MIX["EB_EC"], abs=0.01)
    assert own["accuracy"] == pytest.approx(1.0 - STREAM_MIX["QSO"] - STREAM_MIX[OTHER], abs=0.01)
    assert own["labelled"] == pytest.approx(1.0 - STREAM_MIX["EB_EC"] - STREAM_MIX[OTHER], abs=0.01)
    right = 1.0 - STREAM_MIX["EB_EC"] - STREAM_MIX[OTHER] - STREAM_MIX["QSO"]
    assert own["accuracy_of_labels"] == pytest.approx(right / own["labelled"], abs=0.01)
    assert own["confident_accuracy"] == own["accuracy_of_labels"]


def test_nothing_is_said_where_a_class_cannot_be_drawn_or_the_model_has_others():
    dataset, probabilities = bell_curves(1.0, of_each=5)
    none = dataset.truth.with_class(dataset.truth.first == 0, None)
    assert assess_stream_mix(replace(dataset, truth=none), probabilities, RECIPE, None, EQUAL) == {}
    other = made_up_dataset(np.zeros((6, 16)), np.arange(6) % 2, np.arange(6) % 3)
    assert assess_stream_mix(other, np.full((6, 2), 0.5), RECIPE, None, {"A": 0.5, "B": 0.5}) == {}
    assert sum(STREAM_MIX.values()) == pytest.approx(1.0)
