"""A pretrained network for other classes: every layer, or the last layer only (section 4).

Both keep the pretrained preprocessing constants and the running statistics of every BatchNorm, since
the layers were trained behind them. (The published code refits the constants, lets the statistics drift
under frozen weights, and leaves the new last BatchNorm untrained; each of these costs accuracy on small
targets.) Both begin with the same new head: a penalised logistic regression on the last hidden layer.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch import Tensor

from training.export import Model
from training.fit import OneCycle, fit_one_cycle, partial_cross_entropy
from training.network import WIDTHS, Network

PENALTY = 0.03
"""Inverse strength C of the head's L2 penalty, as scikit-learn counts it."""

MAX_STEPS = 200


class Mode(StrEnum):
    """Which layers are fitted to the target."""

    EVERY_LAYER = "every-layer"
    LAST_LAYER = "last-layer"


def transfer_network(
    pretrained: Model,
    scores: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    weights: NDArray[np.float64],
    *,
    mode: Mode,
    settings: OneCycle,
    seed: int,
    progress: Progress,
) -> Network:
    """Fit the pretrained network to a target's classes.

    Parameters
    ----------
    pretrained : Model
        Whose preprocessing made `scores`.
    scores : (n, 16) float64
        Standard scores of the target.
    allowed : (n, k) bool
        Target classes each example may be.
    weights : (n,) float64
        Of the examples.
    mode : Mode
        With `LAST_LAYER` all weights but the head stay as they are, to the bit.
    settings : OneCycle
        Of the fit that follows the head with `EVERY_LAYER`.
    seed : int
        Of that fit.
    """
    network = _with_new_head(pretrained, allowed.shape[1], settings.dropout)
    _fit_head(network, scores, allowed, weights)
    if mode is Mode.LAST_LAYER:
        return network
    return fit_one_cycle(
        network, scores, allowed, weights, settings, seed=seed, progress=progress, frozen_statistics=True
    )


def _with_new_head(pretrained: Model, n_classes: int, dropout: float) -> Network:
    """Put the pretrained layers under a head of zeros, whose BatchNorm does nothing."""
    kept = {name: w for name, w in pretrained.weights.items() if not name.startswith(("fc4", "bn5"))}
    zeros, ones = np.zeros(n_classes, np.float32), np.ones(n_classes, np.float32)
    head = {
        "fc4.weight": np.zeros((n_classes, WIDTHS[-1]), np.float32),
        "fc4.bias": zeros,
        "bn5.weight": ones,
        "bn5.bias": zeros,
        "bn5.running_mean": zeros,
        "bn5.running_var": ones,
    }
    return Network.from_weights({**kept, **head}, dropout=dropout, input_eps=pretrained.input_eps)


def _fit_head(
    network: Network, scores: NDArray[np.float64], allowed: NDArray[np.bool_], weights: NDArray[np.float64]
) -> None:
    """Logistic regression on the last hidden layer, by L-BFGS on all examples at once."""
    with torch.no_grad():
        hidden = network.hidden(torch.from_numpy(scores).float())
    y, w = torch.from_numpy(allowed), torch.from_numpy(weights / weights.mean()).float()
    head = network.fc4
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=MAX_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        data = (w * partial_cross_entropy(head(hidden), y, 0.0)).mean()
        value: Tensor = data + (head.weight**2).sum() / (2.0 * PENALTY * len(hidden))
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    network.eval()
