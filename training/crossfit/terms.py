"""The terms of a new model: what its manifest states of priors, of novelty and of limits for labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.novelty import novelty, table_of
from training.crossfit.crossfit import CrossFit
from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.crossfit.row_weights import calibration_rows, each_class_alike, weights_of
from training.examples.feature_table import FeatureTable, View
from training.examples.fused_examples import FusedExamples

F8 = NDArray[np.float64]

LEAST_PRIOR = 1e-6
"""A class that is never met can still be asked for."""


def terms_of_bands(dataset: Dataset, made: CrossFit, recipe: Recipe) -> dict[str, Any]:
    """Return ``abstain_below_by_class``, ``priors`` and ``novelty`` of a manifest.

    Parameters
    ----------
    dataset : Dataset
        Of m rows.
    made : CrossFit
        What cross-fitting gave of them.
    """
    of = _Answered(dataset, recipe, made.probabilities, dataset.table.own)
    return _terms(of, made)


def terms_of_fused(dataset: Dataset, made: CrossFit, recipe: Recipe) -> dict[str, Any]:
    """Return the same of what a manifest states of fused answers: of merged curves of several bands.

    Raises
    ------
    ValueError
        If nothing was said of fused answers.
    """
    if made.fused_temperature is None:
        raise ValueError("there are no fused answers")
    examples = FusedExamples.of(dataset.table)
    probabilities = np.full(made.logits.shape, np.nan)
    probabilities[examples.merged] = examples.probabilities(made.probabilities, made.fused_temperature)
    several = _of_several_bands(dataset.table)
    return _terms(_Answered(dataset, recipe, probabilities, several, fused=True), made)


def novelty_of_folds(dataset: Dataset, made: CrossFit) -> F8 | None:
    """Return the novelty (m,) of each row by calibration stars of other folds; None where nothing is said.

    Merged curves of several bands are held against such curves, all other rows against bands by themselves.
    """
    if made.oddness is None:
        return None
    table, calibration = dataset.table, calibration_rows(dataset)
    several, result = _of_several_bands(table), np.full(len(made.oddness), np.nan)
    for rows, alike in ((~several, table.own), (several, several)):
        for fold in np.unique(dataset.fold):
            asked = rows & (dataset.fold == fold)
            others = calibration & alike & (dataset.fold != fold)
            if others.any():
                alike_each = each_class_alike(dataset.truth.take(others))
                terms = table_of(made.oddness[others], table.n_epochs[others], alike_each)
                result[asked] = novelty(made.oddness[asked], table.n_epochs[asked], terms)
    return result


def _of_several_bands(table: FeatureTable) -> NDArray[np.bool_]:
    """Rows (m,) that are merged curves of two usable bands or more."""
    rows: NDArray[np.bool_] = (table.view == View.MERGED) & (table.n_bands > 1)
    return rows


@dataclass(frozen=True, slots=True)
class _Answered:
    """Rows that answers are given about: bands by themselves, or merged curves."""

    dataset: Dataset
    recipe: Recipe
    probabilities: F8
    rows: NDArray[np.bool_]
    fused: bool = False

    def priors(self) -> dict[str, float]:
        """How frequent the classes are in the mix that the networks were fitted to, as they see it.

        By weights in the loss; a label that is coarser than the classes has no other share in them.
        """
        learnt = self.dataset.trainable & self.rows & np.isfinite(self.probabilities[:, 0])
        rows = np.flatnonzero(learnt)
        weight = weights_of(self.dataset, rows, self.recipe)
        mean = np.maximum(np.average(self.probabilities[rows], axis=0, weights=weight), LEAST_PRIOR)
        return dict(zip(self.dataset.classes, (mean / mean.sum()).tolist(), strict=True))


def _terms(of: _Answered, made: CrossFit) -> dict[str, Any]:
    dataset, recipe = of.dataset, of.recipe
    stated: dict[str, Any] = {"priors": of.priors()}
    limits = {
        name: limit
        for name, limit in recipe.limits_by_class(fused=of.fused).items()
        if name in dataset.classes
    }
    if limits:
        stated["abstain_below_by_class"] = limits
    calibration = np.flatnonzero(of.rows & calibration_rows(dataset))
    if made.oddness is not None and len(calibration):
        weight = each_class_alike(dataset.truth.take(calibration))
        table = table_of(made.oddness[calibration], dataset.table.n_epochs[calibration], weight)
        stated["novelty"] = {"limit": recipe.novel_below, **table}
    return stated
