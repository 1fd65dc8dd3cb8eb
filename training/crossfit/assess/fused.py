"""The assessment of fused answers, beside those about the best band of the same stars."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.crossfit.assess.one_band import (
    OF_A_CLASS,
    calibration,
    false_labels,
    reliability_of,
    shows,
    summary,
)
from training.crossfit.dataset import Dataset
from training.crossfit.fused import answers_of_best_band, fused_answers
from training.crossfit.recipe import Recipe
from training.examples.augment import SIMULATED
from training.examples.fused_examples import FusedExamples
from training.measure.evaluate import measure
from training.measure.metrics import rounded
from training.stars.assign_folds import NEVER_TRAINED


def assess_fused(
    dataset: Dataset,
    probabilities: NDArray[np.float64],
    recipe: Recipe,
    temperature: float,
    novelty: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Metrics of stars in several bands, each asked of a network that has not seen it.

    As in `training.crossfit.assess.one_band.assess`: what cannot be scored counts as wrong. The first epochs
    are those of all bands together. Beside the fused answers there are those about the band with most of
    these epochs, by itself, as a stream would give them.

    Parameters
    ----------
    probabilities : (m, k) float64
        Of every row, at the temperature of the model.
    temperature : float
        Of fused answers.
    novelty : (m,) float64, optional
        Of every row, from `training.crossfit.terms.novelty_of_folds`.

    Returns
    -------
    dict
        ``by_epochs``: by number of first epochs ("all" for all), ``fused`` and ``best_band`` of the surveys
        that were trained on; ``by_survey``: the same for each survey; ``per_class``, ``confusion`` and
        ``confusion_classes`` of all epochs; ``calibration`` and ``simulated`` as there.
    """
    table, truth = dataset.table, dataset.truth
    examples = FusedExamples.of(table)
    row = examples.merged
    fused = fused_answers(examples, dataset, probabilities, temperature, recipe, novelty=novelty)
    best_band = answers_of_best_band(examples, dataset, probabilities, recipe)
    learnt = dataset.fold[row] != NEVER_TRAINED
    in_class = dataset.outlier[row] < 0
    lengths = {"all": None} | {str(count): count for count in recipe.sampling.first_epochs_together}
    shown = {name: shows(table, count)[row] & in_class for name, count in lengths.items()}

    def both(chosen: NDArray[np.bool_]) -> dict[str, Any]:
        of = truth.take(row[chosen]), dataset.classes, dataset.star[row[chosen]]
        return {
            name: summary(measure(said.take(chosen), *of))
            for name, said in (("fused", fused), ("best_band", best_band))
        }

    everything = shown["all"] & learnt
    full = measure(
        fused.take(everything), truth.take(row[everything]), dataset.classes, dataset.star[row[everything]]
    )
    asked = {length: rows & learnt & fused.scored for length, rows in shown.items()}
    return {
        "by_epochs": {length: both(rows & learnt) for length, rows in shown.items()},
        "by_survey": {
            name: {
                length: both(rows & (dataset.survey[row] == number))
                for length, rows in shown.items()
                if (rows & (dataset.survey[row] == number)).any()
            }
            for number, name in enumerate(dataset.surveys)
            if (shown["all"] & (dataset.survey[row] == number)).any()
        },
        "per_class": full["per_class"],
        "confusion": full["confusion"],
        "confusion_classes": full["classes"],
        "calibration": {
            length: rounded(calibration(fused.take(rows), truth.take(row[rows])))
            for length, rows in asked.items()
            if truth.names_one[row[rows]].any()
        },
        "simulated": {
            kind.name.lower(): both(of_kind)["fused"]
            | false_labels(
                fused,
                truth.take(row),
                of_kind,
                recipe.label_limits(dataset.classes, fused=True),
                recipe.novel_below,
            )
            for kind in OF_A_CLASS
            if (of_kind := table.kind[row] == kind).any()
        },
    }


def fused_terms(
    dataset: Dataset,
    probabilities: NDArray[np.float64],
    recipe: Recipe,
    temperature: float,
    novelty: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Return what a manifest states of fused answers, see `schemas.model.manifest.Manifest.fused`.

    Its reliability is that of all versions of stars in several usable bands that were trained on, but for
    simulated ones, by number of epochs over all bands.
    """
    table = dataset.table
    examples = FusedExamples.of(table)
    row = examples.merged
    in_class = (dataset.outlier[row] < 0) & ~np.isin(table.kind[row], SIMULATED)
    real = (dataset.fold[row] != NEVER_TRAINED) & in_class
    examples = examples.take(real & ~examples.one_band)
    return {
        "min_epochs": recipe.fused_min_epochs,
        "temperature": temperature,
        "abstain_below": recipe.fused_abstain_below,
        "reliability": reliability_of(
            dataset,
            examples.merged,
            fused_answers(examples, dataset, probabilities, temperature, recipe, novelty=novelty),
            recipe,
            fused=True,
        ),
    }
