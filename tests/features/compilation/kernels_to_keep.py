"""Small kernels, compiled in a moment, for the tests of keeping them."""

from __future__ import annotations

import numpy as np

STEP = 3.0


def stretched(values):
    """Each value, `STEP` times as large."""
    result = np.empty(values.size)
    for i in range(values.size):
        result[i] = STEP * values[i]
    return result


def element(values, at):
    """One element, or IndexError where there is none."""
    if at >= values.size:
        raise IndexError("there is none")
    return values[at]
