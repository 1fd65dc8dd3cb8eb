"""Cross-fitting: every star asked of a network that has not seen it, and one network that has seen them all.

With few labels a star that is kept aside is a star that is not learnt from. So the stars are shared out
to folds: for each fold a network is trained on the others, all of them together as one computation, and
answers for the fold. What they say measures the recipe, and fits the temperature; the network that is
shipped is trained in the same way on all stars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.crossfit.dataset import Dataset
from training.crossfit.fused import fit_fused
from training.crossfit.recipe import Recipe
from training.crossfit.row_weights import (
    calibration_rows,
    calibration_weights,
    mixture_weights,
    weights_of,
)
from training.errors import TrainingError
from training.network.batch import Batch
from training.network.networks import Networks, as_scores, predict
from training.network.preprocess import Preprocessing
from training.network.temperature import fit_temperature, fitted_to, softmax
from training.network.trained_network import TrainedNetwork
from training.novelty.fit_oddness import calibrate, surprises
from training.novelty.mixture import fit_mixture
from training.novelty.oddness import Oddness
from training.stars.assign_folds import NEVER_TRAINED

Rows = NDArray[np.int64]

NO_EPOCHS = np.empty(0, np.int64)


class Fit(Protocol):
    """How networks are made of examples: from scratch, or from a pretrained one."""

    def scale(self, values: NDArray[np.float64], without: int | None) -> Preprocessing:
        """Return the preprocessing for raw features (n, 16) of all folds but one, or of all."""

    def networks(
        self,
        examples: Batch,
        validation: Batch | None,
        seeds: Sequence[int],
        without: Sequence[int | None],
    ) -> Networks:
        """Train a network for each repeat, each without a fold or with all of them (None).

        `validation` chooses the training epoch where that is needed.
        """

    @property
    def input_eps(self) -> float:
        """`eps` of the first BatchNorm."""


@dataclass(frozen=True, slots=True)
class CrossFit:
    """What cross-fitting gives.

    Attributes
    ----------
    model : TrainedNetwork
        Trained on all stars, with its temperature.
    logits : (m, k) float64
        Of every row, by a network that has not seen its star; NaN where features are missing.
    of_folds : tuple of TrainedNetwork
        The networks that were trained without each fold.
    fitted_on : (p,) int64
        Numbers of epochs of the examples that the temperature was fitted to.
    fused_temperature : float or None
        Of fused answers; None where nothing can be said of them, see `training.crossfit.fused`.
    fused_fitted_on : (q,) int64
        Numbers of epochs over all bands of the examples that it was fitted to.
    oddness : (m,) float64 or None
        Of every row, by a network and a mixture that have not seen its star; None where nothing can be said.
    """

    model: TrainedNetwork
    logits: NDArray[np.float64]
    of_folds: tuple[TrainedNetwork, ...]
    fitted_on: NDArray[np.int64]
    fused_temperature: float | None = None
    fused_fitted_on: NDArray[np.int64] = field(default_factory=lambda: NO_EPOCHS)
    oddness: NDArray[np.float64] | None = None

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Probabilities (m, k) at the model's temperature; NaN where features are missing."""
        return softmax(self.logits, self.model.temperature)


def cross_fit(dataset: Dataset, recipe: Recipe, fit: Fit, *, seed: int) -> CrossFit:
    """Train a network for each fold and one on all stars, and fit the temperatures on the folds' answers.

    Shortened light curves take part in the training; for the temperature see `training.network.temperature`.

    Raises
    ------
    TrainingError
        If there is nothing that a temperature can be fitted to.
    """
    fitted = _calibrated_on(dataset, recipe)
    of_folds, logits = judge_folds(dataset, recipe, fit, seed=seed)
    final, scale = fit_all(dataset, recipe, fit, seed=seed)
    rows = np.flatnonzero(dataset.table.usable & (dataset.fold == NEVER_TRAINED))
    logits[rows] = answers(final, scale, dataset, rows)
    weight = calibration_weights(dataset.outlier[fitted], recipe.outlier_weight)
    temperature = fit_temperature(logits[fitted], dataset.truth.allowed[fitted], weight)
    probabilities = softmax(logits, temperature)
    oddness, odd = _fit_oddness(dataset, of_folds, scale, probabilities, recipe, seed=seed)
    model = TrainedNetwork(final.weights(), fit.input_eps, scale, temperature, oddness)
    fused = fit_fused(dataset, probabilities, recipe)
    n_epochs = dataset.table.n_epochs[fitted]
    made = CrossFit(model, logits, of_folds, n_epochs, oddness=odd)
    if fused is None:
        return made
    temperature, n_epochs = fused
    return replace(made, fused_temperature=temperature, fused_fitted_on=n_epochs)


def _fit_oddness(
    dataset: Dataset,
    of_folds: Sequence[TrainedNetwork],
    scale: Preprocessing,
    probabilities: NDArray[np.float64],
    recipe: Recipe,
    *,
    seed: int,
) -> tuple[Oddness | None, NDArray[np.float64] | None]:
    """Fit what the model says of oddness, and return that of every row by what has not seen its star."""
    table, values = dataset.table, np.nan_to_num(dataset.table.values)
    weight = mixture_weights(dataset)
    surprise = surprises(
        lambda number: of_folds[number].preprocessing.transform(values)[0],
        dataset.fold,
        table.usable,
        weight,
        count=recipe.folds,
        seed=seed,
    )
    scores = scale.transform(values)[0]
    mixture = fit_mixture(scores, weight, seed=seed)
    never = table.usable & (dataset.fold == NEVER_TRAINED)
    surprise[never] = mixture.surprise(scores[never])
    of_other = probabilities[:, -1] if dataset.has_other else None
    oddness = calibrate(mixture, surprise, of_other, table.own & calibration_rows(dataset))
    return oddness, None if oddness is None else oddness.combined(surprise, of_other)


def judge_folds(
    dataset: Dataset, recipe: Recipe, fit: Fit, *, seed: int
) -> tuple[tuple[TrainedNetwork, ...], NDArray[np.float64]]:
    """Train a network without each fold, and ask each about its fold.

    Returns
    -------
    networks, logits : tuple of TrainedNetwork, (m, k) float64
        Logits are NaN where features are missing, and of stars in no fold.
    """
    rng = np.random.default_rng(seed)
    numbers = range(recipe.folds)
    watched = [(number + 1) % recipe.folds for number in numbers] if recipe.chooses_epoch else None
    networks, scales = _train(
        dataset, recipe, fit, without=list(numbers), watched=watched, seed=seed, rng=rng
    )
    logits = np.full(dataset.truth.allowed.shape, np.nan)
    for number in numbers:
        rows = np.flatnonzero(dataset.table.usable & (dataset.fold == number))
        logits[rows] = answers(networks.part(slice(number, number + 1)), scales[number], dataset, rows)
    of_folds = tuple(
        TrainedNetwork(networks.weights(number), fit.input_eps, scales[number]) for number in numbers
    )
    return of_folds, logits


def judge_without(
    dataset: Dataset, recipe: Recipe, fit: Fit, left_out: Sequence[NDArray[np.bool_]], *, seed: int
) -> list[NDArray[np.float64]]:
    """Train a network without each of some sets of rows (m,), and ask it about these rows.

    Returns
    -------
    list of (m, k) float64
        Logits, for each set; NaN in all other rows, and where features are missing.
    """
    rng = np.random.default_rng(seed)
    said = []
    for number, each in enumerate(left_out):  # one by one: together all would learn from as few as the least
        rows = rng.permutation(np.flatnonzero(dataset.trainable & ~each))
        scale = fit.scale(dataset.table.values[rows], None)
        examples = stack(dataset, [rows], [scale], recipe)
        network = fit.networks(examples, None, [seed + number], [None])
        logits = np.full(dataset.truth.allowed.shape, np.nan)
        asked = np.flatnonzero(each & dataset.table.usable)
        logits[asked] = answers(network, scale, dataset, asked)
        said.append(logits)
    return said


def _calibrated_on(dataset: Dataset, recipe: Recipe) -> Rows:
    """Examples that the temperature is fitted to: of bands by themselves, some of them of no class."""
    own = dataset.table.own & dataset.truth.names_one
    rows = np.flatnonzero(dataset.table.usable & (dataset.fold >= 0) & ~dataset.spared & own)
    shortened = recipe.sampling.truncations > 0
    fitted = rows[fitted_to(dataset.table.kind[rows], dataset.table.n_shown[rows], shortened=shortened)]
    if not len(fitted):
        raise TrainingError(
            "no light curve that can be scored has a label of one class, and probabilities are held against "
            "those: map finer labels with --class-map"
        )
    return fitted


def fit_all(dataset: Dataset, recipe: Recipe, fit: Fit, *, seed: int) -> tuple[Networks, Preprocessing]:
    """Train one network on all stars; where a training epoch is chosen, the first fold chooses it."""
    watched = [0] if recipe.chooses_epoch else None
    rng = np.random.default_rng(seed)
    networks, (scale,) = _train(dataset, recipe, fit, without=[None], watched=watched, seed=seed, rng=rng)
    return networks, scale


def answers(networks: Networks, scale: Preprocessing, dataset: Dataset, rows: Rows) -> NDArray[np.float64]:
    """Logits (n, k) of one network about some of the examples, all of them usable."""
    logits: NDArray[np.float64] = predict(
        networks, as_scores(scale.transform(dataset.table.values[rows])[0])
    )[0]
    return logits


def stack(dataset: Dataset, rows: Sequence[Rows], scales: Sequence[Preprocessing], recipe: Recipe) -> Batch:
    """Put the examples of several repeats side by side, each on its own scale."""
    return Batch.stack(
        [scale.transform(dataset.table.values[each])[0] for each, scale in zip(rows, scales, strict=True)],
        [dataset.truth.allowed[each] for each in rows],
        [weights_of(dataset, each, recipe) for each in rows],
    )


def _train(
    dataset: Dataset,
    recipe: Recipe,
    fit: Fit,
    *,
    without: Sequence[int | None],
    watched: Sequence[int] | None,
    seed: int,
    rng: np.random.Generator,
) -> tuple[Networks, list[Preprocessing]]:
    """Train a network without each of the folds, and without the one that it is watched on."""
    kept_aside = [{fold} for fold in without]
    if watched is not None:
        kept_aside = [{fold, seen} for fold, seen in zip(without, watched, strict=True)]
    rows = [
        rng.permutation(
            np.flatnonzero(dataset.trainable & ~np.isin(dataset.fold, [f for f in folds if f is not None]))
        )
        for folds in kept_aside
    ]
    scales = [fit.scale(dataset.table.values[each], fold) for each, fold in zip(rows, without, strict=True)]
    validation = None
    if watched is not None:
        seen = [np.flatnonzero(dataset.trainable & (dataset.fold == fold)) for fold in watched]
        validation = stack(dataset, seen, scales, recipe)
    seeds = [seed + number for number in range(len(rows))]
    return fit.networks(stack(dataset, rows, scales, recipe), validation, seeds, without), scales
