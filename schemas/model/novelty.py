"""Novelty: how many of the stars that a model was calibrated with are at least as odd as a light curve.

The graph of a model gives an oddness; what that means depends on the number of epochs, which is not in the
graph. The table here says it: the oddness that a share of the calibration stars reach, by number of epochs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

F8 = NDArray[np.float64]

LARGEST_SHARES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.04, 0.03)
SMALLEST_SHARES = (0.025, 0.02, 0.015, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001)
SHARES = LARGEST_SHARES + SMALLEST_SHARES
"""Shares of the calibration stars whose oddness is in the table."""

BIN_STARTS = (30, 60, 120)
"""First number of epochs of each bin of the table after the first."""

FEWEST_IN_BIN = 300
"""Light curves that a bin must have; with fewer it is joined to the one before."""

DECIMALS = 4
"""Of a published novelty, and of an oddness in the table."""


def novelty(oddness: ArrayLike, n_epochs: ArrayLike, terms: Mapping[str, Any]) -> F8:
    """Return the share of the calibration stars that are at least as odd as each of n light curves.

    Between two shares of the table its logarithm is linear in the oddness; beyond the last it stays.

    Parameters
    ----------
    oddness : (n,) array_like
        From the graph of the model; NaN where it was not asked.
    n_epochs : (n,) array_like
        Of each light curve.
    terms : mapping
        `schemas.model.manifest.Manifest.novelty`, or what is stated there of fused answers.

    Returns
    -------
    (n,) float64
        From 0 to 1, as they are published: .001 is odder than 999 of 1,000. NaN where the oddness is.
    """
    odd, count = np.asarray(oddness, np.float64), np.asarray(n_epochs)
    shares = np.asarray(terms["shares"], np.float64)
    bins: Sequence[Mapping[str, Any]] = terms["bins"]
    starts = np.array([each["n_epochs_min"] for each in bins])
    which = np.maximum(np.searchsorted(starts, count, side="right") - 1, 0)
    result = np.full(odd.shape, np.nan)
    for number, each in enumerate(bins):
        rows = (which == number) & np.isfinite(odd)
        result[rows] = np.exp(np.interp(odd[rows], each["oddness"], np.log(shares)))
    return result.round(DECIMALS)


def table_of(oddness: F8, n_epochs: NDArray[np.int64], weight: F8 | None = None) -> dict[str, Any]:
    """Return the table of the oddness (n,) of light curves of calibration stars: shares, and bins.

    Parameters
    ----------
    weight : (n,) float64, optional
        Of the light curves; all count alike by default.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not oddness.size:
        raise ValueError("there is no calibration star: nothing can be called odd")
    weights = np.ones(oddness.size) if weight is None else weight
    of_bin = np.bincount(np.digitize(n_epochs, BIN_STARTS), minlength=len(BIN_STARTS) + 1)
    later = [low for low, count in zip(BIN_STARTS, of_bin[1:], strict=True) if count >= FEWEST_IN_BIN]
    if not (n_epochs < min(later, default=np.inf)).any():
        later = later[1:]  # the first of them is then from 0 on
    number = np.digitize(n_epochs, later)  # a bin of few is a part of the one before
    return {
        "shares": list(SHARES),
        "bins": [
            {
                "n_epochs_min": low,
                "n_light_curves": int((number == place).sum()),
                "oddness": _quantiles(oddness[number == place], weights[number == place]),
            }
            for place, low in enumerate([0, *later])
        ],
    }


def _quantiles(oddness: F8, weight: F8) -> list[float]:
    """Oddness that each share of the stars, by their weight, reach, rising."""
    order = np.argsort(-oddness, kind="stable")
    reached_by = np.cumsum(weight[order])
    place = np.searchsorted(reached_by, np.array(SHARES) * reached_by[-1] * (1.0 - TOLERANCE))
    reached = oddness[order][np.minimum(place, len(order) - 1)]
    return [round(float(value), DECIMALS) for value in reached]


TOLERANCE = 1e-9
"""Of a share of the stars, which may miss a whole number by its rounding."""
