"""Weighted points: a light curve as the periodogram takes it, by direct sums or by transforms."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel
from features.simd.lanes import filled

F8 = NDArray[np.float64]


class Points(NamedTuple):
    """A light curve as a periodogram takes it.

    Attributes
    ----------
    n : int
        Number of points. The series are longer, to fill the lanes of the registers: what follows the points
        weighs nothing.
    x : (at least n,) float64
        Times from the first [d], rising.
    y : (at least n,) float64
        Magnitudes about their weighted mean, over their weighted standard deviation.
    w : (at least n,) float64
        Weights that add up to 1.
    floating_mean : bool
        Fit a constant at every frequency.
    """

    n: int
    x: F8
    y: F8
    w: F8
    floating_mean: bool


class Timed(Protocol):
    """What transforms take of points, `Points` or others."""

    @property
    def n(self) -> int:
        """Number of points."""

    @property
    def x(self) -> F8:
        """(at least n,) float64: times [d], none negative."""


@kernel
def weighted_points(time: F8, mag: F8, err: F8, floating_mean: bool) -> Points:
    """Prepare clean points for a search with 1 / err^2 weights and a free mean, or with neither.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Clean points: finite, in order of time, errors positive [d, mag, mag].
    floating_mean : bool
        See `Points`.

    Returns
    -------
    Points
        Where a single point has all the weight y is zero, and so is the power everywhere.
    """
    n = time.size
    x = np.zeros(filled(n))
    y = np.zeros(filled(n))
    w = np.zeros(filled(n))
    smallest = err[0]
    for i in range(1, n):
        smallest = min(smallest, err[i])
    total = 0.0
    mean = 0.0
    for i in range(n):
        x[i] = time[i] - time[0]
        w[i] = (smallest / err[i]) ** 2 if floating_mean else 1.0
        total += w[i]
        mean += w[i] * (mag[i] - mag[0])
    mean /= total
    variance = 0.0
    for i in range(n):
        w[i] /= total
        y[i] = (mag[i] - mag[0]) - mean
        variance += w[i] * y[i] * y[i]
    if variance > 0.0:
        for i in range(n):
            y[i] /= math.sqrt(variance)
    return Points(n, x, y, w, floating_mean)
