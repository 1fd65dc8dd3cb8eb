"""A trained network with its constants: it answers raw features, and is kept as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.network.networks import Networks, as_scores, predict
from training.network.preprocess import Preprocessing
from training.network.temperature import softmax
from training.network.weights import Weights
from training.novelty.oddness import Oddness

Arrays = dict[str, NDArray[Any]]

WEIGHTS, CONSTANTS = "weights.", "preprocessing."
"""What the names of the arrays begin with."""


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """A network and all that it needs to answer raw features.

    Attributes
    ----------
    weights : mapping of str to (...) float32
        Of the network, by the names of `Networks.weights`.
    input_eps : float
        `eps` of the first BatchNorm.
    preprocessing : Preprocessing
        Constants that the network was trained behind.
    temperature : float
        The logits are divided by it: above 1 it makes the probabilities more modest.
    oddness : Oddness or None
        How odd features are; None where nothing is said of it.
    """

    weights: Weights
    input_eps: float
    preprocessing: Preprocessing
    temperature: float = 1.0
    oddness: Oddness | None = None

    def networks(self) -> Networks:
        """Return the network, alone."""
        return Networks.from_weights([self.weights], input_eps=self.input_eps)

    def logits(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logits (n, k) of raw features (n, 16), all finite, before the temperature."""
        scores = as_scores(self.preprocessing.transform(values)[0])
        logits: NDArray[np.float64] = predict(self.networks(), scores)[0]
        return logits

    def probabilities(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Class probabilities (n, k) of raw features (n, 16), by torch in single precision."""
        return softmax(self.logits(values), self.temperature)

    def odd(self, values: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Oddness (n,) of raw features (n, 16); None where nothing is said of it."""
        if self.oddness is None:
            return None
        return self.oddness.of(self.preprocessing.transform(values)[0], self.probabilities(values)[:, -1])


def to_arrays(networks: Sequence[TrainedNetwork]) -> Arrays:
    """Return R networks of one architecture as named arrays, one after the other in each.

    Temperatures are among them only where one is not 1: the networks of folds have none of their own.
    """
    weights = {
        f"{WEIGHTS}{name}": np.stack([n.weights[name] for n in networks]) for name in networks[0].weights
    }
    constants = {
        f"{CONSTANTS}{each.name}": np.stack([getattr(n.preprocessing, each.name) for n in networks])
        for each in fields(Preprocessing)
    }
    arrays = {**weights, **constants, "input_eps": np.array([n.input_eps for n in networks])}
    if any(n.temperature != 1.0 for n in networks):
        arrays["temperature"] = np.array([n.temperature for n in networks])
    return arrays


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> tuple[TrainedNetwork, ...]:
    """Return the networks that `to_arrays` wrote; arrays of other names are passed over.

    Raises
    ------
    KeyError
        If an array is missing.
    """
    names = [name.removeprefix(WEIGHTS) for name in arrays if name.startswith(WEIGHTS)]
    eps = arrays["input_eps"]
    temperature = arrays.get("temperature", np.ones(len(eps)))
    return tuple(
        TrainedNetwork(
            {name: arrays[f"{WEIGHTS}{name}"][number] for name in names},
            float(eps[number]),
            Preprocessing(
                **{each.name: arrays[f"{CONSTANTS}{each.name}"][number] for each in fields(Preprocessing)}
            ),
            float(temperature[number]),
        )
        for number in range(len(eps))
    )
