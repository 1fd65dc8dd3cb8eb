"""Status bits: what happened to a light curve on its way to 16 numbers."""

from __future__ import annotations

import enum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.conventions import MIN_POINTS


class Status(enum.IntFlag):
    """Bits of the status column, stored as uint32.

    The first three block: the features are NaN and the light curve must not be scored.
    """

    OK = 0
    TOO_FEW = 1 << 0
    """Fewer than `features.MIN_POINTS` usable points."""
    NO_BASELINE = 1 << 1
    """All points within less than a day."""
    DEGENERATE = 1 << 2
    """No variation, or a feature without a value, e.g. no point fainter than the median."""
    ERR_PATCHED = 1 << 8
    """Some errors were not positive numbers; they became the median of the valid ones."""
    LONG_PERIOD = 1 << 9
    """The period is longer than the baseline."""
    BASELINE_CAPPED = 1 << 10
    """Points earlier than the longest baseline that is searched were left out."""
    ALIAS = 1 << 11
    """The period may be an alias. In the conventions ``"kim2021"`` and ``"refined"``: it is close to the day,
    the month, or a fraction of one. In ``"robust"``: another period does more than 0.95 as well."""
    CLIPPED = 1 << 12
    """The outlier cut removed points; in the convention ``"robust"``: points that nothing supports were left
    out, or drawn in to where they might still be."""
    EPOCHS_CAPPED = 1 << 13
    """Points before the newest `features.MAX_EPOCHS` were left out."""
    POOR_FIT = 1 << 14
    """Neighbours in phase differ nearly as much as any two points: the period explains little. This bit and
    the following ones are of ``"robust"`` alone."""
    FEW_PHASES = 1 << 15
    """A gap of more than 0.3 of the cycle was never seen."""
    FEW_NIGHTS = 1 << 16
    """Seen in ten nights or fewer, or always within 0.05 d of one hour of the day: the period and its
    probability are not to be used, and an error is not given."""


BLOCKING = Status.TOO_FEW | Status.NO_BASELINE | Status.DEGENERATE
"""Light curves with any of these bits have no features."""


def status_names(bits: int) -> list[str]:
    """Names of the bits that are set, lowest first: ``status_names(9 << 8)`` is ``["ERR_PATCHED", "ALIAS"]``.

    Raises
    ------
    ValueError
        If a bit is set that has no name.
    """
    return list(_names(int(bits)))


@cache
def _names(bits: int) -> tuple[str, ...]:
    unknown = bits & ~sum(Status)
    if unknown:
        raise ValueError(f"status {bits:#x} has unknown bits {unknown:#x}")
    return tuple(flag.name for flag in Status if flag & bits and flag.name is not None)


def scorable(
    values: NDArray[np.float64], status: NDArray[np.uint32], n_epochs: NDArray[np.int64], min_epochs: int
) -> NDArray[np.bool_]:
    """Which light curves a model may classify.

    A network has an answer to anything, NaN included; this is the gate in front of every one.

    Parameters
    ----------
    values : (n, 16) float64
        Features.
    status : (n,) uint32
        Their status.
    n_epochs : (n,) int
        Points that were used of each: `n_used` of `features.extract`.
    min_epochs : int
        Fewest points the model is meant for; never below `features.MIN_POINTS`.
    """
    long_enough = np.asarray(n_epochs) >= max(min_epochs, MIN_POINTS)
    usable: NDArray[np.bool_] = ((status & BLOCKING) == 0) & np.isfinite(values).all(axis=1) & long_enough
    return usable
