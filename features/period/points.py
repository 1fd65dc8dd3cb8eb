"""Weighted points: a light curve as the periodogram takes it, by direct sums or by transforms."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel
from features.conventions import OVERSAMPLING

F8 = NDArray[np.float64]


class Points(NamedTuple):
    """A light curve as a periodogram takes it; kernels take it as it is.

    Attributes
    ----------
    x : (n,) float64
        Times from the first [d], rising.
    y : (n,) float64
        Magnitudes about their weighted mean, over their weighted standard deviation.
    w : (n,) float64
        Weights that add up to 1.
    step : float
        Step of the grid of frequencies, 1 / (3 T) [1/d].
    floating_mean : bool
        Fit a constant at every frequency.
    """

    x: F8
    y: F8
    w: F8
    step: float
    floating_mean: bool


def weighted_points(time: F8, mag: F8, err: F8, floating_mean: bool) -> Points:
    """Prepare clean points for a search with 1 / err^2 weights and a free mean, or with neither."""
    x, y, w = _normalized(time, mag, err, floating_mean)
    # Not in a kernel, which may take reciprocals its own way: 3 T / k differs from 1 / (k / (3 T)) in the
    # last digit, enough to change the order of a fold.
    return Points(x, y, w, 1.0 / (float(x[-1]) * OVERSAMPLING), floating_mean)


@kernel
def _normalized(time: F8, mag: F8, err: F8, floating_mean: bool) -> tuple[F8, F8, F8]:
    """Return times from the first, magnitudes with mean 0 and standard deviation 1, weights with sum 1."""
    w = (np.min(err) / err) ** 2 if floating_mean else np.ones_like(err)
    w /= np.sum(w)
    y = mag - np.sum(w * mag)
    std = math.sqrt(np.sum(w * y * y))
    if std > 0.0:  # it is 0 where a single point has all the weight: then there is no power anywhere
        y /= std
    return time - time[0], y, w
