"""The weights of a network by the names of its layers: drawn at random, and checked to fit together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Weights = Mapping[str, NDArray[np.float32]]


def draw(sizes: tuple[int, ...], seed: int) -> dict[str, Tensor]:
    """Tensors of one new network: uniform within 1 / sqrt(inputs), normalisations that do nothing."""
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}

    def uniform(inputs: int, *shape: int) -> Tensor:
        return (2.0 * torch.rand(shape, generator=generator) - 1.0) / math.sqrt(inputs)

    def normalisation(layer: int, size: int) -> None:
        tensors[f"bn{layer}.weight"], tensors[f"bn{layer}.bias"] = torch.ones(size), torch.zeros(size)
        tensors[f"bn{layer}.running_mean"] = torch.zeros(size)
        tensors[f"bn{layer}.running_var"] = torch.ones(size)

    for layer, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        normalisation(layer, inputs)
        tensors[f"fc{layer}.weight"] = uniform(inputs, outputs, inputs)
        tensors[f"fc{layer}.bias"] = uniform(inputs, outputs)
    normalisation(len(sizes), sizes[-1])
    return tensors


def check(weights: Weights) -> None:
    """Refuse weights that are not of one network.

    Raises
    ------
    ValueError
        If a tensor is missing, unknown, or of a shape that does not fit its neighbours.
    """
    depth = max(sum(name.startswith("fc") and name.endswith("weight") for name in weights), 1)
    matrices = [weights.get(f"fc{layer}.weight") for layer in range(1, depth + 1)]
    for layer, matrix in enumerate(matrices, start=1):
        if matrix is None or matrix.ndim != 2:
            raise ValueError(f"weights do not fit together: there is no matrix fc{layer}.weight")
    found = {name: array.shape for name, array in weights.items()}
    sizes = (found["fc1.weight"][1], *(found[f"fc{layer}.weight"][0] for layer in range(1, depth + 1)))
    expected: dict[str, tuple[int, ...]] = {}
    for layer, size in enumerate(sizes, start=1):
        for part in ("weight", "bias", "running_mean", "running_var"):
            expected[f"bn{layer}.{part}"] = (size,)
        if layer <= depth:
            expected[f"fc{layer}.weight"] = (sizes[layer], size)
            expected[f"fc{layer}.bias"] = (sizes[layer],)
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            raise ValueError(
                f"weights do not fit together: {name} is {found.get(name, 'missing')}, "
                f"not {expected.get(name, 'missing')}"
            )
