"""The choice of a curve without noise for a star: periodic, two of them, or an interpolation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features import FEATURE_NAMES, MIN_POINTS, Status, extract, scorable
from training.reobserve.aperiodic.random_walk_model import RandomWalkModel, fit_random_walk
from training.reobserve.periodic_model import PeriodicModel, fit_as, fit_periodic

F8 = NDArray[np.float64]
Model = tuple[PeriodicModel, ...] | RandomWalkModel
"""Curves to be added up, none for a star that does not vary; or one that is not periodic."""

CLEARLY_PERIODIC_EXCESS = 0.15
"""A slow star that is as periodic as this (see `PeriodicModel.excess`) is folded all the same."""
SLOW_PERIOD_D = 20.0
"""Periods from which a star may be interpolated rather than folded."""
MAX_FOUND_EXCESS = 0.4
"""Largest excess at a period that is not from a catalogue: aliases are less sharp than periods."""
MIN_CYCLES = 5.0
"""Fewest cycles observed of a period that is used."""
MODES_APART_CYCLES = 3.0
"""Difference of the modes of a star in cycles observed: what is closer is one mode that changes."""


def choose_model(
    time: F8, mag: F8, err: F8, *, period_d: float, search: bool = True, double_mode: bool = False
) -> tuple[Model | None, str]:
    """Return the curve of one star and its kind, or None and the reason why it has none.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Rising days, magnitudes, positive errors; n >= 20.
    period_d : float
        NaN if not known.
    search : bool
        Look for a period that is not known; this takes ten times longer.
    double_mode : bool
        The star is known to have two periods.
    """
    if double_mode:
        return _two_modes(time, mag, err, period_d, search=search)
    periodic, fault = _periodic(time, mag, err, period_d, search=search)
    if periodic is not None and (
        periodic.period_d < SLOW_PERIOD_D or periodic.excess < CLEARLY_PERIODIC_EXCESS
    ):
        return (periodic,), "folded"
    walk = fit_random_walk(time, mag, err)
    if not walk.fault:
        return walk, "smoothed"
    if periodic is not None and periodic.excess > MAX_FOUND_EXCESS:
        return None, "not periodic"
    return (None, fault) if periodic is None else ((periodic,), "folded")


def in_other_band(known: PeriodicModel, time: F8, mag: F8, err: F8) -> PeriodicModel | None:
    """Return the curve of a star whose curve in one band is `known` in another, None where it shows none.

    Points are as in `choose_model`.
    """
    model = fit_as(known, *_nightly(time, mag, err, known.period_d))
    return None if model.fault else model


def search_period(time: F8, mag: F8, err: F8) -> float:
    """Period [d] of the highest Lomb-Scargle power; NaN where it may be an alias of the day or month."""
    values, status, n_used, *_ = extract(time, mag, err, np.array([0, time.size]), convention="refined")
    usable = scorable(values, status, n_used, MIN_POINTS)[0]
    aliased = bool(status[0] & (Status.ALIAS | Status.LONG_PERIOD))
    return float(values[0, FEATURE_NAMES.index("period")]) if usable and not aliased else math.nan


def _periodic(
    time: F8, mag: F8, err: F8, period_d: float, *, search: bool
) -> tuple[PeriodicModel | None, str]:
    """Return the curve at the catalogue's period, or at the one found if that fits better or is missing."""
    fault = "no period"
    if _cycles(time, period_d) >= MIN_CYCLES:
        periodic = _fit(time, mag, err, period_d)
        fault = periodic.fault
        if not fault:
            return periodic, ""
    found = search_period(time, mag, err) if search else math.nan
    if _cycles(time, found) >= MIN_CYCLES:
        periodic = _fit(time, mag, err, found)
        fault = periodic.fault or ("not periodic" if periodic.excess > MAX_FOUND_EXCESS else "")
        if not fault:
            return periodic, ""
    return None, fault


def _fit(time: F8, mag: F8, err: F8, period_d: float) -> PeriodicModel:
    return fit_periodic(*_nightly(time, mag, err, period_d), period_d=period_d)


def _nightly(time: F8, mag: F8, err: F8, period_d: float) -> tuple[F8, F8, F8]:
    """Means of the nights of a slow star, since exposures of one night tell nothing new of it."""
    if period_d < SLOW_PERIOD_D:
        return time, mag, err
    night = np.unique(np.floor(time), return_inverse=True)[1]
    count = np.bincount(night)
    time, mag, err = (np.bincount(night, weights=values) / count for values in (time, mag, err))
    return time, mag, err


def _two_modes(
    time: F8, mag: F8, err: F8, period_d: float, *, search: bool
) -> tuple[tuple[PeriodicModel, ...] | None, str]:
    """Return the curves of both modes, each fitted to what the other leaves over."""
    if not math.isfinite(period_d) and search:
        period_d = search_period(time, mag, err)
    if _cycles(time, period_d) < MIN_CYCLES:
        return None, "no period"
    first = fit_periodic(time, mag, err, period_d=period_d)
    rest = mag - first.mag(time)
    second_d = search_period(time[first.kept], rest[first.kept], err[first.kept])
    apart = abs(_cycles(time, second_d) - _cycles(time, first.period_d))
    if _cycles(time, second_d) < MIN_CYCLES or not apart > MODES_APART_CYCLES:
        return None, "one mode only"
    for _ in range(2):
        second = fit_periodic(time, mag - first.mag(time), err, period_d=second_d)
        first = fit_periodic(time, mag - second.mag(time), err, period_d=period_d)
    for mode in (first, second):
        if mode.fault not in ("", "not periodic"):  # the other mode may be the stronger one
            return None, mode.fault
    together = math.hypot(float(first.curve.std()), float(second.curve.std()))
    unexplained = second.excess * float(second.curve.std())
    return (
        (None, "not periodic")
        if unexplained > MAX_FOUND_EXCESS * together
        else ((first, second), "two modes")
    )


def _cycles(time: F8, period_d: float) -> float:
    """Cycles from the first to the last epoch; 0 if the period is not known."""
    return float(time[-1] - time[0]) / period_d if period_d > 0.0 else 0.0
