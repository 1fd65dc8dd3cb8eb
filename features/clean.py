"""Cleaning: from a light curve as it arrives to points that every kernel can take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.conventions import MAX_BASELINE_D, MAX_EPOCHS, MIN_BASELINE_D, MIN_POINTS
from features.jit import kernel
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
    time, mag, err = _sorted_finite(time, mag, err)
    keep = np.ones(time.size, np.bool_)
    for i in range(1, time.size):
        keep[i] = not (time[i] == time[i - 1] and mag[i] == mag[i - 1] and err[i] == err[i - 1])
    if time.size > 0 and time[-1] - time[0] > MAX_BASELINE_D:
        keep &= time >= time[-1] - MAX_BASELINE_D
        status |= BASELINE_CAPPED
    time, mag, err = time[keep], mag[keep], err[keep]
    if time.size > MAX_EPOCHS:
        time, mag, err = time[-MAX_EPOCHS:].copy(), mag[-MAX_EPOCHS:].copy(), err[-MAX_EPOCHS:].copy()
        status |= EPOCHS_CAPPED
    if time.size > 0 and clip_sigma < np.inf:
        keep = np.abs(mag - np.median(mag)) <= clip_sigma * np.std(mag)
        if not keep.all():
            time, mag, err = time[keep], mag[keep], err[keep]
            status |= CLIPPED
    if _patch_errors(err):
        status |= ERR_PATCHED
    if time.size < MIN_POINTS:
        return time, mag, err, status | TOO_FEW
    if time[-1] - time[0] < MIN_BASELINE_D:
        status |= NO_BASELINE
    if not ROUNDING_SCATTER * max(1.0, float(np.abs(np.mean(mag)))) <= np.std(mag) < np.inf:
        status |= DEGENERATE
    return time, mag, err, status


@kernel
def _sorted_finite(time: F8, mag: F8, err: F8) -> tuple[F8, F8, F8]:
    """Points with finite time and magnitude by (time, mag, err); errors that are none become 0."""
    keep = np.isfinite(time) & np.isfinite(mag)
    time, mag, err = time[keep], mag[keep], err[keep]
    ties = False
    rises = True
    for i in range(time.size):
        if not (err[i] > 0.0 and np.isfinite(err[i])):
            err[i] = 0.0
        if i > 0:
            rises = rises and time[i] > time[i - 1]
    if rises:
        return time, mag, err
    order = np.argsort(time, kind="mergesort")
    for i in range(1, time.size):
        ties = ties or time[order[i]] == time[order[i - 1]]
    if ties:
        order = np.argsort(err, kind="mergesort")
        order = order[np.argsort(mag[order], kind="mergesort")]
        order = order[np.argsort(time[order], kind="mergesort")]
    return time[order], mag[order], err[order]


@kernel
def _patch_errors(err: F8) -> bool:
    """Replace zeros by the median of the others, or 1; raise to the floor; tell whether there were zeros."""
    valid = err > 0.0
    patched = not valid.all()
    if patched:
        substitute = np.median(err[valid]) if valid.any() else 1.0
        for i in range(err.size):
            if not valid[i]:
                err[i] = substitute
    for i in range(err.size):
        err[i] = max(err[i], MIN_ERR)
    return bool(patched)
