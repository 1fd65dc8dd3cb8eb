"""What the manifest says about a new model, measured on test stars with the graph that is shipped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.artifact import Artifact
from training.dataset import Dataset
from training.evaluate import Answers, measure
from training.groups import Part
from training.labels import settle
from training.metrics import calibration_error
from training.recipe import REPORTED_EPOCHS
from training.sampling import Kind

BINS = 10
CONFIDENT = 0.9
SUMMARY = ("mc", "mc_error", "accuracy", "calibration_error", "n", "n_unscored")


def assess(artifact: Artifact, dataset: Dataset) -> dict[str, Any]:
    """Metrics of the test part, by survey and by number of epochs.

    Stars that cannot be scored count as wrong. Standard errors are from 200 bootstrap samples of the
    stars.

    Returns
    -------
    dict
        ``by_survey``: for each survey, at full length and at its first 10, 20, 40 and 80 epochs;
        ``all_surveys``: the same for all together, with per-class scores and the confusion matrix at
        full length; ``reliability``: confidence against accuracy by number of epochs; ``simulated``:
        what became of light curves that imitate non-variables and quasars.
    """
    test = np.flatnonzero(dataset.part == Part.TEST)
    table = dataset.table.take(test)
    answers = _answers(
        artifact, table.values, table.usable & (table.n_epochs >= artifact.manifest.min_epochs)
    )
    allowed, survey = dataset.allowed[test], dataset.survey[test]

    def report(rows: NDArray[np.bool_]) -> dict[str, Any]:
        chosen = Answers(answers.probabilities[rows], answers.scored[rows])
        return measure(chosen, allowed[rows], dataset.classes)

    shown = {"all": table.kind == Kind.FULL} | {
        str(count): _first(table.kind, table.n_epochs, count) for count in REPORTED_EPOCHS
    }
    everything = {length: report(rows) for length, rows in shown.items()}
    return {
        "part": "test: stars, not light curves, that took no part in training or in any choice",
        "errors": "standard error of Mc from 200 bootstrap samples of the stars",
        "by_survey": {
            name: {
                length: _summary(report(rows & (survey == number)))
                for length, rows in shown.items()
                if (rows & (survey == number)).any()
            }
            for number, name in enumerate(dataset.surveys)
        },
        "all_surveys": {
            **{length: _summary(each) for length, each in everything.items()},
            "per_class": everything["all"]["per_class"],
            "confusion": everything["all"]["confusion"],
            "confusion_classes": everything["all"]["classes"],
        },
        "reliability": {
            length: _reliability(answers, allowed, rows & answers.scored) for length, rows in shown.items()
        },
        "simulated": {
            kind.name.lower(): _summary(report(table.kind == kind))
            for kind in (Kind.SHUFFLED, Kind.CONSTANT, Kind.DAMPED_WALK)
            if (table.kind == kind).any()
        },
    }


def _answers(artifact: Artifact, values: NDArray[np.float64], scored: NDArray[np.bool_]) -> Answers:
    probabilities, _ = artifact.score(values, scored)
    return Answers(probabilities.astype(np.float64), scored)


def _first(kind: NDArray[np.int8], n_epochs: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Rows that show the first `count` epochs of a star, or all where it has no more."""
    prefix = (kind == Kind.PREFIX) & (n_epochs == count)
    rows: NDArray[np.bool_] = prefix | ((kind == Kind.FULL) & (n_epochs <= count))
    return rows


def _summary(report: dict[str, Any]) -> dict[str, Any]:
    return {key: round(report[key], 4) for key in SUMMARY}


def _reliability(answers: Answers, allowed: NDArray[np.bool_], rows: NDArray[np.bool_]) -> dict[str, Any]:
    """Confidence against accuracy in ten bins of equal width, and how far the confident can be trusted."""
    predicted = answers.predicted[rows]
    right = settle(allowed[rows], predicted) == predicted
    confidence = answers.probabilities[rows].max(axis=1)
    number = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    filled = [b for b in range(BINS) if (number == b).any()]
    confident = confidence > CONFIDENT
    return {
        "accuracy": round(float(right.mean()), 4),
        "calibration_error": round(calibration_error(confidence, right), 4),
        "confident_share": round(float(confident.mean()), 4),
        "confident_accuracy": round(float(right[confident].mean()), 4) if confident.any() else None,
        "bins": [
            {
                "confidence": round(float(confidence[number == b].mean()), 4),
                "accuracy": round(float(right[number == b].mean()), 4),
                "n": int((number == b).sum()),
            }
            for b in filled
        ],
    }
