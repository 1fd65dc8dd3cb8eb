"""What is measured on light curves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.conventions import FEATURE_NAMES

F8 = NDArray[np.float64]


class Measured(NamedTuple):
    """What `features.extract` finds in n light curves.

    Attributes
    ----------
    values : (n, 16) float64
        Columns in the order of `features.FEATURE_NAMES`; a row is all finite or all NaN.
    status : (n,) uint32
        Bits of `features.Status`; a row is NaN exactly if one of `features.BLOCKING` is set.
    n_used : (n,) int64
        Points that were used: not those that are NaN, repeats, beyond the limits on baseline and number, or
        left out as outliers. This, and no other number, is how many epochs a light curve has.
    baseline_d : (n,) float64
        From the first to the last of the points that were used [d]; 0 where there are none.
    n_nights : (n,) int64
        Groups of them that are more than `features.conventions.NIGHT_GAP_D` apart.
    n_outliers : (n,) int64
        Points that no other supports, whether left out or drawn in; 0 but for the convention ``"robust"``.
    outlier : (n,) int64
        Where in the series the farthest of them is; -1 where there is none.
    p_period : (n,) float64
        Probability that the period is right, see `features.period.significance`.
    period_fap : (n,) float64
        Probability that a star that does not vary reaches the power that was found.
    period_err_d : (n,) float64
        One-sigma error of the period, given that its peak is the right one [d].
    period_rival_d : (n,) float64
        Period of the next best peak [d].

    The last four are NaN where they are not known: but for the convention ``"robust"``; where there are no
    features; probability and error of a period longer than the baseline; the error where there are few
    nights; the rival where there is no other peak.
    """

    values: F8
    status: NDArray[np.uint32]
    n_used: NDArray[np.int64]
    baseline_d: F8
    n_nights: NDArray[np.int64]
    n_outliers: NDArray[np.int64]
    outlier: NDArray[np.int64]
    p_period: F8
    period_fap: F8
    period_err_d: F8
    period_rival_d: F8


def empty_measured(n: int) -> Measured:
    """Return the rows of n light curves of no points."""
    return Measured(
        np.full((n, len(FEATURE_NAMES)), np.nan),
        np.zeros(n, np.uint32),
        np.zeros(n, np.int64),
        np.zeros(n),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.full(n, -1, np.int64),
        *(np.full(n, np.nan) for _ in range(4)),
    )
