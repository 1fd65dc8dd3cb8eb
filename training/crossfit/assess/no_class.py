"""What becomes of light curves of no class, and how often stars of a class are called novel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.crossfit.assess.one_band import answers_of, shows
from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.examples.augment import SIMULATED
from training.measure.answers import Answers
from training.measure.labels_given import wrong_labels

LENGTHS = (20, 40, 80)


def assess_no_class(
    dataset: Dataset,
    probabilities: NDArray[np.float64],
    recipe: Recipe,
    novelty: NDArray[np.float64] | None,
) -> dict[str, Any]:
    """Say what is made of light curves of no class, by kind, and how often those of a class are novel.

    Of bands by themselves, each judged by a network, a mixture and a table that have not seen its star.

    Parameters
    ----------
    probabilities, novelty : (m, k), (m,) float64
        As for `training.crossfit.assess.one_band.assess`.

    Returns
    -------
    dict
        ``by_kind``: for each kind of what is in no class, by number of first epochs ("all" for all), what
        `judged` gives; ``known_by_class`` and ``known_by_survey`` the same of stars in a class, and
        ``known_by_survey_and_class`` of all epochs of stars whose label names one class.
    """
    table = dataset.table
    answers = answers_of(dataset, probabilities, recipe, novelty)
    lengths = {"all": None} | {
        str(count): count for count in LENGTHS if count in recipe.sampling.first_epochs
    }
    shown = {name: table.own & shows(table, count) for name, count in lengths.items()}
    in_class = (dataset.outlier < 0) & ~np.isin(table.kind, SIMULATED)
    made_up = np.isin(table.kind, SIMULATED)

    def by_length(rows: NDArray[np.bool_], *, at: dict[str, NDArray[np.bool_]]) -> dict[str, Any]:
        return {
            name: judged(dataset, answers, rows & chosen, recipe)
            for name, chosen in at.items()
            if (rows & chosen).any()
        }

    first = dataset.truth.first
    return {
        "by_kind": {
            name: by_length(rows, at=shown if not made_up[rows].any() else {"all": table.own})
            for number, name in enumerate(dataset.outlier_kinds)
            if (rows := table.own & (dataset.outlier == number)).any()
        },
        "known_by_class": {
            name: by_length(in_class & dataset.truth.names_one & (first == number), at=shown)
            for number, name in enumerate(dataset.classes)
            if (in_class & dataset.truth.names_one & (first == number) & shown["all"]).any()
        },
        "known_by_survey": {
            name: by_length(in_class & (dataset.survey == number), at=shown)
            for number, name in enumerate(dataset.surveys)
            if (in_class & (dataset.survey == number) & shown["all"]).any()
        },
        "known_by_survey_and_class": {
            survey: {
                name: judged(dataset, answers, rows, recipe)
                for of_class, name in enumerate(dataset.classes)
                if (rows := of_survey & dataset.truth.names_one & (first == of_class)).any()
            }
            for number, survey in enumerate(dataset.surveys)
            if (of_survey := in_class & (dataset.survey == number) & shown["all"]).any()
        },
    }


def judged(dataset: Dataset, answers: Answers, rows: NDArray[np.bool_], recipe: Recipe) -> dict[str, Any]:
    """Say what is made of some light curves, as shares of those that can be scored.

    Returns
    -------
    dict
        ``n_stars``, ``n_light_curves``; ``on_top``, whose most probable class is right; ``novel``;
        ``labelled_wrongly``; ``confident_wrongly``, of a probability above .9; ``labelled_rightly``;
        ``novel_or_unlabelled``.
    """
    scored = np.flatnonzero(rows & answers.scored)
    said = answers.take(scored).verdicts(recipe.label_limits(dataset.classes), recipe.novel_below)
    right = dataset.truth.take(scored).agrees(said.best)
    wrong, sure_and_wrong = wrong_labels(said, right)
    shares = {
        "on_top": right,
        "novel": said.novel,
        "labelled_wrongly": wrong,
        "confident_wrongly": sure_and_wrong,
        "labelled_rightly": said.given & right,
        "novel_or_unlabelled": ~said.given,
    }
    return {
        "n_stars": len(np.unique(dataset.star[rows])),
        "n_light_curves": len(scored),
        **{name: round(float(each.mean()), 4) if len(scored) else None for name, each in shares.items()},
    }
