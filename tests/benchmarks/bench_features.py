"""Time per light curve of the 16 features, as ratios to other packages in the same run.

Simulated pulsators with nightly, seasonal sampling. Every contender searches frequencies up to 1 / 0.03 per
day; each row says its step (the number of frequencies per 1 / baseline), precision and periodogram. Two rows
do less than ours: nifty-ls finds only the period, light-curve has its nearest set of features (no Fourier
series, no Shapiro-Wilk, no slopes) on a power without errors. Before timing the periods are compared, and
the features with the plain NumPy reference. Times are CPU times of one core; rounds are interleaved and a
ratio is taken within its round, so a noisy neighbour meets all alike.
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import time
from collections.abc import Callable
from typing import NamedTuple

import light_curve as lc
import nifty_ls
import numpy as np
from numpy.typing import NDArray

import features
from features.conventions import MIN_PERIOD_D, OVERSAMPLING
from tests import reference

ROUNDS = 9
CELLS = [(n, baseline_d) for baseline_d in (30.0, 365.0, 2500.0) for n in (100, 200)]
LIGHT_CURVES = 24
PERIOD = features.FEATURE_NAMES.index("period")
MAX_FREQUENCY = 1 / MIN_PERIOD_D

F8 = NDArray[np.float64]


class Sample(NamedTuple):
    """Times from the first epoch [d], magnitudes and errors [mag]."""

    time: F8
    mag: F8
    err: F8


Search = Callable[[Sample], float]


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


def ours(samples: list[Sample]) -> F8:
    """Periods, from the whole table of features."""
    offsets = np.concatenate(([0], np.cumsum([sample.time.size for sample in samples])))
    series = [np.concatenate(arrays) for arrays in zip(*samples, strict=True)]
    values, status, *_ = features.extract(*series, offsets)
    assert not (status & features.BLOCKING).any()
    return values[:, PERIOD]


def nifty(samples_per_peak: int, dtype: type, **options: object) -> Search:
    """Period by nifty-ls: floating mean, with errors."""

    def search(sample: Sample) -> float:
        step = 1 / (samples_per_peak * sample.time[-1])
        found = nifty_ls.lombscargle(
            *(array.astype(dtype) for array in sample),
            fmin=step,
            fmax=MAX_FREQUENCY,
            samples_per_peak=samples_per_peak,
            backend="finufft",
            nthreads=1,
            **options,
        )
        return 1 / float(found.fmin + found.df * np.argmax(found.power))

    return search


def light_curve_set(samples_per_peak: int, baseline_d: float) -> Search:
    """Period and nearest features by light-curve; its grids have 2^k + 1 frequencies."""
    k = int(np.ceil(np.log2(samples_per_peak * baseline_d * MAX_FREQUENCY)))
    grid = 2 * np.pi * np.linspace(0.0, MAX_FREQUENCY, 2**k + 1)
    extractor = lc.Extractor(
        lc.Periodogram(peaks=1, freqs=grid, fast=True, phase_features=[lc.Eta(), lc.Cusum()]),
        *(lc.Amplitude(), lc.AndersonDarlingNormal(), lc.InterPercentileRange(0.25), lc.Kurtosis()),
        *(lc.MagnitudePercentageRatio(), lc.Skew(), lc.StandardDeviation(), lc.StetsonK(), lc.WeightedMean()),
    )
    return lambda sample: float(extractor(*sample, sorted=True, check=False)[0])


def contenders(baseline_d: float) -> dict[str, Search]:
    """What we are compared with, by its row's title."""
    return {
        "nifty-ls, period only, as documented (5 a peak, float64)": nifty(5, np.float64),
        "nifty-ls, period only, 3 a peak, float64": nifty(OVERSAMPLING, np.float64),
        "nifty-ls, period only, 3 a peak, float32, eps 1e-3": nifty(
            OVERSAMPLING, np.float32, finufft_kwargs={"eps": 1e-3}
        ),
        "light-curve, nearest set (at least 5 a peak)": light_curve_set(5, baseline_d),
        "light-curve, nearest set (at least 3 a peak)": light_curve_set(OVERSAMPLING, baseline_d),
    }


def agreement(samples: list[Sample], found: F8, expected: F8) -> float:
    """Fraction of periods that are the same within a quarter of a cycle over the baseline."""
    baseline = np.array([sample.time[-1] for sample in samples])
    return float(np.mean(np.abs(1 / found - 1 / expected) * baseline < 0.25))


def check(samples: list[Sample]) -> None:
    """Assert that our features are those of the reference."""
    for sample in samples[:3]:
        row = features.extract(*sample, [0, sample.time.size])[0][0]
        expected = reference.features(*sample, period=row[PERIOD])
        np.testing.assert_allclose(row, list(expected.values()), rtol=1e-8, atol=1e-8)


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def measure(n: int, baseline_d: float) -> list[str]:
    """Return the rows of one cell of the table."""
    samples = [simulate(seed, n, baseline_d) for seed in range(LIGHT_CURVES)]
    check(samples)
    mine = ours(samples)
    peers = contenders(baseline_d)
    same = {
        title: agreement(samples, np.array([peer(s) for s in samples]), mine) for title, peer in peers.items()
    }
    own, times = [], {title: [] for title in peers}
    for _ in range(ROUNDS):
        own.append(cpu_seconds(lambda: ours(samples)))
        for title, peer in peers.items():
            times[title].append(cpu_seconds(lambda peer=peer: [peer(s) for s in samples]))
    cell = f"{baseline_d:.0f} | {n}"
    rows = [f"| {cell} | **ours, 16 features** | {np.median(own) / LIGHT_CURVES * 1e6:.0f} | | |"]
    for title, spent in times.items():
        ratios = np.array(spent) / own
        rows.append(
            f"| {cell} | {title} | {np.median(spent) / LIGHT_CURVES * 1e6:.0f} "
            f"| x{np.median(ratios):.1f} ({ratios.min():.1f}-{ratios.max():.1f}) | {same[title]:.0%} |"
        )
    return rows


def main() -> None:
    """Print the table."""
    first = cpu_seconds(lambda: ours([simulate(0, 100, 30.0)]))
    print(
        f"First call: {first:.1f} s of CPU (about 15 s where kernels are compiled, 0.3 s from their cache).\n"
    )
    print("A ratio above 1 is in our favour: median (least-most) of the rounds.\n")
    print("| T [d] | n | | us per light curve | ratio | same period |")
    print("|---|---|---|---|---|---|")
    for n, baseline_d in CELLS:
        print(*measure(n, baseline_d), sep="\n", flush=True)


if __name__ == "__main__":
    main()
