"""The loss: cross entropy (eqs. 2 and 3), also for labels that stand for several classes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def partial_cross_entropy(logits: Tensor, allowed: Tensor, smoothing: float = 0.0) -> Tensor:
    """Loss (..., n) of logits (..., k, n) for labels that allow the classes marked in `allowed`.

    Minus the logarithm of the sum of the probabilities of the allowed classes. With one class allowed and no
    smoothing it is the cross entropy of eq. 2.

    Parameters
    ----------
    logits : (..., k, n) Tensor
    allowed : (..., k, n) bool Tensor
        At least one class of each example.
    smoothing : float
        Share of the target that is spread over all classes.
    """
    log_probability = torch.log_softmax(logits, dim=-2)
    inside = torch.logsumexp(log_probability.masked_fill(~allowed, -torch.inf), dim=-2)
    if smoothing == 0.0:
        return -inside
    return -(1.0 - smoothing) * inside - smoothing * log_probability.mean(dim=-2)


def class_weights(
    allowed: NDArray[np.bool_], power: float, counted: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Weight (n,) of each example, proportional to 1 / N_class ** power (eq. 12 has power 1).

    A coarse label is counted in equal shares in each of its classes.

    Parameters
    ----------
    counted : (n,) float64, optional
        As how many each is counted in N_class; one by default.
    """
    shares = allowed / allowed.sum(axis=1, keepdims=True)
    each = np.ones(len(shares)) if counted is None else counted
    counts = np.maximum(each @ shares, 1.0)
    weights: NDArray[np.float64] = shares @ counts**-power
    weights /= weights.mean()
    return weights
