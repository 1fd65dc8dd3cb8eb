"""The priors of classes among unlabelled objects, by expectation maximisation on a classifier's answers.

The method is that of Saerens, Latinne and Decaestecker (2002), Neural Computation 14, 21,
doi:10.1162/089976602753284446, with a Dirichlet prior about the frequencies that the model was made for. It
holds where the objects of each class look as those did that the model learnt from, and its probabilities are
calibrated: only how frequent the classes are may differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

F8 = NDArray[np.float64]

DEFAULT_STRENGTH = 10.0
"""Objects that the model's own priors count as."""

SHORTFALL = 1e-3
"""Log likelihood by which an estimate may miss the highest: a twentieth of a standard error, nearly."""

MAX_STEPS = 20_000

OBJECTS_AT_A_TIME = 2048
"""Whose numbers stay in the processor's cache in a step."""


@dataclass(frozen=True, slots=True)
class ClassPriors:
    """Estimated priors of k classes.

    Attributes
    ----------
    made_for : (k,) float64
        Frequencies that the answers were made for, the mean of all objects.
    estimate, error : (k,) float64
        Frequencies among the objects, and their standard errors.
    n : int
        Objects.
    steps : int
        Of the expectation maximisation.
    shortfall : float
        By how much its log likelihood may still be lower than the highest; see `SHORTFALL`.
    """

    made_for: F8
    estimate: F8
    error: F8
    n: int
    steps: int
    shortfall: float


def estimate_priors(
    probabilities: F8,
    made_for: F8,
    *,
    strength: float = DEFAULT_STRENGTH,
    resamples: int = 100,
    seed: int = 0,
) -> ClassPriors:
    """Estimate how frequent k classes are among n objects, with standard errors by bootstrap over objects.

    The estimate has the highest posterior probability: that of the objects' answers, each divided by the
    priors that it was made for, under a Dirichlet distribution with ``1 + strength * made_for``. Where the
    objects tell nothing of a class it stays at the model's own prior, and no class becomes impossible.

    Parameters
    ----------
    probabilities : (n, k) float64
        Of the classes, as the model gives them; each row sums to one.
    made_for : (n, k) float64
        Priors, all above 0, that each row was made for.
    strength : float
        Above 0: how many objects the model's own priors count as.
    resamples : int
        Of the bootstrap, 2 at least.

    Raises
    ------
    TrainingError
        If there is no object, or the maximisation does not end.
    ValueError
        If a setting makes no sense.
    """
    if strength <= 0.0 or resamples < 2:
        raise ValueError(f"strength must be above 0 and resamples at least 2, got {strength}, {resamples}")
    n = len(probabilities)
    if not n:
        raise TrainingError("there is no object with an answer to estimate priors from")
    likelihood = probabilities / made_for
    likelihood /= likelihood.max(axis=1, keepdims=True)
    own = made_for.mean(axis=0)
    own /= own.sum()
    counts = np.ones((n, 1))
    found, steps, shortfall = _maximise(likelihood, counts, strength * own, own[None])
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, np.full(n, 1.0 / n), size=resamples).T.astype(np.float64)
    resampled, _, _ = _maximise(likelihood, drawn, strength * own, np.repeat(found, resamples, axis=0))
    return ClassPriors(own, found[0], resampled.std(axis=0, ddof=1), n, steps, shortfall)


def _maximise(likelihood: F8, counts: F8, pseudo: F8, start: F8) -> tuple[F8, int, float]:
    """Climb from `start` (b, k) for b samples of the objects at once.

    A step multiplies each frequency by its slope of the mean log posterior. That is concave, and the mean of
    the slopes weighed by the frequencies is one: so no frequencies at all are better by more than the largest
    slope less one, times the number of objects.

    Parameters
    ----------
    likelihood : (n, k) float64
        Of each object under each class, up to a factor.
    counts : (n, b) float64
        How often each object is in each sample.
    pseudo : (k,) float64
        Objects that are added to each class.

    Returns
    -------
    estimate : (b, k) float64
    steps : int
    shortfall : float
        The largest of the samples.
    """
    priors = start
    size = counts.sum(axis=0)[:, None] + pseudo.sum()  # (b, 1)
    shortfall = np.inf
    for step in range(1, MAX_STEPS + 1):
        slope = (_weighed(likelihood, counts, priors) + pseudo / priors) / size
        shortfall = float(((slope.max(axis=1, keepdims=True) - 1.0) * size).max())
        if shortfall <= SHORTFALL:
            return priors, step - 1, max(shortfall, 0.0)
        priors = priors * slope
        priors /= priors.sum(axis=1, keepdims=True)
    raise TrainingError(
        f"the priors are not found in {MAX_STEPS} steps: the log likelihood may be {shortfall:.3g} below the "
        "highest; answers about more objects, or a higher --strength, help"
    )


def _weighed(likelihood: F8, counts: F8, priors: F8) -> F8:
    """Sum over the objects of their likelihood over that of the mixture, (b, k)."""
    total = np.zeros_like(priors)
    for low in range(0, len(likelihood), OBJECTS_AT_A_TIME):
        part = likelihood[low : low + OBJECTS_AT_A_TIME]
        mixture = part @ priors.T
        total += np.divide(counts[low : low + OBJECTS_AT_A_TIME], mixture, out=mixture).T @ part
    return total
