"""Cleaning: from a light curve as it arrives to points that every kernel can take."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.conventions import MAX_BASELINE_D, MAX_EPOCHS, MIN_BASELINE_D, MIN_POINTS
from features.status import Status

F8 = NDArray[np.float64]

MIN_ERR = 1e-5
"""Smallest error that is believed: a smaller one would be all the weight there is [mag]."""

ROUNDING_SCATTER = 1e-9
"""A standard deviation below this fraction of the mean (or of 1 mag) is rounding, not variation."""

TOO_FEW = np.uint32(Status.TOO_FEW)
NO_BASELINE = np.uint32(Status.NO_BASELINE)
DEGENERATE = np.uint32(Status.DEGENERATE)
ERR_PATCHED = np.uint32(Status.ERR_PATCHED)
BASELINE_CAPPED = np.uint32(Status.BASELINE_CAPPED)
CLIPPED = np.uint32(Status.CLIPPED)
EPOCHS_CAPPED = np.uint32(Status.EPOCHS_CAPPED)


@kernel
def clean(time: F8, mag: F8, err: F8, clip_sigma: float) -> tuple[F8, F8, F8, np.uint32]:
    """Return the usable points in order of time, and what was done to them.

    In this order: points without a finite time and magnitude leave; the others are sorted by
    (time, mag, err); exact repeats leave; so does what is older than `MAX_BASELINE_D` before the last
    point, and what comes before the newest `MAX_EPOCHS`; one outlier cut; errors that are no positive numbers
    become the median of those that are, or 1 where there are none; errors are at least `MIN_ERR`.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Times [d], magnitudes and one-sigma errors [mag], in any order. Not modified.
    clip_sigma : float
        Keep points with ``|mag - median| <= clip_sigma * std`` (ddof 0); infinity keeps all.

    Returns
    -------
    time, mag, err : (m,) float64
        The points that are left, m <= n.
    status : uint32
        Bits of `features.Status`; with a blocking bit no kernel needs to be tried.
    """
    status = np.uint32(0)
    time, mag, err = finite_in_order(time, mag, err)
    time, mag, err = without_repeats(time, mag, err)
    begin = 0
    if time.size > 0 and time[-1] - time[0] > MAX_BASELINE_D:
        while time[begin] < time[-1] - MAX_BASELINE_D:
            begin += 1
        status |= BASELINE_CAPPED
    if time.size - begin > MAX_EPOCHS:
        begin = time.size - MAX_EPOCHS
        status |= EPOCHS_CAPPED
    time, mag, err = time[begin:], mag[begin:], err[begin:]
    if time.size > 0 and clip_sigma < np.inf:
        n = time.size
        time, mag, err = _without_outliers(time, mag, err, clip_sigma)
        if time.size < n:
            status |= CLIPPED
    if patch_errors(err):
        status |= ERR_PATCHED
    if time.size < MIN_POINTS:
        return time, mag, err, status | TOO_FEW
    if time[-1] - time[0] < MIN_BASELINE_D:
        status |= NO_BASELINE
    mean, std = mean_std(mag)
    if not ROUNDING_SCATTER * max(1.0, abs(mean)) <= std < np.inf:
        status |= DEGENERATE
    return time, mag, err, status


@part
def finite_in_order(time: F8, mag: F8, err: F8) -> tuple[F8, F8, F8]:
    """Points with finite time and magnitude by (time, mag, err); errors that are none become 0."""
    n = 0
    times, mags, errs = np.empty(time.size), np.empty(time.size), np.empty(time.size)
    rises = True
    for i in range(time.size):
        if np.isfinite(time[i]) and np.isfinite(mag[i]):
            times[n], mags[n] = time[i], mag[i]
            errs[n] = err[i] if err[i] > 0.0 and np.isfinite(err[i]) else 0.0
            rises = rises and (n == 0 or times[n] > times[n - 1])
            n += 1
    times, mags, errs = times[:n], mags[:n], errs[:n]
    if rises:
        return times, mags, errs
    order = np.argsort(times, kind="mergesort")
    if _has_equal(times, order):
        order = np.argsort(errs, kind="mergesort")
        order = _then_by(mags, order)
        order = _then_by(times, order)
    return _picked(times, order), _picked(mags, order), _picked(errs, order)


@part
def _has_equal(values: F8, order: NDArray[np.int64]) -> bool:
    """Whether any two neighbours of an order are equal."""
    equal = False
    for i in range(1, order.size):
        equal = equal or values[order[i]] == values[order[i - 1]]
    return equal


@part
def _then_by(values: F8, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order by other values, those of equal ones as they were."""
    by_values = np.argsort(_picked(values, order), kind="mergesort")
    for i in range(order.size):
        by_values[i] = order[by_values[i]]
    return by_values


@part
def _picked(values: F8, order: NDArray[np.int64]) -> F8:
    picked = np.empty(order.size)
    for i in range(order.size):
        picked[i] = values[order[i]]
    return picked


@part
def without_repeats(time: F8, mag: F8, err: F8) -> tuple[F8, F8, F8]:
    """Leave out exact repeats of the point before, in place."""
    n = min(1, time.size)
    for i in range(1, time.size):
        if time[i] != time[n - 1] or mag[i] != mag[n - 1] or err[i] != err[n - 1]:
            time[n], mag[n], err[n] = time[i], mag[i], err[i]
            n += 1
    return time[:n], mag[:n], err[:n]


@part
def _without_outliers(time: F8, mag: F8, err: F8, clip_sigma: float) -> tuple[F8, F8, F8]:
    """Leave out what is farther from the median than so many standard deviations, in place."""
    median = _median(mag)
    _, std = mean_std(mag)
    n = 0
    for i in range(time.size):
        if abs(mag[i] - median) <= clip_sigma * std:
            time[n], mag[n], err[n] = time[i], mag[i], err[i]
            n += 1
    return time[:n], mag[:n], err[:n]


@part
def patch_errors(err: F8) -> bool:
    """Replace zeros by the median of the others, or 1; raise to the floor; tell whether there were zeros."""
    valid = np.empty(err.size)
    n = 0
    for value in err:
        if value > 0.0:
            valid[n] = value
            n += 1
    if n < err.size:
        substitute = _median(valid[:n]) if n > 0 else 1.0
        for i in range(err.size):
            if not err[i] > 0.0:
                err[i] = substitute
    for i in range(err.size):
        err[i] = max(err[i], MIN_ERR)
    return n < err.size


@part
def _median(values: F8) -> float:
    order = np.argsort(values, kind="mergesort")
    lower = values[order[(values.size - 1) // 2]]
    upper = values[order[values.size // 2]]
    return float((lower + upper) / 2.0)


@part
def mean_std(values: F8) -> tuple[float, float]:
    """Mean and standard deviation (ddof 0)."""
    mean = 0.0
    for value in values:
        mean += value
    mean /= values.size
    square = 0.0
    for value in values:
        square += (value - mean) ** 2
    return mean, math.sqrt(square / values.size)
