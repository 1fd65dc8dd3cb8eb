"""The temperature that makes probabilities honest.

Dividing all logits by one number changes no label and costs nothing to serve. No one number is right for
every number of epochs: networks are bolder about long light curves, and wrong about a few of which they are
sure. But there most probabilities are near one or zero whatever the temperature; with twenty epochs they are
in between. So it is fitted to the first twenty epochs of stars, which is how a stream shows them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from training.examples.augment import Kind

TEMPERATURE_RANGE = (0.5, 10.0)
"""A few stars that are all right ask for ever bolder probabilities: half the temperature is bold enough."""

FITTED_EPOCHS = 20
"""How many first epochs of a star the temperature is fitted to."""

MIN_FITTED_EXAMPLES = 200
"""Light curves that it takes; with fewer, it is fitted to complete ones as well, and to other lengths."""


def fitted_to(kind: NDArray[np.int8], n_shown: NDArray[np.int64], *, shortened: bool) -> NDArray[np.bool_]:
    """Choose the examples (n,) that the temperature is fitted to; none that is simulated.

    Parameters
    ----------
    kind : (n,) int8
        How each was made, see `training.examples.augment.Kind`.
    n_shown : (n,) int64
        Epochs that the examples were made of.
    shortened : bool
        Whether the networks learn from shortened light curves; the others are fitted to complete ones.
    """
    if not shortened:
        complete: NDArray[np.bool_] = kind == Kind.FULL
        return complete
    first = kind == Kind.FIRST
    chosen: NDArray[np.bool_] = first & (n_shown == FITTED_EPOCHS)
    return chosen if chosen.sum() >= MIN_FITTED_EXAMPLES else first | (kind == Kind.FULL)


def fit_temperature(
    logits: NDArray[np.float64], truth: NDArray[np.bool_], weight: NDArray[np.float64] | None = None
) -> float:
    """Return the temperature of the smallest Brier score of validation examples, between 0.5 and 10.

    The likelihood would let the few examples that are labelled wrongly rule: one of which a network is sure
    costs without bound.

    Parameters
    ----------
    logits : (n, k) float64
        Of the validation examples.
    truth : (n, k) bool
        Class of each: one. (No score of this kind is proper for coarser labels, where the label decides
        which classes count together.)
    weight : (n,) float64, optional
        Of each example; 1 by default.

    References
    ----------
    Brier (1950), Monthly Weather Review 78, 1. Guo et al. (2017), ICML 70, 1321, arXiv:1706.04599, for one
    temperature.
    """

    def loss(log_temperature: float) -> float:
        missed = ((softmax(logits, np.exp(log_temperature)) - truth) ** 2).mean(axis=1)
        return float(np.average(missed, weights=weight))

    found = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURE_RANGE)), method="bounded")
    return float(np.exp(found.x))


def softmax(logits: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities (n, k) of logits (n, k) at a temperature."""
    scaled = logits / temperature
    result: NDArray[np.float64] = np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True))
    return result
