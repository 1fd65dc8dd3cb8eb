"""Stars of known shape as a survey sees them."""

from __future__ import annotations

import numpy as np

PERIOD_D = 0.5713
SHAPES = {
    "sine": lambda phase: 0.3 * np.sin(2.0 * np.pi * phase),
    "sawtooth": lambda phase: 0.8 * np.minimum(phase / 0.85, (1.0 - phase) / 0.15),
    "eclipses": lambda phase: (
        0.8 * np.maximum(0.0, 1.0 - np.abs(phase - 0.2) / 0.05)
        + 0.4 * np.maximum(0.0, 1.0 - np.abs(phase - 0.7) / 0.05)
    ),
}


def seen(shape, *, n=400, error=0.02, seed=1, period=PERIOD_D, span=2000.0):
    """Time, magnitude and error of a star of some shape."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0.0, span, n))
    return time, 14.0 + shape(time / period % 1.0) + rng.normal(0.0, error, n), np.full(n, error)


def slow_star(seed=4):
    """A sum of long waves, seen every 3 days for eight months of each year."""
    rng = np.random.default_rng(seed)
    time = np.arange(0.0, 2400.0, 3.0) + rng.uniform(-0.3, 0.3, 800)
    time = time[time % 365.25 < 240.0]
    return time, slow_shape(time) + rng.normal(0.0, 0.03, time.size), np.full(time.size, 0.03)


def slow_shape(time):
    return 13.0 + 0.6 * np.sin(time / 33.0) + 0.4 * np.cos(time / 61.0 + 1.0) + 0.3 * np.sin(time / 171.0)
