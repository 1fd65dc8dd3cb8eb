"""The verdict: from class probabilities to a label, or to none where no class is probable enough.

Whoever asks a model, a worker or a person with a file, says what it answers by these functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGITS = 7
"""Decimals of a published probability: what single precision holds."""

ABSTAINED = "ABSTAINED"
"""Status of a light curve that was scored, and whose classes are all too improbable for a label."""
BELOW_MIN_EPOCHS = "BELOW_MIN_EPOCHS"
"""Status of a light curve with fewer epochs than the model is meant for."""


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
    probabilities : (n, k) float64
        Of all classes as they are published; NaN where not scored.
    """

    best: NDArray[np.int64]
    probability: NDArray[np.float64]
    given: NDArray[np.bool_]
    probabilities: NDArray[np.float64]


def verdicts(
    probabilities: NDArray[np.float32] | NDArray[np.float64],
    scored: NDArray[np.bool_],
    *,
    abstain_below: float | NDArray[np.float64],
) -> Verdicts:
    """Decide on labels by the probabilities as they are published: whoever reads these finds the same.

    Parameters
    ----------
    probabilities : (n, k) float
        Of the classes; not looked at where not scored.
    scored : (n,) bool
        Light curves that the model may be asked about.
    abstain_below : float or (n,) float64
        No label where the highest probability is lower, see `schemas.model.manifest.Manifest`.
    """
    n, k = probabilities.shape
    best = np.full(n, k, np.int64)
    probability = np.full(n, np.nan)
    rows = np.flatnonzero(scored)
    stated = np.full((n, k), np.nan)
    stated[rows] = published(probabilities[rows])
    best[rows] = stated[rows].argmax(axis=1)
    probability[rows] = stated[rows, best[rows]]
    return Verdicts(best, probability, scored & (probability >= abstain_below), stated)


def with_verdict(status: Sequence[str], *, scored: bool, given: bool, below_min_epochs: bool) -> list[str]:
    """Return the names of a light curve's status, and of what kept it from a label.

    Parameters
    ----------
    status : sequence of str
        Names of the bits of `features.Status`.
    scored, given : bool
        Of the light curve, see `Verdicts`.
    below_min_epochs : bool
        Whether fewer epochs were used than the model is meant for.
    """
    abstained = [ABSTAINED] if scored and not given else []
    return [*status, *abstained, *([BELOW_MIN_EPOCHS] if below_min_epochs else [])]


def published(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return probabilities as doubles that print with the digits that single precision has."""
    return np.asarray(probabilities, np.float64).round(DIGITS)
