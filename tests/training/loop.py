"""One network after another, with torch's own layers and optimisers: what the batched engine must equal."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import matthews_corrcoef
from torch import Tensor, nn
from torch.nn import functional

from training.network.one_cycle import OneCycle
from training.network.paper_sgd import Plateau


class Stars(NamedTuple):
    """Examples of one network: standard scores (n, 16), and weights (n,) whose mean is one.

    ``truth`` is the class of each as a number (n,), or the classes it may be as (n, k) bool.
    """

    scores: Tensor
    truth: Tensor
    weights: Tensor


@dataclass
class Record:
    """What happened after each training epoch of one network."""

    rate: list[float] = field(default_factory=list)
    mc: list[float] = field(default_factory=list)
    best: int = 0


def one_network(weights: Mapping[str, NDArray[np.float32]], *, input_eps: float = 1e-5) -> nn.Sequential:
    """Return the network of the given weights, whatever its widths."""
    depth = sum(name.startswith("fc") for name in weights) // 2
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for layer in range(1, depth + 1):
        outputs, inputs = weights[f"fc{layer}.weight"].shape
        layers[f"bn{layer}"] = nn.BatchNorm1d(inputs, eps=input_eps if layer == 1 else 1e-5)
        layers[f"fc{layer}"] = nn.Linear(inputs, outputs)
        if layer < depth:
            layers[f"relu{layer}"] = nn.ReLU()
    layers[f"bn{depth + 1}"] = nn.BatchNorm1d(outputs)
    network = nn.Sequential(layers)
    missing, unknown = network.load_state_dict(
        {name: torch.from_numpy(array.copy()) for name, array in weights.items()}, strict=False
    )
    assert not unknown
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return network


def fit_plateau_alone(
    network: nn.Sequential,
    training: Stars,
    validation: Stars,
    settings: Plateau,
    *,
    seed: int,
    last_layer: bool = False,
) -> Record:
    """Fit one network as section 3.3.2 says, and leave it at its best training epoch."""
    depth = sum(isinstance(layer, nn.Linear) for layer in network)
    fitted = network.get_submodule(f"fc{depth}") if last_layer else network
    network.requires_grad_(requires_grad=False)
    fitted.requires_grad_()
    optimiser = torch.optim.SGD(fitted.parameters(), lr=settings.rate, momentum=settings.momentum)
    generator = torch.Generator().manual_seed(seed)
    record, best, state, waited = Record(), -1.0, {}, 0
    for training_epoch in range(settings.training_epochs):
        record.rate.append(optimiser.param_groups[0]["lr"])
        order = torch.randperm(len(training.scores), generator=generator)
        _descend(network, optimiser, training, torch.split(order, settings.batch))
        record.mc.append(mc_of(network, validation))
        waited += 1
        if record.mc[-1] > best:
            best, record.best, waited = record.mc[-1], training_epoch, 0
            state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if waited == settings.patience:
            waited = 0
            lower = 0.1 * optimiser.param_groups[0]["lr"]
            optimiser.param_groups[0]["lr"] = settings.rate if lower < settings.lowest_rate else lower
    network.load_state_dict(state)
    return record


def fit_one_cycle_alone(
    network: nn.Sequential,
    training: Stars,
    settings: OneCycle,
    *,
    seed: int,
    frozen_statistics: bool = False,
) -> None:
    """Fit one network by AdamW on one cycle of the learning rate."""
    n, features = training.scores.shape
    batch, steps = settings.plan(n)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.peak_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.peak_rate, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    network.train(not frozen_statistics)
    done = 0
    while True:
        order = torch.randperm(n, generator=generator)
        noise = torch.randn(features, n, generator=generator).T
        noisy = training._replace(scores=training.scores + settings.input_noise * noise)
        for start in range(0, n - batch + 1, batch):
            _step(network, optimiser, noisy, order[start : start + batch], settings.label_smoothing)
            schedule.step()
            done += 1
            if done == steps:
                return


def _descend(
    network: nn.Sequential, optimiser: torch.optim.Optimizer, stars: Stars, batches: Iterable[Tensor]
) -> None:
    network.train()
    for chosen in batches:
        if len(chosen) > 1:  # BatchNorm has no spread of one
            _step(network, optimiser, stars, chosen)


def _step(
    network: nn.Sequential,
    optimiser: torch.optim.Optimizer,
    stars: Stars,
    chosen: Tensor,
    smoothing: float = 0.0,
) -> None:
    optimiser.zero_grad()
    logits = network(stars.scores[chosen])
    (stars.weights[chosen] * _losses(logits, stars.truth[chosen], smoothing)).mean().backward()
    optimiser.step()


def _losses(logits: Tensor, truth: Tensor, smoothing: float) -> Tensor:
    if truth.ndim == 1:
        return functional.cross_entropy(logits, truth, reduction="none", label_smoothing=smoothing)
    probability = torch.softmax(logits, dim=1)
    inside = -(probability * truth).sum(dim=1).log()
    return (1.0 - smoothing) * inside - smoothing * probability.log().mean(dim=1)


def mc_of(network: nn.Sequential, stars: Stars) -> float:
    """Mc, as scikit-learn has it; any class that a coarse label allows is a right answer."""
    network.eval()
    with torch.no_grad():
        answers = network(stars.scores).argmax(dim=1)
    truth = stars.truth
    if truth.ndim == 2:
        right = truth[torch.arange(len(truth)), answers]
        truth = torch.where(right, answers, truth.int().argmax(dim=1))
    return float(1.0 + matthews_corrcoef(truth, answers)) / 2.0
