"""Stars without a period whose history is known."""

from __future__ import annotations

import numpy as np

QUIESCENT = 19.0
FLICKER = 0.12
PEAK = 3.5
LASTS_D = 10.0
EVERY_D = 80.0
DUTY_CYCLE = LASTS_D / EVERY_D
ERROR = 0.05


def outburst_height(time):
    """Height [mag] of outbursts that begin every 80 days: one day of rise, straight declines for nine."""
    since = time % EVERY_D
    rise, decline = since, (LASTS_D - since) / (LASTS_D - 1.0)
    return PEAK * np.where(since < 1.0, rise, np.clip(decline, 0.0, 1.0))


def dwarf_nova(seed=3, n=500):
    """Time, magnitude and error of a star of such outbursts at random times of ten years."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0.0, 3650.0, n))
    mag = QUIESCENT - outburst_height(time) + rng.normal(0.0, np.hypot(FLICKER, ERROR), n)
    return time, mag, np.full(n, ERROR)


RMS = 0.25
TIMESCALE_D = 150.0


def quasar(seed=5):
    """Time, magnitude and error of a damped random walk, seen every three days in seasons of eight months."""
    rng = np.random.default_rng(seed)
    time = np.arange(0.0, 3000.0, 3.0) + rng.uniform(-0.3, 0.3, 1000)
    time = time[time % 365.25 < 240.0]
    walk = np.empty(time.size)
    walk[0] = rng.normal(0.0, RMS)
    for i in range(1, time.size):
        kept = np.exp((time[i - 1] - time[i]) / TIMESCALE_D)
        walk[i] = kept * walk[i - 1] + rng.normal(0.0, RMS * np.sqrt(1.0 - kept**2))
    return time, 18.0 + walk + rng.normal(0.0, 0.02, time.size), np.full(time.size, 0.02)
