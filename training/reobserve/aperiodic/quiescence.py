r"""Quiescence and outburst: which points of a light curve are which, and how long its outbursts last.

Most points of a dwarf nova are of quiescence: a level, and scatter about it that the faint side shows alone.
What is clearly brighter is of an outburst (much as Coppejans et al. 2016 take it). Their share, all nights
alike, is the duty cycle `d`. How long an outburst lasts a sparse light curve tells a little: of two nights
:math:`\Delta t` apart the second is bright, if the first was, with the chance
:math:`d + (1 - d) \exp(-\Delta t / \tau)`, and if not, with :math:`d - d \exp(-\Delta t / \tau)`, where
:math:`\tau = D (1 - d)` for outbursts that last `D` in the mean (two states that are left at constant rates).
This is the likelihood of `D`, beside what is known of dwarf novae.

References
----------
Coppejans et al. (2016), MNRAS 456, 4441, arXiv:1512.03821: outbursts and duty cycles of 722 dwarf novae of
CRTS. Cox & Miller (1965), The Theory of Stochastic Processes: the process of two states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
Bools = NDArray[np.bool_]

OUTBURST_SIGMA = 3.0
"""Points of an outburst are brighter than quiescence by this many times its scatter,"""
MIN_HEIGHT_MAG = 0.5
"""and by this; less is flickering, orbital humps and eclipses."""
MIN_PEAK_MAG = 1.0
"""The highest outburst is at least so high: dwarf novae brighten by 2 to 8 mag, Z Camelopardalis stars in
standstill and novalikes do not."""
MIN_PEAK_SIGMA = 5.0
"""And by so many times the scatter of quiescence."""
MIN_BRIGHT = 2
"""Fewest points in outburst."""
MIN_FAINT = 15
"""Fewest points in quiescence."""
MAX_DUTY_CYCLE = 0.6
"""Largest duty cycle of a star that is said to have a quiescence."""
MAX_ROUNDS = 30

DURATIONS_D = np.geomspace(2.0, 1000.0, 32)
"""Mean durations of an outburst that are tried."""
TYPICAL_DURATION_D = 8.0
"""Of an outburst: one day of rise, a few days near maximum, and a decline at 0.53 P^0.84 days per magnitude
(Bailey's relation as in Warner 1995, *Cataclysmic Variable Stars*, doi:10.1017/CBO9780511586491; P is the
orbital period in hours), which is 0.7 for 1.4 hours and 2.3 for six."""
DURATION_SCATTER = 0.8
"""From star to star, in its natural logarithm: two days to a month, superoutbursts among them."""


@dataclass(frozen=True, slots=True)
class States:
    """A light curve in two states.

    Attributes
    ----------
    bright : (n,) bool
        Points of outbursts.
    level : float
        Magnitude of quiescence.
    duty_cycle : float
        Share of the points in outburst, mean of the nights.
    duration_chance : (k,) float64
        Chance of each of `DURATIONS_D`, in all one.
    fault : str
        Why the light curve has no two states; empty if it has.
    """

    bright: Bools
    level: float
    duty_cycle: float
    duration_chance: F8
    fault: str


def two_states(time: F8, mag: F8) -> States:
    """Tell quiescence from outbursts in n >= 2 points at rising `time` [d]."""
    level, scatter = quiescence(mag)
    limit = level - max(OUTBURST_SIGMA * scatter, MIN_HEIGHT_MAG)
    bright = mag < limit
    night, share = nightly(time, bright)
    duty_cycle = float(share.mean())
    fault = ""
    peak = level - float(mag.min())
    if bright.sum() < MIN_BRIGHT or peak < max(MIN_PEAK_MAG, MIN_PEAK_SIGMA * scatter):
        fault = "no outburst"
    elif (~bright).sum() < MIN_FAINT or duty_cycle > MAX_DUTY_CYCLE:
        fault = "no quiescence"
    unknown = np.full(DURATIONS_D.size, 1.0 / DURATIONS_D.size)
    chance = unknown if fault else duration_chance(night, 2.0 * share >= 1.0)
    return States(bright, level, duty_cycle, chance, fault)


def quiescence(mag: F8) -> tuple[float, float]:
    """Return level and scatter [mag] of quiescence, of n >= 1 points.

    The level is the median of the points in quiescence, its scatter that of the points fainter than it; both
    are found anew until the same points are left. The fainter half begins.
    """
    faint = mag >= np.median(mag)
    level, scatter = float(np.median(mag)), 0.0
    for _ in range(MAX_ROUNDS):
        level = float(np.median(mag[faint]))
        scatter = 1.4826 * float(np.median(mag[mag >= level] - level))
        now = mag >= level - max(OUTBURST_SIGMA * scatter, MIN_HEIGHT_MAG)
        if (now == faint).all():
            break
        faint = now
    return level, scatter


def nightly(time: F8, bright: Bools) -> tuple[F8, F8]:
    """Return the nights (m,) of n points at rising `time` [d], and the share of their points in outburst."""
    which, night = np.unique(np.floor(time), return_inverse=True)
    return which, np.bincount(night, weights=bright) / np.bincount(night)


def duration_chance(night: F8, state: Bools) -> F8:
    """Chances of `DURATIONS_D` by what is known of dwarf novae and by nights (m,) in two states (m,).

    Where all nights are alike, only what is known is left.
    """
    share = min(float(state.mean()), 1.0 - 1e-3)
    memory = np.exp(-np.diff(night) / (DURATIONS_D[:, None] * (1.0 - share)))
    stays = np.where(state[:-1], share + (1.0 - share) * memory, (1.0 - share) + share * memory)
    likely = np.log(np.where(state[1:] == state[:-1], stays, np.maximum(1.0 - stays, 1e-12))).sum(axis=1)
    known = -0.5 * (np.log(DURATIONS_D / TYPICAL_DURATION_D) / DURATION_SCATTER) ** 2
    chance = np.exp(likely + known - (likely + known).max())
    return np.asarray(chance / chance.sum())
