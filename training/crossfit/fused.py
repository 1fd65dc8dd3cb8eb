"""Fused answers of the networks of the folds: one for each example of all bands of a star.

They have a temperature of their own, fitted as that of one band is (`training.network.temperature`), but on
fused answers: a product of two answers is surer than either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.crossfit.row_weights import calibration_weights
from training.examples.fused_examples import FusedExamples
from training.measure.answers import Answers
from training.network.temperature import fit_temperature, fitted_to

FEWEST_EXAMPLES = 30
"""Examples with a label of one class that a temperature of fused answers is fitted to."""

FEWEST_CLASSES = 0.5
"""Share of the classes with examples that stars in several bands must be of: what is measured on
RR Lyrae alone says nothing of others."""


def fused_answers(
    examples: FusedExamples,
    dataset: Dataset,
    of_rows: NDArray[np.float64],
    temperature: float,
    recipe: Recipe,
    *,
    novelty: NDArray[np.float64] | None = None,
) -> Answers:
    """Return what is said of examples (e) as it is served, by what is said (m, ...) of all rows."""
    scored = examples.scored(
        dataset.table, min_epochs=recipe.fused_min_epochs, min_epochs_of_band=recipe.sampling.min_epochs
    )
    of_merged = None if novelty is None else novelty[examples.merged]
    return Answers(examples.probabilities(of_rows, temperature), scored, dataset.has_other, of_merged)


def answers_of_best_band(
    examples: FusedExamples, dataset: Dataset, of_rows: NDArray[np.float64], recipe: Recipe
) -> Answers:
    """Return what is said of the band with most epochs of each by itself; not scored where not measured."""
    there = examples.best_band >= 0
    scored = there & dataset.table.scorable(recipe.sampling.min_epochs)[examples.best_band]
    return Answers(np.where(there[:, None], of_rows[examples.best_band], np.nan), scored, dataset.has_other)


def fit_fused(
    dataset: Dataset, of_rows: NDArray[np.float64], recipe: Recipe
) -> tuple[float, NDArray[np.int64]] | None:
    """Fit the temperature of fused answers.

    Parameters
    ----------
    of_rows : (m, k) float64
        Probabilities of all rows at the temperature of the model, each by a network that has not seen its
        star.

    Returns
    -------
    temperature, n_epochs : float, (p,) int64, or None
        The temperature, and the numbers of epochs of the examples that it was fitted to; None where stars in
        several bands are too few, or of too few classes, for anything to be said of their fused answers.
    """
    table, truth = dataset.table, dataset.truth
    examples = FusedExamples.of(table)
    row = examples.merged
    fit_for = table.usable[row] & (dataset.fold[row] >= 0) & ~dataset.spared[row] & truth.names_one[row]
    examples = examples.take(fit_for & ~examples.one_band)
    row = examples.merged
    chosen = fitted_to(table.kind[row], table.n_shown[row], shortened=recipe.sampling.truncations > 0)
    examples = examples.take(chosen)
    row = examples.merged
    classes = truth.allowed[dataset.trainable & truth.names_one].any(axis=0).sum()
    if len(row) < FEWEST_EXAMPLES or truth.allowed[row].any(axis=0).sum() < FEWEST_CLASSES * classes:
        return None
    fused = examples.probabilities(of_rows, 1.0)
    logits = np.log(np.maximum(fused, np.finfo(np.float64).tiny))
    weight = calibration_weights(dataset.outlier[row], recipe.outlier_weight)
    temperature = fit_temperature(logits, truth.allowed[row], weight)
    return temperature, table.n_epochs[row]
