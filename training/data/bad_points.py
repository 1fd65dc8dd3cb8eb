"""Measurements that are not believed: one rule for every file format, and one message."""

from __future__ import annotations

import multiprocessing
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.surveys import BRIGHTEST_MAG, FAINTEST_MAG, UNINFORMATIVE_ERR_MAG
from training.data.light_curves import is_table
from training.errors import TrainingError

HONEST_ZEROS = 5.0
"""Magnitudes about a median below this may be 0, as median-subtracted ones are [mag]."""

LAST_DAY = 5e6
"""Beyond any count of days, Julian dates are at 2.46 million; seconds are not [d]."""

GAP_D = 36_525.0
"""No light curve pauses for a century; where one seems to, its times are of two kinds [d]."""

LONGEST_D = 100_000.0
"""No light curve is as long [d]."""

MAIN_SHARE = 0.75
"""Of the points of a light curve that must be together for the others to be strays among them."""

F8 = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Rule(NamedTuple):
    """What is asked of the values of a column."""

    key: str
    wanted: str


RULES: Mapping[str, Rule] = {
    "object_id": Rule("object_id", "must not be empty"),
    "time": Rule("time", "must be a finite number of days, or a date as 2026-03-01T22:30:00"),
    "time scale": Rule(
        "time",
        "must be in days, all of a light curve on one scale (seconds / 86400; JD - 2400000.5 = MJD)",
    ),
    "stray time": Rule(
        "time",
        "is more than a century from the other times of its light curve: give all on one scale "
        "(JD - 2400000.5 = MJD)",
    ),
    "mag": Rule(
        "mag",
        f"must be a magnitude between {BRIGHTEST_MAG:g} and {FAINTEST_MAG:g}, "
        "instrumental ones plus a constant",
    ),
    "mag 0": Rule("mag", 'must not be 0 where the others are those of a star: 0 stands for "not measured"'),
    "err": Rule("err", "must be a positive number"),
    "large err": Rule(
        "err", f"must be below {UNINFORMATIVE_ERR_MAG:g} mag: such is the error of a limit, or of noise"
    ),
    "ra": Rule(
        "ra", "must be a finite number of degrees from -180 to 360, or empty; --columns ra=,dec= for none"
    ),
    "dec": Rule(
        "dec", "must be a finite number of degrees from -90 to 90, or empty; --columns ra=,dec= for none"
    ),
}
"""By reason, as it is counted."""

UNINFORMATIVE = ("mag", "mag 0", "err", "large err")
"""The reasons of measurements without information, which public surveys hold."""


def unusable(time: F8, mag: F8, err: F8, curve: NDArray[np.int64]) -> dict[str, Bools]:
    """Which of n points break a rule of `RULES`; NaN breaks any.

    Parameters
    ----------
    time, mag, err : (n,) float64
        In days and magnitudes.
    curve : (n,) int64
        Light curve of each point.
    """
    scale, stray = _times_of_two_kinds(time, curve)
    return {
        "time": ~np.isfinite(time),
        "time scale": scale,
        "stray time": stray,
        "mag": ~((mag >= BRIGHTEST_MAG) & (mag <= FAINTEST_MAG)),
        "mag 0": _zeros(mag, curve),
        "err": ~((err > 0.0) & np.isfinite(err)),
        "large err": np.isfinite(err) & (err >= UNINFORMATIVE_ERR_MAG),
    }


def usable_rows(
    path: Path,
    broken: Mapping[str, Bools],
    describe: Callable[[int, str], str],
    *,
    skip_bad_rows: bool,
    left_out: Collection[str] = (),
) -> tuple[Bools, dict[str, int]]:
    """Return which of n rows to use, (n,) bool, and how many are left out, by reason.

    Parameters
    ----------
    path : Path
        The file, for messages.
    broken : mapping of str to (n,) bool
        For reasons, as those of `RULES`, which rows are bad.
    describe : callable
        From a row and such a reason to the place, the rule and the value, in words.
    skip_bad_rows : bool
        Leave bad rows out and say so on standard error, instead of refusing the file.
    left_out : collection of str
        Reasons for which rows are left out whatever was asked for.

    Raises
    ------
    TrainingError
        If a row is bad and may not be left out, or none is left.
    """
    bad: Bools = np.logical_or.reduce(list(broken.values()))
    if not bad.any():
        return ~bad, {}
    row = int(bad.argmax())
    first = describe(row, next(reason for reason in broken if broken[reason][row]))
    if bad.all():  # neither can be left out
        raise TrainingError(
            f"{path} has no usable row: all {len(bad)} are bad, the first at {first}: convert the values"
            f"{', or name other columns with --columns' if is_table(path) else ''}"
        )
    refused = [reason for reason in broken if not skip_bad_rows and reason not in left_out]
    if any(broken[reason].any() for reason in refused):
        row = min(int(broken[reason].argmax()) for reason in refused if broken[reason].any())
        worst = describe(row, next(reason for reason in refused if broken[reason][row]))
        raise TrainingError(f"{path}, {worst}: remove the row, or give --skip-bad-rows")
    counts: Counter[str] = Counter()
    counted = np.zeros(len(bad), np.bool_)
    for reason, rows in broken.items():
        counts[reason] += int((rows & ~counted).sum())
        counted |= rows
    say_once(
        f"{path}: {bad.sum()} of {len(bad)} rows left out, the first at {first}; "
        f"by reason: {in_words(counts)}"
    )
    return ~bad, {reason: count for reason, count in counts.items() if count}


def in_words(counts: Mapping[str, int]) -> str:
    """Return how many by reason, the most frequent first."""
    most = Counter(counts).most_common()
    return ", ".join(f"{reason} {count}" for reason, count in most if count)


@cache
def say_once(line: str) -> None:
    """Print to standard error; a file is read more than once, by several processes, and is told of once."""
    if multiprocessing.parent_process() is None:
        print(f"varstream-train: {line}", file=sys.stderr)


def _zeros(mag: F8, curve: NDArray[np.int64]) -> Bools:
    """Which magnitudes (n,) are 0 though the median of the others of the light curve is that of a star."""
    zero: Bools = mag == 0.0
    if not zero.any():
        return zero
    asked = np.isin(curve, np.unique(curve[zero]))
    others = np.flatnonzero(asked & ~zero & (mag >= BRIGHTEST_MAG) & (mag <= FAINTEST_MAG))
    others = others[np.lexsort((mag[others], curve[others]))]
    curves, first, count = np.unique(curve[others], return_index=True, return_counts=True)
    low, high = others[first + (count - 1) // 2], others[first + count // 2]
    stars = curves[(mag[low] + mag[high]) / 2.0 > HONEST_ZEROS]
    zero &= np.isin(curve, stars)
    return zero


def _times_of_two_kinds(time: F8, curve: NDArray[np.int64]) -> tuple[Bools, Bools]:
    """Which times (n,) are not in days or of a light curve on two scales, and which are strays of a few."""
    scale = np.isfinite(time) & (np.abs(time) > LAST_DAY)
    stray = np.zeros(len(time), np.bool_)
    usable = np.isfinite(time) & ~scale
    if not usable.any():
        return scale, stray
    n_curves = int(curve.max()) + 1
    first, last = np.full(n_curves, np.inf), np.full(n_curves, -np.inf)
    np.minimum.at(first, curve[usable], time[usable])
    np.maximum.at(last, curve[usable], time[usable])
    long = np.flatnonzero(last - first > GAP_D)
    asked = np.flatnonzero(usable & np.isin(curve, long))
    asked = asked[np.lexsort((time[asked], curve[asked]))]
    for points in np.split(asked, np.flatnonzero(np.diff(curve[asked])) + 1) if len(long) else []:
        parts = np.split(points, np.flatnonzero(np.diff(time[points]) > GAP_D) + 1)
        main = max(parts, key=len)
        if len(main) < MAIN_SHARE * len(points) or np.ptp(time[main]) > LONGEST_D:
            scale[points] = True
        else:
            stray[np.setdiff1d(points, main)] = True
    return scale, stray
