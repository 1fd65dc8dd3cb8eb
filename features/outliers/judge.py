"""The judge between two frequencies: it sees all points, whoever threw some away to find one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.outliers.robust_fit import robust_fit

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

MOST_OF_A_POINT = 9.0
"""A residual beyond three sigmas counts for no more: one point decides nothing."""

TIE_TOLERANCE = 1e-9


@kernel
def better(time: F8, mag: F8, err: F8, bounds: I8, now: float, other: float) -> bool:
    r"""Whether another frequency leaves less of *all* points than the one that is held now.

    .. math:: L = \sum_i \min \Big( \frac{r_i^2}{s^2 + e_i^2}, 9 \Big)

    of the residuals r of `features.outliers.robust_fit.robust_fit` at either, with the smaller of the two
    scales s. A period from the points out of eclipse cannot win by having left the eclipses out.

    Parameters
    ----------
    time, mag, err, bounds
        All points, see `features.outliers.robust_fit.robust_fit`.
    now, other : float
        [1/d]

    Returns
    -------
    bool
        Whether L of the other is lower by more than `TIE_TOLERANCE`, relatively.
    """
    held, held_scale = robust_fit(time, mag, err, bounds, now)
    new, new_scale = robust_fit(time, mag, err, bounds, other)
    scale = min(held_scale, new_scale)
    return _left(new, err, scale) < _left(held, err, scale) * (1.0 - TIE_TOLERANCE)


@part
def _left(residuals: F8, err: F8, scale: float) -> float:
    left = 0.0
    for i in range(residuals.size):
        left += min(residuals[i] ** 2 / (scale**2 + err[i] ** 2), MOST_OF_A_POINT)
    return left
