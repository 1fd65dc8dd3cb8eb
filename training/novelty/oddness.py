"""Oddness: one number, from the probability of being in no class and from how dense training rows lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.novelty.mixture import Mixture

F8 = NDArray[np.float64]

ONE_SIGMA = 0.84
"""Quantile that a normal distribution has at one standard deviation above its median."""

LEAST_SCALE = 1e-3

LEAST_PROBABILITY = 1e-12
"""A probability that is not told from 0, nor from 1 by the same distance."""


@dataclass(frozen=True, slots=True)
class Centre:
    """Median of the calibration stars and the distance from it to their 84 % quantile."""

    median: float
    scale: float

    @classmethod
    def of(cls, values: F8) -> Centre:
        """Return that of some values (n,)."""
        median, high = np.quantile(values, (0.5, ONE_SIGMA))
        return cls(float(median), max(float(high - median), LEAST_SCALE))

    def __call__(self, values: F8) -> F8:
        """Return values (n,) in units of that distance above the median."""
        return (values - self.median) / self.scale


@dataclass(frozen=True, slots=True)
class Oddness:
    """What the graph of a model needs to say how odd a light curve is.

    Attributes
    ----------
    mixture : Mixture
        Of the standard scores of training rows.
    surprise : Centre
        Of its `Mixture.surprise`.
    other : Centre or None
        Of the log-odds that a light curve is in no class; None where the network has no such output.
    """

    mixture: Mixture
    surprise: Centre
    other: Centre | None

    def of(self, scores: F8, probability_of_other: F8 | None) -> F8:
        """Return the oddness (n,) of standard scores (n, 16), and probabilities (n,) of being in no class."""
        return self.combined(self.mixture.surprise(scores), probability_of_other)

    def combined(self, surprise: F8, probability_of_other: F8 | None) -> F8:
        """Return the oddness (n,) of which the parts are known; NaN where one is not."""
        odd = self.surprise(surprise)
        if self.other is None or probability_of_other is None:
            return odd
        return odd + self.other(log_odds(probability_of_other))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return its numbers by their names in the graph."""
        centres = {"surprise": self.surprise, **({} if self.other is None else {"other": self.other})}
        return {
            "mixture.log_weight": self.mixture.log_weight,
            "mixture.whitening": self.mixture.whitening,
            "mixture.shift": self.mixture.shift,
            **{f"{name}.median": np.array(each.median) for name, each in centres.items()},
            **{f"{name}.scale": np.array(each.scale) for name, each in centres.items()},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Oddness | None:
        """Return what `to_arrays` wrote; None where it is not there."""
        if "mixture.log_weight" not in arrays:
            return None
        log_weight, whitening, shift = (
            np.asarray(arrays[f"mixture.{name}"], np.float64) for name in ("log_weight", "whitening", "shift")
        )
        centres = {
            name: Centre(float(arrays[f"{name}.median"]), float(arrays[f"{name}.scale"]))
            for name in ("surprise", "other")
            if f"{name}.median" in arrays
        }
        return cls(Mixture(log_weight, whitening, shift), centres["surprise"], centres.get("other"))


def log_odds(probability: F8) -> F8:
    """Return ln(p / (1 - p)) of probabilities (n,)."""
    p = np.clip(probability, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
    odds: F8 = np.log(p) - np.log1p(-p)
    return odds
