"""The period: where the Lomb-Scargle periodogram is highest."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.conventions import MIN_PERIOD_D, OVERSAMPLING, Convention
from features.jit import fast_kernel, inlined, kernel
from features.period.nufft import NEEDS_EXACT, Points, grid_power
from features.sincos import cos_sin_cycles

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]

SCALLOP = 0.75
"""Three grid points per 1 / baseline see at least this part of any maximum between them: (cos 30 deg)^2."""

SLACK = 0.98
"""Single-precision powers within this factor of a threshold are looked at exactly."""

TIE = 1e-9
"""Powers closer than this, relatively, are equal: the lower frequency is taken."""

SINGULAR = 1e-9
"""Below this the normal matrix has no inverse in double precision."""

TOLERANCE = 1e-6
"""Precision of a refined frequency in steps of the grid: 3e-7 cycles over the baseline."""

GOLDEN = 0.3819660112501051
MAX_MOVES = 100


def find_period(time: F8, mag: F8, err: F8, convention: Convention) -> float:
    """Period of the highest power [d], on the grid of frequencies or between them.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Clean points: finite, in order of time, errors positive.
    convention : Convention
        Which power, which range, and whether the period may lie between the frequencies of the grid.
    """
    points = weighted_points(time, mag, err, convention.floating_mean)
    if convention.refine:
        return 1.0 / refined_frequency(points, 1.0 / MIN_PERIOD_D)
    return 1.0 / (grid_index(points, published_size(time)) * points.step)


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


def published_size(time: F8) -> int:
    """Length of the published frequency grid: up to 1 / (0.03 d), or 50 n / T where that is more."""
    factor = max(100, int((time[-1] - time[0]) / time.size / MIN_PERIOD_D * 2.0))
    return int(0.5 * OVERSAMPLING * factor * time.size)


def refined_frequency(points: Points, highest: float) -> float:
    """Frequency of the highest power between the step of the grid and `highest` [1/d].

    Every local maximum of the grid that could belong to it is refined, not only the largest: the peaks
    of two aliases may be cut at different heights by the grid.
    """
    size = max(1, int(highest / points.step * (1.0 + 1e-12)))
    power = _grid_power(points, size)
    if not power.max() > 0.0:
        return points.step
    near = np.flatnonzero(power >= SCALLOP * SLACK * power.max())
    rises = power[near] >= power[np.maximum(near - 1, 0)]
    falls = power[near] >= power[np.minimum(near + 1, size - 1)]
    return _highest(near[rises & falls], points, highest)


def grid_index(points: Points, size: int) -> int:
    """First k in 1 ... size with the highest power at k times the step of the grid."""
    power = _grid_power(points, size)
    if not power.max() > 0.0:
        return 1
    near = np.flatnonzero(power >= SLACK * power.max())
    exact = _powers_at(near, points)
    return int(near[np.argmax(exact >= (1.0 - TIE) * exact.max())]) + 1


def _grid_power(points: Points, size: int) -> F4:
    """Power on the grid, by the exact sum where single precision could not do it."""
    power = grid_power(points, size)
    if power.min() == NEEDS_EXACT:
        unsafe = np.flatnonzero(power == NEEDS_EXACT)
        power[unsafe] = _powers_at(unsafe, points)
    return power


@inlined
def lomb_scargle_power(points: Points, frequency: float) -> float:
    r"""Part of the variance that a sinusoid of this frequency takes away, by direct summation.

    .. math:: P = \frac{SS \cdot YC^2 + CC \cdot YS^2 - 2 \, CS \cdot YC \cdot YS}{CC \cdot SS - CS^2},
              \quad YC = \sum_i w_i y_i \cos \omega x_i, \; \ldots,
              \quad CC = \sum_i w_i \cos^2 \omega x_i - C^2, \; \ldots

    C and S, the weighted means of cosine and sine, are zero unless the mean floats. Where only one
    direction of (cos, sin) is sampled the fit has one amplitude: :math:`P = (YC^2 + YS^2) / (CC + SS)`;
    where none is, P = 0.

    Parameters
    ----------
    points : Points
        Times, magnitudes and weights.
    frequency : float
        [1/d]

    Returns
    -------
    float
        In [0, 1]: 1 for a sinusoid without noise, of the order of 1 / n for noise.

    References
    ----------
    Zechmeister & Kuerster (2009), A&A 496, 577, eqs. 4-15; Lomb (1976), Ap&SS 39, 447.
    """
    x, y, w = points.x, points.y, points.w
    c = 0.0
    s = 0.0
    cc = 0.0
    cs = 0.0
    yc = 0.0
    ys = 0.0
    for i in range(x.size):
        cosine, sine = cos_sin_cycles(frequency * x[i])
        wc = w[i] * cosine
        ws = w[i] * sine
        c += wc
        s += ws
        cc += wc * cosine
        cs += wc * sine
        yc += wc * y[i]
        ys += ws * y[i]
    ss = 1.0 - cc
    if points.floating_mean:
        cc -= c * c
        ss -= s * s
        cs -= c * s
    trace = cc + ss
    det = cc * ss - cs * cs
    if trace <= SINGULAR:
        return 0.0
    if det <= SINGULAR * trace * trace:
        return (yc * yc + ys * ys) / trace
    return (ss * yc * yc + cc * ys * ys - 2.0 * cs * yc * ys) / det


@fast_kernel
def _powers_at(indices: NDArray[np.int64], points: Points) -> F8:
    """Exact powers at the frequencies ``indices + 1`` of the grid."""
    powers = np.empty(indices.size)
    for i in range(indices.size):
        powers[i] = lomb_scargle_power(points, (indices[i] + 1) * points.step)
    return powers


@fast_kernel
def _highest(maxima: NDArray[np.int64], points: Points, highest: float) -> float:
    """Refine the local maxima of the grid at the frequencies ``maxima + 1``; where the highest of them is."""
    step = points.step
    best = step
    best_power = -1.0
    for i in maxima:
        upper = min((i + 2) * step, highest)
        frequency, power = _refine(points, max(i, 1) * step, (i + 1) * step, upper)
        if power > best_power * (1.0 + TIE):
            best = frequency
            best_power = power
    return best


@inlined
def _refine(points: Points, lower: float, start: float, upper: float) -> tuple[float, float]:
    """Frequency and power of the maximum between `lower` and `upper`, from `start`.

    Brent (1973), Algorithms for Minimization without Derivatives, chapter 5: parabolas through the best
    three points, golden sections where these do not help.
    """
    smallest = TOLERANCE * points.step
    best = second = third = (start, lomb_scargle_power(points, start))
    move = 0.0
    before = 0.0
    for _ in range(MAX_MOVES):
        middle = 0.5 * (lower + upper)
        if abs(best[0] - middle) <= 2.0 * smallest - 0.5 * (upper - lower):
            break
        parabolic = _to_parabola_top(best, second, third)
        if abs(parabolic) < 0.5 * abs(before) and lower < best[0] + parabolic < upper:
            before = move
            move = parabolic
            if best[0] + move - lower < 2.0 * smallest or upper - best[0] - move < 2.0 * smallest:
                move = math.copysign(smallest, middle - best[0])
        else:
            before = (upper if best[0] < middle else lower) - best[0]
            move = GOLDEN * before
        frequency = best[0] + math.copysign(max(abs(move), smallest), move)
        trial = (frequency, lomb_scargle_power(points, frequency))
        if trial[1] >= best[1]:
            lower, upper = (lower, best[0]) if trial[0] < best[0] else (best[0], upper)
            best, second, third = trial, best, second
            continue
        lower, upper = (trial[0], upper) if trial[0] < best[0] else (lower, trial[0])
        if trial[1] >= second[1] or second[0] == best[0]:
            second, third = trial, second
        elif trial[1] >= third[1] or third[0] in (best[0], second[0]):
            third = trial
    return best


@inlined
def _to_parabola_top(
    best: tuple[float, float], second: tuple[float, float], third: tuple[float, float]
) -> float:
    """Step from the best of three (frequency, power) to the top of their parabola; NaN if two coincide."""
    a = (best[0] - second[0]) * (best[1] - third[1])
    b = (best[0] - third[0]) * (best[1] - second[1])
    return 0.5 * ((best[0] - third[0]) * b - (best[0] - second[0]) * a) / (a - b)
