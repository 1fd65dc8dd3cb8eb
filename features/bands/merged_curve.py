r"""The merged curve: all bands of a star as one light curve, each without its level.

At a frequency a shape of two harmonics, shared by all bands, and a mean in every band are fitted together, by
least squares with the weights of the search and its ridge. The level of a band is where its curve would be if
the shape were 0. Levels of two bands differ by a colour of the star, whatever phases were seen in each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.bands.points import BandPoints
from features.bands.shared_shape import RIDGE
from features.compilation.jit import kernel, part
from features.linear.cholesky import solve
from features.simd.lanes import DOUBLE_LANES, filled, load, mul, spread, store
from features.simd.sincos import cos_sin_cycles

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

RIDGE_OF_FIRST = 1e-6
"""Of the first harmonic, in units of that of the second: a period longer than the baseline has a fit, too."""

PRIOR = (0.97, 1.00, 0.82, 0.72, 0.67, 0.66)
"""Amplitudes in u g r i z y over that in g before a star's own are known: between binaries and pulsators."""

PRIOR_VARIANCE = 0.25**2
LEAST_RATIO, MOST_RATIO = 0.2, 3.0
ROUNDS = 3
"""Of the alternation between the shape and the amplitudes."""


class Merged(NamedTuple):
    """All bands as one curve.

    Attributes
    ----------
    time : (n,) float64
        As they were given, rising [d].
    mag : (n,) float64
        Magnitudes without the level of their band [mag].
    err : (n,) float64
        As they were given: without floors [mag].
    """

    time: F8
    mag: F8
    err: F8


@kernel
def levels(points: BandPoints, frequency: float) -> F8:
    """Level of each band [mag], (B,), at a frequency [1/d]."""
    level, _ = _fit(points, frequency, np.ones(points.letters.size), 1)
    return level


@kernel
def amplitude_ratios(points: BandPoints, frequency: float) -> F8:
    """Amplitude of each band over that in g, (B,), at a frequency [1/d], in 0.2 ... 3.

    Fitted in turn with the shape, each drawn to a prior of 0.25. A band that the shape misses, by more chi^2
    for a degree of freedom than one, says as much less against its prior.
    """
    ratio = np.empty(points.letters.size)
    for band in range(ratio.size):
        ratio[band] = _prior(points.letters[band])
    _, ratio = _fit(points, frequency, ratio, ROUNDS)
    return ratio


@kernel
def merged_curve(time: F8, mag: F8, err: F8, bounds: I8, level: F8) -> Merged:
    """Merge bands into one curve in order of time, at equal times of band.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Points in canonical order [d, mag, mag].
    bounds : (B + 1,) int64
        Of the bands.
    level : (B,) float64
        See `levels`.
    """
    n, bands = time.size, level.size
    merged = Merged(np.empty(n), np.empty(n), np.empty(n))
    next_of = np.empty(bands, np.int64)
    for band in range(bands):
        next_of[band] = bounds[band]
    for i in range(n):
        first = -1
        for band in range(bands):
            if next_of[band] < bounds[band + 1] and (first < 0 or time[next_of[band]] < time[next_of[first]]):
                first = band
        at = next_of[first]
        merged.time[i], merged.mag[i], merged.err[i] = time[at], mag[at] - level[first], err[at]
        next_of[first] += 1
    return merged


@part
def _prior(letter: int) -> float:
    return PRIOR[letter] if 0 <= letter < len(PRIOR) else 1.0


@part
def _fit(points: BandPoints, frequency: float, ratio: F8, rounds: int) -> tuple[F8, F8]:
    """Levels [mag] under amplitude ratios, (B,); where there are several rounds, the ratios they lead to."""
    column = _columns(points, frequency)
    bands = ratio.size
    level = np.empty(bands)
    wave = np.empty(points.n)
    size = (points.chi2 / points.total) ** 0.5
    for _ in range(rounds):
        shape = _shape(points, column, ratio)
        for band in range(bands):
            begin, end = points.bounds[band], points.bounds[band + 1]
            mean = 0.0
            for i in range(begin, end):
                wave[i] = 0.0
                for k in range(4):
                    wave[i] += shape[k] * column[k, i]
                mean += points.w[i] * wave[i]
            mean /= points.weight[band]
            if rounds > 1:
                ratio[band] = _ratio(points, band, wave, mean, ratio[band])
            level[band] = points.mean[band] - ratio[band] * mean * size
    return level, ratio


@part
def _ratio(points: BandPoints, band: int, wave: F8, mean: float, before: float) -> float:
    """Amplitude of a band over that of the wave, drawn to the prior."""
    begin, end = points.bounds[band], points.bounds[band + 1]
    square = product = left = 0.0
    for i in range(begin, end):
        d = wave[i] - mean
        square += points.w[i] * d * d
        product += points.w[i] * d * points.y[i]
        left += points.w[i] * (points.y[i] - before * d) ** 2
    square, product, left = square * points.chi2, product * points.chi2, left * points.chi2
    misfit = max(1.0, left / (end - begin - 1))
    prior = _prior(points.letters[band])
    fitted: float = (product / misfit + prior / PRIOR_VARIANCE) / (square / misfit + 1.0 / PRIOR_VARIANCE)
    return min(max(fitted, LEAST_RATIO), MOST_RATIO)


@part
def _columns(points: BandPoints, frequency: float) -> F8:
    """(4, at least n): cosine and sine of the frequency at the points, and of twice the frequency."""
    size = filled(points.n)
    x, cosine, sine = np.zeros(size), np.empty(size), np.empty(size)
    for i in range(points.n):
        x[i] = points.x[i]
    turns_per_day = spread(float(frequency))
    for i in range(0, size, DOUBLE_LANES):
        c, s = cos_sin_cycles(mul(turns_per_day, load(x, i)))
        store(cosine, i, c)
        store(sine, i, s)
    column = np.empty((4, size))
    for i in range(points.n):
        column[0, i], column[1, i] = cosine[i], sine[i]
        column[2, i] = 1.0 - 2.0 * sine[i] * sine[i]
        column[3, i] = 2.0 * sine[i] * cosine[i]
    return column


@part
def _shape(points: BandPoints, column: F8, ratio: F8) -> F8:
    """Coefficients of the shape's columns, (4,), in standard deviations of the magnitudes."""
    normal, right = np.zeros((4, 4)), np.zeros(4)
    mean = np.empty(4)
    weight = 0.0
    for band in range(ratio.size):
        begin, end = points.bounds[band], points.bounds[band + 1]
        square = ratio[band] * ratio[band]
        weight += square * points.weight[band]
        for k in range(4):
            mean[k] = 0.0
            for i in range(begin, end):
                mean[k] += points.w[i] * column[k, i]
            mean[k] /= points.weight[band]
        for i in range(begin, end):
            for k in range(4):
                d = points.w[i] * (column[k, i] - mean[k])
                right[k] += ratio[band] * d * points.y[i]
                for m in range(k + 1):
                    normal[k, m] += square * d * (column[m, i] - mean[m])
    for k in range(4):
        normal[k, k] += 0.5 * RIDGE * weight * (RIDGE_OF_FIRST if k < 2 else 1.0)
    solve(normal, right, 4, 0.0)
    return right
