"""What it costs the classes of before that there are new ones: the same stars, without them and with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from schemas.model.verdict import OTHER
from training.crossfit.assess.one_band import shows
from training.crossfit.dataset import Dataset
from training.data.truth import Truth
from training.measure.metrics import confusion_matrix, scaled_mcc
from training.reproduce.streams.judgement import LENGTHS, Judgement
from training.surveys.classes import CATACLYSMIC

HEADER = ("survey", "epochs", "light curves", "Mc, these alone", "Mc, all", "difference")


NEW = (CATACLYSMIC, OTHER)


def cost_of_classes(seen: Judgement, rows: NDArray[np.int64], alone: Judgement) -> list[tuple[str, ...]]:
    """Hold what networks of all classes say of some rows (r,) against what those of old classes alone do.

    Parameters
    ----------
    seen : Judgement
        Of all classes.
    rows : (r,) int64
        See `of_before`.
    alone : Judgement
        Of these rows, `without_new_classes`.

    Returns
    -------
    list of tuple
        Rows of a table, of the light curves that can be scored.
    """
    beside = replace(seen, dataset=seen.dataset.take(rows), answers=seen.answers.take(rows))
    asked = alone.dataset.table.own & alone.answers.scored & (alone.dataset.fold >= 0)
    result: list[tuple[str, ...]] = []
    for number, survey in enumerate(alone.dataset.surveys):
        of_survey = asked & (alone.dataset.survey == number)
        for length, count in LENGTHS.items():
            chosen = np.flatnonzero(of_survey & shows(alone.dataset.table, count))
            if len(chosen):
                before, now = _mc(alone, chosen), _mc(beside, chosen)
                written = (f"{len(chosen):,}", f"{before:.4f}", f"{now:.4f}", f"{now - before:+.4f}")
                result.append((survey, length, *written))
    return result


def of_before(dataset: Dataset, surveys: Collection[str]) -> NDArray[np.int64]:
    """Rows of some surveys that are in a class that is not new, made-up stars of these too."""
    names = [number for number, name in enumerate(dataset.surveys) if name in surveys]
    known = dataset.truth.allowed[:, _columns_of_before(dataset)].any(axis=1)
    return np.flatnonzero(np.isin(dataset.survey, names) & (dataset.outlier < 0) & known)


def without_new_classes(dataset: Dataset) -> Dataset:
    """Forget that there are new classes, which none of the rows is in."""
    columns = _columns_of_before(dataset)
    classes = tuple(dataset.classes[number] for number in columns)
    return replace(dataset, classes=classes, truth=Truth(dataset.truth.allowed[:, columns]))


def _columns_of_before(dataset: Dataset) -> list[int]:
    return [number for number, name in enumerate(dataset.classes) if name not in NEW]


def _mc(of: Judgement, rows: NDArray[np.int64]) -> float:
    """Mc of the most probable classes."""
    truth, answers = of.dataset.truth.take(rows), of.answers.take(rows)
    best = answers.verdicts(of.recipe.label_limits(of.dataset.classes), of.recipe.novel_below).best
    return scaled_mcc(confusion_matrix(truth.settled(best), best, len(of.dataset.classes)))
