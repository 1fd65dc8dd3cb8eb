"""Damped random walk: how a quasar varies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]


def damped_random_walk(rng: np.random.Generator, time: F8) -> F8:
    """Magnitudes [mag] of a quasar about its mean, at the given times [d] in ascending order.

    A damped random walk with about the time scales and amplitudes of SDSS quasars: observed time scale
    10^(2.6 +- 0.4) d (200 d at rest at a redshift of one), rms 10^(-0.8 +- 0.2) mag.

    References
    ----------
    MacLeod et al. (2010), ApJ 721, 1014.
    """
    scale_d, rms = 10.0 ** rng.normal(2.6, 0.4), 10.0 ** rng.normal(-0.8, 0.2)
    memory = np.exp(-np.diff(time, prepend=time[0]) / scale_d)
    kicks = rms * rng.standard_normal(len(time))
    walk = np.empty(len(time))
    walk[0] = kicks[0]
    for i in range(1, len(time)):
        walk[i] = memory[i] * walk[i - 1] + np.sqrt(1.0 - memory[i] ** 2) * kicks[i]
    return walk
