"""Measurements that are not believed: one rule for every file format, and one message."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

BRIGHTEST, FAINTEST = -50.0, 90.0
"""No star is outside, while the values that stand for "not measured" are: 99.999, 999, -99 [mag]."""

WHAT_IS_WANTED: Mapping[str, str] = {
    "object_id": "must not be empty",
    "time": "must be a finite number of days",
    "mag": f"must be a magnitude between {BRIGHTEST:g} and {FAINTEST:g}",
    "err": "must be a positive number",
    "ra": "must be a finite number of degrees, or empty",
    "dec": "must be a finite number of degrees, or empty",
}
"""What is asked of each value."""


def unusable(
    time: NDArray[np.float64], mag: NDArray[np.float64], err: NDArray[np.float64]
) -> dict[str, NDArray[np.bool_]]:
    """Which of n points break the rule of each series; NaN breaks any."""
    return {
        "time": ~np.isfinite(time),
        "mag": ~((mag > BRIGHTEST) & (mag < FAINTEST)),
        "err": ~((err > 0.0) & np.isfinite(err)),
    }


def usable_rows(
    path: Path,
    broken: Mapping[str, NDArray[np.bool_]],
    describe: Callable[[int, str], str],
    *,
    skip_bad_rows: bool,
) -> NDArray[np.bool_]:
    """Return which of n rows to use, (n,) bool.

    Parameters
    ----------
    path : Path
        The file, for messages.
    broken : mapping of str to (n,) bool
        For the keys of `WHAT_IS_WANTED`, which rows break its rule.
    describe : callable
        From a row and such a key to the place, the rule and the value, in words.
    skip_bad_rows : bool
        Leave bad rows out and say so on standard error, instead of refusing the file.

    Raises
    ------
    TrainingError
        If a row is bad and may not be left out, or none is left.
    """
    bad: NDArray[np.bool_] = np.logical_or.reduce(list(broken.values()))
    if not bad.any():
        return ~bad
    row = int(bad.argmax())
    first = describe(row, next(key for key in broken if broken[key][row]))
    if not skip_bad_rows:
        raise TrainingError(f"{path}, {first}: remove the row, or give --skip-bad-rows")
    if bad.all():
        raise TrainingError(f"{path} has no usable row: all {len(bad)} are bad, the first at {first}")
    _say_once(f"{path}: {bad.sum()} of {len(bad)} rows left out, the first at {first}")
    return ~bad


@cache
def _say_once(line: str) -> None:
    """Print to standard error; a file is read more than once, by several processes, and is told of once."""
    if multiprocessing.parent_process() is None:
        print(f"varstream-train: {line}", file=sys.stderr)
