"""Each survey by a network that has seen none of its stars: what of its classes is known from others alone.

A network learns a survey with its labels. Stars of a survey that others of it were learnt from are therefore
classified better than those of a new one will be. Other sets of stars of the same telescope stay where they
are: a new telescope may be farther still.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.crossfit.assess.no_class import judged
from training.crossfit.assess.one_band import answers_of, shows
from training.crossfit.crossfit import Fit, judge_without
from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.examples.augment import SIMULATED
from training.network.temperature import softmax

FEWEST_STARS = 20
"""Of a class in a survey, and of the class in all others, for anything to be said."""

Mask = NDArray[np.bool_]


def assess_surveys_left_out(
    dataset: Dataset, recipe: Recipe, fit: Fit, temperature: float, *, seed: int
) -> dict[str, Any]:
    """Leave out one survey after the other, with its stars in all others, and ask about all of its epochs.

    Parameters
    ----------
    recipe : Recipe
        With the schedule that these networks are trained by, all of them together.
    fit : Fit
        From scratch: what a network starts from must not have seen the survey.
    temperature : float
        Of the model.

    Returns
    -------
    dict
        By survey and class, what `training.crossfit.assess.no_class.judged` gives; nothing is novel here.
        Of classes with `FEWEST_STARS` in the survey and beyond.
    """
    real = ~np.isin(dataset.table.kind, SIMULATED)
    asked = real & dataset.table.own & shows(dataset.table, None) & dataset.truth.names_one
    classes = {number: _comparable(dataset, number, asked) for number in range(len(dataset.surveys))}
    classes = {number: comparable for number, comparable in classes.items() if comparable}
    left_out = [_with_its_stars(dataset, number) for number in classes]
    if not left_out:
        return {}
    said = judge_without(dataset, recipe, fit, left_out, seed=seed)
    result: dict[str, Any] = {}
    for (number, comparable), logits in zip(classes.items(), said, strict=True):
        answers = answers_of(dataset, softmax(logits, temperature), recipe)
        of_survey = asked & (dataset.survey == number)
        result[dataset.surveys[number]] = {
            dataset.classes[each]: judged(dataset, answers, of_survey & (dataset.truth.first == each), recipe)
            for each in comparable
        }
    return result


def _comparable(dataset: Dataset, survey: int, asked: Mask) -> list[int]:
    """Classes that have enough stars in a survey, and enough that can be learnt from without it."""
    here = asked & (dataset.survey == survey) & (dataset.fold >= 0) & (dataset.outlier < 0)
    elsewhere = asked & dataset.trainable & ~_with_its_stars(dataset, survey)
    return [
        number
        for number in range(len(dataset.classes))
        if all(
            len(np.unique(dataset.star[rows & (dataset.truth.first == number)])) >= FEWEST_STARS
            for rows in (here, elsewhere)
        )
    ]


def _with_its_stars(dataset: Dataset, survey: int) -> Mask:
    """Rows (m,) of the stars of a survey, in whatever other survey they are."""
    rows: Mask = np.isin(dataset.star, np.unique(dataset.star[dataset.survey == survey]))
    return rows
