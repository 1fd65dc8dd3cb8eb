"""The driver: a batch of light curves in; features, status bits and what they were measured on out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.conventions import CONVENTIONS, MAX_EPOCHS, Convention
from features.light_curve import choices, count, measure
from features.measured import Measured, empty_measured
from features.period.search import room_for_search
from features.series import checked_offsets, series_of
from features.sorting import room_for_sorting
from features.together import measure_each

F8 = NDArray[np.float64]


def extract(
    time: ArrayLike,
    mag: ArrayLike,
    err: ArrayLike,
    offsets: ArrayLike,
    *,
    convention: str = "robust",
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
        ``"robust"``, ``"refined"`` or ``"kim2021"``, see `features.CONVENTIONS`.
    clip_sigma : float, optional
        Cut points farther than this many standard deviations from the median, once. Not with ``"robust"``,
        which decides on outliers by itself.

    Returns
    -------
    Measured
        Features, status bits, number and baseline of the points that were used.

    Raises
    ------
    ValueError
        If the arguments do not fit together, or the convention is unknown.
    """
    chosen = _checked(convention, clip_sigma)
    time, mag, err = series_of(time, "time"), series_of(mag, "mag"), series_of(err, "err")
    bounds = checked_offsets(offsets, {"time": time.size, "mag": mag.size, "err": err.size})
    if chosen.by_support:
        return measure_each(time, mag, err, bounds, chosen)
    found = empty_measured(bounds.size - 1)
    most = min(int(np.diff(bounds).max(initial=0)), MAX_EPOCHS)
    if bounds.size > 1:
        measure(
            (time, mag, err, bounds),
            _cut(clip_sigma),
            choices(chosen),
            (room_for_search(most), room_for_sorting(most)),
            (found.values, found.status, found.n_used, found.baseline_d, found.n_nights),
        )
    return found


def count_used(
    time: F8, mag: F8, err: F8, offsets: NDArray[np.int64], *, clip_sigma: float | None = None
) -> NDArray[np.int64]:
    """Return how many points (n,) of light curves pass `features.clean.clean`; parameters as in `extract`.

    That is `Measured.n_used`, unless some of them are then left out for want of support.
    """
    time, mag, err = series_of(time, "time"), series_of(mag, "mag"), series_of(err, "err")
    bounds = checked_offsets(offsets, {"time": time.size, "mag": mag.size, "err": err.size})
    n_used = np.zeros(bounds.size - 1, np.int64)
    count((time, mag, err, bounds), _cut(clip_sigma), n_used)
    return n_used


def _checked(convention: str, clip_sigma: float | None) -> Convention:
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}")
    if clip_sigma is not None and not clip_sigma > 0.0:
        raise ValueError(f"clip_sigma must be > 0 or None, got {clip_sigma!r}")
    if clip_sigma is not None and CONVENTIONS[convention].by_support:
        raise ValueError(
            f"convention {convention!r} decides on outliers by itself: clip_sigma must be None, "
            f"got {clip_sigma!r}"
        )
    return CONVENTIONS[convention]


def _cut(clip_sigma: float | None) -> float:
    """What kernels take: infinity for none, and always a float, or they would be compiled anew."""
    return math.inf if clip_sigma is None else float(clip_sigma)
