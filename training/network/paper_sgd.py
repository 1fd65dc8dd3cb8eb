"""The paper's own fit (section 3.3.2): SGD whose rate falls when validation stops improving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.truth import Truth
from training.errors import SettingsError, TrainingError
from training.measure.metrics import confusion_matrices, scaled_mccs
from training.network.batch import Batch, generators_of, shuffled
from training.network.layers import Layers
from training.network.loss import partial_cross_entropy
from training.network.networks import Networks, groups, predict
from training.progress import Bars


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
        Below it the rate returns to its first value (step 3): a cyclic rate (Smith 2017, arXiv:1506.01186).
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
class History:
    """What happened after each of E training epochs of R networks.

    Attributes
    ----------
    rate : (E, R) float64
        Learning rate of the epoch.
    mc : dict of str to (E, R) float64
        Mc of each part that was watched, ``validation`` among them.
    """

    rate: NDArray[np.float64]
    mc: dict[str, NDArray[np.float64]]

    @property
    def best(self) -> NDArray[np.int64]:
        """Training epoch (R,) of the best validation Mc, the first of equals: step 4."""
        result: NDArray[np.int64] = self.mc["validation"].argmax(axis=0)
        return result

    def chosen(self, part: str) -> NDArray[np.float64]:
        """Mc (R,) of a part at the training epoch that validation chose."""
        return self.mc[part][self.best, np.arange(self.rate.shape[1])]

    @classmethod
    def join(cls, parts: Sequence[History]) -> History:
        """One repeat after the other."""
        mc = {name: np.concatenate([each.mc[name] for each in parts], axis=1) for name in parts[0].mc}
        return cls(np.concatenate([each.rate for each in parts], axis=1), mc)


def fit_plateau(
    networks: Networks,
    training: Batch,
    watched: dict[str, Batch],
    settings: Plateau,
    *,
    seeds: Sequence[int],
    progress: Bars,
    what: str = "training epochs",
    layers: Layers = Layers.EVERY,
) -> History:
    """Fit R networks in place and leave each at its best training epoch (step 4).

    The best is chosen on ``watched["validation"]``, which also drives the rate. The paper quotes the best
    Mc of that same part, which is a little optimistic: report that of a part that took no part in the choice.

    Parameters
    ----------
    training : Batch
        Of R repeats.
    watched : dict of str to Batch
        Parts whose Mc is followed; ``validation`` must be one.
    seeds : R int
        Of the order of the examples in each repeat.
    progress, what
        Where to show how far it is, and as what.
    layers : Layers
        With `LAST` all but the last fully connected layer stay as they are.

    Raises
    ------
    TrainingError
        If no training epoch of a repeat gave finite outputs.
    """
    batch = min(settings.batch, training.n)
    with progress.bar(what, settings.training_epochs * len(networks)) as advance:
        histories = [
            _fit_group(
                networks.part(some),
                training.part(some),
                {name: part.part(some) for name, part in watched.items()},
                settings,
                seeds=seeds[some],
                layers=layers,
                advance=advance,
            )
            for some in groups(networks, batch)
        ]
    return History.join(histories)


def _fit_group(
    networks: Networks,
    training: Batch,
    watched: dict[str, Batch],
    settings: Plateau,
    *,
    seeds: Sequence[int],
    layers: Layers,
    advance: Callable[[int], None],
) -> History:
    rate = np.full(len(networks), settings.rate)
    best_mc, waited = np.full(len(networks), -1.0), np.zeros(len(networks), np.int64)
    best = networks.copy()
    parameters = _trained(networks, layers)
    velocity = [torch.zeros_like(parameter) for parameter in parameters]
    generators = generators_of(seeds)
    rates, scores = [], []
    for _ in range(settings.training_epochs):
        rates.append(rate.copy())
        _one_epoch(
            networks,
            training,
            settings,
            layers=layers,
            parameters=parameters,
            velocity=velocity,
            rate=rate,
            generators=generators,
        )
        scores.append({name: _mc(networks, part) for name, part in watched.items()})
        mc = scores[-1]["validation"]
        better = mc > best_mc
        best.take(networks, torch.from_numpy(better).to(networks.device))
        best_mc = np.where(better, mc, best_mc)
        waited = np.where(better, 0, waited + 1)
        tired = waited >= settings.patience
        waited[tired] = 0
        rate = np.where(tired, 0.1 * rate, rate)
        rate[rate < settings.lowest_rate] = settings.rate
        advance(len(networks))
    if (best_mc < 0.0).any():
        raise TrainingError(f"every training epoch diverged: lower the rate ({settings.rate})")
    networks.take(best, torch.ones(len(networks), dtype=torch.bool))
    return History(np.array(rates), {name: np.array([each[name] for each in scores]) for name in watched})


def _trained(networks: Networks, layers: Layers) -> list[Tensor]:
    """Parameters that are fitted, marked for gradients."""
    last = f"fc{networks.depth}."
    chosen = [
        parameter
        for name, parameter in networks.parameters.items()
        if layers is Layers.EVERY or name.startswith(last)
    ]
    return [parameter.requires_grad_() for parameter in chosen]


def _one_epoch(
    networks: Networks,
    training: Batch,
    settings: Plateau,
    *,
    layers: Layers,
    parameters: list[Tensor],
    velocity: list[Tensor],
    rate: NDArray[np.float64],
    generators: list[torch.Generator],
) -> None:
    """Show every example once (step 2)."""
    step_size = torch.from_numpy(rate).to(parameters[0])
    for index in torch.split(shuffled(training.n, generators, networks.device), settings.batch, dim=1):
        if index.shape[1] < 2:  # BatchNorm has no spread of one
            continue
        batch = training.pick(index)
        with torch.set_grad_enabled(layers is Layers.EVERY):
            hidden = networks.hidden(batch.scores, training=True)
        logits = networks.head(hidden, training=True)
        loss = batch.weights * partial_cross_entropy(logits, batch.allowed)
        gradients = torch.autograd.grad(loss.mean(dim=1).sum(), parameters)
        with torch.no_grad():
            torch._foreach_add_(gradients, velocity, alpha=settings.momentum)
            velocity[:] = gradients
            for parameter, speed in zip(parameters, velocity, strict=True):
                parameter.addcmul_(speed, step_size.view(-1, *[1] * (speed.ndim - 1)), value=-1.0)


def _mc(networks: Networks, part: Batch) -> NDArray[np.float64]:
    """Mc (R,) of a part; -1, worse than any, of a network that gives NaN."""
    logits = predict(networks, part.scores, absorb=True)
    predicted = logits.argmax(axis=2).astype(np.int64)
    truth = Truth(part.allowed.transpose(1, 2).cpu().numpy()).settled(predicted)
    mc = scaled_mccs(confusion_matrices(truth, predicted, networks.n_classes))
    return np.where(np.isfinite(logits).all(axis=(1, 2)), mc, -1.0)
