"""Features of the magnitudes in the order of phase, folded at twice the period."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel
from features.moments import percentile

F8 = NDArray[np.float64]


@kernel
def phase_fold(time: F8, mag: F8, period: float) -> tuple[F8, F8]:
    """Return times since the start of the fold, rising, and the magnitudes in that order.

    Folding at twice the period keeps the two halves of an eclipsing binary apart: a periodogram finds
    half its orbit.

    Parameters
    ----------
    time, mag : (n,) float64
        Times [d] and magnitudes [mag], in order of (time, mag): that order decides between equal phases.
    period : float
        Period [d], positive.

    Returns
    -------
    folded, mag : (n,) float64
        Times in [0, 2 period) [d] and magnitudes [mag].
    """
    folded = time % (2.0 * period)
    order = np.argsort(folded, kind="mergesort")
    return folded[order], mag[order]


@kernel
def phase_eta(mag: F8, std: float) -> float:
    r"""Von Neumann's ratio in phase order: how much neighbours differ, against all points.

    .. math:: \psi^\eta = \frac{1}{(n - 1) \sigma^2} \sum_{i=1}^{n-1} (m_{i+1} - m_i)^2

    Parameters
    ----------
    mag : (n,) float64
        Magnitudes in phase order [mag].
    std : float
        Weighted standard deviation sigma [mag], from `features.moments.weighted_mean_std`.

    Returns
    -------
    float
        2 for noise, towards 0 for a densely sampled smooth wave.

    References
    ----------
    von Neumann (1941), Ann. Math. Stat. 12, 367; Kim et al. (2014), A&A 566, A43.
    """
    total = 0.0
    for i in range(mag.size - 1):
        d = mag[i + 1] - mag[i]
        total += d * d
    return total / ((mag.size - 1) * std * std)


@kernel
def phase_cusum(mag: F8, mean: float, std: float) -> float:
    r"""Range of the cumulative sum in phase order.

    .. math:: \psi^{CS} = \max_l S_l - \min_l S_l,
              \quad S_l = \frac{1}{n \sigma} \sum_{i=1}^{l} (m_i - \mu)

    Parameters
    ----------
    mag : (n,) float64
        Magnitudes in phase order [mag].
    mean, std : float
        Weighted mean and standard deviation [mag], from `features.moments.weighted_mean_std`.

    Returns
    -------
    float
        0.225 for a sinusoid folded at twice its period, of the order of 1 / sqrt(n) for noise.

    References
    ----------
    Ellaway (1978), Electroenc. Clin. Neurophys. 45, 302; Kim et al. (2014), A&A 566, A43.
    """
    total = 0.0
    lowest = math.inf
    highest = -math.inf
    for value in mag:
        total += value - mean
        lowest = min(lowest, total)
        highest = max(highest, total)
    return (highest - lowest) / (mag.size * std)


@kernel
def slope_percentiles(folded: F8, mag: F8) -> tuple[float, float]:
    r"""10th and 90th percentiles of the reciprocal slopes between neighbours in phase.

    .. math:: s_i = (t_{i+1} - t_i) / (m_{i+1} - m_i)

    Parameters
    ----------
    folded, mag : (n,) float64
        Folded times [d] and magnitudes [mag] in phase order. Pairs of equal magnitudes have no slope.

    Returns
    -------
    float, float
        Days per magnitude, as published. For a sawtooth of period P and range R nearly all are P / R.

    References
    ----------
    Kim & Bailer-Jones (2016), A&A 587, A18; Long et al. (2012), PASP 124, 280.
    """
    slopes = np.empty(mag.size - 1)
    count = 0
    for i in range(mag.size - 1):
        d = mag[i + 1] - mag[i]
        if d != 0.0:
            slopes[count] = (folded[i + 1] - folded[i]) / d
            count += 1
    ordered = np.sort(slopes[:count])
    return percentile(ordered, 10.0), percentile(ordered, 90.0)
