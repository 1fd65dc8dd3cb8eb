"""Networks: many of that of Fig. 2 at a time.

A result of the paper is the mean of 30 repeats: 30 networks of 48,799 parameters each, far too small to
keep a processor busy one by one. Here R networks of one architecture are one computation: every tensor
has a leading axis of repeats, a fully connected layer is one batched matrix product, and the R times C
channels of a batch normalisation are normalised together. Networks never exchange anything, so that each
is what it would be if it were trained alone; one network is the case R = 1.

Activations are kept with the examples last, (R, C, n): then all R * C channels of a normalisation lie
one after another, as its kernel likes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from features import FEATURE_NAMES
from training.network.weights import Weights, check, draw

HIDDEN_WIDTHS = (64, 128, 256)
"""The best of the 13 architectures in Table 3."""

BATCH_NORM_EPS = 1e-5
BATCH_NORM_MOMENTUM = 0.1
"""Share of a batch in the running statistics, as PyTorch has it."""

ROWS_AT_ONCE = 2048
"""Examples times networks of one computation on a processor: beyond it the caches overflow."""


class Networks:
    """R networks: standard scores to one number (logit) a class.

    ``bn1-fc1-relu-bn2-fc2-relu-bn3-fc3-relu-bn4-fc4-bn5``; 48,799 parameters with 21 classes. The names of
    the layers are those of the published weights.

    Attributes
    ----------
    parameters : dict of str to Tensor
        ``fcN.weight`` (R, out, in), ``fcN.bias`` (R, out), ``bnN.weight`` and ``bnN.bias`` (R, C).
    statistics : dict of str to Tensor
        ``bnN.running_mean`` and ``bnN.running_var`` (R, C).
    input_eps : float
        `eps` of the first normalisation. The published weights were trained with 64, in the place of a
        width; ours use the ordinary value.
    """

    def __init__(
        self,
        parameters: dict[str, Tensor],
        statistics: dict[str, Tensor],
        *,
        input_eps: float = BATCH_NORM_EPS,
    ) -> None:
        self.parameters = parameters
        self.statistics = statistics
        self.input_eps = input_eps
        self.depth = sum(name.startswith("fc") and name.endswith("weight") for name in parameters)

    @classmethod
    def random(
        cls,
        n_classes: int,
        seeds: Sequence[int],
        *,
        widths: Sequence[int] = HIDDEN_WIDTHS,
        n_features: int = len(FEATURE_NAMES),
        device: str | torch.device = "cpu",
    ) -> Networks:
        """Return one network for each seed, drawn as `torch.nn.Linear` draws its weights."""
        drawn = [draw((n_features, *widths, n_classes), seed) for seed in seeds]
        stacked = {name: torch.stack([each[name] for each in drawn]).to(device) for name in drawn[0]}
        return cls(*_parted(stacked))

    @classmethod
    def from_weights(
        cls,
        weights: Sequence[Weights],
        *,
        input_eps: float = BATCH_NORM_EPS,
        device: str | torch.device = "cpu",
    ) -> Networks:
        """Return networks with the given weights; the inverse of `weights`.

        Raises
        ------
        ValueError
            If a tensor is missing, unknown, or of a shape that does not fit its neighbours.
        """
        for each in weights:
            check(each)
        stacked = {name: np.stack([each[name] for each in weights]).astype(np.float32) for name in weights[0]}
        tensors = {name: torch.from_numpy(array).to(device) for name, array in stacked.items()}
        return cls(*_parted(tensors), input_eps=input_eps)

    def __len__(self) -> int:
        """Return the number of networks."""
        return len(self.parameters["fc1.weight"])

    @property
    def n_classes(self) -> int:
        """Number of outputs."""
        return self.parameters[f"fc{self.depth}.bias"].shape[1]

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.parameters["fc1.weight"].device

    def hidden(self, scores: Tensor, *, training: bool = False) -> Tensor:
        """Return what the last fully connected layer sees (R, C, n) of standard scores (R, 16, n)."""
        x = scores
        for layer in range(1, self.depth):
            x = torch.relu_(self._fully_connected(layer, self._normalised(layer, x, training)))
        return self._normalised(self.depth, x, training)

    def logits(self, scores: Tensor, *, training: bool = False) -> Tensor:
        """Return logits (R, k, n) of standard scores (R, 16, n).

        Parameters
        ----------
        scores : (R, 16, n) Tensor
            Those of network r are row r.
        training : bool
            Normalise by the statistics of this batch, and let the running ones follow.
        """
        return self.head(self.hidden(scores, training=training), training=training)

    def head(self, hidden: Tensor, *, training: bool = False) -> Tensor:
        """Return logits (R, k, n) of what the last fully connected layer sees (R, C, n)."""
        return self._normalised(self.depth + 1, self._fully_connected(self.depth, hidden), training)

    def absorbed(self) -> list[tuple[Tensor, Tensor]]:
        """Return weights (R, out, in) and biases (R, out, 1) that do what layers and normalisations do.

        By their running statistics these are linear, so that each becomes part of the layer after it, and
        the last one of the layer before it.
        """
        layers = []
        for layer in range(1, self.depth + 1):
            scale, shift = self._linear(layer)
            weight, bias = self.parameters[f"fc{layer}.weight"], self.parameters[f"fc{layer}.bias"]
            layers.append((weight * scale[:, None, :], bias[:, :, None] + weight @ shift[:, :, None]))
        scale, shift = self._linear(self.depth + 1)
        weight, bias = layers[-1]
        layers[-1] = (weight * scale[:, :, None], bias * scale[:, :, None] + shift[:, :, None])
        return layers

    def weights(self, repeat: int = 0) -> dict[str, NDArray[np.float32]]:
        """Every parameter and running statistic of one network by its name, as `export` stores them."""
        return {
            name: tensor[repeat].detach().cpu().numpy().astype(np.float32, copy=True)
            for name, tensor in (*self.parameters.items(), *self.statistics.items())
        }

    def part(self, repeats: slice) -> Networks:
        """Return some of the networks; they share their memory with these."""
        return Networks(
            {name: tensor.detach()[repeats] for name, tensor in self.parameters.items()},
            {name: tensor[repeats] for name, tensor in self.statistics.items()},
            input_eps=self.input_eps,
        )

    def copy(self) -> Networks:
        """Return the same networks with a memory of their own."""
        return Networks(
            {name: tensor.detach().clone() for name, tensor in self.parameters.items()},
            {name: tensor.clone() for name, tensor in self.statistics.items()},
            input_eps=self.input_eps,
        )

    def take(self, other: Networks, chosen: Tensor) -> None:
        """Overwrite the networks marked in `chosen` (R,) bool by those of `other`."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine.detach()[chosen] = theirs.detach()[chosen]

    def tensors(self) -> Iterator[Tensor]:
        """All parameters, then all statistics, in one order."""
        yield from self.parameters.values()
        yield from self.statistics.values()

    def _fully_connected(self, layer: int, x: Tensor) -> Tensor:
        weight, bias = self.parameters[f"fc{layer}.weight"], self.parameters[f"fc{layer}.bias"]
        return torch.baddbmm(bias[:, :, None], weight, x)

    def _linear(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return what a normalisation multiplies by and then adds (R, C), by its running statistics."""
        name, eps = f"bn{layer}", self.input_eps if layer == 1 else BATCH_NORM_EPS
        scale = self.parameters[f"{name}.weight"] * torch.rsqrt(self.statistics[f"{name}.running_var"] + eps)
        return scale, self.parameters[f"{name}.bias"] - scale * self.statistics[f"{name}.running_mean"]

    def _normalised(self, layer: int, x: Tensor, training: bool) -> Tensor:
        name = f"bn{layer}"
        channels = (1, x.shape[0] * x.shape[1], x.shape[2])
        normalised: Tensor = functional.batch_norm(
            x.reshape(channels),
            self.statistics[f"{name}.running_mean"].view(-1),
            self.statistics[f"{name}.running_var"].view(-1),
            self.parameters[f"{name}.weight"].view(-1),
            self.parameters[f"{name}.bias"].view(-1),
            training,
            BATCH_NORM_MOMENTUM,
            self.input_eps if layer == 1 else BATCH_NORM_EPS,
        )
        shaped: Tensor = normalised.view(x.shape)
        return shaped


def groups(networks: Networks, batch: int) -> list[slice]:
    """Repeats to train at the same time: all on a GPU; on a processor what its caches hold."""
    size = max(ROWS_AT_ONCE // batch, 1) if networks.device.type == "cpu" else len(networks)
    return [slice(first, first + size) for first in range(0, len(networks), size)]


def predict(networks: Networks, scores: Tensor, *, absorb: bool = False) -> NDArray[np.float64]:
    """Logits (R, n, k) of standard scores (R, 16, n), by the running statistics and without gradients.

    Parameters
    ----------
    absorb : bool
        Let the layers absorb the normalisations first. This takes some two thirds of the time where there are
        many examples, and gives the same but for the rounding.
    """
    n = scores.shape[2]
    rows = max(min(n, ROWS_AT_ONCE // (4 if absorb else 2)), 1)
    logits = np.empty((len(networks), n, networks.n_classes))
    with torch.no_grad():
        for some in groups(networks, rows):
            part = networks.part(some)
            layers = part.absorbed() if absorb else []
            for first in range(0, n, rows):
                shown = scores[some, :, first : first + rows]
                said = _through(layers, shown) if absorb else part.logits(shown)
                logits[some, first : first + rows] = said.transpose(1, 2).cpu().numpy()
    return logits


def _through(layers: Sequence[tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
    """Logits (R, k, n) of standard scores (R, 16, n), by layers that have absorbed their normalisations."""
    for weight, bias in layers[:-1]:
        x = torch.relu_(torch.baddbmm(bias, weight, x))
    weight, bias = layers[-1]
    return torch.baddbmm(bias, weight, x)


def as_scores(scores: NDArray[np.float64], *, device: str | torch.device = "cpu") -> Tensor:
    """Turn standard scores (n, 16) or (R, n, 16) into what the networks take: (R, 16, n) float32."""
    stacked = scores if scores.ndim == 3 else scores[None]
    return torch.from_numpy(np.ascontiguousarray(stacked.transpose(0, 2, 1), np.float32)).to(device)


def _parted(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters and running statistics."""
    parameters = {name: tensor for name, tensor in tensors.items() if "running" not in name}
    return parameters, {name: tensor for name, tensor in tensors.items() if "running" in name}
