"""Calibration and reliability for a stream's mix of classes, beside that of the catalogues learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.priors import with_priors
from schemas.model.verdict import OTHER
from training.crossfit.assess.one_band import answers_of, shows
from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.examples.augment import SIMULATED
from training.measure.answers import Answers
from training.measure.labels_given import CONFIDENT_PROBABILITY
from training.measure.metrics import calibration_error, rounded

STREAM_MIX: Mapping[str, float] = {
    "CEPH_1O": 0.005,
    "CEPH_F": 0.01,
    "CV": 0.03,
    "DSCT": 0.03,
    "EB_EC": 0.2,
    "EB_ED": 0.06,
    "EB_ESD": 0.04,
    "LPV": 0.15,
    "NonVar": 0.02,
    "QSO": 0.12,
    "ROT": 0.12,
    "RRL_ab": 0.075,
    "RRL_c": 0.03,
    "RRL_d": 0.005,
    "T2CEPH": 0.005,
    OTHER: 0.1,
}
"""How frequent classes are in a stream: declared, not measured, but nearer to one than a catalogue is."""

LENGTHS = (20, 40, 80)
DRAWN = 20_000
"""Light curves of the mix, drawn again and again from those that there are."""


def assess_stream_mix(
    dataset: Dataset,
    probabilities: NDArray[np.float64],
    recipe: Recipe,
    novelty: NDArray[np.float64] | None,
    priors: Mapping[str, float],
) -> dict[str, Any]:
    """Say how good answers are where classes are as frequent as in a stream.

    Light curves of bands by themselves, each judged by what has not seen its star, are drawn with the
    frequencies of `STREAM_MIX`: of the classes from stars whose label names one, of `OTHER` from the real
    kinds that are in no class.

    Parameters
    ----------
    probabilities, novelty : (m, k), (m,) float64
        As for `training.crossfit.assess.one_band.assess`.
    priors : mapping of str to float
        Of the model.

    Returns
    -------
    dict
        ``mix``; ``n_stars`` of each class that are drawn from, again and again; ``by_epochs``: by number of
        first epochs ("all" for all), what `_measured` gives under the ``own`` priors of the model and under
        the ``declared`` ones, those of the mix. Empty where the model
        has other classes, or one of them is not there to be drawn from.
    """
    if {*dataset.classes} != {*STREAM_MIX}:
        return {}
    table, truth = dataset.table, dataset.truth
    answers = answers_of(dataset, probabilities, recipe, novelty)
    real = table.own & ~np.isin(table.kind, SIMULATED) & (dataset.fold >= 0)
    known = real & truth.names_one & answers.scored
    lengths = {"all": None} | {
        str(count): count for count in LENGTHS if count in recipe.sampling.first_epochs
    }
    by_epochs: dict[str, Any] = {}
    for name, count in lengths.items():
        rows = _drawn(dataset, known & shows(table, count))
        if rows is None:
            continue
        said = answers.take(rows)
        declared = replace(said, probabilities=with_priors(said.probabilities, priors, STREAM_MIX))
        by_epochs[name] = {
            "own": _measured(dataset, rows, said, recipe),
            "declared": _measured(dataset, rows, declared, recipe),
        }
    whole = known & shows(table, None)
    stars = {
        name: len(np.unique(dataset.star[whole & (truth.first == number)]))
        for number, name in enumerate(dataset.classes)
    }
    return {"mix": dict(STREAM_MIX), "n_stars": stars, "by_epochs": by_epochs} if by_epochs else {}


def _drawn(dataset: Dataset, chosen: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """Draw rows with the frequencies of the mix; None where there is none of a class."""
    rng = np.random.default_rng(0)
    counts = rng.multinomial(DRAWN, [STREAM_MIX[name] for name in dataset.classes])
    parts = []
    for number, count in enumerate(counts.tolist()):
        rows = np.flatnonzero(chosen & (dataset.truth.first == number))
        if not len(rows):
            return None
        parts.append(rng.choice(rows, count))
    return np.concatenate(parts)


def _measured(
    dataset: Dataset, rows: NDArray[np.int64], answers: Answers, recipe: Recipe
) -> dict[str, float | None]:
    """Say how often the most probable class is right, and what labels are worth.

    Returns
    -------
    dict
        ``accuracy`` and ``calibration_error`` of the most probable class; ``labelled`` and ``novel``, shares
        of all; ``accuracy_of_labels``; ``confident``, the share with a label whose probability is above .9,
        and how many of these are right, ``confident_accuracy``.
    """
    said = answers.verdicts(recipe.label_limits(dataset.classes), recipe.novel_below)
    right = dataset.truth.take(rows).agrees(said.best)
    sure = said.given & (said.probability > CONFIDENT_PROBABILITY)
    result: dict[str, float | None] = rounded(
        {
            "accuracy": float(right.mean()),
            "calibration_error": calibration_error(said.probability, right),
            "labelled": float(said.given.mean()),
            "novel": float(said.novel.mean()),
            "accuracy_of_labels": float(right[said.given].mean()) if said.given.any() else None,
            "confident": float(sure.mean()),
            "confident_accuracy": float(right[sure].mean()) if sure.any() else None,
        }
    )
    return result
