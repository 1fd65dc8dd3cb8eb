"""What the rules for outliers keep, what they bring, and what they take.

Printed are: of the points in eclipse of real binaries, at their true period, how many are left out or drawn
in, and how many a cut at so many sigmas would take; how often the period of a real star is right, by the
search alone and by the looks, as it is and with one or two outliers of 1.5 mag; and times of one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from features.bands.joint_search import joint_search, room_for_joint_search
from features.bands.points import band_points
from features.compilation.jit import kernel
from features.outliers.night import against_its_night
from features.outliers.robust_fit import robust_fit
from features.outliers.robust_period import robust_period
from features.outliers.support import outliers, unsupported
from tests.benchmarks.feature_contenders import cpu_seconds
from tests.features.outliers import oracle
from tests.features.outliers.conftest import canonical, eclipsing, in_eclipse
from tests.features.outliers.windows import exact, stripe82, with_outliers, ztf

BINARIES = ("css_sss_V", "asas_acvs_V", "ztf_dr_labelled_g", "ztf_dr_labelled_r")
REPEATS = 2000


@kernel
def nights(times, points):
    out = 0
    for _ in range(times):
        out += against_its_night(points[0], points[1], points[2], points[3]).sum()
    return out


@kernel
def fits(times, points, frequency):
    scale = 0.0
    for _ in range(times):
        scale += robust_fit(points[0], points[1], points[2], points[3], frequency)[1]
    return scale


@kernel
def supports(times, points, frequency):
    residuals, scale = robust_fit(points[0], points[1], points[2], points[3], frequency)
    alone = 0
    for _ in range(times):
        alone += unsupported(points[0], residuals, scale, points[2], frequency).sum()
    return alone


def print_eclipses(folder: Path) -> None:
    """Points in eclipse that each rule takes."""
    print("| | stars | points in eclipse | 3 sigma | 5 MAD | no support |\n|---|---|---|---|---|---|")
    for name in BINARIES:
        stars = count = 0
        taken = np.zeros(3)
        for star, orbit in eclipsing(folder, name):
            faint = in_eclipse(star, orbit)
            out, drawn = outliers(*star[:4], 2.0 / orbit)
            mean, off = star.mag - star.mag.mean(), star.mag - np.median(star.mag)
            rules = (
                np.abs(mean) > 3 * star.mag.std(),
                np.abs(off) > 5 * oracle.sigma(off),
                out | (drawn != star.mag),
            )
            taken += [(faint & rule).sum() for rule in rules]
            stars, count = stars + 1, count + int(faint.sum())
        cells = " | ".join(f"{share:.1%}" for share in taken / count)
        print(f"| {name} | {stars} | {count} | {cells} |", flush=True)


def print_periods(folder: Path) -> None:
    """Right periods: by the search alone, and by the looks."""
    room = room_for_joint_search(1000)
    print("\n| | n | as it is | one outlier | two | searches |\n|---|---|---|---|---|---|")
    for title, windows, lengths in (
        ("Stripe 82 g r", stripe82, (20, 30, 40)),
        ("ZTF g r", ztf, (20, 30, 40, 60)),
    ):
        for n in lengths:
            rng = np.random.default_rng(1)
            right, searches = [], []
            for window in windows(folder, n):
                stars = [with_outliers(window.star, rng, count=k) if k else window.star for k in range(3)]
                alone = [joint_search(band_points(*star[:5], True), 2, room) for star in stars]
                looks = [robust_period(*star[:5], room) for star in stars]
                baseline = float(np.ptp(window.star.time))
                right.append(
                    [exact(found.frequency, window.frequency, baseline) for found in (*alone, *looks)]
                )
                searches.append([found.searches for found in looks])
            share = 100 * np.mean(right, axis=0)
            cells = " | ".join(f"{share[k]:.0f} -> {share[k + 3]:.0f}" for k in range(3))
            cost = " / ".join(f"{each:.2f}" for each in np.mean(searches, axis=0))
            print(f"| {title}, {len(right)} | {n} | {cells} | {cost} |", flush=True)


def microseconds(work: Callable[[], object]) -> float:
    """Of one of many repeats."""
    work()
    return 1e6 * min(cpu_seconds(work) for _ in range(5)) / REPEATS


def print_times() -> None:
    """Of the parts, for a pulsator with four outliers."""
    print("\n| n | bands | night | robust fit | support |\n|---|---|---|---|---|")
    for n in (20, 40, 100, 400):
        for bands in (1, 6):
            rng = np.random.default_rng(n)
            time, err = rng.uniform(0, 200, n), rng.uniform(0.01, 0.05, n)
            mag = 18 + 0.4 * np.cos(2 * np.pi * time / 0.61) + err * rng.normal(size=n)
            mag[:4] += (1.0, -1.0, 1.5, -0.7)
            star = canonical(time, mag, err, np.arange(n) % bands)
            works = (
                lambda s=star: nights(REPEATS, s[:4]),
                lambda s=star: fits(REPEATS, s[:4], 1 / 0.61),
                lambda s=star: supports(REPEATS, s[:4], 1 / 0.61),
            )
            print(
                f"| {n} | {bands} | {' | '.join(f'{microseconds(work):.1f} us' for work in works)} |",
                flush=True,
            )


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with lightcurves/*.npz; without it times alone")
    folder = parser.parse_args(arguments).data
    if folder is not None:
        print_eclipses(folder)
        print_periods(folder)
    print_times()


if __name__ == "__main__":
    main()
