"""Weights of rows in the loss: by how their example was made, what they show of it, and how rare it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.examples.augment import SIMULATED, Kind
from training.examples.feature_table import View
from training.network.loss import class_weights

Rows = NDArray[np.int64]


def weights_of(dataset: Dataset, rows: Rows, recipe: Recipe) -> NDArray[np.float64]:
    """Weight of each of some rows (n,) in the loss."""
    view = view_weights(dataset, recipe)[rows]
    of_class = class_weights(dataset.truth.allowed[rows], recipe.class_power, view)
    return kind_weights(dataset.table.kind[rows], recipe) * view * of_class


def kind_weights(kind: NDArray[np.int8], recipe: Recipe) -> NDArray[np.float64]:
    """Weight of each example by how it was made."""
    simulated = np.where(np.isin(kind, SIMULATED), recipe.simulated_weight, 1.0)
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
