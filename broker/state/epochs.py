"""Epochs by what they are known by, many at a time: found, compared, and which of an exposure are seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from broker.alert import DETECTION, REFUSED

# A survey re-sends an epoch with its last digits changed: in 2,268 ZTF packets by up to 5e-5 mag in the
# difference and 1e-5 d, which stays below a tenth of the error in the total magnitude.
MJD_ROUNDING_D = 2e-5
MAG_ROUNDING = 1e-3
ROUNDING_FRACTION_OF_ERROR = 0.1

BAND_BITS = 5  # of a small letter


def exposure_keys(epochs: NDArray[np.void]) -> NDArray[np.int64]:
    """Band and exposure of epochs (n,) as one number each; exposures are smaller than 2**58."""
    letters = epochs["band"].view(np.uint8) & (2**BAND_BITS - 1)
    keys: NDArray[np.int64] = (epochs["exposure"] << BAND_BITS) | letters
    return keys


def find(wanted: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of `wanted` (m,) stands in `numbers`, the first of several; -1 where it does not."""
    if not numbers.size:
        return np.full(wanted.size, -1)
    order = np.argsort(numbers, kind="stable")  # fast where they are in order already
    at = order[np.minimum(np.searchsorted(numbers, wanted, sorter=order), numbers.size - 1)]
    return np.where(numbers[at] == wanted, at, -1)


def find_where(
    wanted: NDArray[np.int64], numbers: NDArray[np.int64], among: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Do as `find` does, by those of `numbers` alone that are `among`."""
    if among.all():
        return find(wanted, numbers)
    places = np.flatnonzero(among)
    at = find(wanted, numbers[places])
    return np.where(at < 0, -1, places[at]) if places.size else at


def last_of_each(groups: NDArray[np.int64], *rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of the last of every group by `rank`, the most important first; in order of `groups` (n,)."""
    order = np.lexsort((*reversed(rank), groups))
    sorted_groups = groups[order]
    last = np.ones(groups.size, dtype=np.bool_)
    np.not_equal(sorted_groups[1:], sorted_groups[:-1], out=last[:-1])
    return order[last]


def same_values(a: NDArray[np.void], b: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether two measurements of one thing agree to rounding; unknown errors equal each other."""
    err = np.where(np.isfinite(a["mag_err"]), a["mag_err"], 0.0).astype(np.float64)
    other = np.where(np.isfinite(b["mag_err"]), b["mag_err"], 0.0).astype(np.float64)
    slack = np.maximum(MAG_ROUNDING, ROUNDING_FRACTION_OF_ERROR * err)
    return np.asarray(
        (np.abs(a["mjd"] - b["mjd"]) <= MJD_ROUNDING_D)
        & (np.abs(a["mag"].astype(np.float64) - b["mag"]) <= slack)
        & (np.abs(err - other) <= slack)
        & (a["band"] == b["band"])
    )


def seen(epochs: NDArray[np.void]) -> NDArray[np.void]:
    """Epochs that count: of each exposure of a band one, forced photometry rather than a detection.

    Returns
    -------
    (m,) EPOCH
        In order of `exposure_keys`.
    """
    epochs = epochs[~epochs["withdrawn"] & (epochs["kind"] != REFUSED)]
    return epochs[last_of_each(exposure_keys(epochs), epochs["kind"], epochs["source_id"])]


def is_detection(epochs: NDArray[np.void]) -> NDArray[np.bool_]:
    """Epochs that are detections, withdrawn or not."""
    detections: NDArray[np.bool_] = epochs["kind"] == DETECTION
    return detections
