"""The verdict: from class probabilities to a label, or to none where no class is probable enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIGITS = 7
"""Decimals of a published probability: what single precision holds."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is said of n light curves.

    Attributes
    ----------
    best : (n,) int64
        Number of the most probable class, the first of equals; k, which is no class, where not scored.
    probability : (n,) float64
        Of that class as it is published; NaN where not scored.
    given : (n,) bool
        Whether the class is given as a label: scored, and not less probable than the model asks for.
    """

    best: NDArray[np.int64]
    probability: NDArray[np.float64]
    given: NDArray[np.bool_]


def verdicts(
    probabilities: NDArray[np.float32] | NDArray[np.float64],
    scored: NDArray[np.bool_],
    *,
    abstain_below: float,
) -> Verdicts:
    """Decide on labels by the probabilities as they are published: whoever reads these finds the same.

    Parameters
    ----------
    probabilities : (n, k) float
        Of the classes; not looked at where not scored.
    scored : (n,) bool
        Light curves that the model may be asked about.
    abstain_below : float
        No label where the highest probability is lower, see `schemas.model.manifest.Manifest`.
    """
    n, k = probabilities.shape
    best = np.full(n, k, np.int64)
    probability = np.full(n, np.nan)
    rows = np.flatnonzero(scored)
    best[rows] = probabilities[rows].argmax(axis=1)
    probability[rows] = [published(value) for value in probabilities[rows, best[rows]].tolist()]
    return Verdicts(best, probability, scored & (probability >= abstain_below))


def published(probability: float) -> float:
    """Return a probability as a double that prints with the digits that single precision has."""
    return round(probability, DIGITS)
