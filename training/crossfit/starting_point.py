"""Starting points of networks: random weights, or a pretrained network under new heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.crossfit.recipe import Recipe
from training.errors import SettingsError
from training.network.batch import Batch
from training.network.layers import Layers
from training.network.networks import BATCH_NORM_EPS, Networks
from training.network.new_head import transfer_networks
from training.network.one_cycle import OneCycle, fit_one_cycle
from training.network.paper_sgd import fit_plateau
from training.network.preprocess import Preprocessing, fit_preprocessing
from training.network.trained_network import TrainedNetwork
from training.progress import Bars


@dataclass(frozen=True, slots=True)
class FromScratch:
    """Networks of random weights, trained as the recipe says."""

    recipe: Recipe
    progress: Bars
    input_eps: float = BATCH_NORM_EPS

    def scale(self, values: NDArray[np.float64], _without: int | None) -> Preprocessing:
        """Return constants fitted on these features."""
        return fit_preprocessing(values, robust=self.recipe.robust)

    def networks(
        self,
        examples: Batch,
        validation: Batch | None,
        seeds: Sequence[int],
        _without: Sequence[int | None],
    ) -> Networks:
        """Train by the recipe's schedule."""
        networks = Networks.random(examples.allowed.shape[1], seeds)
        schedule = self.recipe.schedule
        if isinstance(schedule, OneCycle):
            fit_one_cycle(networks, examples, schedule, seeds=seeds, progress=self.progress)
        elif validation is None:
            raise ValueError(f"recipe {self.recipe.name!r} needs a validation part to choose its epoch on")
        else:
            watched = {"validation": validation}
            fit_plateau(networks, examples, watched, schedule, seeds=seeds, progress=self.progress)
        return networks


@dataclass(frozen=True, slots=True)
class FromPretrained:
    """A pretrained network under new heads, behind its own preprocessing.

    Attributes
    ----------
    pretrained : TrainedNetwork
        What is transferred.
    layers : Layers
        Which of them are fitted.
    schedule : OneCycle
        Of the fit.
    progress : Bars
        Shown while fitting.
    of_folds : tuple of TrainedNetwork
        In the place of `pretrained`, what the network without each fold starts from; empty where the
        pretrained network has seen none of the stars.
    """

    pretrained: TrainedNetwork
    layers: Layers
    schedule: OneCycle
    progress: Bars
    of_folds: tuple[TrainedNetwork, ...] = ()

    @classmethod
    def by(
        cls,
        recipe: Recipe,
        pretrained: TrainedNetwork,
        layers: Layers,
        progress: Bars,
        of_folds: tuple[TrainedNetwork, ...] = (),
    ) -> FromPretrained:
        """Return the fit of a recipe.

        Raises
        ------
        SettingsError
            If the recipe is for training from scratch.
        """
        if not isinstance(recipe.schedule, OneCycle):
            raise SettingsError(f"recipe {recipe.name!r} trains from scratch only")
        return cls(pretrained, layers, recipe.schedule, progress, of_folds)

    @property
    def input_eps(self) -> float:
        """That of the pretrained network."""
        return self.pretrained.input_eps

    def scale(self, _values: NDArray[np.float64], without: int | None) -> Preprocessing:
        """Return the constants that the pretrained layers were trained behind."""
        return self._start(without).preprocessing

    def networks(
        self,
        examples: Batch,
        _validation: Batch | None,
        seeds: Sequence[int],
        without: Sequence[int | None],
    ) -> Networks:
        """Transfer once for each repeat."""
        return transfer_networks(
            [self._start(fold).weights for fold in without],
            examples,
            input_eps=self.pretrained.input_eps,
            layers=self.layers,
            settings=self.schedule,
            seeds=seeds,
            progress=self.progress,
        )

    def _start(self, without: int | None) -> TrainedNetwork:
        return self.of_folds[without] if self.of_folds and without is not None else self.pretrained
