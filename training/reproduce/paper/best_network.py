"""The best of a cell's networks, with what it needs to be asked: the U model of our data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.network.trained_network import TrainedNetwork, from_arrays, to_arrays
from training.reproduce.bench import Bench
from training.reproduce.cell import VALIDATION_SHARE, Cell, CellSettings, fit_repeats, key_of
from training.reproduce.labelled_sets import Target
from training.reproduce.splits import Split, split
from training.result_cache import cached


@dataclass(frozen=True, slots=True)
class BestNetwork:
    """A network, its constants, and which light curves it has seen.

    Attributes
    ----------
    network : TrainedNetwork
        Answers raw features.
    repeat : int
        Which of the cell it is, from 0.
    split : Split
        What it was fitted, chosen and tested on.
    """

    network: TrainedNetwork
    repeat: int
    split: Split


def best_network(
    bench: Bench,
    target: Target,
    values: NDArray[np.float64],
    settings: CellSettings,
    cell: Cell,
    *,
    pretrained: TrainedNetwork | None = None,
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
    pretrained : TrainedNetwork, optional
        What the cell started from.
    """
    repeat = int(cell.validation.max(axis=0).argmax())
    alone = replace(settings, repeats=1, first_seed=settings.first_seed + repeat, follow_training=False)

    def compute() -> dict[str, NDArray[Any]]:
        fitted = fit_repeats(target, values, pretrained, alone, progress=bench.progress, device=bench.device)
        networks = fitted.networks
        return to_arrays([TrainedNetwork(networks.weights(), networks.input_eps, fitted.scales[0])])

    key = key_of(target, values, pretrained, alone)
    (network,) = from_arrays(cached(bench.cache_folder, "network", key, compute, code=__name__))
    parts = split(
        target, seed=alone.first_seed, test=alone.test, n_curves=alone.n_curves, validation=VALIDATION_SHARE
    )
    return BestNetwork(network, repeat, parts)
