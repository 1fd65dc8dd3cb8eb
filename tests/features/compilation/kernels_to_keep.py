"""Small kernels, compiled in a moment, for the tests of keeping them."""

from __future__ import annotations

import numpy as np
from numba.misc.quicksort import make_jit_quicksort

STEP = 3.0

_to_rise = make_jit_quicksort(lt=lambda left, right: left < right).run_quicksort
_to_fall = make_jit_quicksort(lt=lambda left, right: left > right).run_quicksort


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


def rising(values):
    """The values from the lowest to the highest."""
    ordered = values.copy()
    _to_rise(ordered)
    return ordered


def falling(values):
    """The values from the highest to the lowest: numba makes both sorts of one function."""
    ordered = values.copy()
    _to_fall(ordered)
    return ordered
