"""The assessment of a new model on light curves of one band, which its manifest states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.data.truth import Truth
from training.examples.augment import OUTLYING, SIMULATED, Kind
from training.examples.feature_table import FeatureTable
from training.measure.answers import Answers
from training.measure.evaluate import measure
from training.measure.labels_given import CONFIDENT_PROBABILITY, wrong_labels
from training.measure.metrics import (
    calibration_error,
    calibration_noise,
    confusion_matrix,
    rounded,
    scaled_mcc,
    standard_error,
)
from training.stars.assign_folds import NEVER_TRAINED

BIN_STARTS = (8, 10, 15, 20, 30, 45, 70, 100, 150, 250)
"""First number of epochs of each bin of the reliability, after the one that starts at the fewest scored."""

MIN_LIGHT_CURVES_IN_BIN = 30
"""Light curves with a label of one class that a bin must have; with fewer it is joined to the one before."""

CALIBRATION_BINS = 10
OF_A_CLASS = tuple(kind for kind in SIMULATED if kind not in OUTLYING)
OF_LIMITS = ("in_no_class", "stream_mix", "surveys_left_out", "tests")
FIELDS_OF_LIMITS = ("labelled_wrongly", "confident_wrongly")
SUMMARY_FIELDS = ("mc", "mc_error", "accuracy", "calibration_error", "n", "n_stars", "n_unscored")


def assess(
    dataset: Dataset,
    probabilities: NDArray[np.float64],
    recipe: Recipe,
    novelty: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Metrics by survey and by number of first epochs, each star asked of a network that has not seen it.

    Light curves that cannot be scored count as wrong. A label that is coarser than the classes counts as
    right for any of them, but not in what is said of calibration, see `training.data.truth.Truth`.
    Standard errors are from 200 bootstrap samples of the stars.

    Parameters
    ----------
    probabilities : (m, k) float64
        Of every example, from `training.crossfit.crossfit`; NaN where features are missing.
    novelty : (m,) float64, optional
        Of every example, from `training.crossfit.terms.novelty_of_folds`: what is novel has no label.

    Returns
    -------
    dict
        ``by_survey``: for each survey, at full length and at its first 10, 20, 40, 80 and 150 epochs;
        ``all_surveys``: the same for all surveys that were trained on together, with per-class scores and
        the confusion matrix at full length; ``calibration``: confidence against accuracy by number of
        epochs, where any can be scored; ``simulated``: what became of light curves that imitate
        non-variables and quasars, and how many of them are given a label that is wrong, and with confidence.
    """
    table, truth, survey = dataset.table, dataset.truth, dataset.survey
    answers = answers_of(dataset, probabilities, recipe, novelty)
    learnt = dataset.fold != NEVER_TRAINED
    in_class = dataset.outlier < 0

    def report(rows: NDArray[np.bool_]) -> dict[str, Any]:
        return measure(answers.take(rows), truth.take(rows), dataset.classes, dataset.star[rows])

    shown = {"all": in_class & showing(table, None)} | {
        str(count): in_class & showing(table, count) for count in recipe.sampling.first_epochs
    }
    asked = {length: rows & learnt & answers.scored for length, rows in shown.items()}
    everything = {length: report(rows & learnt) for length, rows in shown.items()}
    return {
        "how": f"{recipe.folds} folds: each star is judged by a network that was trained on the other folds; "
        "surveys that are never trained on by the network that is shipped",
        "errors": "standard error of Mc from 200 bootstrap samples of the stars, with all their light curves",
        "by_survey": {
            name: {
                length: summary(report(rows & (survey == number)))
                for length, rows in shown.items()
                if (rows & (survey == number)).any()
            }
            for number, name in enumerate(dataset.surveys)
            if (shown["all"] & (survey == number)).any()
        },
        "all_surveys": {
            **{length: summary(each) for length, each in everything.items()},
            "per_class": everything["all"]["per_class"],
            "confusion": everything["all"]["confusion"],
            "confusion_classes": everything["all"]["classes"],
        },
        "calibration": {
            length: rounded(calibration(answers.take(rows), truth.take(rows)))
            for length, rows in asked.items()
            if truth.names_one[rows].any()
        },
        "simulated": {
            kind.name.lower(): summary(report(table.own & (table.kind == kind)))
            | false_labels(
                answers,
                truth,
                table.own & (table.kind == kind),
                recipe.label_limits(dataset.classes),
                recipe.novel_below,
            )
            for kind in OF_A_CLASS
            if (table.own & (table.kind == kind)).any()
        },
    }


def without_limits(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what depends on the limits of the model."""
    left = {name: each for name, each in metrics.items() if name not in OF_LIMITS}
    if "simulated" in left:
        left["simulated"] = {
            kind: {name: value for name, value in each.items() if name not in FIELDS_OF_LIMITS}
            for kind, each in left["simulated"].items()
        }
    return left


def answers_of(
    dataset: Dataset,
    probabilities: NDArray[np.float64],
    recipe: Recipe,
    novelty: NDArray[np.float64] | None = None,
) -> Answers:
    """Return what the model says, and which light curves are long enough to be scored at all."""
    scored = dataset.table.scorable(recipe.sampling.min_epochs)
    return Answers(probabilities, scored, dataset.has_other, novelty)


def reliability(
    dataset: Dataset,
    probabilities: NDArray[np.float64],
    recipe: Recipe,
    novelty: NDArray[np.float64] | None = None,
) -> tuple[dict[str, Any], ...]:
    """Return what to expect at a number of epochs, for `schemas.model.manifest.Manifest.reliability`.

    Of all versions of the light curves of the surveys that were trained on, but for simulated ones; the
    calibration error of those whose label names one class. Nothing where there are none. The
    standard errors are those of the mean over the folds (eq. 11). What is novel has no label.
    """
    table = dataset.table
    real = (dataset.outlier < 0) & ~np.isin(table.kind, SIMULATED)
    rows = np.flatnonzero(table.own & (dataset.fold != NEVER_TRAINED) & real)
    said = answers_of(dataset, probabilities, recipe, novelty).take(rows)
    return reliability_of(dataset, rows, said, recipe)


def reliability_of(
    dataset: Dataset, rows: NDArray[np.int64], said: Answers, recipe: Recipe, *, fused: bool = False
) -> tuple[dict[str, Any], ...]:
    """Return what to expect by number of epochs of answers (n) about some rows (n,)."""
    first = recipe.fused_min_epochs if fused else recipe.sampling.min_epochs
    limits = recipe.label_limits(dataset.classes, fused=fused)
    rows, said = rows[said.scored], said.take(said.scored)
    one = dataset.truth.names_one[rows]
    if not one.any():
        return ()
    n_epochs = dataset.table.n_epochs[rows]
    lows = [first, *(low for low in BIN_STARTS if low > first)]
    counts = np.bincount(np.digitize(n_epochs[one], lows), minlength=len(lows) + 1)[1:]
    filled = [low for low, count in zip(lows, counts, strict=True) if count >= MIN_LIGHT_CURVES_IN_BIN]
    lows = [first, *filled[1:]]  # what comes before the first filled bin is counted in it
    highs = [low - 1 for low in lows[1:]] + [None]
    bins = [np.digitize(n_epochs, lows) == place for place in range(1, len(lows) + 1)]
    return tuple(
        {
            "n_epochs_min": low,
            "n_epochs_max": high,
            **_measured(dataset, rows[within], said.take(within), limits, recipe.novel_below),
        }
        for low, high, within in zip(lows, highs, bins, strict=True)
    )


def _measured(
    dataset: Dataset,
    rows: NDArray[np.int64],
    shown: Answers,
    limits: NDArray[np.float64],
    novel_below: float,
) -> dict[str, Any]:
    truth = dataset.truth.take(rows)
    said = shown.verdicts(limits, novel_below)
    predicted, sure = said.best, said.given
    settled = truth.settled(predicted)
    right, one = predicted == settled, truth.names_one
    k = len(dataset.classes)
    in_fold = [dataset.fold[rows] == fold for fold in np.unique(dataset.fold[rows])]
    mc = [scaled_mcc(confusion_matrix(settled[part], predicted[part], k)) for part in in_fold]
    share = [float(right[part].mean()) for part in in_fold]
    return {
        "n_stars": len(np.unique(dataset.star[rows])),
        "n_light_curves": len(rows),
        "accuracy": round(float(right.mean()), 4),
        "accuracy_error": round(standard_error(np.array(share)), 4) if len(share) > 1 else 0.0,
        "mc": round(scaled_mcc(confusion_matrix(settled, predicted, k)), 4),
        "mc_error": round(standard_error(np.array(mc)), 4) if len(mc) > 1 else 0.0,
        "calibration_error": round(calibration_error(shown.confidence[one], right[one]), 4),
        "abstained": round(float(1.0 - sure.mean()), 4),
        "accuracy_when_sure": round(float(right[sure].mean()), 4) if sure.any() else None,
    }


def showing(table: FeatureTable, count: int | None) -> NDArray[np.bool_]:
    """Rows (m,) of bands by themselves that show the first `count` epochs, or all where there are no more.

    None for all.
    """
    return table.own & shows(table, count)


def shows(table: FeatureTable, count: int | None) -> NDArray[np.bool_]:
    """Rows (m,) of examples, of one band or all, that show the first `count` epochs as `showing` has it."""
    full: NDArray[np.bool_] = table.kind == Kind.FULL
    if count is None:
        return full
    first = (table.kind == Kind.FIRST) & (table.n_shown == count)
    shown: NDArray[np.bool_] = first | (full & (table.n_shown <= count))
    return shown


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """Return the headline of what `training.measure.evaluate.measure` gives."""
    headline: dict[str, Any] = rounded({key: report[key] for key in SUMMARY_FIELDS})
    return headline


def false_labels(
    answers: Answers,
    truth: Truth,
    rows: NDArray[np.bool_],
    limits: NDArray[np.float64],
    novel_below: float,
) -> dict[str, float]:
    """Share of all light curves that get a wrong label, and one with a high probability."""
    scored = np.flatnonzero(rows & answers.scored)
    said = answers.take(scored).verdicts(limits, novel_below)
    wrong, sure_and_wrong = wrong_labels(said, truth.take(scored).agrees(said.best))
    return {
        "labelled_wrongly": round(float(wrong.sum() / rows.sum()), 4),
        "confident_wrongly": round(float(sure_and_wrong.sum() / rows.sum()), 4),
    }


def calibration(answers: Answers, truth: Truth) -> dict[str, Any]:
    """Confidence against accuracy in ten bins of equal width, and how far the confident can be trusted.

    What begins with calibration, and the bins, are of labels that name one class; the rest is of all.

    Parameters
    ----------
    answers : Answers
        Of light curves that were all scored, at least one of them with a label of one class.
    truth : Truth
        Of these.
    """
    right, confidence = truth.agrees(answers.predicted), answers.confidence
    confident = confidence > CONFIDENT_PROBABILITY
    claimed, kept = confidence[truth.names_one], right[truth.names_one]
    number = np.minimum((claimed * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    filled = [b for b in range(CALIBRATION_BINS) if (number == b).any()]
    return {
        "accuracy": float(right.mean()),
        "calibration_error": calibration_error(claimed, kept),
        "calibration_noise": calibration_noise(claimed),
        "confident_share": float(confident.mean()),
        "confident_accuracy": float(right[confident].mean()) if confident.any() else None,
        "bins": [
            {
                "confidence": float(claimed[number == b].mean()),
                "accuracy": float(kept[number == b].mean()),
                "n": int((number == b).sum()),
            }
            for b in filled
        ],
    }
