"""The learning curve: Mc by number of labelled stars, and where it goes with more labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from training.crossfit.crossfit import Fit, answers, stack
from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.examples.augment import Kind
from training.measure.metrics import confusion_matrix, scaled_mcc, standard_error
from training.stars.folds import stratified_rank

LABEL_SHARES = (0.125, 0.25, 0.5, 1.0)
FORECAST_FACTOR = 4.0
"""How far beyond the largest number of labels the curve is drawn."""

MAX_MISS_SIGMA = 3.0
"""Standard errors by which a law may miss a point that is said to follow it."""

MIN_MC_ERROR = 1e-3
"""Of Mc in the fit: folds that agree by chance do not decide alone."""

MAX_LIGHT_CURVES = 4000
"""Light curves that the curve is measured with at most: beyond it labels are not what is missing."""


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """Mc of complete light curves by number of labelled ones.

    Attributes
    ----------
    light_curves : (m,) int64
        That were learnt from.
    mc, error : (m,) float64
        Mean over the folds, and its standard error (eq. 11).
    forecast : tuple of two (p,) float64, or None
        Numbers of light curves and Mc of the power law fitted to the points, to four times the largest
        number; None where the points do not follow one.
    """

    light_curves: NDArray[np.int64]
    mc: NDArray[np.float64]
    error: NDArray[np.float64]
    forecast: tuple[NDArray[np.float64], NDArray[np.float64]] | None


def learning_curve(dataset: Dataset, recipe: Recipe, fit: Fit, *, seed: int) -> LearningCurve:
    """Train with an eighth, a quarter, a half and all of the labels, once for each fold.

    A share has all light curves of its stars, and its part of every class. With a handful of labels, shares
    of which a fold would have nothing to learn from are left out.
    """
    rank = _ranks(dataset, seed)
    largest = min(1.0, MAX_LIGHT_CURVES / dataset.n_light_curves)
    numbers: list[int] = []
    means, errors = [], []
    for share in LABEL_SHARES:
        chosen = dataset.trainable & (rank < share * largest)
        if len(np.unique(dataset.fold[chosen])) < 2:  # all of them in one fold: it would learn from none
            continue
        number = _learnt_from(dataset, chosen, recipe.folds)
        if numbers and number == numbers[-1]:  # of a handful, the smaller share is the same stars
            continue
        mc = _folds(dataset, chosen, recipe, fit, seed)
        numbers.append(number)
        means.append(mc.mean())
        errors.append(standard_error(mc))
    light_curves, mean, error = np.array(numbers), np.array(means), np.array(errors)
    return LearningCurve(light_curves, mean, error, _forecast(light_curves, mean, error))


def _ranks(dataset: Dataset, seed: int) -> NDArray[np.float64]:
    """Rank (m,) of each example's star within [0, 1), in an order that every class is spread evenly over."""
    stratum = dataset.truth.first
    rank = np.ones(len(stratum))
    rows = np.flatnonzero(dataset.trainable)
    # another order than that of the folds: an eighth of it would be of one fold
    rank[rows] = stratified_rank(dataset.star[rows], stratum[rows], seed=seed + 1)
    return rank


def _learnt_from(dataset: Dataset, chosen: NDArray[np.bool_], folds: int) -> int:
    """Light curves that a network learns from: in the mean over the folds, which differ by a few."""
    counts = [len(np.unique(dataset.curve[chosen & (dataset.fold != fold)])) for fold in range(folds)]
    return round(float(np.mean(counts)))


def _folds(
    dataset: Dataset, chosen: NDArray[np.bool_], recipe: Recipe, fit: Fit, seed: int
) -> NDArray[np.float64]:
    """Mc of each fold's complete light curves of one band, learnt from the chosen examples of the others."""
    rng = np.random.default_rng(seed)
    folds = range(recipe.folds)
    rows = [rng.permutation(np.flatnonzero(chosen & (dataset.fold != fold))) for fold in folds]
    scales = [fit.scale(dataset.table.values[rows[fold]], fold) for fold in folds]
    examples = stack(dataset, rows, scales, recipe)
    networks = fit.networks(examples, None, [seed + fold for fold in folds], folds)
    full = dataset.table.usable & dataset.table.own & (dataset.table.kind == Kind.FULL)
    scores = []
    for fold in folds:
        test = np.flatnonzero(full & (dataset.fold == fold))
        if not len(test):
            continue
        logits = answers(networks.part(slice(fold, fold + 1)), scales[fold], dataset, test)
        predicted = logits.argmax(axis=1).astype(np.int64)
        truth = dataset.truth.take(test).settled(predicted)
        scores.append(scaled_mcc(confusion_matrix(truth, predicted, len(dataset.classes))))
    return np.array(scores)


def _forecast(
    numbers: NDArray[np.int64], mc: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Fit 1 - Mc = a n^-b, and give the curve from the smallest number to four times the largest."""
    if len(numbers) < 3:  # any two points follow a law of two parameters
        return None
    error = np.maximum(error, MIN_MC_ERROR)
    x = numbers / numbers[-1]

    def law(share: NDArray[np.float64], last: float, power: float) -> NDArray[np.float64]:
        return 1.0 - last * share**-power

    try:
        (last, power), _ = curve_fit(
            law,
            x,
            mc,
            p0=(max(1.0 - mc[-1], 1e-3), 0.3),
            sigma=error,
            bounds=([0.0, 0.0], [1.0, 2.0]),
        )
    except RuntimeError:  # no minimum found: the points follow no such law
        return None
    if (np.abs(law(x, last, power) - mc) > MAX_MISS_SIGMA * error).any():
        return None
    grid = np.geomspace(x[0], FORECAST_FACTOR, 60)
    return grid * numbers[-1], law(grid, last, power)
