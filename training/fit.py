"""Fit a network to standard scores: AdamW on one cycle of the learning rate.

A shorter and calmer way than the paper's (`training.plateau`), and better on small sets, where it needs
no validation part to choose an epoch. The loss is cross entropy (eqs. 2 and 3) with label smoothing, for
labels that may stand for several classes: minus the logarithm of the sum of their probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch import Tensor, nn

from training.errors import SettingsError, TrainingError
from training.network import Network

MIN_BATCH, MAX_BATCH = 32, 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OneCycle:
    """Settings of a fit.

    Attributes
    ----------
    training_epochs : int
        Passes over the data.
    batch : int or None
        Examples a step; None takes an eighth of the data within 32 to 1,024, since a small set needs
        enough steps.
    peak_rate : float
        Highest learning rate of the cycle.
    weight_decay : float
        Of AdamW.
    input_noise : float
        Standard deviation of Gaussian noise added to the standard scores.
    label_smoothing : float
        Share of the target spread over all classes.
    dropout : float
        Of the network.
    """

    training_epochs: int = 40
    batch: int | None = None
    peak_rate: float = 1e-2
    weight_decay: float = 0.01
    input_noise: float = 0.1
    label_smoothing: float = 0.1
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.training_epochs < 1:
            raise SettingsError(f"training_epochs must be at least 1, got {self.training_epochs}")
        if self.batch is not None and self.batch < 2:
            raise SettingsError(f"batch must be at least 2, got {self.batch}: BatchNorm needs a spread")


def partial_cross_entropy(logits: Tensor, allowed: Tensor, smoothing: float) -> Tensor:
    """Loss (n,) of logits (n, k) for labels that allow the classes marked in `allowed` (n, k) bool.

    With one class allowed and no smoothing it is the cross entropy of eq. 2.
    """
    log_probability = torch.log_softmax(logits, dim=1)
    inside = torch.logsumexp(log_probability.masked_fill(~allowed, -torch.inf), dim=1)
    return -(1.0 - smoothing) * inside - smoothing * log_probability.mean(dim=1)


def check_examples(allowed: NDArray[np.bool_], classes: tuple[str, ...]) -> None:
    """Refuse what no classifier can be made of.

    Raises
    ------
    TrainingError
        If fewer than two classes have examples of their own, or there are fewer than 32 examples.
    """
    own = allowed[allowed.sum(axis=1) == 1].any(axis=0)
    if own.sum() < 2:
        found = classes[int(own.argmax())] if own.any() else "none"
        raise TrainingError(
            f"training needs stars of at least two classes, found only {found}: check the labels"
        )
    if len(allowed) < MIN_BATCH:
        raise TrainingError(
            f"training needs at least {MIN_BATCH} light curves with a class, got {len(allowed)}"
        )


def fit_one_cycle(
    network: Network,
    scores: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    weights: NDArray[np.float64],
    settings: OneCycle,
    *,
    seed: int,
    progress: Progress,
    frozen_statistics: bool = False,
) -> Network:
    """Fit all parameters of `network` that require a gradient, in place, and return it.

    Parameters
    ----------
    scores : (n, 16) float64
        Standard scores.
    allowed : (n, k) bool
        Classes each example may be; at least one.
    weights : (n,) float64
        Of the examples in the loss (eq. 3); their mean is taken as one.
    settings : OneCycle
        The schedule.
    seed : int
        Of the order, the noise and the dropout.
    progress : Progress
        Shown while fitting.
    frozen_statistics : bool
        Keep the running statistics of every BatchNorm: right for a pretrained network and few examples.

    Raises
    ------
    TrainingError
        If the loss stops being a number.
    """
    torch.manual_seed(seed)
    x = torch.from_numpy(scores).float()
    y = torch.from_numpy(allowed)
    w = torch.from_numpy(weights / weights.mean()).float()
    size = settings.batch or min(max(len(x) // 8, MIN_BATCH), MAX_BATCH)
    steps = max(len(x) // size, 1)  # the rest of an epoch is left out: a small batch upsets BatchNorm
    optimiser = torch.optim.AdamW(
        [p for p in network.parameters() if p.requires_grad],
        lr=settings.peak_rate,
        weight_decay=settings.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.peak_rate, total_steps=settings.training_epochs * steps
    )
    bar = progress.add_task("training epochs", total=settings.training_epochs)
    for _ in range(settings.training_epochs):
        network.train()
        if frozen_statistics:
            freeze_statistics(network)
        order = torch.randperm(len(x))
        for step in range(steps):
            batch = order[step * size : (step + 1) * size]
            noisy = x[batch] + settings.input_noise * torch.randn(len(batch), x.shape[1])
            loss = partial_cross_entropy(network(noisy), y[batch], settings.label_smoothing)
            mean = (w[batch] * loss).mean()
            optimiser.zero_grad()
            mean.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        if not torch.isfinite(mean):
            raise TrainingError(f"the loss became {mean.item()}: lower the peak rate ({settings.peak_rate})")
        progress.advance(bar)
    return network.eval()


def freeze_statistics(network: Network) -> None:
    """Let every BatchNorm use, and keep, its running statistics."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()


def class_weights(allowed: NDArray[np.bool_], power: float) -> NDArray[np.float64]:
    """Weight (n,) of each example, proportional to 1 / N_class ** power (eq. 12 has power 1).

    A coarse label is counted in equal shares in each of its classes.
    """
    shares = allowed / allowed.sum(axis=1, keepdims=True)
    counts = np.maximum(shares.sum(axis=0), 1.0)
    weights: NDArray[np.float64] = shares @ counts**-power
    weights /= weights.mean()
    return weights
