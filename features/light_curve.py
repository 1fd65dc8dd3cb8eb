"""From the points of a light curve to its 16 features and status bits, for one after another of a batch.

Where single points decide; where they do not, `features.star` takes this place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.clean import DEGENERATE, clean
from features.compilation.jit import kernel, part
from features.conventions import NIGHT_GAP_D, Convention
from features.period.points import weighted_points
from features.period.search import Room, find_period
from features.sorting import SortingRoom, room_for_sorting, sort
from features.status import BLOCKING, Status
from features.variability.fourier import bounded_fourier_coefficients, fourier_coefficients, fourier_shape
from features.variability.moments import (
    hl_amp_ratio,
    percentile,
    skewness_kurtosis,
    stetson_k,
    weighted_mean_std,
)
from features.variability.normality import shapiro_w
from features.variability.phase import phase_cusum, phase_eta, phase_fold, slope_percentiles

F8 = NDArray[np.float64]

ALIAS_WINDOWS_D = ((0.99, 1.004), (1.03, 1.04), (27.1, 27.5), (29.2, 29.9))
"""Solar and sidereal day, lunar day, sidereal and synodic month [d]; their 1/1 ... 1/5 as well."""

BLOCKING_BITS = np.uint32(BLOCKING)
LONG_PERIOD = np.uint32(Status.LONG_PERIOD)
ALIAS = np.uint32(Status.ALIAS)


class Choices(NamedTuple):
    """What kernels take of a `features.conventions.Convention`; see there."""

    floating_mean: bool
    refine: bool
    from_first_epoch: bool
    full_angles: bool
    by_support: bool


def choices(convention: Convention) -> Choices:
    """Return what kernels take of a convention."""
    return Choices(
        convention.floating_mean,
        convention.refine,
        convention.from_first_epoch,
        convention.full_angles,
        convention.by_support,
    )


@kernel
def measure(
    light_curves: tuple[F8, F8, F8, NDArray[np.int64]],
    clip_sigma: float,
    convention: Choices,
    rooms: tuple[Room, SortingRoom],
    results: tuple[F8, NDArray[np.uint32], NDArray[np.int64], F8, NDArray[np.int64]],
) -> None:
    """Fill what `features.extract` returns; what it takes was checked there.

    Parameters
    ----------
    light_curves : time, mag, err, bounds
        Light curve i is ``bounds[i]`` to ``bounds[i + 1]`` of the series.
    clip_sigma : float
        See `features.clean.clean`.
    convention : Choices
        See there.
    rooms
        For as many points as are used of the longest.
    results : values, status, n_used, baseline_d, n_nights
        See `features.extract.Measured`; the values are NaN and stay so where there are none.
    """
    time, mag, err, bounds = light_curves
    values, status, n_used, baseline_d, n_nights = results
    for i in range(bounds.size - 1):
        begin, end = bounds[i], bounds[i + 1]
        times, mags, errs, bits = clean(time[begin:end], mag[begin:end], err[begin:end], clip_sigma)
        n_used[i] = times.size
        if times.size > 0:
            baseline_d[i] = times[-1] - times[0]
            n_nights[i] = count_nights(times)
        if not bits & BLOCKING_BITS:
            points = weighted_points(times, mags, errs, convention.floating_mean)
            period = find_period(points, convention.refine, rooms[0])
            row = features_at_period(times, mags, errs, period, convention, rooms[1])
            finite = True
            for value in row:
                finite = finite and np.isfinite(value)
            if not finite:
                bits |= DEGENERATE
            else:
                for k in range(row.size):
                    values[i, k] = row[k]
                if period > baseline_d[i]:
                    bits |= LONG_PERIOD
                if _is_alias(period):
                    bits |= ALIAS
        status[i] = bits


@kernel
def count(
    light_curves: tuple[F8, F8, F8, NDArray[np.int64]], clip_sigma: float, n_used: NDArray[np.int64]
) -> None:
    """Fill how many points of each light curve `measure` would use; see there."""
    time, mag, err, bounds = light_curves
    for i in range(bounds.size - 1):
        begin, end = bounds[i], bounds[i + 1]
        n_used[i] = clean(time[begin:end], mag[begin:end], err[begin:end], clip_sigma)[0].size


@kernel
def count_nights(time: F8) -> int:
    """Count the groups of rising times [d], one at least, that are more than `NIGHT_GAP_D` apart."""
    nights = 1
    for i in range(1, time.size):
        nights += time[i] - time[i - 1] > NIGHT_GAP_D
    return nights


def features_at(time: F8, mag: F8, err: F8, period: float, convention: Convention) -> F8:
    """Compute the features of clean points at a given period, (16,) float64, not finite where undefined."""
    return features_at_period(time, mag, err, float(period), choices(convention), room_for_sorting(time.size))


@kernel
def features_at_period(
    time: F8, mag: F8, err: F8, period: float, convention: Choices, room: SortingRoom
) -> F8:
    """All features of clean points at a period, in the order of FEATURE_NAMES, not finite where undefined."""
    n = time.size
    origin = time[0] if convention.from_first_epoch else 0.0
    times, mags, position = np.empty(n), np.empty(n), np.empty(n)
    lowest = highest = mag[0]
    for value in mag:
        lowest, highest = min(lowest, value), max(highest, value)
    for i in range(n):
        times[i] = time[i] - origin
        position[i] = (mag[i] - lowest) / (highest - lowest)
    numbers, _ = sort(mag, position, room)
    ordered = np.empty(n)
    middle = percentile(numbers, 50.0)
    for i in range(n):  # it changes no feature, and keeps the digits of faint stars and of small amplitudes
        ordered[i] = numbers[i] - middle
        mags[i] = mag[i] - middle
    median = percentile(ordered, 50.0)
    skewness, kurtosis = skewness_kurtosis(mags)
    mean, std = weighted_mean_std(mags, err)
    if convention.by_support:
        coefficients = bounded_fourier_coefficients(times, mags, period)
    else:
        coefficients = fourier_coefficients(times, mags, period)
    amplitude, r21, r31, phi21, phi31 = fourier_shape(coefficients, convention.full_angles)
    since, in_phase = phase_fold(times, mags, period, room)
    slope_per10, slope_per90 = slope_percentiles(since, in_phase, room)
    return np.array(
        [
            amplitude,
            hl_amp_ratio(mags, err, median),
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
            stetson_k(mags, err, median),
        ]
    )


@part
def _is_alias(period: float) -> bool:
    for i in range(1, 6):
        for low, high in ALIAS_WINDOWS_D:
            if low < i * period < high:
                return True
    return False
