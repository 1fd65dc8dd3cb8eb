"""Numbers in rising order, sorted by a guess of where each belongs.

A comparison of two numbers is what a processor cannot foresee, and a sort by comparisons waits for most of
them. Here numbers are counted into as many buckets as there are numbers, by a value that says about where in
the order each belongs, and then moved to their places, which are near.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part

F8 = NDArray[np.float64]
I4 = NDArray[np.int32]

MOST_BUCKETS = 1 << 14
"""More do not stay in the cache."""

MOVES_EACH = 8
"""Moves per number from which the guess was a bad one, and a sort by comparisons takes less time."""


class SortingRoom(NamedTuple):
    """What a sort of up to n numbers works in.

    Attributes
    ----------
    numbers : (n,) float64
    order, bucket : (n,) int32
    counts : (buckets + 1,) int32
    """

    numbers: F8
    order: I4
    bucket: I4
    counts: I4


@kernel
def room_for_sorting(n: int) -> SortingRoom:
    """Return room to sort up to n numbers."""
    return SortingRoom(
        np.empty(n), np.empty(n, np.int32), np.empty(n, np.int32), np.empty(_buckets(n) + 1, np.int32)
    )


@kernel
def sort(values: F8, position: F8, room: SortingRoom) -> tuple[F8, I4]:
    """Return the numbers in rising order, and the indices they had, those of equal numbers rising.

    Parameters
    ----------
    values : (n,) float64
        None may be NaN.
    position : (n,) float64
        About where each belongs, from 0, the first, to 1, the last. The better, the faster.
    room : SortingRoom
        For at least as many.

    Returns
    -------
    numbers, order : (n,) float64, int32
        In the room: the next sort there writes over them.
    """
    n = values.size
    buckets = _buckets(n)
    counts = room.counts[: buckets + 1]
    for bucket in range(counts.size):
        counts[bucket] = 0
    for i in range(n):
        bucket = 0
        if position[i] >= 1.0:
            bucket = buckets - 1
        elif position[i] > 0.0:  # and not NaN
            bucket = int(position[i] * (buckets - 1))
        room.bucket[i] = bucket
        counts[bucket + 1] += 1
    for bucket in range(buckets):
        counts[bucket + 1] += counts[bucket]
    for i in range(n):
        bucket = room.bucket[i]
        place = counts[bucket]
        counts[bucket] = place + 1
        room.numbers[place] = values[i]
        room.order[place] = i
    numbers, order = room.numbers[:n], room.order[:n]
    left = MOVES_EACH * n
    for i in range(1, n):
        value, index = numbers[i], order[i]
        j = i
        while j > 0 and numbers[j - 1] > value:
            numbers[j] = numbers[j - 1]
            order[j] = order[j - 1]
            j -= 1
        numbers[j] = value
        order[j] = index
        left -= i - j
        if left < 0:
            compared = np.argsort(values, kind="mergesort")
            for k in range(n):
                order[k] = compared[k]
                numbers[k] = values[compared[k]]
            break
    return numbers, order


@part
def _buckets(n: int) -> int:
    buckets = 16
    while buckets < min(4 * n, MOST_BUCKETS):
        buckets *= 2
    return buckets
