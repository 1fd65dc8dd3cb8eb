"""How far periods of real stars are to be believed: the probability against the truth, and its fit anew.

Stretches of real light curves of known period, in one band and in two, are measured as the convention
``"robust"`` does. Printed are: how often a period is right where it is said to be so probable; what the bits
find; how far off right periods are in their errors; how often constant stars pass for variable; how many
searches a measurement took; and the coefficients of `features.period.significance.period_probability`, fitted
anew and judged by stars that the fit has not seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from features.bands.joint_search import room_for_joint_search
from features.status import Status
from tests.features.outliers.conftest import Star, canonical, series_of, survey
from tests.features.outliers.measured import judged
from tests.features.outliers.windows import exact, own_frequency, ztf_pairs

LENGTHS = (10, 20, 40, 80, 400)
MOST_DAYS = 1100.0
"""Of Stripe 82, whose first years are sparse, three times as many."""

STARS = 60
"""Of a class in a file; four times as many of a pair of files."""

PULSATING = {
    "css_sss_V": ("RRab", "RRc", "DSCT_HADS", "CEP-II"),
    "asas_acvs_V": ("RRAB", "RRC", "DSCT"),
    "hipparcos_debosscher_Hp": ("Classical Cepheid", "RR Lyrae, Fundamental Mode", "Delta Scuti"),
    "ogle4_lmc_cep_I": ("F",),
}
ECLIPSING = {"css_sss_V": ("EA", "EB_contact_semi"), "asas_acvs_V": ("EC", "ED", "ESD")}
PAIRS = {"sdss_s82_rrl_g": "sdss_s82_rrl_r", "eros2_lmc_cep_B": "eros2_lmc_cep_R"}
BITS = (Status.POOR_FIT, Status.FEW_PHASES, Status.FEW_NIGHTS, Status.ALIAS)


class Case(NamedTuple):
    """A stretch of a star, its true frequency [1/d] (NaN of a constant one), and what it belongs to."""

    star: Star
    frequency: float
    name: str
    n: int


class Row(NamedTuple):
    """A case measured."""

    name: str
    n: int
    right: bool
    p_period: float
    false_alarm: float
    sigmas: float
    """How far the frequency is off, in its errors."""
    bits: int
    searches: int
    numbers: tuple[float, float, float, float, float]
    """eta, rival, gap, nights, left."""
    one_hour: bool


def one_a_night(rows: np.ndarray) -> np.ndarray:
    """Of (n, 4) points the first of each night and band."""
    _, first = np.unique(np.floor(rows[:, 0]) * 16 + rows[:, 3], return_index=True)
    return rows[np.sort(first)]


def stretches(rows: np.ndarray, frequency: float, name: str) -> Iterator[Case]:
    """The first points of a star, of each length that it has; a length beyond all is all."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    rows = rows[rows[:, 0] - rows[0, 0] <= (3 * MOST_DAYS if "s82" in name else MOST_DAYS)]
    for n in LENGTHS:
        if n <= len(rows) or (n == LENGTHS[-1] and len(rows) > LENGTHS[-2]):
            star = canonical(*rows[:n].T)
            if star.time.size >= 8 and np.ptp(star.time) >= 1.0:
                yield Case(star, frequency, name, n)


def single(folder: Path) -> Iterator[Case]:
    """Stars in one band; every second one of Catalina with one exposure a night."""
    rng = np.random.default_rng(1)
    for file, pulsating in PULSATING.items():
        arrays = survey(folder, file)
        for label in (*pulsating, *ECLIPSING.get(file, ())):
            known = np.flatnonzero((arrays["native_class"] == label) & np.isfinite(arrays["period"]))
            times = 2.0 if label in ECLIPSING.get(file, ()) else 1.0
            for k, i in enumerate(rng.choice(known, min(STARS, known.size), replace=False)):
                rows = np.column_stack([*series_of(arrays, i), np.ones(np.diff(arrays["offsets"])[i])])
                thinned = one_a_night(rows) if file.startswith("css") and k % 2 else rows
                yield from stretches(thinned, times / float(arrays["period"][i]), f"{file} {label} {i}")


def merged(folder: Path) -> Iterator[Case]:
    """Stars in two bands: Stripe 82 in turn, or both at once; EROS-2 and ZTF as they came."""
    rng = np.random.default_rng(2)
    for first, second in PAIRS.items():
        bands = [survey(folder, name) for name in (first, second)]
        some = rng.permutation(bands[0]["object_id"].size)[: 4 * STARS]
        for i, name in zip(some, bands[0]["object_id"][some], strict=True):
            matches = np.flatnonzero(bands[1]["object_id"] == name)
            if not matches.size:
                continue
            series = [series_of(bands[0], i), series_of(bands[1], matches[0])]
            rows = np.concatenate(
                [np.column_stack([*s, np.full(s[0].size, b + 1.0)]) for b, s in enumerate(series)]
            )
            rows = rows[np.argsort(rows[:, 0], kind="stable")]
            if first.startswith("sdss") and i % 2:
                rows = rows[np.round(rows[:, 0]) % 2 + 1 == rows[:, 3]]
            own = own_frequency(*series[0])
            stated = 1.0 / float(bands[0]["period"][i])
            # that of EROS-2 is off by 0.1 cycles over the baseline
            true = own if exact(own, stated, float(np.ptp(series[0][0]))) else stated
            yield from stretches(rows, true, f"{first} {name}")
    for k, (both, frequency, label) in enumerate(ztf_pairs(folder)):
        rows = np.concatenate(
            [np.column_stack([*s, np.full(s[0].size, b + 1.0)]) for b, s in enumerate(both)]
        )
        yield from stretches(one_a_night(rows), frequency, f"ztf {label} {k}")


def constant(folder: Path) -> Iterator[Case]:
    """Stars that do not vary beyond their errors."""
    arrays = survey(folder, "ztf_dr5_field")
    for i in np.flatnonzero(arrays["ups_class"] == "NonVar")[:300]:
        series = series_of(arrays, i)
        yield from stretches(np.column_stack([*series, np.ones(series[0].size)]), np.nan, f"constant {i}")


def measure(cases: Iterator[Case]) -> list[Row]:
    """Measure each."""
    room = room_for_joint_search(LENGTHS[-1])
    rows = []
    for case in cases:
        found = judged(case.star, room)
        seen, sure = found.seen, found.found
        off = found.frequency - case.frequency
        error = sure.period_error * found.frequency**2
        numbers = (seen.eta, found.rival, seen.gap, float(seen.nights), seen.left)
        right = exact(found.frequency, case.frequency, found.baseline)
        row = (sure.p_period, sure.false_alarm, abs(off) / error, int(sure.bits), found.searches, numbers)
        rows.append(Row(case.name, case.n, right, *row, seen.one_hour))
    return rows


def columns(numbers: np.ndarray) -> np.ndarray:
    """What the probability is linear in, (n, 6)."""
    eta, rival, gap, nights, left = numbers.T
    ones = np.ones(len(numbers))
    bounded = np.maximum(rival, 0.75)
    return np.column_stack(
        [ones, np.log(np.maximum(eta, 0.01)), bounded, gap, np.log(nights), np.log(np.maximum(left, 0.001))]
    )


def fit(design: np.ndarray, right: np.ndarray, rounds: int = 30) -> np.ndarray:
    """Coefficients of the logistic regression, by Newton's steps under a slight prior about zero."""
    found = np.zeros(design.shape[1])
    prior = 1e-3 * np.eye(design.shape[1])
    for _ in range(rounds):
        p = 1.0 / (1.0 + np.exp(-design @ found))
        slope = design.T @ (right - p) - prior @ found
        found = found + np.linalg.solve((design * (p * (1.0 - p))[:, None]).T @ design + prior, slope)
    return found


def unseen(design: np.ndarray, right: np.ndarray, stars: np.ndarray, folds: int = 5) -> np.ndarray:
    """Probability of each by a fit to the stars of the other folds."""
    fold = np.unique(stars, return_inverse=True)[1] % folds
    p = np.empty(len(right))
    for k in range(folds):
        p[fold == k] = 1.0 / (1.0 + np.exp(-design[fold == k] @ fit(design[fold != k], right[fold != k])))
    return p


def area(p: np.ndarray, right: np.ndarray) -> float:
    """Under the receiver's curve: how often a right one is more probable than a wrong one."""
    order = np.argsort(np.argsort(p, kind="stable"), kind="stable") + 1.0
    positive = int(right.sum())
    return float((order[right].sum() - positive * (positive + 1) / 2) / (positive * (right.size - positive)))


def print_probability(title: str, p: np.ndarray, rows: list[Row]) -> None:
    """Share of right periods where they are said to be so probable, by length."""
    n, right = np.array([row.n for row in rows]), np.array([row.right for row in rows])
    print(f"\n{title}\n\n| n | right | AUC | p 0-.2 | .2-.4 | .4-.6 | .6-.8 | .8-1 |")
    print("|---|---|---|---|---|---|---|---|")
    for length in LENGTHS:
        at = n == length
        cells = []
        for low in (0.0, 0.2, 0.4, 0.6, 0.8):
            part = at & (p >= low) & (p < low + 0.2 + 1e-9)
            cells.append(f"{right[part].mean():.2f} ({part.sum()})" if part.any() else "-")
        auc = f"{area(p[at], right[at]):.2f}" if 0 < right[at].sum() < at.sum() else "-"
        print(f"| {length} | {right[at].mean():.2f} of {at.sum()} | {auc} | {' | '.join(cells)} |")


def print_bits(rows: list[Row]) -> None:
    """How often a period with a bit is wrong, and how many of the wrong ones have it; errors; searches."""
    print(
        "\n| n | "
        + " | ".join(str(bit.name) for bit in BITS)
        + " | one hour | within 1, 2 sigma | searches |"
    )
    print("|---|" + "---|" * (len(BITS) + 3))
    for length in LENGTHS:
        some = [row for row in rows if row.n == length]
        wrong = np.array([not row.right for row in some])
        cells = []
        for flags in (
            *([bool(row.bits & bit) for row in some] for bit in BITS),
            [row.one_hour for row in some],
        ):
            flag = np.array(flags)
            precision = wrong[flag].mean() if flag.any() else np.nan
            cells.append(f"{precision:.2f}/{flag[wrong].mean():.2f} ({flag.mean():.2f})")
        sigmas = np.array([row.sigmas for row in some if row.right and np.isfinite(row.sigmas)])
        within = [np.sum(sigmas <= k) / max(1, sigmas.size) for k in (1, 2)]
        cells.append(f"{within[0]:.2f}, {within[1]:.2f} of {sigmas.size}")
        cells.append(f"{np.mean([row.searches for row in some]):.2f}")
        print(f"| {length} | {' | '.join(cells)} |")


def report(title: str, rows: list[Row]) -> None:
    """Print all there is to say of the periods of some stars."""
    right = np.array([row.right for row in rows])
    design = columns(np.array([row.numbers for row in rows]))
    stars = np.array([row.name for row in rows])
    print(f"\n## {title}: {len(rows)} stretches of {np.unique(stars).size} stars")
    print_bits(rows)
    print_probability("The probability as it is", np.array([row.p_period for row in rows]), rows)
    print_probability("Fitted anew, each star by the others", unseen(design, right, stars), rows)
    names = ("constant", "ln eta", "rival", "gap", "ln nights", "ln left")
    found = fit(design, right)
    print(
        "\nfitted anew: " + ", ".join(f"{n} {c:+.2f}" for n, c in zip(names, found, strict=True)), flush=True
    )


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with lightcurves/*.npz")
    folder = parser.parse_args(arguments).data
    one, two = measure(single(folder)), measure(merged(folder))
    report("One band", one)
    report("Two bands", two)
    report("All", one + two)
    print("\n## Constant stars: share with a false-alarm probability below .1 and .01\n")
    none = measure(constant(folder))
    for length in LENGTHS:
        chance = np.array([row.false_alarm for row in none if row.n == length])
        if chance.size:
            print(f"n = {length}: {(chance < 0.1).mean():.3f}, {(chance < 0.01).mean():.3f} of {chance.size}")


if __name__ == "__main__":
    main()
