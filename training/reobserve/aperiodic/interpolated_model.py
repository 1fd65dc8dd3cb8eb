"""Light curves without a model: straight lines from night to night, and nothing across long gaps.

Where a damped random walk does not stand for a star without a period
(`training.reobserve.aperiodic.random_walk_model`), its own light curve is looked at again, at the times of
another survey. What happens between two nights is lost, and the noise of a night stays in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.reobserve.aperiodic.random_walk_model import MIN_SCATTER_ERRORS

F8 = NDArray[np.float64]

MAX_GAP_D = 60.0
"""Longest gap that is bridged [d]: more than a lunation that was lost, less than a season."""


@dataclass(frozen=True, slots=True)
class InterpolatedModel:
    """A light curve from night to night.

    Attributes
    ----------
    time, mag : (n,) float64
        Rising times [d] of the nights, and magnitudes.
    level : float
        Mean magnitude.
    own_scatter : float
        Scatter of the points, errors taken off [mag].
    typical_error : float
        Median error of a point [mag].
    """

    time: F8
    mag: F8
    level: float
    own_scatter: float
    typical_error: float

    def mag_at(self, time: F8) -> tuple[F8, NDArray[np.bool_]]:
        """Magnitudes (n,) at rising times [d] (n,), and where they are known (n,)."""
        after = np.clip(np.searchsorted(self.time, time), 1, self.time.size - 1)
        bridged = self.time[after] - self.time[after - 1] <= MAX_GAP_D
        within = (time >= self.time[0]) & (time <= self.time[-1])
        return np.interp(time, self.time, self.mag), bridged & within

    @property
    def fault(self) -> str:
        """Why the curve does not stand for the star; empty if it does."""
        if self.own_scatter < MIN_SCATTER_ERRORS * self.typical_error:
            return "too noisy"
        return "" if np.any(np.diff(self.time) <= MAX_GAP_D) else "too sparse"


def interpolate(time: F8, mag: F8, err: F8) -> InterpolatedModel:
    """Join the nights of n >= 2 points at rising `time` [d], positive errors [mag]."""
    night = np.unique(np.floor(time), return_inverse=True)[1]
    weight = 1.0 / np.maximum(err, 0.3 * np.median(err)) ** 2
    total = np.bincount(night, weights=weight)
    when, level = (np.bincount(night, weights=weight * values) / total for values in (time, mag))
    return InterpolatedModel(
        time=when,
        mag=level,
        level=float(level.mean()),
        own_scatter=math.sqrt(max(0.0, float(mag.var() - np.mean(err**2)))),
        typical_error=float(np.median(err)),
    )
