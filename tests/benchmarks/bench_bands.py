"""Time of the joint search of several bands against searches of one band, as ratios in one run.

Simulated pulsators, a band a night by turns. One band's grid is that of all points taken as one series; the
bands' own grids are what searching each band by itself costs. CPU times of one core, the least of the rounds,
which are interleaved: trust the ratios.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.bands.joint_power import JointRoom, near_highest_of_bands
from features.bands.joint_search import candidates_on, joint_search, room_for_joint_search, way_to_search
from features.bands.points import BandPoints, band_points
from features.compilation.jit import kernel
from features.conventions import MIN_PERIOD_D, OVERSAMPLING
from features.period.grid import even_grid
from features.period.points import Points, weighted_points
from features.period.refine import SHARE_ON_GRID
from features.period.search import Room, find_period, near_highest
from tests.benchmarks.feature_contenders import cpu_seconds, simulate

ROUNDS = 9
LIGHT_CURVES = 12
CELLS = [
    (60.0, 20, 6),
    (60.0, 40, 2),
    (365.0, 60, 2),
    (365.0, 60, 6),
    (365.0, 120, 6),
    (1000.0, 300, 2),
    (1000.0, 300, 6),
    (2900.0, 800, 6),
]
"""Baselines [d], numbers of points, numbers of bands."""

F8 = NDArray[np.float64]
RATIOS = np.array([0.95, 1.0, 0.7, 0.54, 0.48, 0.47])
LETTERS = {2: [1, 2], 6: [0, 1, 2, 3, 4, 5]}


class Cell(NamedTuple):
    """Least CPU time for a star [ms] of each way, and candidates of a joint search in the median."""

    milliseconds: dict[str, float]
    candidates: float


def star(seed: int, n: int, baseline_d: float, bands: int) -> tuple[Points, list[Points], BandPoints]:
    """A star as one series, each band by itself, and as a joint search takes it."""
    time, mag, err = simulate(seed, n, baseline_d)
    letters = np.array(LETTERS[bands])
    band = np.arange(n) % bands
    mag = 16.0 + RATIOS[letters[band]] * (mag - 16.0) - 0.3 * band
    order = np.lexsort((err, mag, time, band))
    series = time[order], mag[order], err[order]
    bounds = np.searchsorted(band[order], np.arange(bands + 1))
    alone = [weighted_points(*(array[a:b] for array in series), True) for a, b in itertools.pairwise(bounds)]
    return weighted_points(time, mag, err, True), alone, band_points(*series, bounds, letters, True)


@kernel
def _grid_of_one(points: Points, room: Room) -> int:
    step = 1.0 / (points.x[points.n - 1] * OVERSAMPLING)
    grid = even_grid(room.plans, points.n, step, int(1.0 / MIN_PERIOD_D / step * (1.0 + 1e-12)))
    return near_highest(points, grid, SHARE_ON_GRID, True, room)[0].size


@kernel
def _joint_grid(points: BandPoints, room: JointRoom) -> int:
    return near_highest_of_bands(points, way_to_search(points, room), room).size


@kernel
def _candidates(points: BandPoints, room: JointRoom) -> int:
    way = way_to_search(points, room)
    return candidates_on(points, way.grid, near_highest_of_bands(points, way, room))[0].size


def measure(baseline_d: float, n: int, bands: int, rounds: int = ROUNDS) -> Cell:
    """Time a cell."""
    stars = [star(seed, n, baseline_d, bands) for seed in range(LIGHT_CURVES)]
    room = room_for_joint_search(n)
    works: dict[str, Callable[[], object]] = {
        "one band's grid": lambda: [_grid_of_one(one, room.search) for one, _, _ in stars],
        "bands' own grids": lambda: [_grid_of_one(each, room.search) for _, own, _ in stars for each in own],
        "joint grid": lambda: [_joint_grid(joint, room) for _, _, joint in stars],
        "one band's search": lambda: [find_period(one, True, room.search) for one, _, _ in stars],
        "joint search": lambda: [joint_search(joint, 2, room) for _, _, joint in stars],
    }
    spent: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            spent[name].append(cpu_seconds(work) / LIGHT_CURVES * 1e3)
    candidates = np.median([_candidates(joint, room) for _, _, joint in stars])
    return Cell({name: min(times) for name, times in spent.items()}, float(candidates))


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    print("CPU time for a star [ms]; candidates in the median.\n")
    print(
        "| T [d] | n | bands | one band's grid | bands' own grids | joint grid | joint / one | joint / own |"
    )
    print("one band's search | joint search | candidates |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for baseline_d, n, bands in CELLS:
        cell = measure(baseline_d, n, bands)
        one, own, joint, search, joint_whole = cell.milliseconds.values()
        print(
            f"| {baseline_d:.0f} | {n} | {bands} | {one:.2f} | {own:.2f} | {joint:.2f} | {joint / one:.1f} | "
            f"{joint / own:.2f} | {search:.2f} | {joint_whole:.2f} | {cell.candidates:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
