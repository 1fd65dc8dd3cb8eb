"""The smooth curve that goes best through points of a given period.

Two families compete, by the Bayesian information criterion: Fourier series of 1 to 12 harmonics, for
pulsating stars and contact binaries, and straight lines between up to 48 knots that lie closest where the
magnitude changes fastest, for eclipses, which a series of few harmonics cannot follow.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel

F8 = NDArray[np.float64]

N_PHASES = 1024
"""Phases at which a fitted curve is kept."""
MAX_HARMONICS = 12
KNOT_COUNTS = (6, 8, 12, 16, 24, 32, 48)
POINTS_PER_KNOT = 6
BIC_MARGIN = 10.0
"""A less usual curve must be better by this difference of criteria: odds of 150 to 1."""
RIDGE = 3e-4
"""Damping of harmonic k relative to the weight of all points, over k^2: 4 % at the twelfth."""
MAX_GAP_CYCLES = 0.6
"""Harmonic k is fitted if no gap in phase is longer than this over k."""
NEIGHBOURS = 4
"""Points on either side in phase that an outlier is held against."""
OUTLIER_SIGMA = 5.0


class PhaseCurve(NamedTuple):
    """The best curve at one period, as in `periodic_model.PeriodicModel`, and how good it is.

    The Bayesian information criterion `bic` is less for a better curve.
    """

    curve: F8
    n_parameters: int
    scatter: float
    longest_gap: float
    kept: NDArray[np.bool_]
    bic: float


@kernel
def best_curve(time: F8, mag: F8, weight: F8, period: float) -> PhaseCurve:
    """Fit points (n,) of the given weights [mag^-2] at times [d] (n,), folded at `period` [d]."""
    cycles = time / period
    phase = cycles - np.floor(cycles)
    order = np.argsort(phase)
    inlier = inliers(mag[order])
    kept = np.zeros(time.size, np.bool_)
    kept[order] = inlier
    phase, y, w = phase[order][inlier], mag[order][inlier], weight[order][inlier]
    level = (w * y).sum() / w.sum()
    y = y - level

    gap = phase[0] + 1.0 - phase[-1]
    for i in range(1, phase.size):
        gap = max(gap, phase[i] - phase[i - 1])
    n = phase.size
    best, n_parameters, rss, bic = _fourier(
        phase, y, w, max(1, min(MAX_HARMONICS, int(MAX_GAP_CYCLES / gap)))
    )
    best_is_series = True
    pilot = _pilot(phase, y)
    for n_knots in KNOT_COUNTS:
        if POINTS_PER_KNOT * n_knots > n:
            break
        knots = _knots(pilot, n_knots)
        values, knots_rss = _polygon(phase, y, w, knots)
        # Knots follow the data, so each counts for more than one parameter.
        knots_bic = n * math.log(knots_rss / w.sum()) + (1.1 * n_knots + 1) * math.log(n)
        if knots_bic < bic - (BIC_MARGIN if best_is_series else 0.0):
            best_is_series = False
            bic, rss, n_parameters = knots_bic, knots_rss, n_knots
            best = _polygon_curve(knots, values)
    scatter = math.sqrt(rss / w.sum() * n / max(1, n - n_parameters))
    return PhaseCurve(best + level, n_parameters, scatter, gap, kept, bic)


@kernel
def inliers(mag: F8) -> NDArray[np.bool_]:
    """Points (n,) in order of phase or time that agree with their neighbours; a whole eclipse does."""
    n = mag.size
    away, local = np.empty(n), np.empty(n)
    near = np.empty(2 * NEIGHBOURS)
    for i in range(n):
        for j in range(NEIGHBOURS):
            near[2 * j] = mag[(i + j + 1) % n]
            near[2 * j + 1] = mag[(i - j - 1) % n]
        middle = np.median(near)
        away[i] = abs(mag[i] - middle)
        local[i] = np.median(np.abs(near - middle))
    usual = np.median(away)
    limit = OUTLIER_SIGMA * 1.4826 * np.maximum(usual, 1.5 * local)
    return away <= limit


@kernel
def _fourier(phase: F8, y: F8, w: F8, most: int) -> tuple[F8, int, float, float]:
    """Curve, number of parameters, weighted sum of squares and BIC of the best Fourier series.

    One Cholesky factor serves all lengths: that of a shorter series is its upper left corner.
    """
    n, size = phase.size, 2 * most + 1
    design = _harmonics(phase, most)
    total = w.sum()
    normal, right = np.zeros((size, size)), np.zeros(size)
    for i in range(n):
        for row in range(size):
            weighted = w[i] * design[i, row]
            right[row] += weighted * y[i]
            for column in range(row + 1):
                normal[row, column] += weighted * design[i, column]
    for k in range(1, most + 1):
        normal[2 * k - 1, 2 * k - 1] += RIDGE * total * k * k
        normal[2 * k, 2 * k] += RIDGE * total * k * k
    factor = _cholesky(normal)
    forward = _forward(factor, right)
    left = (w * y * y).sum() - forward[0] ** 2
    rss, used, bic = left, 1, n * math.log(left / total) + math.log(n)
    for k in range(1, most + 1):
        left -= forward[2 * k - 1] ** 2 + forward[2 * k] ** 2
        trial = n * math.log(left / total) + (2 * k + 1) * math.log(n)
        if trial < bic:
            rss, used, bic = left, 2 * k + 1, trial
    return _fourier_curve(_backward(factor, forward[:used])), used, rss, bic


@kernel
def _harmonics(phase: F8, most: int) -> F8:
    """One, and cosine and sine of each harmonic, at each phase (n, 2 most + 1)."""
    design = np.empty((phase.size, 2 * most + 1))
    for i in range(phase.size):
        c1, s1 = math.cos(2.0 * math.pi * phase[i]), math.sin(2.0 * math.pi * phase[i])
        c, s = 1.0, 0.0
        design[i, 0] = 1.0
        for k in range(1, most + 1):
            c, s = c * c1 - s * s1, s * c1 + c * s1
            design[i, 2 * k - 1], design[i, 2 * k] = c, s
    return design


@kernel
def _fourier_curve(coefficients: F8) -> F8:
    """Curve (N_PHASES,) of a Fourier series."""
    harmonics = coefficients.size // 2
    design = _harmonics(np.arange(N_PHASES) / N_PHASES, harmonics)
    curve = np.full(N_PHASES, coefficients[0])
    for k in range(1, harmonics + 1):
        cosine, sine = 2 * k - 1, 2 * k
        curve += coefficients[cosine] * design[:, cosine] + coefficients[sine] * design[:, sine]
    return curve


@kernel
def _cholesky(matrix: F8) -> F8:
    """Lower factor (k, k) of a positive definite matrix, of which the lower half is read.

    Plain loops: a threaded library takes longer to start than to finish at this size.
    """
    size = matrix.shape[0]
    factor = np.zeros((size, size))
    for row in range(size):
        for column in range(row + 1):
            rest = matrix[row, column]
            for i in range(column):
                rest -= factor[row, i] * factor[column, i]
            factor[row, column] = math.sqrt(rest) if row == column else rest / factor[column, column]
    return factor


@kernel
def _forward(factor: F8, right: F8) -> F8:
    """Solve L x = right."""
    x = np.empty(right.size)
    for row in range(right.size):
        rest = right[row]
        for column in range(row):
            rest -= factor[row, column] * x[column]
        x[row] = rest / factor[row, row]
    return x


@kernel
def _backward(factor: F8, right: F8) -> F8:
    """Solve L' x = right, with the upper left corner of L if `right` is shorter."""
    x = np.empty(right.size)
    for row in range(right.size - 1, -1, -1):
        rest = right[row]
        for column in range(row + 1, right.size):
            rest -= factor[column, row] * x[column]
        x[row] = rest / factor[row, row]
    return x


@kernel
def _pilot(phase: F8, y: F8) -> F8:
    """Share of the length of the folded curve (m + 1,) that lies before phase j / m, from medians in bins.

    A magnitude range of the curve counts as much as a cycle.
    """
    n = phase.size
    m = min(96, max(12, n // 5))
    medians = np.empty(m)
    start = np.searchsorted(phase, np.arange(m + 1) / m)
    for b in range(m):
        if start[b + 1] > start[b]:
            medians[b] = np.median(y[start[b] : start[b + 1]])
        else:
            medians[b] = medians[b - 1] if b else y[0]
    extent = medians.max() - medians.min()
    length = np.zeros(m + 1)
    for b in range(m):
        rise = 0.5 * abs(medians[(b + 1) % m] - medians[b - 1]) / max(extent, 1e-12)
        length[b + 1] = length[b] + math.hypot(1.0 / m, rise)
    share: F8 = length / length[-1]
    return share


@kernel
def _knots(pilot: F8, n_knots: int) -> F8:
    """Phases (n_knots,) that share the length out evenly."""
    return np.interp((np.arange(n_knots) + 0.5) / n_knots, pilot, np.linspace(0.0, 1.0, pilot.size))


@kernel
def _polygon(phase: F8, y: F8, w: F8, knots: F8) -> tuple[F8, float]:
    """Best magnitudes at the knots (k,), straight lines between, and the weighted sum of squares."""
    k = knots.size
    normal, right = np.zeros((k, k)), np.zeros(k)
    left = np.searchsorted(knots, phase, side="right") - 1
    part = np.empty(phase.size)
    for i in range(phase.size):
        a = left[i] % k
        b = (a + 1) % k
        width = (knots[b] - knots[a]) % 1.0
        part[i] = ((phase[i] - knots[a]) % 1.0) / width
        u, v = 1.0 - part[i], part[i]
        normal[a, a] += w[i] * u * u
        normal[b, b] += w[i] * v * v
        normal[a, b] += w[i] * u * v
        normal[b, a] += w[i] * u * v
        right[a] += w[i] * u * y[i]
        right[b] += w[i] * v * y[i]
    _tie_to_neighbours(normal, 1e-3 * w.sum() / k)
    factor = _cholesky(normal)
    values = _backward(factor, _forward(factor, right))
    _keep_in_range(values, knots, phase, y)
    rss = 0.0
    for i in range(phase.size):
        a = left[i] % k
        rss += w[i] * (y[i] - values[a] * (1.0 - part[i]) - values[(a + 1) % k] * part[i]) ** 2
    return values, rss


@kernel
def _tie_to_neighbours(normal: F8, tie: float) -> None:
    """Add to the equations (k, k) that each knot lies between its neighbours, for those no point holds."""
    k = normal.shape[0]
    for a in range(k):
        b, c = (a + 1) % k, (a + 2) % k
        normal[a, a] += tie
        normal[b, b] += 4.0 * tie
        normal[c, c] += tie
        for i, j, value in ((a, b, -2.0), (b, c, -2.0), (a, c, 1.0)):
            normal[i, j] += tie * value
            normal[j, i] += tie * value


@kernel
def _keep_in_range(values: F8, knots: F8, phase: F8, y: F8) -> None:
    """Move each knot into the range of the points about it, be it in a gap or at the edge of an eclipse."""
    first = np.searchsorted(phase, knots) - NEIGHBOURS
    for a in range(knots.size):
        low, high = np.inf, -np.inf
        for i in range(first[a], first[a] + 2 * NEIGHBOURS):
            low, high = min(low, y[i % y.size]), max(high, y[i % y.size])
        values[a] = min(high, max(low, values[a]))


@kernel
def _polygon_curve(knots: F8, values: F8) -> F8:
    """Curve (N_PHASES,) of straight lines between the knots."""
    k = knots.size
    x, v = np.empty(k + 2), np.empty(k + 2)
    x[1:-1], v[1:-1] = knots, values
    x[0], v[0] = knots[-1] - 1.0, values[-1]
    x[-1], v[-1] = knots[0] + 1.0, values[0]
    return np.interp(np.arange(N_PHASES) / N_PHASES, x, v)
