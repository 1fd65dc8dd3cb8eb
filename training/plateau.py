"""The paper's own training loop (section 3.3.2): SGD whose rate falls when validation stops improving."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch import nn

from training.errors import SettingsError, TrainingError
from training.labels import settle
from training.metrics import confusion_matrix, scaled_mcc
from training.network import Network, predict


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """Settings of the paper.

    Attributes
    ----------
    training_epochs : int
        Passes over the data (step 3).
    batch : int
        Examples a step (step 2); no more than there are.
    rate, momentum : float
        Of stochastic gradient descent (step 2).
    patience : int
        Training epochs without a better validation Mc before the rate falls to a tenth (step 3).
    lowest_rate : float
        Below it the rate returns to its first value (step 3).
    """

    training_epochs: int = 500
    batch: int = 1024
    rate: float = 0.1
    momentum: float = 0.9
    patience: int = 3
    lowest_rate: float = 1e-10

    def __post_init__(self) -> None:
        if self.training_epochs < 1 or self.batch < 2:
            raise SettingsError(
                f"training_epochs must be >= 1 and batch >= 2, got {self.training_epochs} and {self.batch}"
            )


@dataclass(frozen=True, slots=True)
class Examples:
    """Standard scores (n, 16) and the classes each example may be (n, k)."""

    scores: NDArray[np.float64]
    allowed: NDArray[np.bool_]


def fit_plateau(
    network: Network,
    training: Examples,
    validation: Examples,
    settings: Plateau,
    *,
    seed: int,
    progress: Progress,
) -> tuple[Network, list[float]]:
    """Fit `network` in place and leave it at its best training epoch (step 4).

    The best is chosen on the validation part; the paper then quotes the Mc of that same part, which is a
    little optimistic. Report the Mc of a part that took no part in the choice.

    Returns
    -------
    network : Network
        The same, in evaluation mode, with the weights of the best training epoch.
    history : list of float
        Validation Mc after each training epoch.

    Raises
    ------
    TrainingError
        If no training epoch gave finite outputs.
    """
    torch.manual_seed(seed)
    x = torch.from_numpy(training.scores).float()
    y = torch.from_numpy(training.allowed / training.allowed.sum(axis=1, keepdims=True)).float()
    optimiser = torch.optim.SGD(network.parameters(), lr=settings.rate, momentum=settings.momentum)
    loss_of = nn.CrossEntropyLoss()
    best, best_weights, waited, history = -1.0, network.weights(), 0, []
    bar = progress.add_task("training epochs", total=settings.training_epochs)
    for _ in range(settings.training_epochs):
        network.train()
        for batch in torch.split(torch.randperm(len(x)), settings.batch):
            if len(batch) < 2:  # BatchNorm has no spread of one
                continue
            optimiser.zero_grad()
            loss_of(network(x[batch]), y[batch]).backward()
            optimiser.step()
        score = _validate(network, validation)
        history.append(score)
        waited = 0 if score > best else waited + 1
        if score > best:
            best, best_weights = score, network.weights()
        if waited >= settings.patience:
            waited = 0
            _lower_rate(optimiser, settings)
        progress.advance(bar)
    if best < 0.0:
        raise TrainingError(f"every training epoch diverged: lower the rate ({settings.rate})")
    network.load_state_dict({k: torch.from_numpy(v) for k, v in best_weights.items()}, strict=False)
    return network.eval(), history


def _validate(network: Network, part: Examples) -> float:
    """Mc of a part; -1, worse than any, of a network that gives NaN."""
    logits = predict(network, part.scores)
    if not np.isfinite(logits).all():
        return -1.0
    predicted = logits.argmax(axis=1).astype(np.int64)
    return scaled_mcc(confusion_matrix(settle(part.allowed, predicted), predicted, logits.shape[1]))


def _lower_rate(optimiser: torch.optim.SGD, settings: Plateau) -> None:
    """Go to a tenth of the rate, or back to the first: a cyclic rate (Smith 2017, arXiv:1506.01186)."""
    for group in optimiser.param_groups:
        group["lr"] *= 0.1
        if group["lr"] < settings.lowest_rate:
            group["lr"] = settings.rate
