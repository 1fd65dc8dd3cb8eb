"""Outliers that are put into light curves: what they do to classes by robust and by refined features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import extract
from training.crossfit.crossfit import judge_folds
from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.crossfit.starting_point import FromScratch
from training.data.labels import at_most
from training.data.light_curves import LightCurves, offsets_of
from training.data.truth import Truth
from training.examples.augment import Kind, Series
from training.examples.cached_pool import LIGHT_CURVES_A_TASK, compute_chunks
from training.examples.feature_table import FeatureTable
from training.measure.metrics import confusion_matrix, scaled_mcc, scaled_mccs
from training.network.one_cycle import OneCycle
from training.progress import QUIET
from training.report.html import Section, Table
from training.reproduce.bench import Bench
from training.reproduce.labelled_sets import Target, source_pool
from training.result_cache import Arrays, hash_of, name_of
from training.stars.folds import folds

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

LENGTHS = (20, 40, 80)
"""Consecutive epochs of a window."""

CONVENTIONS = ("refined", "robust")
INJECTED = ("none", "one of 1.5 mag", "2 %, .3 to 3 mag", "2 %, faint, .1 to 1 mag")
OUTLIERS_RECIPE = Recipe(
    name="outliers",
    schedule=OneCycle(training_epochs=14, batch=512, input_noise=0.03, label_smoothing=0.0),
    class_power=0.5,
)
BOOTSTRAPS = 200


def outliers(bench: Bench, folder: Path, *, workers: int) -> Section:
    """Train networks on windows as they are, and ask them about windows with and without outliers."""
    target = source_pool(folder, n_curves=None)
    target = target.where(_few_of_each(target, bench.scale.outliers_stars_per_label))
    said = {name: _predicted(bench, target, name, workers=workers) for name in CONVENTIONS}
    rows = []
    for count in LENGTHS:
        for place, what in enumerate(INJECTED):
            truth, star = (each[count] for each in said["refined"][1:3])
            old, new = (said[name][0][count][place] for name in CONVENTIONS)
            rows.append((str(count), what, f"{len(truth):,}", *_compared(truth, old, new, star)))
        clean = {name: said[name][0][count] for name in CONVENTIONS}
        truth, star = (each[count] for each in said["refined"][1:3])
        injected = [np.concatenate(clean[name][1:]) for name in CONVENTIONS]
        times = len(INJECTED) - 1
        together = _compared(np.tile(truth, times), injected[0], injected[1], np.tile(star, times))
        rows.append((str(count), "any of these", f"{len(truth) * times:,}", *together))
    return Section(
        "Outliers",
        (
            "Mc of test stars by windows of consecutive epochs, as they are and with outliers that are put "
            "in: one point moved by 1.5 mag to either side, 2 % of the points (at least one) by .3 to 3 "
            "mag to either side, 2 % by .1 to 1 mag to the faint side. Networks of five folds learn from "
            "windows as they are, measured by each convention; the folds are the same. Errors are from 200 "
            "bootstrap samples of the stars.",
        ),
        (Table("Mc", ("epochs", "outliers", "windows", *CONVENTIONS, "robust - refined"), tuple(rows)),),
    )


def inject(rng: np.random.Generator, series: Series, what: str) -> Series:
    """Put outliers of a kind of `INJECTED` into a light curve."""
    time, mag, err = series
    n, moved = len(time), mag.copy()
    if what == "none":
        return series
    if what == "one of 1.5 mag":
        moved[rng.integers(n)] += rng.choice([-1.5, 1.5])
        return time, moved, err
    points = rng.choice(n, max(1, round(0.02 * n)), replace=False)
    if what == "2 %, .3 to 3 mag":
        moved[points] += rng.choice([-1.0, 1.0], len(points)) * rng.uniform(0.3, 3.0, len(points))
    else:
        moved[points] += rng.uniform(0.1, 1.0, len(points))
    return time, moved, err


def _few_of_each(target: Target, most: int) -> NDArray[np.bool_]:
    """Choose at most so many light curves of a class and survey."""
    survey = np.repeat(np.arange(len(target.parts)), [len(part.curves) for part in target.parts])
    kinds = np.char.add(np.char.add(survey.astype(np.str_), " "), target.label.astype(np.str_))
    return at_most(kinds, most, np.random.default_rng(0))


def _predicted(
    bench: Bench, target: Target, convention: str, *, workers: int
) -> tuple[dict[int, list[I8]], dict[int, I8], dict[int, I8]]:
    """Return by length: what is said of each kind of window, their classes, and their stars."""
    values, curve, length, kind = _windows(bench, target, convention, workers=workers)
    fold = folds(target.star, target.label, count=OUTLIERS_RECIPE.folds, seed=0)
    n = len(curve)
    table = FeatureTable.of_one_band(
        values["values"],
        values["status"],
        np.arange(n),
        np.where(kind == 0, Kind.WINDOW, Kind.FIRST).astype(np.int8),  # what has outliers is not learnt from
        n_epochs=values["n_used"],
        n_shown=length,
    )
    label = target.label[curve]
    dataset = Dataset(
        target.classes,
        (target.name,),
        table,
        Truth.of_numbers(label, len(target.classes)),
        np.zeros(n, np.int64),
        target.star[curve],
        fold[curve],
        np.zeros(n, bool),
        np.full(n, -1),
    )
    _, logits = judge_folds(dataset, OUTLIERS_RECIPE, FromScratch(OUTLIERS_RECIPE, QUIET), seed=0)
    said = np.where(np.isfinite(logits[:, 0]), logits.argmax(axis=1), len(target.classes))
    clean = {count: (length == count) & (kind == 0) for count in LENGTHS}
    each = {
        count: [said[(length == count) & (kind == place)] for place in range(len(INJECTED))]
        for count in LENGTHS
    }
    stars = target.star[curve]
    return (
        each,
        {count: label[rows] for count, rows in clean.items()},
        {count: stars[rows] for count, rows in clean.items()},
    )


def _windows(
    bench: Bench, target: Target, convention: str, *, workers: int
) -> tuple[dict[str, NDArray[Any]], I8, I8, I8]:
    """Features of all windows, and of each its light curve, its length and the kind of its outliers."""
    tasks, first = [], 0
    for part in target.parts:
        points = part.survey.curves.take(part.curves)
        for start in range(0, len(points), LIGHT_CURVES_A_TASK):
            some = np.arange(start, min(start + LIGHT_CURVES_A_TASK, len(points)))
            piece = points.take(some)
            key = {
                "convention": convention,
                "first": first + start,
                "data": hash_of(piece.offsets, piece.time, piece.mag, piece.err),
            }
            tasks.append(((piece, first + start, convention), name_of("outliers", key, code=__name__)))
        first += len(points)
    made: list[Arrays] = []
    with bench.progress.bar(f"windows, {convention}", len(tasks)) as advance:
        for arrays in compute_chunks(_work, tasks, cache_folder=bench.cache_folder, workers=workers):
            made.append(arrays)
            advance(1)
    joined = {name: np.concatenate([each[name] for each in made]) for name in made[0]}
    return joined, joined["curve"], joined["length"], joined["kind"]


def _work(task: tuple[LightCurves, int, str]) -> Arrays:
    points, first, convention = task
    rows: list[tuple[int, int, int, Series]] = []
    for number in range(len(points)):
        series = points.without_repeats(number)
        for count in LENGTHS:
            if count > len(series[0]):
                continue
            rng = np.random.default_rng([first + number, count])
            start = int(rng.integers(len(series[0]) - count + 1))
            time, mag, err = (each[start : start + count] for each in series)
            for kind, what in enumerate(INJECTED):
                rows.append((first + number, count, kind, inject(rng, (time, mag, err), what)))
    counts = np.array([len(series[0]) for *_, series in rows], np.int64)
    time, mag, err = (np.concatenate([np.empty(0), *(series[i] for *_, series in rows)]) for i in range(3))
    measured = extract(time, mag, err, offsets_of(counts), convention=convention)
    curve, length, kinds = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    return {
        "values": measured.values,
        "status": measured.status,
        "n_used": measured.n_used,
        "curve": curve,
        "length": length,
        "kind": kinds,
    }


def _compared(truth: I8, old: I8, new: I8, star: I8) -> tuple[str, str, str]:
    """Write Mc of both, and the difference with its error from resampling the stars."""
    k = int(max(truth.max(), old.max(), new.max())) + 1
    mc = [scaled_mcc(confusion_matrix(truth, each, k)) for each in (old, new)]
    rng = np.random.default_rng(0)
    _, number = np.unique(star, return_inverse=True)
    n_stars = int(number.max()) + 1
    differences = np.empty(BOOTSTRAPS)
    for repeat in range(BOOTSTRAPS):
        times = np.bincount(rng.integers(n_stars, size=n_stars), minlength=n_stars)[number]
        drawn = np.stack(
            [np.bincount(truth * k + each, weights=times, minlength=k * k) for each in (old, new)]
        )
        pair = scaled_mccs(drawn.reshape(2, k, k).astype(np.int64))
        differences[repeat] = pair[1] - pair[0]
    error = float(np.std(differences, ddof=1))
    return f"{mc[0]:.3f}", f"{mc[1]:.3f}", f"{mc[1] - mc[0]:+.3f} ± {error:.3f}"
