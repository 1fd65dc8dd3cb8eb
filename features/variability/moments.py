"""Features of the magnitudes alone: how they are distributed, whenever they were measured."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel

F8 = NDArray[np.float64]


@kernel
def percentile(ordered: F8, percent: float) -> float:
    """Percentile by linear interpolation between the two nearest of the sorted values; NaN for none.

    Parameters
    ----------
    ordered : (n,) float64
        Values in rising order.
    percent : float
        0 to 100: the value at position (n - 1) percent / 100, counted from zero.

    Returns
    -------
    float
        2.5 for the 50th percentile of 1, 2, 3, 4.

    References
    ----------
    Hyndman & Fan (1996), Am. Stat. 50, 361, definition 7; NumPy's default.
    """
    if ordered.size == 0:
        return math.nan
    position = (ordered.size - 1) * (percent / 100.0)
    below = int(position)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))


@kernel
def skewness_kurtosis(mag: F8) -> tuple[float, float]:
    r"""Skewness and excess kurtosis of the sample, not corrected for its size.

    .. math:: \gamma_1 = m_3 / m_2^{3/2}, \quad \gamma_2 = m_4 / m_2^2 - 3,
              \quad m_k = \frac{1}{n} \sum_i (m_i - \bar m)^k

    Parameters
    ----------
    mag : (n,) float64
        Magnitudes [mag], not all equal.

    Returns
    -------
    float, float
        0 and -1.5 for a sinusoid, 0 and -2 for a square wave, 0 and -1.2 for a sawtooth.

    References
    ----------
    Kim & Bailer-Jones (2016), A&A 587, A18, Table 1; `scipy.stats.skew` and `scipy.stats.kurtosis`.
    """
    mean = 0.0
    for value in mag:
        mean += value
    mean /= mag.size
    m2 = 0.0
    m3 = 0.0
    m4 = 0.0
    for value in mag:
        d = value - mean
        m2 += d * d
        m3 += d * d * d
        m4 += d * d * d * d
    m2 /= mag.size
    return m3 / mag.size / (m2 * math.sqrt(m2)), m4 / mag.size / (m2 * m2) - 3.0


@kernel
def stetson_k(mag: F8, err: F8, center: float) -> float:
    r"""Stetson's K: how flat-topped the scaled residuals are.

    .. math:: K = \sum_i |\delta_i| \big/ \sqrt{n \sum_i \delta_i^2},
              \quad \delta_i = (m_i - c) / e_i

    Parameters
    ----------
    mag : (n,) float64
        Magnitudes [mag], not all equal to `center`.
    err : (n,) float64
        One-sigma errors [mag], positive. A common factor cancels.
    center : float
        Reference magnitude [mag]; UPSILoN-T takes the median.

    Returns
    -------
    float
        In (0, 1]: 1 for a square wave, 0.900 for a sinusoid, 0.798 for Gaussian noise.

    References
    ----------
    Stetson (1996), PASP 108, 851.
    """
    absolute = 0.0
    square = 0.0
    for i in range(mag.size):
        d = (mag[i] - center) / err[i]
        absolute += abs(d)
        square += d * d
    return absolute / math.sqrt(mag.size * square)


@kernel
def hl_amp_ratio(mag: F8, err: F8, center: float) -> float:
    r"""Ratio of the scatter on the faint side of the median to that on the bright side.

    .. math:: A = \sqrt{V_{m > c} / V_{m \le c}},
              \quad V_S = \sum_{i \in S} w_i (m_i - c)^2 \big/ \sum_{i \in S} w_i, \quad w_i = 1 / e_i

    Parameters
    ----------
    mag, err : (n,) float64
        Magnitudes and one-sigma errors [mag]; a common factor of the errors cancels.
    center : float
        The median [mag]; points equal to it count as bright.

    Returns
    -------
    float
        1 for any wave symmetric about its median, above 1 for eclipses; not finite where either
        side has no scatter.

    References
    ----------
    Kim & Bailer-Jones (2016), A&A 587, A18, section 2.2.
    """
    faint = 0.0
    faint_weight = 0.0
    bright = 0.0
    bright_weight = 0.0
    for i in range(mag.size):
        d = mag[i] - center
        w = 1.0 / err[i]
        if d > 0.0:
            faint += w * d * d
            faint_weight += w
        else:
            bright += w * d * d
            bright_weight += w
    return math.sqrt((faint / faint_weight) / (bright / bright_weight))


@kernel
def weighted_mean_std(mag: F8, err: F8) -> tuple[float, float]:
    r"""Mean and standard deviation with weights :math:`w_i = 1 / e_i` (not squared, as published).

    .. math:: \mu = \sum_i w_i m_i \big/ \sum_i w_i,
              \quad \sigma^2 = \sum_i w_i (m_i - \mu)^2 \big/ \sum_i w_i

    Parameters
    ----------
    mag, err : (n,) float64
        Magnitudes and one-sigma errors [mag]; a common factor of the errors cancels.

    Returns
    -------
    float, float
        Mean and standard deviation [mag]: 0.75 and 0.433 for magnitudes 0, 1 with errors 3, 1.
    """
    weight = 0.0
    first = 0.0
    for i in range(mag.size):
        w = 1.0 / err[i]
        weight += w
        first += w * mag[i]
    mean = first / weight
    second = 0.0
    for i in range(mag.size):
        d = mag[i] - mean
        second += d * d / err[i]
    return mean, math.sqrt(second / weight)
