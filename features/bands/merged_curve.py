r"""The merged curve: all bands of a star as one light curve, each without its level.

At a frequency a shape of two harmonics, shared by all bands, and a mean in every band are fitted together, by
least squares with the weights of the search and its ridge. The level of a band is where its curve would be if
the shape were 0. Levels of two bands differ by a colour of the star, whatever phases were seen in each. Where
few were seen, a plain fit may put levels magnitudes away from all that is known of their bands: they are held
to that.
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

RIDGES = (0.0, *(4.0**k for k in range(-8, 3)))
"""Further ridges that are tried in turn, in units of the weights."""

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
def levels(points: BandPoints, mag: F8, frequency: float) -> F8:
    r"""Level of each band, within the range of the band's own magnitudes.

    Where the least squares of the shape put any band's level beyond its magnitudes, the ridge is raised by

    .. math:: \lambda \sum_b W_b \sum_{k=1}^{2} k^4 (a_k^2 + b_k^2)

    with the first :math:`\lambda` of 4^-8, 4^-7, ... 16 with which none is, as in
    `features.variability.fourier.bounded_fourier_coefficients`. Where 16 is not enough, as in a band of two
    nearly equal magnitudes, the levels are the weighted means of the bands, towards which it draws them.
    Elsewhere they are those of the plain fit, to the last bit.

    Parameters
    ----------
    points : BandPoints
        A star.
    mag : (n,) float64
        Its magnitudes, of which the points were made [mag].
    frequency : float
        [1/d]

    Returns
    -------
    (B,) float64
        [mag]
    """
    column = _columns(points, frequency)
    ratio = np.ones(points.letters.size)
    normal, right, weight = _normal_equations(points, column, ratio)
    size = (points.chi2 / points.total) ** 0.5
    level, wave = np.empty(ratio.size), np.empty(points.n)
    factor, shape = np.empty((4, 4)), np.empty(4)
    for ridge in RIDGES:
        factor[:], shape[:] = normal, right
        for k in range(4):
            factor[k, k] += ridge * weight * (1.0 if k < 2 else 16.0)
        solve(factor, shape, 4, 0.0)
        held = True
        for band in range(ratio.size):
            level[band] = points.mean[band] - _fill_wave(points, column, shape, band, wave) * size
            its = mag[points.bounds[band] : points.bounds[band + 1]]
            held = held and its.min() <= level[band] <= its.max()
        if held:
            return level
    for band in range(ratio.size):
        its = mag[points.bounds[band] : points.bounds[band + 1]]
        level[band] = min(max(points.mean[band], its.min()), its.max())
    return level


@kernel
def amplitude_ratios(points: BandPoints, frequency: float) -> F8:
    """Amplitude of each band over that in g, (B,), at a frequency [1/d], in 0.2 ... 3.

    Fitted in turn with the shape, each drawn to a prior of 0.25. A band that the shape misses, by more chi^2
    for a degree of freedom than one, says as much less against its prior.
    """
    column = _columns(points, frequency)
    ratio = np.empty(points.letters.size)
    for band in range(ratio.size):
        ratio[band] = _prior(points.letters[band])
    wave = np.empty(points.n)
    for _ in range(ROUNDS):
        normal, shape, _ = _normal_equations(points, column, ratio)
        solve(normal, shape, 4, 0.0)
        for band in range(ratio.size):
            mean = _fill_wave(points, column, shape, band, wave)
            ratio[band] = _ratio(points, band, wave, mean, ratio[band])
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
def _fill_wave(points: BandPoints, column: F8, shape: F8, band: int, wave: F8) -> float:
    """Fill the shape at a band's points, and return its weighted mean there."""
    mean = 0.0
    for i in range(points.bounds[band], points.bounds[band + 1]):
        wave[i] = 0.0
        for k in range(4):
            wave[i] += shape[k] * column[k, i]
        mean += points.w[i] * wave[i]
    return float(mean / points.weight[band])


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
def _normal_equations(points: BandPoints, column: F8, ratio: F8) -> tuple[F8, F8, float]:
    """Those of the shape's coefficients, in standard deviations of the magnitudes, under amplitude ratios.

    Returns
    -------
    matrix, right : (4, 4), (4,) float64
        The lower triangle, with the ridge of the search, and the right side.
    weight : float
        Sum of r^2 W over the bands.
    """
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
    return normal, right, weight
