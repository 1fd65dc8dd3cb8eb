"""Real light curves thinned to a survey's visits, and copies of the same stars at the same times.

What a copy is worth can only be seen beside the star itself. A light curve of hundreds of epochs is thinned
to those nearest to the visits of another survey: real epochs only. The copies are made of the whole light
curve, as those that models learn from are, have as many epochs, at the same times but for some days, and
errors as large as the star's own at that brightness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.reobserve.aperiodic.choose_curve import choose_curve
from training.reobserve.aperiodic.outburst_model import OutburstModel
from training.reobserve.cadence import Cadence

F8 = NDArray[np.float64]
Bools = NDArray[np.bool_]
Series = tuple[F8, F8, F8]

FEWEST_EPOCHS = 15
NEAREST_D = 15.0
"""A visit finds an epoch that is at most so far away [d]."""
MOVED_D = (3.0, 30.0)
"""Copies are looked at so much earlier or later: where they were fitted they would be the star itself."""
SMOOTHED, OUTBURSTS = "smoothed", "outbursts"
WAYS = (SMOOTHED, OUTBURSTS)
"""Copies by the random walk or straight lines, and by outbursts, where the star has any."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A star at the visits of a survey, and its copy with as many epochs.

    Attributes
    ----------
    star, copy : (time, mag, err)
        Rising days, magnitudes.
    kind : str
        Of the copy's model, see `training.reobserve.aperiodic.choose_curve`.
    """

    star: Series
    copy: Series
    kind: str


def thinned(whole: Series, cadence: Cadence, rng: Generator) -> NDArray[np.int64] | None:
    """Choose of a light curve the epochs nearest to the visits of a survey, or None if they are too few.

    Parameters
    ----------
    whole : (time, mag, err)
        Rising days, magnitudes.
    cadence : Cadence
        Of the survey; all its bands count as one.
    rng : Generator
        Draws visits, their place in the light curve, and how many of the epochs are left, evenly in the
        logarithm from `FEWEST_EPOCHS` on.
    """
    time = whole[0]
    visits = cadence.draw_visits(rng).time
    if not visits.size:
        return None
    slack = float(np.ptp(time) - np.ptp(visits))
    visits = visits - visits[0] + time[0] + rng.uniform(min(0.0, slack), max(0.0, slack))
    after = np.clip(np.searchsorted(time, visits), 1, time.size - 1)
    nearest = np.where(visits - time[after - 1] < time[after] - visits, after - 1, after)
    found = np.unique(nearest[np.abs(time[nearest] - visits) <= NEAREST_D])
    if found.size < FEWEST_EPOCHS:
        return None
    left = round(math.exp(rng.uniform(math.log(FEWEST_EPOCHS), math.log(found.size))))
    return np.sort(rng.permutation(found)[:left])


def look(whole: Series, cadence: Cadence, rng: Generator) -> dict[str, Pair]:
    """Thin a light curve, and make copies at the same visits, by `WAYS`; none where too little is known.

    Parameters are as in `thinned`.
    """
    chosen = thinned(whole, cadence, rng)
    pairs: dict[str, Pair] = {}
    if chosen is None:
        return pairs
    time = whole[0][chosen] + rng.choice([-1.0, 1.0]) * rng.uniform(*MOVED_D)
    for way in WAYS:
        model, kind = choose_curve(*whole, outbursts=way == OUTBURSTS)
        if model is None:
            continue
        if isinstance(model, OutburstModel):
            mag, known = _simulated(model, time, rng), np.ones(time.size, np.bool_)
        else:
            mag, known = model.mag_at(time)
        if known.sum() >= FEWEST_EPOCHS:
            when, real, err = (each[chosen][known] for each in whole)
            copy = _measured(whole, time[known], mag[known], rng)
            pairs[way] = Pair((when, real, err), copy, kind)
    return pairs


def _simulated(model: OutburstModel, time: F8, rng: Generator) -> F8:
    """Magnitudes (n,) of one history in the band that the star was seen in."""
    height, quiescent = model.simulate(time, rng)
    flux = 10.0 ** (-0.4 * quiescent) + 10.0 ** (0.4 * height) - 1.0
    return np.asarray(model.level - 2.5 * np.log10(flux))


def _measured(whole: Series, time: F8, mag: F8, rng: Generator) -> Series:
    """Give magnitudes (n,) errors as the star's own epochs of about the same magnitude have them."""
    order = np.argsort(whole[1], kind="stable")
    place = np.searchsorted(whole[1][order], mag) + rng.integers(-3, 4, mag.size)
    err = whole[2][order][np.clip(place, 0, order.size - 1)]
    return time, mag + err * rng.standard_normal(mag.size), err
