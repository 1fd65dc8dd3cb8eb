"""Time per light curve of the period search and of the 16 features, as ratios to other packages in one run.

Simulated pulsators with nightly, seasonal sampling. Each row says its step (the number of frequencies per
1 / baseline) and precision. Peers do less than ours: none refines its peak; light-curve's power has no
errors. Before timing the periods are compared, and the features with the plain NumPy reference. Times are CPU
times of one core; rounds are interleaved and a ratio is taken within its round: a noisy neighbour meets all.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import features
from tests import reference
from tests.benchmarks.feature_contenders import (
    PERIOD,
    Contender,
    Sample,
    contenders,
    cpu_seconds,
    ours,
    simulate,
)

ROUNDS = 7
CELLS = [
    (30.0, 100),
    (30.0, 200),
    (30.0, 500),
    (30.0, 1000),
    (365.0, 100),
    (365.0, 200),
    (365.0, 1000),
    (2920.0, 100),
    (2920.0, 200),
    (2920.0, 1000),
]
"""Baselines [d] and numbers of points."""

LIGHT_CURVES = 24

F8 = NDArray[np.float64]


class Row(NamedTuple):
    """One contender in one cell.

    Attributes
    ----------
    title, against : str
        See `feature_contenders.Contender`.
    microseconds : float
        Median CPU time for a light curve.
    ratios : (rounds,) float64
        Its time over that of ours; above 1 is in our favour.
    same : float
        Part of the periods that are ours, to a quarter of a cycle over the baseline; NaN where it has none.
    """

    title: str
    against: str
    microseconds: float
    ratios: F8
    same: float


def check(samples: list[Sample]) -> None:
    """Assert that our features are those of the reference."""
    for sample in samples[:3]:
        row = features.extract(*sample, [0, sample.time.size], convention="refined").values[0]
        expected = reference.features(*sample, period=row[PERIOD])
        np.testing.assert_allclose(row, list(expected.values()), rtol=1e-8, atol=1e-8)


def agreement(samples: list[Sample], peer: Contender, own: F8) -> float:
    """Part of a peer's periods that are ours."""
    if peer.against == "other 15":
        return np.nan
    found = peer.work()
    baseline = np.array([sample.time[-1] for sample in samples[: found.size]])
    return float(np.mean(np.abs(1 / found - 1 / own[: found.size]) * baseline < 0.25))


def measure(
    baseline_d: float, n: int, rounds: int = ROUNDS, checkout: Path | None = None
) -> tuple[dict[str, float], list[Row]]:
    """Time a cell; return our times [us for a light curve] and the peers' rows."""
    samples = [simulate(seed, n, baseline_d) for seed in range(LIGHT_CURVES)]
    check(samples)
    works = ours(samples)
    own_periods = works["16 features"]()
    assert agreement(samples, Contender("", "period", works["period"], LIGHT_CURVES), own_periods) == 1.0
    peers = contenders(samples, baseline_d, checkout)
    same = [agreement(samples, peer, own_periods) for peer in peers]
    own: dict[str, list[float]] = {name: [] for name in works}
    spent: list[list[float]] = [[] for _ in peers]
    for _ in range(rounds):
        for name, work in works.items():
            own[name].append(cpu_seconds(work) / LIGHT_CURVES)
        for peer, times in zip(peers, spent, strict=True):
            times.append(cpu_seconds(peer.work) / peer.light_curves)
    rows = [
        Row(peer.title, peer.against, np.median(times) * 1e6, np.array(times) / own[peer.against], part)
        for peer, times, part in zip(peers, spent, same, strict=True)
    ]
    return {name: np.median(times) * 1e6 for name, times in own.items()}, rows


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--reference", type=Path, help="a checkout of the published package: times it as well"
    )
    checkout = parser.parse_args(arguments).reference
    print(
        "A ratio above 1 is in our favour: median (least-most) of the rounds. Cells that we lose are bold.\n"
    )
    print("| T [d] | n | | us for a light curve | ratio | same period |")
    print("|---|---|---|---|---|---|")
    for baseline_d, n in CELLS:
        own, rows = measure(baseline_d, n, checkout=checkout)
        for name, microseconds in own.items():
            print(f"| {baseline_d:.0f} | {n} | **ours, {name}** | {microseconds:.1f} | | |")
        for row in rows:
            print(
                f"| {baseline_d:.0f} | {n} | {row.title} | {row.microseconds:.0f} | {_ratio(row)} |",
                flush=True,
            )


def _ratio(row: Row) -> str:
    middle = np.median(row.ratios)
    text = f"x{middle:.1f} ({row.ratios.min():.1f}-{row.ratios.max():.1f})"
    return f"{text if middle >= 1 else f'**{text}**'} | {'' if np.isnan(row.same) else f'{row.same:.0%}'}"


if __name__ == "__main__":
    main()
