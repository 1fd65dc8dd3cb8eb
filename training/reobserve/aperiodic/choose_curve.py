"""The choice of a curve for a star without a period: outbursts, a random walk, or straight lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.reobserve.aperiodic.interpolated_model import InterpolatedModel, interpolate
from training.reobserve.aperiodic.outburst_model import OutburstModel, fit_outbursts
from training.reobserve.aperiodic.quiescence import two_states
from training.reobserve.aperiodic.random_walk_model import RandomWalkModel, fit_random_walk

F8 = NDArray[np.float64]
KnownCurve = RandomWalkModel | InterpolatedModel
"""A light curve that is known at some times of the original."""


def choose_curve(
    time: F8, mag: F8, err: F8, *, outbursts: bool
) -> tuple[KnownCurve | OutburstModel | None, str]:
    """Return the curve of one star and its kind, or None and the reason why it has none.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Rising days, magnitudes, positive errors; n >= 20.
    outbursts : bool
        Look for a quiescence and outbursts first; a star that has none is taken like any other, as novalikes
        and polars that drift from state to state are.
    """
    if outbursts:
        states = two_states(time, mag)
        if not states.fault:
            return fit_outbursts(time, mag, err, states), "outbursts"
    walk = fit_random_walk(time, mag, err)
    if not walk.fault:
        return walk, "smoothed"
    lines = interpolate(time, mag, err)
    return (None, lines.fault) if lines.fault else (lines, "interpolated")
