"""Priors: class probabilities as they would be if the classes were as frequent as in a stream."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

TOLERANCE = 1e-6
"""By how much given priors may miss 1: they are written with some digits."""

_TINY = np.finfo(np.float64).tiny  # in the place of a probability that single precision cannot hold


def with_priors(
    probabilities: ArrayLike, made_for: Mapping[str, float], wanted: Mapping[str, float]
) -> NDArray[np.float64]:
    """Return the probabilities under other priors than those that a model was made for.

    Each is multiplied by its class's wanted prior over the one that the model was made for, and all are
    normalised (Saerens, Latinne and Decaestecker 2002, Neural Computation 14, 21, eq. 4).

    Parameters
    ----------
    probabilities : (n, k) array_like
        Of the classes in the order of `made_for`; NaN where there are none.
    made_for : mapping of str to float
        Prior of each class, all above 0.
    wanted : mapping of str to float
        Prior of some or all of them, from 0 on. Classes that are not named share what is left of 1 as they
        did before.

    Raises
    ------
    ValueError
        If a class is unknown, a prior is no share, or they add up to more than 1, or to less with all named.
    """
    weighed = np.maximum(np.asarray(probabilities, np.float64), _TINY) * ratios(made_for, wanted)
    shares: NDArray[np.float64] = weighed / weighed.sum(axis=1, keepdims=True)
    return shares


def ratios(made_for: Mapping[str, float], wanted: Mapping[str, float]) -> NDArray[np.float64]:
    """Return what each class's probability is multiplied by; see `with_priors`."""
    full = completed(made_for, wanted)
    return np.array([full[name] / made_for[name] for name in made_for])


def completed(made_for: Mapping[str, float], wanted: Mapping[str, float]) -> dict[str, float]:
    """Return the priors of all classes where those of some are given; see `with_priors`."""
    unknown = sorted(set(wanted) - set(made_for))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no class of the model: it has {', '.join(made_for)}")
    for name, share in wanted.items():
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"the prior of {name} must be from 0 to 1, got {share!r}")
    left = 1.0 - sum(wanted.values())
    others = {name: share for name, share in made_for.items() if name not in wanted}
    if left < -TOLERANCE or (not others and left > TOLERANCE):
        raise ValueError(f"the priors add up to {1.0 - left:.6g}, they must add up to 1")
    scale = max(left, 0.0) / sum(others.values()) if others else 0.0
    full = {name: wanted.get(name, scale * share) for name, share in made_for.items()}
    if not any(full.values()):
        raise ValueError("all priors are 0: at least one class must be possible")
    return full
