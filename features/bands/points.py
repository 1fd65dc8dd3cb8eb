"""The points of a star in several bands, weighted for one period, with what each band is known by."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

MISFIT = 0.4
"""A sinusoid leaves about this part of a star's own scatter unexplained."""

LEAST_FLOOR = 0.01
"""Scatter below which a floor does not fall, before it is rounded to a step [mag]: the lowest is 2^-7 mag."""

POOL = 2.0
"""Points that the excess scatter of all bands counts for in that of one."""

PULSATOR = (0.95, 1.00, 0.70, 0.54, 0.48, 0.47)
"""Amplitudes of RR Lyrae stars in u g r i z y over that in g, measured in Stripe 82; that in y is a guess."""


class BandPoints(NamedTuple):
    """Points of one star in canonical order: by band, then time, magnitude, error.

    Attributes
    ----------
    n : int
        Number of points.
    x : (n,) float64
        Times from the first of any band [d].
    y : (n,) float64
        Magnitudes about the weighted mean of their band, over the weighted standard deviation of all.
    w : (n,) float64
        Weights, 1 / (err^2 + floor^2), over `total`: they add up to 1.
    bounds : (B + 1,) int64
        Band j is the points ``bounds[j]`` to ``bounds[j + 1]``.
    letters : (B,) int64
        Rising: 0 ... 5 are u g r i z y, others other filters.
    mean, floor : (B,) float64
        Weighted mean and floor of each band [mag].
    weight : (B,) float64
        Sum of w of each band.
    pulsator : (B,) float64
        Amplitude of a pulsating star in each band over that in g, 1 in other filters.
    heaviest : (B,) int64
        A point of each band with the highest weight.
    alike : bool
        Whether a pulsator's amplitudes are the same in all bands.
    baseline : float
        Time of the last point of any band, from the first [d].
    origin : float
        Time of the first [d].
    total : float
        Sum of the weights [1/mag^2].
    chi2 : float
        Of the means alone: sum of weight times squared magnitude about the mean.
    """

    n: int
    x: F8
    y: F8
    w: F8
    bounds: I8
    letters: I8
    mean: F8
    floor: F8
    weight: F8
    pulsator: F8
    heaviest: I8
    alike: bool
    baseline: float
    origin: float
    total: float
    chi2: float


@kernel
def band_points(time: F8, mag: F8, err: F8, bounds: I8, letters: I8, floors: bool) -> BandPoints:
    """Prepare the clean points of a star for a search in all its bands.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Points in canonical order, finite, errors positive, none twice [d, mag, mag].
    bounds : (B + 1,) int64
        From 0 to n; B >= 1, and each band has at least two points.
    letters : (B,) int64
        See `BandPoints`.
    floors : bool
        Add floors to the errors; without, and in one band, the weights are those of
        `features.period.points.weighted_points`.
    """
    n, bands = time.size, letters.size
    x, y, w = np.empty(n), np.empty(n), np.empty(n)
    mean, weight, pulsator = np.empty(bands), np.empty(bands), np.ones(bands)
    heaviest = np.empty(bands, np.int64)
    floor = _floors(mag, err, bounds) if floors else np.zeros(bands)
    origin, last = time[0], time[0]
    total = 0.0
    alike = True
    for band in range(bands):
        begin, end = bounds[band], bounds[band + 1]
        origin, last = min(origin, time[begin]), max(last, time[end - 1])
        if 0 <= letters[band] < len(PULSATOR):
            pulsator[band] = PULSATOR[letters[band]]
        alike = alike and pulsator[band] == pulsator[0]
        heaviest[band] = begin
        weight[band] = above = 0.0
        for i in range(begin, end):
            w[i] = 1.0 / (err[i] * err[i] + floor[band] * floor[band])
            weight[band] += w[i]
            above += w[i] * (mag[i] - mag[begin])
            if w[i] > w[heaviest[band]]:
                heaviest[band] = i
        above /= weight[band]
        mean[band] = mag[begin] + above
        total += weight[band]
        for i in range(begin, end):
            y[i] = (mag[i] - mag[begin]) - above
    variance = 0.0
    for band in range(bands):
        weight[band] /= total
    for i in range(n):
        x[i] = time[i] - origin
        w[i] /= total
        variance += w[i] * y[i] * y[i]
    if variance > 0.0:
        for i in range(n):
            y[i] /= math.sqrt(variance)
    return BandPoints(
        n,
        x,
        y,
        w,
        bounds,
        letters,
        mean,
        floor,
        weight,
        pulsator,
        heaviest,
        alike,
        last - origin,
        origin,
        total,
        variance * total,
    )


@part
def _floors(mag: F8, err: F8, bounds: I8) -> F8:
    r"""Floor of the errors of each band [mag], (B,).

    .. math:: X_b = \sum_{i \in b} (m_i - \bar m_b)^2 - (1 - 1/n_b) \sum_{i \in b} e_i^2, \quad
              X = \max(0, \sum_b X_b) / (n - B), \quad
              \phi_b^2 = 0.4^2 \, (\max(0, X_b) + 2 X) / (n_b + 1),

    a power of two in mag, so that it seldom changes as points arrive.
    """
    bands = bounds.size - 1
    excess, floor = np.empty(bands), np.empty(bands)
    pooled = 0.0
    for band in range(bands):
        begin, end = bounds[band], bounds[band + 1]
        mean = scatter = noise = 0.0
        for i in range(begin, end):
            mean += mag[i] - mag[begin]
            noise += err[i] * err[i]
        mean /= end - begin
        for i in range(begin, end):
            scatter += ((mag[i] - mag[begin]) - mean) ** 2
        excess[band] = scatter - (1.0 - 1.0 / (end - begin)) * noise
        pooled += excess[band]
    pooled = max(0.0, pooled) / (bounds[bands] - bands)
    for band in range(bands):
        count = bounds[band + 1] - bounds[band]
        square = MISFIT * MISFIT * (max(0.0, excess[band]) + POOL * pooled) / (count + 1.0)
        _, exponent = math.frexp(max(square, LEAST_FLOOR * LEAST_FLOOR))
        floor[band] = math.ldexp(1.0, exponent // 2)  # the power of four that is nearest, in log
    return floor
