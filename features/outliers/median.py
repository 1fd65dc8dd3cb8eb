"""The median of a few numbers, by selection: nothing is sorted that need not be."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import part

F8 = NDArray[np.float64]

TO_SIGMA = 1.4826
"""Standard deviation of a normal variable over the median of its absolute values."""


@part
def median(values: F8) -> float:
    """Middle one of n numbers, the mean of the two in the middle if n is even; NaN for none.

    Parameters
    ----------
    values : (n,) float64
        They are put into another order.
    """
    n = values.size
    if n == 0:
        return math.nan
    middle = n // 2
    _select(values, middle)
    if n % 2 == 1:
        return float(values[middle])
    lower = values[0]
    for i in range(1, middle):
        lower = max(lower, values[i])
    return float((lower + values[middle]) / 2.0)


@part
def robust_sigma(values: F8) -> float:
    """1.4826 times the median of absolute values, which are put in the place of the values."""
    for i in range(values.size):
        values[i] = abs(values[i])
    return TO_SIGMA * median(values)


@part
def _select(values: F8, rank: int) -> None:
    """Put the number of that rank, from 0, into its place, none larger before it, none smaller after it.

    Hoare's quickselect; the swaps are made whatever the comparison says, for a processor cannot foresee it.
    """
    low, high = 0, values.size - 1
    while low < high:
        middle = low + (high - low) // 2
        if values[middle] < values[low]:
            values[low], values[middle] = values[middle], values[low]
        if values[high] < values[low]:
            values[low], values[high] = values[high], values[low]
        if values[middle] < values[high]:
            values[high], values[middle] = values[middle], values[high]
        pivot = values[high]  # the middle one of three
        place = low
        for i in range(low, high):
            value, other = values[i], values[place]
            values[i], values[place] = other, value
            place += value < pivot
        values[high], values[place] = values[place], pivot
        if rank < place:
            high = place - 1
            continue
        if rank == place:
            return
        last = place
        if place == low:  # nothing is smaller: there may be many equal ones
            for i in range(place + 1, high + 1):
                if values[i] <= pivot:
                    last += 1
                    values[i], values[last] = values[last], values[i]
            if rank <= last:
                return
        low = last + 1
