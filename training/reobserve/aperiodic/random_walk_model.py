r"""Slow irregular light curves without their noise: interpolation between the epochs.

The star is taken for a damped random walk, a Gaussian process of covariance
:math:`\sigma^2 \exp(-|\Delta t| / \tau)`, whose parameters are those of the highest likelihood. Its mean
given the epochs is the curve, and its standard deviation says where the curve is known: not in the gaps
between seasons, and nowhere if the star changes faster than it was observed.

References
----------
Kelly, Bechtold & Siemiginowska (2009), ApJ 698, 895, doi:10.1088/0004-637X/698/1/895: the process and its
likelihood; Rauch, Tung & Striebel (1965), AIAA J. 3, 1445: the smoother.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel
from training.reobserve.periodic_model import ERROR_FACTOR
from training.reobserve.phase_curve import inliers

F8 = NDArray[np.float64]

TIMESCALES_D = np.geomspace(2.0, 3000.0, 14)
VARIANCE_RATIOS = np.geomspace(0.3, 1e5, 12)
"""Tried for the variance of the process over the median squared error."""
HELD_OUT_STEP = 5
"""Every so many nights are kept from the process and predicted."""
MAX_MISS = 0.4
"""Scatter of held out points about their prediction that the errors do not explain, over that of the star."""
MIN_SCATTER_ERRORS = 1.0
"""Smallest scatter of the star over the typical error of a point."""
MIN_EXPLAINED = 0.5
"""Smallest part of the variance of held out points that their prediction explains."""
MIN_TIMESCALE_D = 5.0
KNOWN_DEVIATION = 0.35
"""The curve is known where its standard deviation is less than this part of the scatter of the star."""
MAX_BRIDGE_D = 40.0
"""And never between epochs farther apart: stars are smoother than the walk within days, so that it holds too
little possible within months."""


@dataclass(frozen=True, slots=True)
class RandomWalkModel:
    """A light curve between its epochs.

    Attributes
    ----------
    time, mag, variance : (n,) float64
        Epochs [d], magnitudes about `level`, squared errors.
    level : float
        Weighted mean magnitude.
    timescale_d : float
        Of the damped random walk.
    strength : float
        Variance of the walk [mag^2].
    own_scatter : float
        Scatter of the star, errors taken off [mag].
    miss : float
        Scatter of held out points about their prediction, errors taken off [mag].
    explained : float
        Part of the variance of held out points that their prediction explains.
    typical_error : float
        Median error [mag].
    """

    time: F8
    mag: F8
    variance: F8
    level: float
    timescale_d: float
    strength: float
    own_scatter: float
    miss: float
    explained: float
    typical_error: float

    def mag_at(self, time: F8) -> tuple[F8, NDArray[np.bool_]]:
        """Magnitudes (n,) at rising times [d] (n,), and where they are known (n,)."""
        points = (self.time, self.mag, self.variance)
        mean, variance = _between(points, time, self.timescale_d, self.strength)
        after = np.clip(np.searchsorted(self.time, time), 1, self.time.size - 1)
        bridged = self.time[after] - self.time[after - 1] <= MAX_BRIDGE_D
        return mean + self.level, bridged & (variance < (KNOWN_DEVIATION * self.own_scatter) ** 2)

    @property
    def fault(self) -> str:
        """Why the curve does not stand for the star; empty if it does."""
        if self.own_scatter < MIN_SCATTER_ERRORS * self.typical_error:
            return "too noisy"
        slow = self.timescale_d > MIN_TIMESCALE_D and self.explained > MIN_EXPLAINED
        if not slow or self.miss > MAX_MISS * self.own_scatter:
            return "too fast"
        return ""


def fit_random_walk(time: F8, mag: F8, err: F8) -> RandomWalkModel:
    """Fit a damped random walk to n >= 20 points at rising `time` [d]."""
    err = np.maximum(err, 0.3 * np.median(err))
    kept = inliers(mag)
    time, mag, variance = time[kept], mag[kept], err[kept] ** 2
    level = float(np.average(mag, weights=1.0 / variance))
    mag = mag - level
    typical = float(np.median(variance))
    timescale, ratio, scale = _likeliest(time, mag, variance, TIMESCALES_D, VARIANCE_RATIOS * typical)
    scaled, strength = variance * scale, ratio * scale
    nights = np.unique(np.floor(time), return_inverse=True)[1]
    held = nights % HELD_OUT_STEP == HELD_OUT_STEP // 2
    guess, _ = _between((time[~held], mag[~held], scaled[~held]), time[held], timescale, strength)
    missed = float(np.mean((mag[held] - guess) ** 2)) if held.any() else math.inf
    unexplained = missed - (ERROR_FACTOR**2 * float(variance[held].mean()) if held.any() else 0.0)
    total = float(mag.var())
    return RandomWalkModel(
        time=time,
        mag=mag,
        variance=scaled,
        level=level,
        timescale_d=timescale,
        strength=strength,
        own_scatter=math.sqrt(max(0.0, total - float(variance.mean()))),
        miss=math.sqrt(max(0.0, unexplained)),
        explained=1.0 - missed / max(total, 1e-12),
        typical_error=math.sqrt(typical),
    )


@kernel
def _likeliest(time: F8, mag: F8, variance: F8, timescales: F8, strengths: F8) -> tuple[float, float, float]:
    """Timescale [d], variance of the walk, and a factor on both variances, of the highest likelihood."""
    best, timescale, strength, factor = -np.inf, timescales[0], strengths[0], 1.0
    n = time.size
    decay = np.empty(n)
    for tau in timescales:
        decay[0] = 0.0
        for i in range(1, n):
            decay[i] = math.exp((time[i - 1] - time[i]) / tau)
        for q in strengths:
            mean, spread, squares, logs = 0.0, q, 0.0, 0.0
            for i in range(n):
                mean *= decay[i]
                spread = q + decay[i] ** 2 * (spread - q)
                total = spread + variance[i]
                gain = spread / total
                miss = mag[i] - mean
                squares += miss * miss / total
                logs += math.log(total)
                mean += gain * miss
                spread *= 1.0 - gain
            scale = max(squares / n, 1e-12)
            likelihood = -0.5 * (n * math.log(scale) + logs)
            if likelihood > best:
                best, timescale, strength, factor = likelihood, tau, q, scale
    return timescale, strength, factor


@kernel
def _between(points: tuple[F8, F8, F8], wanted: F8, timescale: float, strength: float) -> tuple[F8, F8]:
    """Mean and variance of the walk (m,) at the rising times `wanted` (m,), given 3 times (n,) points."""
    time, mag, variance = points
    n, m = time.size, wanted.size
    size = n + m
    entry = np.empty(size, np.int64)  # number of the point, or minus one less the number of what is wanted
    when = np.empty(size)
    i, j = 0, 0
    for s in range(size):
        if j == m or (i < n and time[i] <= wanted[j]):
            entry[s], when[s] = i, time[i]
            i += 1
        else:
            entry[s], when[s] = -1 - j, wanted[j]
            j += 1
    mean, spread, decay = np.empty(size), np.empty(size), np.zeros(size)
    now, wide = 0.0, strength
    for s in range(size):
        if s:
            decay[s] = math.exp((when[s - 1] - when[s]) / timescale)
            now *= decay[s]
            wide = strength + decay[s] ** 2 * (wide - strength)
        if entry[s] >= 0:
            gain = wide / (wide + variance[entry[s]])
            now += gain * (mag[entry[s]] - now)
            wide *= 1.0 - gain
        mean[s], spread[s] = now, wide
    for s in range(size - 2, -1, -1):
        ahead = strength + decay[s + 1] ** 2 * (spread[s] - strength)
        gain = spread[s] * decay[s + 1] / max(ahead, 1e-300)
        mean[s] += gain * (mean[s + 1] - decay[s + 1] * mean[s])
        spread[s] += gain**2 * (spread[s + 1] - ahead)
    out, known = np.empty(m), np.empty(m)
    for s in range(size):
        if entry[s] < 0:
            out[-1 - entry[s]], known[-1 - entry[s]] = mean[s], spread[s]
    return out, known
