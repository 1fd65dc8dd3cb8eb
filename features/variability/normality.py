"""Shapiro-Wilk W: how close the magnitudes are to a normal distribution."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part

F8 = NDArray[np.float64]

# Royston (1995), AS R94: corrections to the two largest weights, ascending powers of 1 / sqrt(n)
LARGEST_WEIGHT = (0.0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056)
SECOND_WEIGHT = (0.0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633)

# Wichura (1988), AS 241, PPND16: rational approximations in the middle and in the tails, ascending powers
MIDDLE_TOP = (
    3.3871328727963666080e0,
    1.3314166789178437745e2,
    1.9715909503065514427e3,
    1.3731693765509461125e4,
    4.5921953931549871457e4,
    6.7265770927008700853e4,
    3.3430575583588128105e4,
    2.5090809287301226727e3,
)
MIDDLE_BOTTOM = (
    1.0,
    4.2313330701600911252e1,
    6.8718700749205790830e2,
    5.3941960214247511077e3,
    2.1213794301586595867e4,
    3.9307895800092710610e4,
    2.8729085735721942674e4,
    5.2264952788528545610e3,
)
TAIL_TOP = (
    1.42343711074968357734e0,
    4.63033784615654529590e0,
    5.76949722146069140550e0,
    3.64784832476320460504e0,
    1.27045825245236838258e0,
    2.41780725177450611770e-1,
    2.27238449892691845833e-2,
    7.74545014278341407640e-4,
)
TAIL_BOTTOM = (
    1.0,
    2.05319162663775882187e0,
    1.67638483018380384940e0,
    6.89767334985100004550e-1,
    1.48103976427480074590e-1,
    1.51986665636164571966e-2,
    5.47593808499534494600e-4,
    1.05075007164441684324e-9,
)


@part
def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    value = 0.0
    for i in range(len(coefficients)):
        value = value * x + coefficients[len(coefficients) - 1 - i]
    return value


@kernel
def normal_quantile(probability: float) -> float:
    """Value that a standard normal variable stays below with the given probability.

    Parameters
    ----------
    probability : float
        Between 2e-11 and 0.5: the tail beyond is not needed for fewer than 10^10 points.

    Returns
    -------
    float
        Relative error below 1e-15: -1.959964 for 0.025.

    References
    ----------
    Wichura (1988), Appl. Statist. 37, 477 (algorithm AS 241, PPND16).
    """
    q = probability - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * _polynomial(MIDDLE_TOP, r) / _polynomial(MIDDLE_BOTTOM, r)
    r = math.sqrt(-math.log(probability)) - 1.6
    return -_polynomial(TAIL_TOP, r) / _polynomial(TAIL_BOTTOM, r)


@kernel
def shapiro_w(ordered: F8) -> float:
    r"""Shapiro-Wilk W with Royston's weights.

    .. math:: W = \Big( \sum_{i \le n/2} a_i \, (x_{(n+1-i)} - x_{(i)}) \Big)^2
              \Big/ \sum_i (x_i - \bar x)^2

    Parameters
    ----------
    ordered : (n,) float64
        Magnitudes in rising order [mag], n >= 6, not all equal.

    Returns
    -------
    float
        In (0, 1]: close to 1 for normal noise, 0.94 for a finely sampled sinusoid.

    References
    ----------
    Shapiro & Wilk (1965), Biometrika 52, 591; Royston (1995), Appl. Statist. 44, 547 (AS R94).
    """
    n = ordered.size
    half = n // 2
    weights = np.empty(half)
    square = 0.0
    for i in range(half):
        weights[i] = -normal_quantile((i + 1 - 0.375) / (n + 0.25))
        square += 2.0 * weights[i] * weights[i]
    r = 1.0 / math.sqrt(n)
    largest = _polynomial(LARGEST_WEIGHT, r) + weights[0] / math.sqrt(square)
    second = _polynomial(SECOND_WEIGHT, r) + weights[1] / math.sqrt(square)
    left = square - 2.0 * weights[0] * weights[0] - 2.0 * weights[1] * weights[1]
    scale = math.sqrt((1.0 - 2.0 * largest * largest - 2.0 * second * second) / left)
    for i in range(half):
        weights[i] *= scale
    weights[0] = largest
    weights[1] = second
    ranges = 0.0
    for i in range(half):
        ranges += weights[i] * (ordered[n - 1 - i] - ordered[i])
    mean = 0.0
    for value in ordered:
        mean += value
    mean /= ordered.size
    variation = 0.0
    for value in ordered:
        variation += (value - mean) * (value - mean)
    return ranges * ranges / variation
