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
NOVEL = "NOVEL"
"""Status of a light curve that is odder than all but few of those that the model was calibrated with."""
BELOW_MIN_EPOCHS = "BELOW_MIN_EPOCHS"
"""Status of a light curve with fewer epochs than the model is meant for."""

OTHER = "OTHER"
"""Output of a model for what is in none of its classes: a probability beside theirs, never a label."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is said of n light curves.

    Attributes
    ----------
    best : (n,) int64
        Number of the most probable class that can be a label, the first of equals; k, which is no class,
        where not scored.
    probability : (n,) float64
        Of that class as it is published; NaN where not scored.
    sure, novel : (n,) bool
        Whether the class is not less probable than the model asks for, and whether the light curve is too odd
        to be judged.
    probabilities : (n, k) float64
        Of all classes, and of `OTHER`, as they are published; NaN where not scored.
    novelty : (n,) float64
        See `schemas.model.novelty`; NaN where not scored, and where the model says nothing of it.
    """

    best: NDArray[np.int64]
    probability: NDArray[np.float64]
    sure: NDArray[np.bool_]
    novel: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    novelty: NDArray[np.float64]

    @property
    def given(self) -> NDArray[np.bool_]:
        """Whether the class (n,) is given as a label."""
        return self.sure & ~self.novel


def verdicts(
    probabilities: NDArray[np.float32] | NDArray[np.float64],
    scored: NDArray[np.bool_],
    *,
    limits: ArrayLike,
    novelty: NDArray[np.float64] | None = None,
    novel_below: ArrayLike = 0.0,
) -> Verdicts:
    """Decide on labels by the probabilities as they are published: whoever reads these finds the same.

    Parameters
    ----------
    probabilities : (n, k) float
        Of the classes, with the priors in use; not looked at where not scored.
    scored : (n,) bool
        Light curves that the model may be asked about.
    limits : (k,) or (n, k) array_like
        No label where the probability of the most probable class is lower than that class's limit, see
        `schemas.model.manifest.Manifest.label_limits`; of what is never a label it is infinite.
    novelty : (n,) float64, optional
        Of the light curves.
    novel_below : float or (n,) array_like
        Below it a light curve is novel.

    Raises
    ------
    ValueError
        If no class can be a label.
    """
    n, k = probabilities.shape
    limit = np.broadcast_to(np.asarray(limits, np.float64), (n, k))
    labels = np.isfinite(limit)
    if not labels.any(axis=1).all():
        raise ValueError("no class can be a label: all limits are infinite")
    best = np.full(n, k, np.int64)
    probability, asked = np.full(n, np.nan), np.full(n, np.inf)
    rows = np.flatnonzero(scored)
    stated = np.full((n, k), np.nan)
    stated[rows] = published(probabilities[rows])
    best[rows] = np.where(labels[rows], stated[rows], -1.0).argmax(axis=1)
    probability[rows] = stated[rows, best[rows]]
    asked[rows] = limit[rows, best[rows]]
    odd = np.full(n, np.nan) if novelty is None else np.where(scored, novelty, np.nan)
    return Verdicts(best, probability, scored & (probability >= asked), odd < novel_below, stated, odd)


def with_verdict(
    status: Sequence[str], *, scored: bool, sure: bool, novel: bool, below_min_epochs: bool
) -> list[str]:
    """Return the names of a light curve's status, and of what kept it from a label.

    Parameters
    ----------
    status : sequence of str
        Names of the bits of `features.Status`.
    scored, sure, novel : bool
        Of the light curve, see `Verdicts`.
    below_min_epochs : bool
        Whether fewer epochs were used than the model is meant for.
    """
    of_verdict = ((ABSTAINED, scored and not sure), (NOVEL, novel), (BELOW_MIN_EPOCHS, below_min_epochs))
    return [*status, *(name for name, holds in of_verdict if holds)]


def published(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return probabilities as doubles that print with the digits that single precision has."""
    return np.asarray(probabilities, np.float64).round(DIGITS)
