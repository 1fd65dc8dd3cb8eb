"""One temperature for honest probabilities.

Dividing all logits by one number changes no label and costs nothing to serve. No one number is right for
every number of epochs: networks are bolder about long light curves, and wrong about a few of which they are
sure. But there most probabilities are near one or zero whatever the temperature; with twenty epochs they are
in between. So it is fitted to light curves of twenty to forty.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

RANGE = (0.5, 10.0)
"""A few stars that are all right ask for ever bolder probabilities: half the temperature is bold enough."""

EPOCHS = (15, 30)
"""Numbers of epochs, the second not among them, that the temperature is fitted to."""

ENOUGH = 200
"""Examples that it takes, by weight; with fewer, it is fitted to all there are."""


def early(n_epochs: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Choose the examples (n,) that the temperature is fitted to.

    Parameters
    ----------
    n_epochs : (n,) int64
        Of the examples.
    weights : (n,) float64
        Of the examples in the fit.
    """
    chosen = (n_epochs >= EPOCHS[0]) & (n_epochs < EPOCHS[1])
    return chosen if weights[chosen].sum() >= ENOUGH else np.ones(len(n_epochs), bool)


def fit_temperature(
    logits: NDArray[np.float64], allowed: NDArray[np.bool_], weights: NDArray[np.float64]
) -> float:
    """Return the temperature that makes validation labels most probable, between 0.5 and 10.

    Parameters
    ----------
    logits : (n, k) float64
        Of the validation examples.
    allowed : (n, k) bool
        Classes each may be.
    weights : (n,) float64
        Of the examples.

    References
    ----------
    Guo et al. (2017), ICML 70, 1321, arXiv:1706.04599.
    """
    inside = np.where(allowed, 0.0, -np.inf)

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        likelihood = logsumexp(scaled + inside, axis=1) - logsumexp(scaled, axis=1)
        return float(-np.average(likelihood, weights=weights))

    found = minimize_scalar(loss, bounds=tuple(np.log(RANGE)), method="bounded")
    return float(np.exp(found.x))


def softmax(logits: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities (n, k) of logits (n, k) at a temperature."""
    scaled = logits / temperature
    result: NDArray[np.float64] = np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True))
    return result
