"""The fit of networks to standard scores by AdamW, on one cycle of the learning rate.

A shorter and calmer way than the paper's (`training.network.paper_sgd`), and better on small sets, where it
needs no validation part to choose a training epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from training.errors import SettingsError, TrainingError
from training.network.batch import Batch, generators_of, shuffled
from training.network.loss import partial_cross_entropy
from training.network.networks import Networks, groups
from training.progress import Bars

MIN_BATCH, MAX_BATCH = 32, 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OneCycle:
    """Settings of a fit.

    Attributes
    ----------
    training_epochs : int
        Passes over the data.
    steps : int or None
        Optimiser steps in all, in the place of `training_epochs`: a small set is then shown more often.
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
    """

    training_epochs: int = 40
    steps: int | None = None
    batch: int | None = None
    peak_rate: float = 1e-2
    weight_decay: float = 0.01
    input_noise: float = 0.1
    label_smoothing: float = 0.1

    def __post_init__(self) -> None:
        if self.training_epochs < 1 or (self.steps is not None and self.steps < 2):
            raise SettingsError(
                f"training_epochs must be at least 1 and steps at least 2, got {self.training_epochs} and "
                f"{self.steps}"
            )
        if self.batch is not None and self.batch < 2:
            raise SettingsError(f"batch must be at least 2, got {self.batch}: BatchNorm needs a spread")

    def plan(self, n: int) -> tuple[int, int]:
        """Batch size and number of steps for n examples."""
        size = min(self.batch or min(max(n // 8, MIN_BATCH), MAX_BATCH), n)
        return size, self.steps or self.training_epochs * max(n // size, 1)


def fit_one_cycle(
    networks: Networks,
    examples: Batch,
    settings: OneCycle,
    *,
    seeds: Sequence[int],
    progress: Bars,
    what: str = "training steps",
    frozen_statistics: bool = False,
) -> None:
    """Fit all parameters of R networks in place.

    Parameters
    ----------
    examples : Batch
        Of R repeats.
    settings : OneCycle
        The schedule.
    seeds : R int
        Of the order and the noise in each repeat.
    progress, what
        Where to show how far it is, and as what.
    frozen_statistics : bool
        Keep the running statistics of every BatchNorm: right for a pretrained network and few examples.

    Raises
    ------
    TrainingError
        If a loss stops being a number.
    """
    batch, steps = settings.plan(examples.n)
    with progress.bar(what, steps * len(networks)) as advance:
        for some in groups(networks, batch):
            _fit_group(
                networks.part(some),
                examples.part(some),
                settings,
                seeds=seeds[some],
                frozen_statistics=frozen_statistics,
                advance=advance,
            )


def _fit_group(
    networks: Networks,
    examples: Batch,
    settings: OneCycle,
    *,
    seeds: Sequence[int],
    frozen_statistics: bool,
    advance: Callable[[int], None],
) -> None:
    batch, steps = settings.plan(examples.n)
    parameters = [parameter.requires_grad_() for parameter in networks.parameters.values()]
    optimiser = torch.optim.AdamW(
        parameters, lr=settings.peak_rate, weight_decay=settings.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.peak_rate, total_steps=steps)
    generators = generators_of(seeds)
    done = 0
    while done < steps:
        order = shuffled(examples.n, generators, networks.device)
        noise = _noise(examples, settings.input_noise, generators)
        # the rest of an epoch is left out: a small batch upsets BatchNorm
        for index in torch.split(order, batch, dim=1)[: min(examples.n // batch, steps - done)]:
            shown = examples.pick(index)
            noisy = shown.scores + noise.gather(2, index[:, None, :].expand_as(shown.scores))
            logits = networks.logits(noisy, training=not frozen_statistics)
            loss = shown.weights * partial_cross_entropy(logits, shown.allowed, settings.label_smoothing)
            mean = loss.mean(dim=1)
            optimiser.zero_grad()
            mean.sum().backward()  # type: ignore[no-untyped-call] # untyped in torch
            optimiser.step()
            schedule.step()
            done += 1
            advance(len(networks))
        if not torch.isfinite(mean).all():
            raise TrainingError(f"a loss became infinite: lower the peak rate ({settings.peak_rate})")


def _noise(examples: Batch, size: float, generators: list[torch.Generator]) -> torch.Tensor:
    """Gaussian noise for the standard scores of one training epoch (R, 16, n)."""
    shape = examples.scores.shape[1:]
    drawn = torch.stack([torch.randn(shape, generator=each) for each in generators])
    return size * drawn.to(examples.scores.device)
