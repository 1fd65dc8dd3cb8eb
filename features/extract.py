"""The driver: a batch of light curves in; features, status bits and what they were measured on out."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.conventions import CONVENTIONS, FEATURE_NAMES, MAX_EPOCHS
from features.light_curve import choices, count, measure
from features.period.search import room_for_search
from features.sorting import room_for_sorting

F8 = NDArray[np.float64]


class Measured(NamedTuple):
    """What `extract` finds in n light curves.

    Attributes
    ----------
    values : (n, 16) float64
        Columns in the order of `features.FEATURE_NAMES`; a row is all finite or all NaN.
    status : (n,) uint32
        Bits of `features.Status`; a row is NaN exactly if one of `features.BLOCKING` is set.
    n_used : (n,) int64
        Points that were used: not those that are NaN, repeats, beyond the limits on baseline and number, or
        cut as outliers. This, and no other number, is how many epochs a light curve has.
    baseline_d : (n,) float64
        From the first to the last of the points that were used [d]; 0 where there are none.
    n_nights : (n,) int64
        Groups of them that are more than `features.conventions.NIGHT_GAP_D` apart.
    n_outliers : (n,) int64
        Points that no other supports: left out of `n_used`, or drawn in. 0 under other conventions than
        ``"robust"``.
    outlier : (n,) int64
        Where in the series the farthest of them is, -1 where there is none.
    p_period : (n,) float64
        Probability that the period is right, or an alias of it no less than a guess would be.
    period_fap : (n,) float64
        Probability that points of no period, shuffled, reach the power that was found.
    period_err_d : (n,) float64
        One-sigma error of the period, if it is the right one [d].
    period_rival_d : (n,) float64
        Period of the next best maximum [d].

    The last four are NaN where they are not known: under other conventions than ``"robust"``, where a status
    bit blocks, the error with few nights, the rival where there is no other maximum.
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


def extract(
    time: ArrayLike,
    mag: ArrayLike,
    err: ArrayLike,
    offsets: ArrayLike,
    *,
    convention: str = "refined",
    clip_sigma: float | None = None,
) -> Measured:
    """Compute the 16 features of every light curve of a batch.

    Light curve i is the points ``offsets[i]`` to ``offsets[i + 1]`` of the three series. Its points may
    come in any order, with repeats, NaN and infinities; nothing in the data raises. A result depends on
    its own points only, to the last bit: not on what else is in the batch.

    Parameters
    ----------
    time : (n_points,) array_like of float64
        Times [d], in one scale. Single precision cannot hold a Julian date: pass doubles.
    mag : (n_points,) array_like
        Magnitudes [mag]. Sentinels such as 99.999 must be taken out before.
    err : (n_points,) array_like
        One-sigma errors [mag]; what is not a positive number is replaced, see `features.clean`.
    offsets : (n + 1,) array_like of int
        From 0 to n_points, never falling.
    convention : str
        ``"refined"`` or ``"kim2021"``, see `features.CONVENTIONS`.
    clip_sigma : float, optional
        Cut points farther than this many standard deviations from the median, once.

    Returns
    -------
    Measured
        Features, status bits, number and baseline of the points that were used.

    Raises
    ------
    ValueError
        If the arguments do not fit together, or the convention is unknown.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}")
    if clip_sigma is not None and not clip_sigma > 0.0:
        raise ValueError(f"clip_sigma must be > 0 or None, got {clip_sigma!r}")
    time, mag, err = _series(time, "time"), _series(mag, "mag"), _series(err, "err")
    bounds = _checked_offsets(offsets, (time.size, mag.size, err.size))
    n = bounds.size - 1
    values = np.full((n, len(FEATURE_NAMES)), np.nan)
    status = np.zeros(n, np.uint32)
    n_used = np.zeros(n, np.int64)
    baseline_d = np.zeros(n)
    most = min(int(np.diff(bounds).max(initial=0)), MAX_EPOCHS)
    if n:
        measure(
            (time, mag, err, bounds),
            _cut(clip_sigma),
            choices(CONVENTIONS[convention]),
            (room_for_search(most), room_for_sorting(most)),
            (values, status, n_used, baseline_d),
        )
    return Measured(values, status, n_used, baseline_d)


def count_used(
    time: F8, mag: F8, err: F8, offsets: NDArray[np.int64], *, clip_sigma: float | None = None
) -> NDArray[np.int64]:
    """Return `Measured.n_used` (n,) of light curves, without measuring them; parameters as in `extract`."""
    time, mag, err = _series(time, "time"), _series(mag, "mag"), _series(err, "err")
    bounds = _checked_offsets(offsets, (time.size, mag.size, err.size))
    n_used = np.zeros(bounds.size - 1, np.int64)
    count((time, mag, err, bounds), _cut(clip_sigma), n_used)
    return n_used


def _cut(clip_sigma: float | None) -> float:
    """What kernels take: infinity for none, and always a float, or they would be compiled anew."""
    return math.inf if clip_sigma is None else float(clip_sigma)


def _series(values: ArrayLike, name: str) -> F8:
    """One-dimensional, contiguous float64, not to be written to; a copy where needed.

    To numba what can be written to is another type, and kernels would be compiled for both.
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be a 1-d array of real numbers, got {array.dtype} {array.shape}")
    series = np.require(array, np.float64, ["C", "A"]).view()
    series.flags.writeable = False
    return series


def _checked_offsets(offsets: ArrayLike, sizes: tuple[int, ...]) -> NDArray[np.int64]:
    array = np.asarray(offsets)
    if array.ndim != 1 or array.size < 1 or array.dtype.kind not in "iu":
        raise ValueError(f"offsets must be a 1-d array of integers, got {array.dtype} {array.shape}")
    bounds = array.astype(np.int64)
    if len(set(sizes)) != 1:
        raise ValueError(f"time, mag and err must be equally long, got {', '.join(map(str, sizes))}")
    if bounds[0] != 0 or bounds[-1] != sizes[0] or (bounds[1:] < bounds[:-1]).any():
        raise ValueError(
            f"offsets must rise from 0 to the number of points, {sizes[0]}; "
            f"they start at {bounds[0]}, end at {bounds[-1]}"
        )
    return bounds
