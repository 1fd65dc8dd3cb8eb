"""The transfer of a pretrained network to other classes, under a new head (section 4).

Whichever layers are fitted, the pretrained preprocessing constants are kept, and the running statistics of
every BatchNorm, since the layers were trained behind them. (The published code refits the constants, lets
the statistics drift under frozen weights, and leaves the new last BatchNorm untrained; each of these costs
accuracy on small targets.) All fits begin with the same new head: a penalised logistic regression on the
last hidden layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from training.network.batch import Batch, generators_of, shuffled
from training.network.layers import Layers
from training.network.loss import partial_cross_entropy
from training.network.networks import Networks
from training.network.one_cycle import OneCycle, fit_one_cycle
from training.network.weights import Weights
from training.progress import Bars

HEAD_PENALTY_C = 0.02
"""Inverse strength C of the head's L2 penalty, as scikit-learn counts it."""

MAX_HEAD_STEPS = 200

FIRST_HEAD_EXAMPLES = 2**15
"""As many, drawn at random, a head is fitted to where all layers are fitted after it: they start from it."""


def transfer_networks(
    pretrained: Sequence[Weights],
    examples: Batch,
    *,
    input_eps: float,
    layers: Layers,
    settings: OneCycle,
    seeds: Sequence[int],
    progress: Bars,
    what: str = "training steps",
) -> Networks:
    """Fit a pretrained network to a target's classes, once for each repeat.

    Parameters
    ----------
    pretrained : R Weights
        What each repeat starts from, often the same; its examples are behind its preprocessing.
    examples : Batch
        Of the target, R repeats.
    input_eps : float
        Of the pretrained network.
    layers : Layers
        With `LAST` all weights but the head's stay as they are, to the bit.
    settings : OneCycle
        Of the fit that follows the head with `EVERY`.
    seeds : R int
        Of that fit.
    progress, what
        Where to show how far that fit is, and as what.
    """
    n_classes, device = examples.allowed.shape[1], examples.scores.device
    networks = with_new_head(pretrained, n_classes, input_eps=input_eps, device=device)
    if layers is Layers.LAST:
        _fit_heads(networks, examples, of=examples.n)
    else:
        _fit_heads(networks, _drawn(examples, seeds), of=examples.n)
        fit_one_cycle(
            networks,
            examples,
            settings,
            seeds=seeds,
            progress=progress,
            what=what,
            frozen_statistics=True,
        )
    return networks


def with_new_head(
    pretrained: Sequence[Weights],
    n_classes: int,
    *,
    input_eps: float,
    seeds: Sequence[int] | None = None,
    device: str | torch.device = "cpu",
) -> Networks:
    """Put R networks' layers under new heads: of zeros, or drawn from `seeds` as in a new network."""
    depth = sum(name.startswith("fc") and name.endswith("weight") for name in pretrained[0])
    head = (f"fc{depth}.", f"bn{depth + 1}.")
    widths = [len(pretrained[0][f"fc{layer}.bias"]) for layer in range(1, depth)]
    inputs = pretrained[0]["fc1.weight"].shape[1]
    fresh = Networks.random(n_classes, seeds or [0] * len(pretrained), widths=widths, n_features=inputs)
    joined = []
    for repeat, weights in enumerate(pretrained):
        new = {name: array for name, array in fresh.weights(repeat).items() if name.startswith(head)}
        if seeds is None:
            for name in (f"{head[0]}weight", f"{head[0]}bias"):
                new[name] = np.zeros_like(new[name])
        kept = {name: array for name, array in weights.items() if not name.startswith(head)}
        joined.append({**kept, **new})
    return Networks.from_weights(joined, input_eps=input_eps, device=device)


def _drawn(examples: Batch, seeds: Sequence[int]) -> Batch:
    """Draw `FIRST_HEAD_EXAMPLES` for each repeat; all where there are no more."""
    if examples.n <= FIRST_HEAD_EXAMPLES:
        return examples
    order = shuffled(examples.n, generators_of(seeds), examples.scores.device)
    return examples.pick(order[:, :FIRST_HEAD_EXAMPLES])


def _fit_heads(networks: Networks, examples: Batch, *, of: int) -> None:
    """Logistic regressions on the last hidden layer, each by L-BFGS on all of its examples at once.

    Their penalty is that of `of` examples.
    """
    names = (f"fc{networks.depth}.weight", f"fc{networks.depth}.bias")
    for repeat in range(len(networks)):
        one = slice(repeat, repeat + 1)
        network, shown = networks.part(one), examples.part(one)
        with torch.no_grad():
            hidden = network.hidden(shown.scores)
        weight, bias = (network.parameters[name].requires_grad_() for name in names)
        _fit_head(network, hidden, shown, (weight, bias), strength=1.0 / (2.0 * HEAD_PENALTY_C * of))


def _fit_head(
    network: Networks, hidden: Tensor, examples: Batch, head: tuple[Tensor, Tensor], *, strength: float
) -> None:
    weight, bias = head
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=MAX_HEAD_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        data = (examples.weights * partial_cross_entropy(network.head(hidden), examples.allowed)).mean()
        value: Tensor = data + strength * (weight**2).sum()
        value.backward()  # type: ignore[no-untyped-call] # untyped in torch
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call] # untyped in torch
