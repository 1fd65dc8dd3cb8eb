"""The best of a cell's networks, kept with what it needs to be asked: the U model of our data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.artifact.export import Model
from training.network.preprocess import Preprocessing
from training.reproduce.cell import VALIDATION, Cell, CellSettings, Pretrained, fit_repeats, key_of
from training.reproduce.labelled_sets import Target
from training.reproduce.paper.figs7_to_11 import Bench
from training.reproduce.result_cache import kept
from training.reproduce.splits import Split, split


@dataclass(frozen=True, slots=True)
class BestNetwork:
    """A network, its constants and its stars.

    Attributes
    ----------
    model : Model
        Answers raw features.
    repeat : int
        Which of the cell it is, from 0.
    stars : Split
        What it was fitted, chosen and tested on.
    """

    model: Model
    repeat: int
    stars: Split


def best_network(
    bench: Bench,
    target: Target,
    values: NDArray[np.float64],
    settings: CellSettings,
    cell: Cell,
    *,
    pretrained: Pretrained | None = None,
) -> BestNetwork:
    """Train the repeat with the highest validation Mc again, alone, and keep its weights (step 4).

    Parameters
    ----------
    values : (n, 16) float64
        Raw features of the target's stars, all finite.
    settings : CellSettings
        Of the cell, with its own numbers of repeats and training epochs; all features.
    cell : Cell
        What the repeats did.
    pretrained : Pretrained, optional
        What the cell started from.
    """
    repeat = int(cell.validation.max(axis=0).argmax())
    alone = replace(settings, repeats=1, first_seed=settings.first_seed + repeat, follow_training=False)

    def compute() -> dict[str, NDArray[Any]]:
        fitted = fit_repeats(target, values, pretrained, alone, progress=bench.progress, device=bench.device)
        return _arrays(Model(fitted.networks.weights(), fitted.networks.input_eps, fitted.scales[0]))

    arrays = kept(bench.cache_folder, "network", key_of(target, values, pretrained, alone), compute)
    stars = split(target, seed=alone.first_seed, test=alone.test, stars=alone.stars, validation=VALIDATION)
    return BestNetwork(_model(arrays), repeat, stars)


def _arrays(model: Model) -> dict[str, NDArray[Any]]:
    constants = {each.name: getattr(model.preprocessing, each.name) for each in fields(Preprocessing)}
    return {**model.weights, **constants, "input_eps": np.array(model.input_eps)}


def _model(arrays: Mapping[str, NDArray[Any]]) -> Model:
    constants = {each.name: arrays[each.name] for each in fields(Preprocessing)}
    weights = {name: array for name, array in arrays.items() if name.startswith(("fc", "bn"))}
    return Model(weights, float(arrays["input_eps"]), Preprocessing(**constants))
