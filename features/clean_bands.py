"""Cleaning of all bands of a star together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.clean import (
    BASELINE_CAPPED,
    DEGENERATE,
    EPOCHS_CAPPED,
    ERR_PATCHED,
    NO_BASELINE,
    ROUNDING_SCATTER,
    TOO_FEW,
    finite_in_order,
    mean_std,
    patch_errors,
    without_repeats,
)
from features.compilation.jit import kernel, part
from features.conventions import MAX_BASELINE_D, MAX_EPOCHS, MIN_BASELINE_D, MIN_POINTS

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

MAX_BANDS = 128
"""Numbers of bands: those of an int8 that are not negative."""


@kernel
def clean_bands(
    time: F8, mag: F8, err: F8, band: NDArray[np.int8], fewest: int
) -> tuple[F8, F8, F8, I8, I8, np.uint32]:
    """Return the usable points of a star, band by band, and what was done to them.

    In each band that is what `features.clean.clean` does. What is too old, or too many, is so among the
    points of all bands. At the end bands of too few points leave: where there are several bands one point
    would have a level of its own, and nothing else to say.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Times [d], magnitudes and one-sigma errors [mag], in any order. Not modified.
    band : (n,) int8
        Number of the band of each, not negative.
    fewest : int
        Points that a band must have.

    Returns
    -------
    time, mag, err : (m,) float64
        The points that are left, m <= n: by band, then time, magnitude, error.
    bounds : (b + 1,) int64
        Band j of those used is ``bounds[j]`` to ``bounds[j + 1]``.
    letters : (b,) int64
        Numbers of the bands used, rising.
    status : uint32
        Bits of `features.Status`; with a blocking bit no kernel needs to be tried.
    """
    time, mag, err, ends, letters = _by_band(time, mag, err, band)
    stays, status = _recent(time)
    bounds = np.zeros(letters.size + 1, np.int64)
    first = kept = used = 0
    for j in range(letters.size):
        begin = kept
        for i in range(first, ends[j]):
            if stays[i]:
                time[kept], mag[kept], err[kept] = time[i], mag[i], err[i]
                kept += 1
        first = ends[j]
        if kept - begin < fewest:
            kept = begin
            continue
        if patch_errors(err[begin:kept]):
            status |= ERR_PATCHED
        letters[used] = letters[j]
        used += 1
        bounds[used] = kept
    time, mag, err, bounds, letters = time[:kept], mag[:kept], err[:kept], bounds[: used + 1], letters[:used]
    return time, mag, err, bounds, letters, status | blocking(time, mag, bounds)


@part
def _by_band(time: F8, mag: F8, err: F8, band: NDArray[np.int8]) -> tuple[F8, F8, F8, I8, I8]:
    """Finite points by (band, time, mag, err), without repeats; where each band ends, and its number."""
    counts = np.zeros(MAX_BANDS, np.int64)
    for number in band:
        counts[number] += 1
    times, mags, errs = np.empty(time.size), np.empty(time.size), np.empty(time.size)
    ends, letters = np.empty(MAX_BANDS, np.int64), np.empty(MAX_BANDS, np.int64)
    n = used = 0
    for number in range(MAX_BANDS):
        if counts[number] == 0:
            continue
        n_its = counts[number]
        its_time, its_mag, its_err = np.empty(n_its), np.empty(n_its), np.empty(n_its)
        k = 0
        for i in range(time.size):
            if band[i] == number:
                its_time[k], its_mag[k], its_err[k] = time[i], mag[i], err[i]
                k += 1
        its_time, its_mag, its_err = finite_in_order(its_time, its_mag, its_err)
        its_time, its_mag, its_err = without_repeats(its_time, its_mag, its_err)
        for i in range(its_time.size):
            times[n], mags[n], errs[n] = its_time[i], its_mag[i], its_err[i]
            n += 1
        letters[used], ends[used] = number, n
        used += 1
    return times[:n], mags[:n], errs[:n], ends[:used], letters[:used]


@part
def _recent(time: F8) -> tuple[NDArray[np.bool_], np.uint32]:
    """Which points are neither too old nor too many, and the bits of what was left out."""
    stays = np.ones(time.size, np.bool_)
    status = np.uint32(0)
    if time.size == 0:
        return stays, status
    latest = time[0]
    for value in time:
        latest = max(latest, value)
    left = 0
    for i in range(time.size):
        stays[i] = time[i] >= latest - MAX_BASELINE_D
        left += stays[i]
    if left < time.size:
        status |= BASELINE_CAPPED
    if left > MAX_EPOCHS:
        status |= EPOCHS_CAPPED
        for i in np.argsort(time, kind="mergesort"):
            if stays[i] and left > MAX_EPOCHS:
                stays[i] = False
                left -= 1
    return stays, status


@kernel
def blocking(time: F8, mag: F8, bounds: I8) -> np.uint32:
    """Bits of what keeps points in canonical order from being measured, as in `features.clean.clean`."""
    if time.size < MIN_POINTS:
        return TOO_FEW
    earliest = latest = time[0]
    for value in time:
        earliest, latest = min(earliest, value), max(latest, value)
    status = np.uint32(0)
    if latest - earliest < MIN_BASELINE_D:
        status |= NO_BASELINE
    finite = True
    square = 0.0
    largest = 1.0
    for j in range(bounds.size - 1):
        mean, std = mean_std(mag[bounds[j] : bounds[j + 1]])
        largest = max(largest, abs(mean))
        square += (bounds[j + 1] - bounds[j]) * std * std
        finite = finite and std < np.inf
    varies = np.sqrt(square / time.size) >= ROUNDING_SCATTER * largest
    return status if varies and finite else status | DEGENERATE
