"""The warm-up: every kernel of `extract` is loaded, or compiled, before there is data."""

from __future__ import annotations

import numpy as np

from features.conventions import CONVENTIONS
from features.extract import count_used, extract


def warm_up() -> None:
    """Load the kernels; the first time on a machine compile them, a minute of one core.

    Afterwards `extract` and `count_used` wait for nothing.

    Raises
    ------
    KernelError
        If they cannot be compiled on this machine.
    """
    time = np.cumsum(np.tile([0.3, 1.1, 0.7], 10))
    series = (time, 15.0 + 0.3 * np.sin(2.0 * np.pi * time / 0.61), np.full(time.size, 0.02))
    bounds = np.array([0, time.size])
    count_used(*series, bounds)
    for convention in CONVENTIONS:
        extract(*series, bounds, convention=convention)
