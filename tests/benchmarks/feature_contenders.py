"""Who is timed at the features of light curves, and on what: ours, and the peers that have an equal.

Everybody searches frequencies up to 1 / 0.03 per day. "As documented" is a package as its page shows it, 5
frequencies per 1 / baseline; "tuned alike" has our step, 3, and where it can our precision.
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import light_curve as lc
import nifty_ls
import numpy as np
from numpy.typing import NDArray

import features
from features.compilation.jit import kernel
from features.conventions import CONVENTIONS, MIN_PERIOD_D, OVERSAMPLING
from features.light_curve import Choices, choices, features_at_period
from features.period.points import weighted_points
from features.period.search import Room, find_period, room_for_search
from features.sorting import SortingRoom, room_for_sorting

PERIOD = features.FEATURE_NAMES.index("period")
MAX_FREQUENCY = 1 / MIN_PERIOD_D

F8 = NDArray[np.float64]


class Sample(NamedTuple):
    """Times from the first epoch [d], magnitudes and errors [mag]."""

    time: F8
    mag: F8
    err: F8


Work = Callable[[], F8]
"""Something that is timed: it returns a period [d] for each of its light curves."""


class Contender(NamedTuple):
    """A peer.

    Attributes
    ----------
    title : str
        Of its row.
    against : str
        Which of ours it is compared with: "period", "16 features" or "other 15".
    work : Work
        What it does.
    light_curves : int
        For so many of the samples.
    """

    title: str
    against: str
    work: Work
    light_curves: int


def simulate(seed: int, n: int, baseline_d: float) -> Sample:
    """An RR Lyrae-like pulsator: at most a point a night, eight months a year, uneven errors."""
    rng = np.random.default_rng(seed)
    night = np.arange(int(baseline_d))
    night = night[night % 365 < 240]
    night = np.concatenate(([0, int(baseline_d) - 1], rng.choice(night, n - 2, replace=n > night.size)))
    clock = np.sort(night + 0.3 * rng.random(n))
    err = 0.02 * rng.uniform(0.5, 2.0, n)
    phase = 2 * np.pi * clock / rng.uniform(0.3, 0.9)
    mag = 16 + sum(0.25 / k * np.sin(k * phase + k) for k in (1, 2, 3)) + err * rng.normal(size=n)
    return Sample(clock - clock[0], mag, err)


def batch(samples: list[Sample]) -> tuple[F8, F8, F8, NDArray[np.int64]]:
    """Times, magnitudes, errors and offsets of all samples."""
    time, mag, err = (np.concatenate(arrays) for arrays in zip(*samples, strict=True))
    return time, mag, err, np.cumsum([0, *(sample.time.size for sample in samples)])


def ours(samples: list[Sample]) -> dict[str, Work]:
    """What we do, by name, each as `features.extract` does it for a batch."""
    series = batch(samples)
    longest = max(sample.time.size for sample in samples)
    room, sorting = room_for_search(longest), room_for_sorting(longest)
    convention = choices(CONVENTIONS["refined"])
    found = _periods(series, room)
    return {
        "period": lambda: _periods(series, room),
        "other 15": lambda: _others(series, found, convention, sorting),
        "16 features": lambda: features.extract(*series, convention="refined").values[:, PERIOD],
    }


@kernel
def _periods(series: tuple[F8, F8, F8, NDArray[np.int64]], room: Room) -> F8:
    time, mag, err, offsets = series
    periods = np.empty(offsets.size - 1)
    for i in range(periods.size):
        a, b = offsets[i], offsets[i + 1]
        periods[i] = find_period(weighted_points(time[a:b], mag[a:b], err[a:b], True), True, room)
    return periods


@kernel
def _others(
    series: tuple[F8, F8, F8, NDArray[np.int64]], periods: F8, convention: Choices, room: SortingRoom
) -> F8:
    time, mag, err, offsets = series
    for i in range(periods.size):
        a, b = offsets[i], offsets[i + 1]
        features_at_period(time[a:b], mag[a:b], err[a:b], periods[i], convention, room)
    return periods


def contenders(samples: list[Sample], baseline_d: float, reference: Path | None = None) -> list[Contender]:
    """The peers; `reference` is a checkout of the published package, which is slow."""
    tuned = {"samples_per_peak": OVERSAMPLING, "dtype": np.float32, "finufft_kwargs": {"eps": 1e-3}}
    rows = [
        ("nifty-ls, as documented (5 a peak, float64)", "period", nifty(samples, samples_per_peak=5)),
        ("nifty-ls, tuned alike (3 a peak, float32, eps 1e-3)", "period", nifty(samples, **tuned)),
        ("light-curve, power, as documented (5 a peak or more)", "period", power(samples, 5, baseline_d)),
        ("light-curve, power, tuned alike (3 a peak or more)", "period", power(samples, 3, baseline_d)),
        ("light-curve, nearest set, as documented", "16 features", nearest_set(samples, 5, baseline_d)),
        ("light-curve, nearest set, tuned alike", "16 features", nearest_set(samples, 3, baseline_d)),
        ("light-curve, nearest set without period", "other 15", others_of_nearest_set(samples)),
    ]
    found = [Contender(*row, len(samples)) for row in rows]
    if reference is not None:
        few = samples[:3]
        found.append(Contender("the published package", "16 features", published(few, reference), len(few)))
    return found


def nifty(
    samples: list[Sample], *, samples_per_peak: int, dtype: type = np.float64, **options: object
) -> Work:
    """Periods by nifty-ls: floating mean, with errors, not refined."""

    def search(sample: Sample) -> float:
        found = nifty_ls.lombscargle(
            *(array.astype(dtype) for array in sample),
            fmin=1 / (samples_per_peak * sample.time[-1]),
            fmax=MAX_FREQUENCY,
            samples_per_peak=samples_per_peak,
            backend="finufft",
            nthreads=1,
            **options,
        )
        return 1 / float(found.fmin + found.df * np.argmax(found.power))

    return lambda: np.array([search(sample) for sample in samples])


def power(samples: list[Sample], samples_per_peak: int, baseline_d: float) -> Work:
    """Periods by light-curve: without errors, not refined; its grids have 2^k + 1 frequencies."""
    extractor = lc.Periodogram(peaks=1, freqs=_grid(samples_per_peak, baseline_d), fast=True)
    return _by_light_curve(samples, extractor)


def nearest_set(samples: list[Sample], samples_per_peak: int, baseline_d: float) -> Work:
    """Nearest features by light-curve: no Fourier series, no Shapiro-Wilk, no slopes."""
    folded = [lc.Eta(), lc.Cusum()]
    searched = lc.Periodogram(
        peaks=1, freqs=_grid(samples_per_peak, baseline_d), fast=True, phase_features=folded
    )
    return _by_light_curve(samples, lc.Extractor(searched, *_of_magnitudes()))


def others_of_nearest_set(samples: list[Sample]) -> Work:
    """The same without the periodogram, as if the light curve were folded already; no periods."""
    return _by_light_curve(samples, lc.Extractor(lc.Eta(), lc.Cusum(), *_of_magnitudes()))


def published(samples: list[Sample], checkout: Path) -> Work:
    """Periods, from all features, by a checkout of the published package: as slow as it is.

    Three of its names are put right first, or it does not run on the NumPy of today.
    """
    sys.path.insert(0, str(checkout))
    from upsilon.extract_features import period_LS_pyfftw as search  # noqa: PLC0415
    from upsilon.extract_features.extract_features import ExtractFeatures  # noqa: PLC0415

    search.min, search.max, search.abs = min, max, abs  # it takes NumPy's for Python's
    if hasattr(search, "pyfftw"):
        search.pyfftw.n_byte_align_empty = lambda n, alignment, dtype: search.pyfftw.zeros_aligned(
            n, dtype, n=alignment
        )

    def extract(sample: Sample) -> float:
        extractor = ExtractFeatures(*sample, n_threads=1)
        extractor.run()
        return float(extractor.period)

    return lambda: np.array([extract(sample) for sample in samples])


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def _of_magnitudes() -> list[object]:
    return [
        *(lc.Amplitude(), lc.AndersonDarlingNormal(), lc.InterPercentileRange(0.25), lc.Kurtosis()),
        *(lc.MagnitudePercentageRatio(), lc.Skew(), lc.StandardDeviation(), lc.StetsonK(), lc.WeightedMean()),
    ]


def _grid(samples_per_peak: int, baseline_d: float) -> F8:
    k = int(np.ceil(np.log2(samples_per_peak * baseline_d * MAX_FREQUENCY)))
    return 2 * np.pi * np.linspace(0.0, MAX_FREQUENCY, 2**k + 1)


def _by_light_curve(samples: list[Sample], extractor: object) -> Work:
    return lambda: np.array([float(extractor(*s, sorted=True, check=False)[0]) for s in samples])
