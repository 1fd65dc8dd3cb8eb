"""What a manifest says about a model, against counts by hand."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.answered import CLASSES, RECIPE, stars
from training.crossfit.assess.one_band import assess, without_limits
from training.examples.augment import Kind, Sampling
from training.stars.assign_folds import NEVER_TRAINED


def test_every_survey_and_length_is_measured_on_its_own():
    first = np.arange(160) >= 120
    n_epochs = np.where(first, 20, np.where(np.arange(160) < 60, 15, 60))
    right = np.ones(160, bool)
    right[:30], right[120:150] = False, False
    dataset, probabilities = stars(
        n_epochs,
        right,
        kind=np.where(first, Kind.FIRST, Kind.FULL),
        survey=np.where(np.arange(160) < 60, 0, 1),
        curve=np.where(first, np.arange(160) - 60, np.arange(160)),
    )
    recipe = replace(RECIPE, sampling=Sampling(first_epochs=(20,)))
    report = assess(dataset, probabilities, recipe)
    short, long = report["by_survey"]["survey0"], report["by_survey"]["survey1"]
    assert (short["all"]["n"], short["all"]["accuracy"]) == (60, 0.5)
    assert (long["all"]["n"], long["all"]["accuracy"]) == (60, 1.0)
    assert short["20"] == short["all"]  # they have no more than 15 epochs
    assert (long["20"]["n"], long["20"]["accuracy"]) == (40, 0.25)
    assert report["all_surveys"]["20"]["accuracy"] == 0.4
    assert report["all_surveys"]["all"]["accuracy"] == 0.75
    assert np.sum(report["all_surveys"]["confusion"]) == 120
    assert report["all_surveys"]["confusion_classes"] == [*CLASSES, "unscored"]


def test_stars_that_cannot_be_scored_are_wrong_but_have_no_confidence():
    n_epochs = np.repeat([60, 9], [90, 30])
    dataset, probabilities = stars(n_epochs, np.ones(120, bool), 0.95)
    report = assess(dataset, probabilities, RECIPE)
    everything = report["all_surveys"]["all"]
    assert (everything["n"], everything["n_unscored"], everything["accuracy"]) == (120, 30, 0.75)
    assert report["calibration"]["all"]["accuracy"] == 1.0
    assert sum(each["n"] for each in report["calibration"]["all"]["bins"]) == 90


def test_a_survey_that_is_never_trained_on_is_in_no_total():
    fold = np.where(np.arange(120) < 60, np.arange(120) % 4, NEVER_TRAINED)
    dataset, probabilities = stars(
        np.full(120, 60), np.arange(120) < 60, survey=np.where(np.arange(120) < 60, 0, 1)
    )
    report = assess(replace(dataset, fold=fold.astype(np.int8)), probabilities, RECIPE)
    assert report["by_survey"]["survey1"]["all"]["accuracy"] == 0.0
    assert report["all_surveys"]["all"]["accuracy"] == 1.0
    assert (report["all_surveys"]["all"]["n"], report["calibration"]["all"]["accuracy"]) == (60, 1.0)


def test_the_confident_are_those_above_nine_tenths():
    confidence = np.repeat([0.35, 0.55, 0.95, 1.0], 20)
    right = np.concatenate([np.arange(20) < 5, np.arange(20) < 10, np.arange(20) < 19, np.ones(20, bool)])
    dataset, probabilities = stars(np.full(80, 60), right, confidence)
    calibration = assess(dataset, probabilities, RECIPE)["calibration"]["all"]
    assert calibration["confident_share"] == 0.5
    assert calibration["confident_accuracy"] == 39 / 40
    assert calibration["accuracy"] == pytest.approx(54 / 80, abs=5e-5)
    assert calibration["bins"] == [
        {"confidence": 0.35, "accuracy": 0.25, "n": 20},
        {"confidence": 0.55, "accuracy": 0.5, "n": 20},
        {"confidence": 0.975, "accuracy": 0.975, "n": 40},
    ]


def test_simulated_light_curves_are_told_by_kind():
    kind = np.repeat([Kind.FULL, Kind.SHUFFLED, Kind.DAMPED_WALK], [60, 20, 10])
    right = np.concatenate([np.ones(60, bool), np.arange(20) < 15, np.arange(10) < 4])
    dataset, probabilities = stars(np.full(90, 60), right, kind=kind)
    simulated = assess(dataset, probabilities, RECIPE)["simulated"]
    assert {name: (each["n"], each["accuracy"]) for name, each in simulated.items()} == {
        "shuffled": (20, 0.75),
        "damped_walk": (10, 0.4),
    }


def test_wrong_labels_of_simulated_light_curves_are_counted_but_not_what_is_left_without_one():
    kind, n_epochs = np.repeat([Kind.FULL, Kind.CONSTANT], [60, 40]), np.repeat([60, 9], [80, 20])
    right = np.concatenate([np.ones(60, bool), np.arange(40) < 10])
    confidence = np.concatenate([np.full(60, 0.95), np.full(10, 0.95), [0.95] * 2 + [0.7] * 3 + [0.4] * 25])
    dataset, probabilities = stars(n_epochs, right, confidence, kind=kind)
    constant = assess(dataset, probabilities, RECIPE)["simulated"]["constant"]
    assert constant["n_unscored"] == 20
    assert constant["labelled_wrongly"] == 5 / 40
    assert constant["confident_wrongly"] == 2 / 40


def test_what_was_measured_at_other_limits_is_left_out():
    kind = np.repeat([Kind.FULL, Kind.CONSTANT], [60, 20])
    dataset, probabilities = stars(np.full(80, 60), np.ones(80, bool), kind=kind)
    metrics = assess(dataset, probabilities, RECIPE)
    left = without_limits(metrics)
    removed = metrics["simulated"]["constant"].keys() - left["simulated"]["constant"].keys()
    assert removed == {"labelled_wrongly", "confident_wrongly"}
    assert left | {"simulated": None} == metrics | {"simulated": None}
    assert without_limits({"how": "anew"}) == {"how": "anew"}


def test_a_length_of_which_nothing_can_be_scored_has_no_calibration():
    kind = np.repeat([Kind.FULL, Kind.FIRST], 60)
    n_epochs = np.repeat([60, 10], 60)
    status = np.repeat(np.array([0, 1], np.uint32), 60)  # ten exposures within an hour, say
    dataset, probabilities = stars(n_epochs, np.ones(120, bool), kind=kind, status=status)
    dataset.table.values[60:] = np.nan
    probabilities[60:] = np.nan
    report = assess(dataset, probabilities, replace(RECIPE, sampling=Sampling(first_epochs=(10,))))
    assert report["all_surveys"]["10"]["n_unscored"] == 60
    assert report["all_surveys"]["10"]["accuracy"] == 0.0
    assert list(report["calibration"]) == ["all"]
