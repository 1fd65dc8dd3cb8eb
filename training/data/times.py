"""Times that are too coarse for the periods searched: rounded ones, and those of single precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features.conventions import MIN_PERIOD_D
from training.data.light_curves import F8, LightCurves
from training.errors import TrainingError

COARSE_D = 0.1
"""A grid of so much or more hides short periods [d]."""

MINUTE_D = 1.0 / 1440.0
"""What the numbers of a file must be able to hold [d]."""

TOLERANCE_D = 1e-3
"""Times lie on a grid if they are within this of it [d]."""

FEWEST_TIMES = 10
"""Different times of a light curve: fewer lie on a grid by chance, or where nights are counted."""

FEWEST_OF_A_FILE = 15
"""Of all light curves that could be looked at."""

CLOSE = 0.01
"""Of a step of single precision: numbers that went through it are no farther from its own [steps]."""

PROBED = 1000
"""Times that are written out to see whether they went through single precision."""

NAMED = 5
"""Light curves named in a warning."""


def check_times(
    what: str,
    curves: LightCurves,
    names: NDArray[np.str_],
    warn: Callable[[str], None],
    *,
    single: bool,
    refuse: bool = True,
) -> None:
    """Refuse times that cannot show the periods searched, warn of single light curves that have such.

    Parameters
    ----------
    what : str
        The file, for messages.
    curves : LightCurves
        In order of time.
    names : (n,) str
        Of the light curves.
    warn : callable
        What to do with a warning.
    single : bool
        Whether the times were stored in single precision.
    refuse : bool
        Only warn otherwise.

    Raises
    ------
    TrainingError
        If all light curves of ten different times and more lie on a grid of 0.1 d or coarser and no shorter
        one has finer times, or the numbers cannot hold a minute.
    """
    looked_at, steps, shorter_are_fine = _grids(curves)
    coarse = looked_at & (steps > 0.0)
    n_times = int(curves.n_epochs[looked_at].sum())
    if n_times >= FEWEST_OF_A_FILE and coarse[looked_at].all() and not shorter_are_fine:
        found = f"{what}: its times lie on a grid of {steps[coarse].min():.4g} d, as rounded ones do"
    elif step := _step_of_single_precision(curves.time, declared=single, enough=n_times >= FEWEST_OF_A_FILE):
        found = (
            f"{what}: its times are in single precision, which at {np.median(curves.time):.10g} has steps "
            f"of {step * 1440.0:.2g} minutes"
        )
    else:
        if coarse.any():
            some = ", ".join(names[coarse][:NAMED].tolist())
            warn(
                f"{what}: the times of {coarse.sum()} of {len(curves)} light curves lie on a grid of "
                f"{COARSE_D:g} d or coarser, which hides short periods: {some}"
                f"{', ...' if coarse.sum() > NAMED else ''}"
            )
        return
    message = (
        f"{found}: too coarse for periods from {MIN_PERIOD_D:g} d on: give them as they were observed, in "
        "double precision or less a constant"
    )
    if refuse:
        raise TrainingError(message)
    warn(message)


def _grids(curves: LightCurves) -> tuple[NDArray[np.bool_], F8, bool]:
    """Which light curves (n,) have enough different times, and the coarse grid of each; 0 for none.

    The third is whether the times of one that has not enough are seen to be on no coarse grid: asked only
    where all others are.
    """
    n = len(curves)
    star = np.repeat(np.arange(n), curves.n_epochs)
    gap = np.diff(curves.time)
    counted = np.flatnonzero((star[1:] == star[:-1]) & (gap > TOLERANCE_D))
    n_gaps = np.bincount(star[counted], minlength=n)
    fine = np.bincount(star[counted], gap[counted] < COARSE_D - TOLERANCE_D, minlength=n) > 0
    looked_at = n_gaps >= FEWEST_TIMES - 1
    steps = np.zeros(n)
    bounds = np.concatenate([[0], np.cumsum(n_gaps)])
    for k in np.flatnonzero(looked_at & ~fine):
        steps[k] = _grid(gap[counted[bounds[k] : bounds[k + 1]]])
    if not looked_at.any() or not (steps[looked_at] > 0.0).all():
        return looked_at, steps, False
    several = (gap[counted[bounds[k] : bounds[k + 1]]] for k in np.flatnonzero(~looked_at & (n_gaps > 1)))
    return looked_at, steps, any(np.ptp(gaps) > TOLERANCE_D and _grid(gaps) == 0.0 for gaps in several)


def _grid(gaps: F8) -> float:
    """Return the step that all gaps are multiples of, by Euclid's rule; 0 if it is finer than 0.1 d.

    Times that are evenly spaced are as they were taken: rounded ones have gaps of many lengths.
    """
    step = float(gaps.min())
    if gaps.max() - step <= TOLERANCE_D:
        return 0.0
    for gap in np.unique(np.round(gaps, 5)).tolist():
        other = gap
        while other > TOLERANCE_D:
            rest = other % step
            rest = min(rest, step - rest)
            step, other = (step, 0.0) if rest <= TOLERANCE_D else (rest, step)
            if step < COARSE_D - TOLERANCE_D:
                return 0.0
    return step


def _step_of_single_precision(time: F8, *, declared: bool, enough: bool) -> float:
    """Return the step of single precision at the times, where it is longer than a minute; 0 where not."""
    if not len(time):
        return 0.0
    step = float(np.spacing(np.float32(np.abs(np.median(time)))))
    if step <= MINUTE_D:
        return 0.0
    return step if declared or (enough and _went_through_single(time)) else 0.0


def _went_through_single(time: F8) -> bool:
    """Whether all times are numbers of single precision, to the last digit or as it is written out."""
    single = time.astype(np.float32)
    probe = slice(None, None, max(1, len(time) // PROBED))
    hundredths = np.abs(time[probe] * 100.0 - np.round(time[probe] * 100.0)) < TOLERANCE_D
    if hundredths.mean() >= 0.5:  # whole days and other round numbers are such numbers anyway
        return False
    step = float(np.spacing(np.abs(np.median(single))))
    if not (
        time % (2.0 * step)
    ).any():  # as times taken every 1/64 d are: those that went through it are odd, too
        return False
    if (np.abs(time - single) <= CLOSE * np.spacing(np.abs(single))).all():
        return True
    written = [float(str(value)) for value in single[probe]]
    return bool((time[probe] == written).all())
