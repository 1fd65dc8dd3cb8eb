"""The warm-up: every kernel of `extract` is loaded, or compiled, before there is data."""

from __future__ import annotations

import numpy as np

from features.conventions import CONVENTIONS
from features.extract import extract


def warm_up() -> None:
    """Load the kernels of both conventions; the first time on a machine compile them, some 20 s.

    Afterwards `extract` waits for nothing.

    Raises
    ------
    KernelError
        If they cannot be compiled on this machine.
    """
    time = np.cumsum(np.tile([0.3, 1.1, 0.7], 10))
    mag = 15.0 + 0.3 * np.sin(2.0 * np.pi * time / 0.61)
    for convention in CONVENTIONS:
        extract(time, mag, np.full(time.size, 0.02), [0, time.size], convention=convention)
