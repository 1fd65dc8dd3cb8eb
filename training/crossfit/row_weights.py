"""Weights of rows in the loss: by how their example was made, what they show of it, and how rare it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.data.truth import Truth
from training.examples.augment import OUTLYING, SIMULATED, Kind
from training.examples.feature_table import View
from training.network.loss import class_weights

Rows = NDArray[np.int64]


def weights_of(dataset: Dataset, rows: Rows, recipe: Recipe) -> NDArray[np.float64]:
    """Weight of each of some rows (n,) in the loss."""
    view = view_weights(dataset, recipe)[rows]
    outlier = dataset.outlier[rows]
    known = outlier < 0
    weights = kind_weights(dataset.table.kind[rows], recipe) * view
    weights[known] *= class_weights(dataset.truth.allowed[rows[known]], recipe.class_power, view[known])
    weights[known] *= of_real_examples(dataset, rows[known], recipe.class_weights)
    weights[~known] *= outlier_weights(weights, outlier, recipe.outlier_weight)
    return weights


def of_real_examples(dataset: Dataset, rows: Rows, class_weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Weight of some rows (n,) by their class where they are not made up; 1 where the label names several."""
    weights = np.ones(len(rows))
    real = dataset.truth.names_one[rows] & ~np.isin(dataset.table.kind[rows], SIMULATED)
    for name, weight in class_weights.items():
        if name in dataset.classes:
            weights[real & (dataset.truth.first[rows] == dataset.classes.index(name))] = weight
    return weights


def outlier_weights(
    weights: NDArray[np.float64], outlier: NDArray[np.int64], share: float
) -> NDArray[np.float64]:
    """Factor (o,) for each row of no class, by which each kind has as much, and all have `share` of the rest.

    Parameters
    ----------
    weights : (n,) float64
        Of all rows so far.
    outlier : (n,) int64
        Kind of each that is in no class; -1 for the others.
    """
    of_kind = outlier[outlier >= 0]
    total = np.bincount(of_kind, weights[outlier >= 0])
    n_kinds = max(np.count_nonzero(total), 1)
    each = share * weights[outlier < 0].sum() / n_kinds
    factor = np.divide(each, total, out=np.zeros(len(total)), where=total > 0.0)
    result: NDArray[np.float64] = factor[of_kind]
    return result


def kind_weights(kind: NDArray[np.int8], recipe: Recipe) -> NDArray[np.float64]:
    """Weight of each example by how it was made."""
    of_class = [each for each in SIMULATED if each not in OUTLYING]
    simulated = np.where(np.isin(kind, of_class), recipe.simulated_weight, 1.0)
    weights: NDArray[np.float64] = np.where(kind == Kind.FULL, recipe.full_weight, simulated)
    return weights


def view_weights(dataset: Dataset, recipe: Recipe) -> NDArray[np.float64]:
    """Weight (m,) of each row by what it shows: a star has as much in six bands as in two.

    Bands that are shown by themselves share the weight of one light curve, the bands of an example at the
    joint period share `Recipe.at_joint_weight`; a merged curve has `Recipe.merged_weight` alone. Shares are
    counted over rows that can be learnt from.
    """
    table = dataset.table
    weights = np.ones(len(table.view))
    own = np.flatnonzero(table.own & table.usable)
    bands, place = np.unique(
        np.stack([dataset.survey[own], table.first_band[own], table.curve[own]]), axis=1, return_inverse=True
    )
    _, star = np.unique(bands[:2], axis=1, return_inverse=True)
    weights[own] = 1.0 / np.bincount(star)[star][place]
    at_joint = np.flatnonzero((table.view == View.AT_JOINT) & table.usable)
    _, example = np.unique(table.example[at_joint], return_inverse=True)
    weights[at_joint] = recipe.at_joint_weight / np.bincount(example)[example]
    weights[table.view == View.MERGED] = recipe.merged_weight
    return weights


def calibration_weights(outlier: NDArray[np.int64], share: float) -> NDArray[np.float64]:
    """Weight of examples (n,) that a temperature is fitted to: what is in no class weighs as in the loss."""
    weights = np.ones(len(outlier))
    weights[outlier >= 0] = outlier_weights(weights, outlier, share)
    return weights


def calibration_rows(dataset: Dataset) -> NDArray[np.bool_]:
    """Rows (m,) of stars in a class as a stream sees them, from their first epoch on.

    What is odd is held against them.
    """
    table = dataset.table
    as_seen = np.isin(table.kind, (Kind.FULL, Kind.FIRST, Kind.PREFIX))
    rows: NDArray[np.bool_] = table.usable & as_seen & (dataset.outlier < 0) & (dataset.fold >= 0)
    return rows


def each_class_alike(truth: Truth) -> NDArray[np.float64]:
    """Weight (n,) of calibration stars by which all classes count alike; coarse labels as the first theirs.

    What is odd should not depend on which classes a catalogue has most of.
    """
    counts = np.bincount(truth.first)
    weights: NDArray[np.float64] = 1.0 / counts[truth.first]
    return weights


def mixture_weights(dataset: Dataset) -> NDArray[np.float64]:
    """Weight (m,) by which rows are drawn for a mixture; 0 for what is in no class or not learnt from.

    By the root of how many there are of their class and survey: a common class is drawn more often, and a
    rare one is not lost.
    """
    rows = dataset.trainable & (dataset.outlier < 0)
    of = dataset.survey * (len(dataset.classes) + 1) + dataset.truth.first
    counts = np.bincount(of[rows], minlength=int(of.max()) + 1)
    return np.where(rows, 1.0 / np.sqrt(np.maximum(counts[of], 1)), 0.0)
