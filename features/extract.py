"""The driver: a batch of light curves in; features, status bits and what they were measured on out."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.clean import clean
from features.compilation.jit import kernel
from features.conventions import CONVENTIONS, FEATURE_NAMES, Convention
from features.fourier import fourier_coefficients, fourier_shape
from features.moments import hl_amp_ratio, percentile, skewness_kurtosis, stetson_k, weighted_mean_std
from features.normality import shapiro_w
from features.period.points import weighted_points
from features.period.search import find_period, room_for_search
from features.phase import phase_cusum, phase_eta, phase_fold, slope_percentiles
from features.status import BLOCKING, Status

F8 = NDArray[np.float64]

ALIAS_WINDOWS_D = ((0.99, 1.004), (1.03, 1.04), (27.1, 27.5), (29.2, 29.9))
"""Solar and sidereal day, lunar day, sidereal and synodic month [d]; their 1/1 ... 1/5 as well."""


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
    """

    values: F8
    status: NDArray[np.uint32]
    n_used: NDArray[np.int64]
    baseline_d: F8


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
    cut = clip_sigma or math.inf
    for i in range(n):
        at = slice(bounds[i], bounds[i + 1])
        used = clean(time[at], mag[at], err[at], cut)
        row, status[i] = _light_curve(*used, CONVENTIONS[convention])
        if row is not None:
            values[i] = row
        n_used[i] = used[0].size
        if n_used[i]:
            baseline_d[i] = used[0][-1] - used[0][0]
    return Measured(values, status, n_used, baseline_d)


def count_used(
    time: F8, mag: F8, err: F8, offsets: NDArray[np.int64], *, clip_sigma: float | None = None
) -> NDArray[np.int64]:
    """Return `Measured.n_used` (n,) of light curves, without measuring them; parameters as in `extract`."""
    cut = clip_sigma or math.inf
    bounds = [slice(a, b) for a, b in pairwise(offsets)]
    return np.array([clean(time[at], mag[at], err[at], cut)[0].size for at in bounds], np.int64)


def features_at(time: F8, mag: F8, err: F8, period: float, convention: Convention) -> F8:
    """Compute the features of clean points at a given period, (16,) float64, not finite where undefined."""
    origin = time[0] if convention.from_first_epoch else 0.0
    return _features_at(time - origin, mag, err, period, convention.full_angles)


def _light_curve(
    time: F8, mag: F8, err: F8, cleaned: np.uint32, convention: Convention
) -> tuple[F8 | None, int]:
    """Features of one light curve that was cleaned, or None, and its status bits."""
    bits = int(cleaned)
    if bits & BLOCKING:
        return None, bits
    points = weighted_points(time, mag, err, convention.floating_mean)
    period = find_period(points, convention.refine, room_for_search(time.size))
    row = features_at(time, mag, err, period, convention)
    if not np.isfinite(row).all():
        return None, bits | Status.DEGENERATE
    if period > time[-1] - time[0]:
        bits |= Status.LONG_PERIOD
    if _is_alias(period):
        bits |= Status.ALIAS
    return row, bits


def _is_alias(period: float) -> bool:
    return any(low < i * period < high for i in range(1, 6) for low, high in ALIAS_WINDOWS_D)


@kernel
def _features_at(time: F8, mag: F8, err: F8, period: float, full_angles: bool) -> F8:
    """All features at a period, in the order of FEATURE_NAMES."""
    mag = mag - np.median(mag)  # changes no feature; keeps the digits of faint stars and of small amplitudes
    ordered = np.sort(mag)
    median = percentile(ordered, 50.0)
    skewness, kurtosis = skewness_kurtosis(mag)
    mean, std = weighted_mean_std(mag, err)
    coefficients = fourier_coefficients(time, mag, period)
    amplitude, r21, r31, phi21, phi31 = fourier_shape(coefficients, full_angles)
    folded, in_phase = phase_fold(time, mag, period)
    slope_per10, slope_per90 = slope_percentiles(folded, in_phase)
    return np.array(
        [
            amplitude,
            hl_amp_ratio(mag, err, median),
            kurtosis,
            period,
            phase_cusum(in_phase, mean, std),
            phase_eta(in_phase, std),
            phi21,
            phi31,
            percentile(ordered, 75.0) - percentile(ordered, 25.0),
            r21,
            r31,
            shapiro_w(ordered),
            skewness,
            slope_per10,
            slope_per90,
            stetson_k(mag, err, median),
        ]
    )


def _series(values: ArrayLike, name: str) -> F8:
    """One-dimensional, contiguous float64; a copy only where it is needed."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be a 1-d array of real numbers, got {array.dtype} {array.shape}")
    return np.ascontiguousarray(array, dtype=np.float64)


def _checked_offsets(offsets: ArrayLike, sizes: tuple[int, ...]) -> NDArray[np.int64]:
    array = np.asarray(offsets)
    if array.ndim != 1 or array.size < 1 or array.dtype.kind not in "iu":
        raise ValueError(f"offsets must be a 1-d array of integers, got {array.dtype} {array.shape}")
    bounds = array.astype(np.int64)
    if len(set(sizes)) != 1:
        raise ValueError(f"time, mag and err must be equally long, got {', '.join(map(str, sizes))}")
    if bounds[0] != 0 or bounds[-1] != sizes[0] or (np.diff(bounds) < 0).any():
        raise ValueError(
            f"offsets must rise from 0 to the number of points, {sizes[0]}; "
            f"they start at {bounds[0]}, end at {bounds[-1]}"
        )
    return bounds
