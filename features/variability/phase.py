"""Features of the magnitudes in the order of phase, folded at twice the period."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel
from features.compilation.processor import FUSED_ARITHMETIC
from features.simd.lanes import (
    DOUBLE_LANES,
    add,
    any_above,
    below,
    filled,
    load,
    mul,
    spread,
    store,
    sub,
    sub_mul,
    where_above,
)
from features.sorting import SortingRoom, sort
from features.variability.moments import percentile

F8 = NDArray[np.float64]


@kernel
def folded(time: F8, period: float) -> F8:
    r"""Return the times since the start of each cycle, :math:`t - P \lfloor t / P \rfloor`.

    Parameters
    ----------
    time : (n,) float64
        Times [d].
    period : float
        Period [d], positive.

    Returns
    -------
    (at least n,) float64
        Times in [0, period) [d]; 0 from n on, up to the end of the last register.
    """
    since = np.zeros(filled(time.size))
    if not FUSED_ARITHMETIC:  # the product of a Julian date would be rounded to 5e-10 d
        for i in range(time.size):
            rest = time[i] % period
            since[i] = rest if rest < period else 0.0
        return since
    for i in range(time.size):
        since[i] = time[i]
    cycles_per_day, days = spread(1.0 / period), spread(float(period))
    beyond = False
    for i in range(0, since.size, DOUBLE_LANES):
        now = load(since, i)
        rest = sub_mul(below(mul(now, cycles_per_day)), days, now)
        # the rounding of the quotient may put it into the cycle before or after
        rest = where_above(spread(0.0), rest, add(rest, days), rest)
        rest = where_above(days, rest, rest, sub(rest, days))
        store(since, i, rest)
        beyond = beyond or any_above(spread(0.0), rest) or any_above(rest, days)
    if beyond:  # so many cycles that their number was rounded
        for i in range(time.size):
            since[i] = time[i] % period
    return since


@kernel
def phase_fold(time: F8, mag: F8, period: float, room: SortingRoom) -> tuple[F8, F8]:
    """Return times since the start of the fold, rising, and the magnitudes in that order.

    Folding at twice the period keeps the two halves of an eclipsing binary apart: a periodogram finds
    half its orbit.

    Parameters
    ----------
    time, mag : (n,) float64
        Times [d] and magnitudes [mag], in order of (time, mag): that order decides between equal phases.
    period : float
        Period [d], positive.
    room : SortingRoom
        For n numbers.

    Returns
    -------
    folded, mag : (n,) float64
        Times in [0, 2 period) [d] and magnitudes [mag].
    """
    n = time.size
    since = folded(time, 2.0 * period)[:n]
    position, in_phase = np.empty(n), np.empty(n)
    for i in range(n):
        position[i] = since[i] * (0.5 / period)
    numbers, order = sort(since, position, room)
    for i in range(n):
        since[i] = numbers[i]
        in_phase[i] = mag[order[i]]
    return since, in_phase


@kernel
def phase_eta(mag: F8, std: float) -> float:
    r"""Von Neumann's ratio in phase order: how much neighbours differ, against all points.

    .. math:: \psi^\eta = \frac{1}{(n - 1) \sigma^2} \sum_{i=1}^{n-1} (m_{i+1} - m_i)^2

    Parameters
    ----------
    mag : (n,) float64
        Magnitudes in phase order [mag].
    std : float
        Weighted standard deviation sigma [mag], from `features.variability.moments.weighted_mean_std`.

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
        Weighted mean and standard deviation [mag], from `features.variability.moments.weighted_mean_std`.

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
def slope_percentiles(since: F8, mag: F8, room: SortingRoom) -> tuple[float, float]:
    r"""10th and 90th percentiles of the reciprocal slopes between neighbours in phase.

    .. math:: s_i = (t_{i+1} - t_i) / (m_{i+1} - m_i)

    Parameters
    ----------
    since, mag : (n,) float64
        Times since the start of the fold [d] and magnitudes [mag] in phase order. Pairs of equal
        magnitudes have no slope.
    room : SortingRoom
        For n numbers.

    Returns
    -------
    float, float
        Days per magnitude, as published. For a sawtooth of period P and range R nearly all are P / R.

    References
    ----------
    Kim & Bailer-Jones (2016), A&A 587, A18; Long et al. (2012), PASP 124, 280.
    """
    slopes = np.empty(mag.size - 1)
    position = np.empty(mag.size - 1)
    typical = 0.0
    for i in range(mag.size - 1):
        typical += abs(mag[i + 1] - mag[i])
    typical = (since[-1] - since[0]) / typical
    count = 0
    for i in range(mag.size - 1):
        d = mag[i + 1] - mag[i]
        if d != 0.0:
            slope = (since[i + 1] - since[i]) / d
            slopes[count] = slope
            position[count] = 0.5 + 0.5 * slope / (typical + abs(slope)) if abs(slope) < np.inf else slope
            count += 1
    ordered, _ = sort(slopes[:count], position[:count], room)
    return percentile(ordered, 10.0), percentile(ordered, 90.0)
