"""What the manifest says about a new model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.data.labels import names_one, settle
from training.examples.augment import SIMULATED, Kind
from training.measure.evaluate import Answers, measure
from training.measure.metrics import (
    calibration_error,
    calibration_noise,
    confusion_matrix,
    scaled_mcc,
    standard_error,
)
from training.stars.assign_folds import NEVER_TRAINED

BIN_STARTS = (8, 10, 15, 20, 30, 45, 70, 100, 150, 250)
"""First number of epochs of each bin of the reliability, after the one that starts at the fewest scored."""

MIN_IN_BIN = 30
"""Light curves with a label of one class that a bin must have; with fewer it is joined to the one before."""

BINS = 10
CONFIDENT = 0.9
OF_LIMITS = ("labelled_wrongly", "confident_wrongly")
SUMMARY = ("mc", "mc_error", "accuracy", "calibration_error", "n", "n_stars", "n_unscored")


def assess(dataset: Dataset, probabilities: NDArray[np.float64], recipe: Recipe) -> dict[str, Any]:
    """Metrics by survey and by number of first epochs, each star judged by a network that has not seen it.

    Light curves that cannot be scored count as wrong. A label that is coarser than the classes counts as
    right for any of them, but not in what is said of calibration, see `training.data.labels.names_one`.
    Standard errors are from 200 bootstrap samples of the stars.

    Parameters
    ----------
    probabilities : (m, k) float64
        Of every example, from `training.crossfit.crossfit`; NaN where features are missing.

    Returns
    -------
    dict
        ``by_survey``: for each survey, at full length and at its first 10, 20, 40, 80 and 150 epochs;
        ``all_surveys``: the same for all surveys that were trained on together, with per-class scores and
        the confusion matrix at full length; ``calibration``: confidence against accuracy by number of
        epochs, where any can be scored; ``simulated``: what became of light curves that imitate
        non-variables and quasars, and how many of them are given a label that is wrong, and with confidence.
    """
    table, allowed, survey = dataset.table, dataset.allowed, dataset.survey
    answers = judged(dataset, probabilities, recipe)
    learnt = dataset.fold != NEVER_TRAINED

    def report(rows: NDArray[np.bool_]) -> dict[str, Any]:
        chosen = Answers(answers.probabilities[rows], answers.scored[rows])
        return measure(chosen, allowed[rows], dataset.classes, dataset.group[rows])

    shown = {"all": table.kind == Kind.FULL} | {
        str(count): _first(table.kind, table.n_epochs, count) for count in recipe.sampling.first_epochs
    }
    everything = {length: report(rows & learnt) for length, rows in shown.items()}
    return {
        "how": f"{recipe.folds} folds: each star is judged by a network that was trained on the other folds; "
        "surveys that are never trained on by the network that is shipped",
        "errors": "standard error of Mc from 200 bootstrap samples of the stars, with all their light curves",
        "by_survey": {
            name: {
                length: _summary(report(rows & (survey == number)))
                for length, rows in shown.items()
                if (rows & (survey == number)).any()
            }
            for number, name in enumerate(dataset.surveys)
            if (shown["all"] & (survey == number)).any()
        },
        "all_surveys": {
            **{length: _summary(each) for length, each in everything.items()},
            "per_class": everything["all"]["per_class"],
            "confusion": everything["all"]["confusion"],
            "confusion_classes": everything["all"]["classes"],
        },
        "calibration": {
            length: _calibration(answers, allowed, rows & learnt & answers.scored)
            for length, rows in shown.items()
            if (rows & learnt & answers.scored & names_one(allowed)).any()
        },
        "simulated": {
            kind.name.lower(): _summary(report(table.kind == kind))
            | _false_labels(answers, allowed, table.kind == kind, recipe.abstain_below)
            for kind in SIMULATED
            if (table.kind == kind).any()
        },
    }


def without_limits(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what depends on the limits of the model."""
    simulated = {
        kind: {name: value for name, value in each.items() if name not in OF_LIMITS}
        for kind, each in metrics.get("simulated", {}).items()
    }
    return {**metrics, "simulated": simulated} if simulated else dict(metrics)


def judged(dataset: Dataset, probabilities: NDArray[np.float64], recipe: Recipe) -> Answers:
    """Return what the model says, and which light curves are long enough to be scored at all."""
    long_enough = dataset.table.n_epochs >= recipe.sampling.min_epochs
    return Answers(probabilities, dataset.table.usable & long_enough)


def reliability(
    dataset: Dataset, probabilities: NDArray[np.float64], recipe: Recipe
) -> tuple[dict[str, Any], ...]:
    """Return what to expect at a number of epochs, for `schemas.model.manifest.Manifest.reliability`.

    Of all versions of the light curves of the surveys that were trained on, but for simulated ones; the
    calibration error of those whose label names one class. Nothing where there are none. The
    standard errors are those of the mean over the folds (eq. 11).
    """
    real = (dataset.fold != NEVER_TRAINED) & ~np.isin(dataset.table.kind, SIMULATED)
    answers = judged(dataset, probabilities, recipe)
    chosen = np.flatnonzero(real & answers.scored)
    one = names_one(dataset.allowed[chosen])
    if not one.any():
        return ()
    n_epochs = dataset.table.n_epochs[chosen]
    first = recipe.sampling.min_epochs
    lows = [first, *(low for low in BIN_STARTS if low > first)]
    counts = np.bincount(np.digitize(n_epochs[one], lows), minlength=len(lows) + 1)[1:]
    filled = [low for low, count in zip(lows, counts, strict=True) if count >= MIN_IN_BIN]
    lows = [first, *filled[1:]]  # what comes before the first filled bin is counted in it
    highs = [low - 1 for low in lows[1:]] + [None]
    return tuple(
        {
            "n_epochs_min": low,
            "n_epochs_max": high,
            **_measured(dataset, answers, chosen[np.digitize(n_epochs, lows) == place], recipe.abstain_below),
        }
        for place, (low, high) in enumerate(zip(lows, highs, strict=True), start=1)
    )


def _measured(
    dataset: Dataset, answers: Answers, rows: NDArray[np.int64], abstain_below: float
) -> dict[str, Any]:
    predicted = answers.predicted[rows]
    truth = settle(dataset.allowed[rows], predicted)
    confidence = answers.probabilities[rows].max(axis=1)
    right, sure = predicted == truth, confidence >= abstain_below
    one = names_one(dataset.allowed[rows])
    k = len(dataset.classes)
    in_fold = [dataset.fold[rows] == fold for fold in np.unique(dataset.fold[rows])]
    mc = [scaled_mcc(confusion_matrix(truth[part], predicted[part], k)) for part in in_fold]
    share = [float(right[part].mean()) for part in in_fold]
    return {
        "n_stars": len(np.unique(dataset.group[rows])),
        "n_light_curves": len(rows),
        "accuracy": round(float(right.mean()), 4),
        "accuracy_error": round(standard_error(np.array(share)), 4) if len(share) > 1 else 0.0,
        "mc": round(scaled_mcc(confusion_matrix(truth, predicted, k)), 4),
        "mc_error": round(standard_error(np.array(mc)), 4) if len(mc) > 1 else 0.0,
        "calibration_error": round(calibration_error(confidence[one], right[one]), 4),
        "abstained": round(float(1.0 - sure.mean()), 4),
        "accuracy_when_sure": round(float(right[sure].mean()), 4) if sure.any() else None,
    }


def _first(kind: NDArray[np.int8], n_epochs: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Rows that show the first `count` epochs of a star, or all where it has no more."""
    prefix = (kind == Kind.FIRST) & (n_epochs == count)
    rows: NDArray[np.bool_] = prefix | ((kind == Kind.FULL) & (n_epochs <= count))
    return rows


def _summary(report: dict[str, Any]) -> dict[str, Any]:
    return {key: None if report[key] is None else round(report[key], 4) for key in SUMMARY}


def _false_labels(
    answers: Answers, allowed: NDArray[np.bool_], rows: NDArray[np.bool_], abstain_below: float
) -> dict[str, float]:
    """Share of all light curves that get a wrong label, and one with a probability above `CONFIDENT`."""
    scored = np.flatnonzero(rows & answers.scored)
    predicted, confidence = answers.predicted[scored], answers.probabilities[scored].max(axis=1)
    wrong = settle(allowed[scored], predicted) != predicted
    return {
        "labelled_wrongly": round(float((wrong & (confidence >= abstain_below)).sum() / rows.sum()), 4),
        "confident_wrongly": round(
            float((wrong & (confidence > max(CONFIDENT, abstain_below))).sum() / rows.sum()), 4
        ),
    }


def _calibration(answers: Answers, allowed: NDArray[np.bool_], rows: NDArray[np.bool_]) -> dict[str, Any]:
    """Confidence against accuracy in ten bins of equal width, and how far the confident can be trusted.

    What begins with calibration, and the bins, are of labels that name one class; the rest is of all.
    """
    predicted = answers.predicted[rows]
    right = settle(allowed[rows], predicted) == predicted
    confidence = answers.probabilities[rows].max(axis=1)
    confident = confidence > CONFIDENT
    one = names_one(allowed[rows])
    claimed, kept = confidence[one], right[one]
    number = np.minimum((claimed * BINS).astype(np.int64), BINS - 1)
    filled = [b for b in range(BINS) if (number == b).any()]
    return {
        "accuracy": round(float(right.mean()), 4),
        "calibration_error": round(calibration_error(claimed, kept), 4),
        "calibration_noise": round(calibration_noise(claimed), 4),
        "confident_share": round(float(confident.mean()), 4),
        "confident_accuracy": round(float(right[confident].mean()), 4) if confident.any() else None,
        "bins": [
            {
                "confidence": round(float(claimed[number == b].mean()), 4),
                "accuracy": round(float(kept[number == b].mean()), 4),
                "n": int((number == b).sum()),
            }
            for b in filled
        ],
    }
