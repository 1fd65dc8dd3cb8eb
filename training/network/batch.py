"""The batch that R networks learn from: the examples of each, on its own scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples of R repeats, as many in each.

    Attributes
    ----------
    scores : (R, 16, n) float32 Tensor
        Standard scores.
    allowed : (R, k, n) bool Tensor
        Classes each example may be; at least one.
    weights : (R, n) float32 Tensor
        Of the examples in the loss (eq. 3), their mean in a repeat is one.
    """

    scores: Tensor
    allowed: Tensor
    weights: Tensor

    @classmethod
    def stack(
        cls,
        scores: Sequence[NDArray[np.float64]],
        allowed: Sequence[NDArray[np.bool_]],
        weights: Sequence[NDArray[np.float64]] | None = None,
        *,
        device: str | torch.device = "cpu",
    ) -> Batch:
        """Put the examples of R repeats side by side.

        Where a repeat has more than another (splits by star differ by a few), the last of its rows are left
        out: give them in random order.

        Parameters
        ----------
        scores : R arrays (n_r, 16) float64
        allowed : R arrays (n_r, k) bool
        weights : R arrays (n_r,) float64, optional
            One each by default.
        """
        n = min(map(len, scores))
        if weights is None:
            weights = [np.ones(n)] * len(scores)
        return cls(
            torch.from_numpy(np.stack([each[:n].T for each in scores]).astype(np.float32)).to(device),
            torch.from_numpy(np.stack([each[:n].T for each in allowed])).to(device),
            torch.from_numpy(np.stack([each[:n] / each[:n].mean() for each in weights]))
            .to(torch.float32)
            .to(device),
        )

    def __len__(self) -> int:
        """Return the number of repeats."""
        return len(self.scores)

    @property
    def n(self) -> int:
        """Examples of each repeat."""
        return self.scores.shape[2]

    def part(self, repeats: slice) -> Batch:
        """Return the examples of some repeats."""
        return Batch(self.scores[repeats], self.allowed[repeats], self.weights[repeats])

    def pick(self, index: Tensor) -> Batch:
        """Pick examples by their numbers (R, b) in each repeat."""
        columns = index[:, None, :]
        return Batch(
            self.scores.gather(2, columns.expand(-1, self.scores.shape[1], -1)),
            self.allowed.gather(2, columns.expand(-1, self.allowed.shape[1], -1)),
            self.weights.gather(1, index),
        )


def oversampled(label: NDArray[np.int64], n_classes: int, size: int, *, seed: int) -> NDArray[np.int64]:
    """Return the numbers (k size) of all examples and of random repeats, `size` of each class (Appendix).

    Parameters
    ----------
    label : (n,) int64
        Class of each example, none of them more often than `size`. A class without examples, as all its few
        stars may be in the fold that is kept aside, lends its places to examples of any class.
    n_classes : int
        k.
    seed : int
        Of the repeats, and of the order that all of it is in.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(n_classes):
        members = np.flatnonzero(label == number)
        parts += [members, rng.choice(members if len(members) else len(label), size - len(members))]
    return rng.permutation(np.concatenate(parts)).astype(np.int64)


def shuffled(n: int, generators: Sequence[torch.Generator], device: torch.device) -> Tensor:
    """Return a random order of n examples for each repeat (R, n), each from its own generator."""
    return torch.stack([torch.randperm(n, generator=each) for each in generators]).to(device)


def generators_of(seeds: Sequence[int]) -> list[torch.Generator]:
    """One source of random numbers a repeat, on the processor: a GPU draws the same."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]
