"""The fit of oddness: mixtures that have not seen a fold, and what calibration stars say of all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.novelty.mixture import Mixture, fit_mixture
from training.novelty.oddness import Centre, Oddness, log_odds

F8 = NDArray[np.float64]

FEWEST_CALIBRATED = 100
"""Light curves of calibration stars that it takes to say what is odd."""


def surprises(
    scores: Callable[[int], F8],
    fold: NDArray[np.int8],
    usable: NDArray[np.bool_],
    weight: F8,
    *,
    count: int,
    seed: int,
) -> F8:
    """Return the surprise (m,) of each row by a mixture of rows that are not of its fold; NaN for others.

    Parameters
    ----------
    scores : callable of int
        Standard scores (m, 16) of all rows, by the scale of the network without a fold.
    fold : (m,) int8
        From 0 to `count` - 1; other rows are of no fold.
    usable : (m,) bool
        Which have features.
    weight : (m,) float64
        By which rows are drawn for a mixture; 0 for what is not learnt from.
    """
    result = np.full(len(fold), np.nan)
    for number in range(count):
        asked = usable & (fold == number)
        others = np.where(fold == number, 0.0, weight)
        if asked.any() and others.any():
            of_fold = scores(number)
            result[asked] = fit_mixture(of_fold, others, seed=seed + number).surprise(of_fold[asked])
    return result


def calibrate(
    mixture: Mixture, surprise: F8, probability_of_other: F8 | None, calibration: NDArray[np.bool_]
) -> Oddness | None:
    """Return the oddness by what is usual among calibration stars; None where they are too few.

    Parameters
    ----------
    mixture : Mixture
        Of all training rows.
    surprise, probability_of_other : (m,) float64
        Of each row, by a mixture and a network that have not seen its star; None where there is no such
        output.
    calibration : (m,) bool
        Light curves of calibration stars.
    """
    chosen = calibration & np.isfinite(surprise)
    if chosen.sum() < FEWEST_CALIBRATED:
        return None
    other = None if probability_of_other is None else Centre.of(log_odds(probability_of_other[chosen]))
    return Oddness(mixture, Centre.of(surprise[chosen]), other)
