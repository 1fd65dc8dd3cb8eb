"""The joint search: the one period of a star in several bands."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.bands.climb import NET, drops_at, highest_between
from features.bands.joint_power import SHARE, TRANSFORMS_IN_ROOM, JointRoom, near_highest_of_bands
from features.bands.pairs import Way, quickest_way, room_for_pairs
from features.bands.points import BandPoints
from features.compilation.jit import kernel, part
from features.conventions import OVERSAMPLING
from features.period.grid import Grid
from features.period.refine import TIE_TOLERANCE
from features.period.search import HIGHEST_FREQUENCY, room_for_search
from features.simd.lanes import DOUBLE_LANES

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


class Found(NamedTuple):
    """What a joint search finds.

    Attributes
    ----------
    frequency : float
        [1/d]
    power : float
        The highest power of the first stage on the grid, the part of chi^2 that one sinusoid takes away.
    q : float
        Drop of chi^2 by the shape of the last stage at the frequency, dimensionless.
    rival, rival_frequency : float
        Drop over q, and frequency [1/d], of the best other candidate that is more than a cycle over the
        baseline away; 0 and NaN where there is none.
    """

    frequency: float
    power: float
    q: float
    rival: float
    rival_frequency: float


def room_for_joint_search(n: int) -> JointRoom:
    """Return room for joint searches of up to n points."""
    search = room_for_search(n)
    return JointRoom(
        search,
        np.empty(TRANSFORMS_IN_ROOM * search.w.size, np.float32),
        np.empty(n, np.float32),
        room_for_pairs(n),
        np.empty(DOUBLE_LANES),
    )


@kernel
def joint_search(points: BandPoints, stages: int, room: JointRoom) -> Found:
    """Search the frequency of a star in all its bands, one included.

    One sinusoid, the same in all bands, tells on the grid k / (3 T), k = 1, 2, ... up to 1 / 0.03 per day
    which of its maxima are candidates: those of at least `SHARE` of the highest, decided in double precision.
    Each is climbed to the highest place between its neighbours by the shape of two harmonics, and the
    highest of all is taken, of equal ones the lowest frequency.

    Parameters
    ----------
    points : BandPoints
        A star, seen for some time.
    stages : int
        2, or 1 to climb by the sinusoid itself: of one band without floors the frequency is then that of
        `features.period.search.find_period`, refined.
    room : JointRoom
        For at least as many points.

    Returns
    -------
    Found
        Where nothing varies the first frequency of the grid, with power 0.
    """
    way = way_to_search(points, room)
    step = way.grid.step
    highest = max(HIGHEST_FREQUENCY, step)
    index, power = candidates_on(points, way.grid, near_highest_of_bands(points, way, room))
    frequency, drop = np.empty(index.size), np.empty(index.size)
    net = (np.empty(NET), np.empty(NET))
    best, most = step, 0.0
    for i in range(index.size):
        low, high = max(index[i], 1) * step, min((index[i] + 2) * step, highest)
        frequency[i], drop[i] = highest_between(points, stages, low, high, net)
        if drop[i] > most * (1.0 + TIE_TOLERANCE):
            best, most = frequency[i], drop[i]
    rival, rival_frequency = 0.0, math.nan
    for i in range(index.size):
        if abs(frequency[i] - best) * points.baseline > 1.0 and drop[i] > rival:
            rival, rival_frequency = drop[i], frequency[i]
    if most > 0.0:
        rival /= most
    return Found(best, power, most * points.chi2, rival, rival_frequency)


@part
def way_to_search(points: BandPoints, room: JointRoom) -> Way:
    """The grid that the bands of a star are searched on, and how."""
    step = 1.0 / (points.baseline * OVERSAMPLING)
    size = max(1, int(max(HIGHEST_FREQUENCY, step) / step * (1.0 + 1e-12)))
    return quickest_way(points, room.search.plans, step, size)


@part
def candidates_on(points: BandPoints, grid: Grid, near: I8) -> tuple[I8, float]:
    """Numbers in the grid of the candidates, (m,) rising, and the highest power on the grid.

    Of those that single precision thinks near: the maxima of at least `SHARE` of the highest.
    """
    power = np.empty((near.size, 3))
    frequency, value = np.empty(DOUBLE_LANES), np.empty(DOUBLE_LANES)
    highest = 0.0
    for i in range(near.size):
        for k in range(DOUBLE_LANES):
            number = min(max(near[i] + min(k, 2) - 1, 0), grid.size - 1)
            frequency[k] = grid.lowest + number * grid.step
        drops_at(points, 1, frequency, value)
        for k in range(3):
            power[i, k] = value[k]
            highest = max(highest, value[k])
    found = np.empty(near.size, np.int64)
    count = 0
    for i in range(near.size):
        own = power[i, 1]
        if own > 0.0 and own >= SHARE * highest and own >= power[i, 0] and own >= power[i, 2]:
            found[count] = near[i]
            count += 1
    return found[:count], highest
