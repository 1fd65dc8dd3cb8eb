"""Mc by duration and number of points (section 5, Fig. 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.data.light_curves import SERIES, LabelledCurves, LightCurves, offsets_of
from training.errors import TrainingError
from training.examples.augment import Sampling
from training.examples.feature_table import Extraction, FeatureTable
from training.examples.measure_examples import feature_table
from training.measure.metrics import confusion_matrix, scaled_mcc
from training.report.curve_plots import duration_plot
from training.report.html import Figure, Section, Table
from training.reproduce.bench import Bench
from training.reproduce.labelled_sets import Target
from training.reproduce.paper.random_curves import Asked

DURATIONS_D = (30, 60, 90, 180, 365, 730, 1470)
NUMBERS_OF_POINTS = (20, 40, 80, 100, 150, 200, 300)
MIN_SHARE_OF_STARS = 0.5
"""Share of the stars that must have so many points in so short a time, or the cell stays empty."""


def resampled(
    curves: LightCurves, count: int, duration_d: float, *, seed: int
) -> tuple[LightCurves, NDArray[np.int64]]:
    """Draw `count` of the points in the first `duration_d` days of each light curve.

    Returns
    -------
    LightCurves
        Of the light curves that have as many, in order of time.
    (m,) int64
        Their numbers.
    """
    rng = np.random.default_rng(seed)
    points, kept = [], []
    for number in range(len(curves)):
        start, end = curves.offsets[number], curves.offsets[number + 1]
        early = np.flatnonzero(curves.time[start:end] <= curves.time[start:end].min() + duration_d)
        if len(early) >= count:
            points.append(start + np.sort(rng.choice(early, count, replace=False)))
            kept.append(number)
    chosen = np.concatenate(points) if points else np.empty(0, np.int64)
    offsets = offsets_of(np.full(len(kept), count))
    return (
        LightCurves(curves.time[chosen], curves.mag[chosen], curves.err[chosen], offsets),
        np.array(kept, np.int64),
    )


def mc_by_duration(
    bench: Bench,
    asked: Asked,
    target: Target,
    curves: NDArray[np.int64],
    meaning: Sequence[int],
    *,
    workers: int,
) -> NDArray[np.float64]:
    """Mc (counts, durations) of a model; NaN where too few stars have so many points in so short a time.

    Parameters
    ----------
    curves : (n,) int64
        Of the target: light curves of stars that the model was not fitted to.
    meaning : sequence of int
        Class of the target for each class of the model, -1 where it has none.
    """
    chosen = np.zeros(len(target), bool)
    chosen[curves] = True
    shown = target.where(chosen)
    points = [part.survey.curves.take(part.curves) for part in shown.parts]
    time, mag, err = (np.concatenate([getattr(each, name) for each in points]) for name in SERIES)
    whole = LightCurves(time, mag, err, offsets_of(np.concatenate([each.n_epochs for each in points])))
    mc = np.full((len(NUMBERS_OF_POINTS), len(DURATIONS_D)), np.nan)
    k = len(target.classes)
    for row, count in enumerate(NUMBERS_OF_POINTS):
        for column, duration_d in enumerate(DURATIONS_D):
            short, kept = resampled(whole, count, duration_d, seed=count)
            if len(kept) < MIN_SHARE_OF_STARS * len(whole):
                continue
            table = _features(bench, short, f"{count} points, {duration_d} d", asked.extraction, workers)
            predicted = np.full(len(kept), k)
            usable = table.usable
            best = asked.model.probabilities(table.values[usable]).argmax(axis=1)
            predicted[usable] = np.array(meaning)[best]
            predicted[predicted < 0] = k
            mc[row, column] = scaled_mcc(confusion_matrix(shown.label[kept], predicted, k + 1))
    return mc


def durations(
    bench: Bench,
    target: Target,
    curves: NDArray[np.int64],
    models: Sequence[tuple[Asked, Sequence[int]]],
    *,
    workers: int,
) -> Section:
    """Fig. 12: each model's Mc by number of points, one line each, and duration."""
    results = [
        mc_by_duration(bench, asked, target, curves, meaning, workers=workers) for asked, meaning in models
    ]
    filled = np.concatenate([mc[np.isfinite(mc)] for mc in results])
    if not filled.size:
        raise TrainingError(
            f"no light curve of {target.name} has {NUMBERS_OF_POINTS[0]} points in {DURATIONS_D[-1]} d: "
            "there is nothing to resample"
        )
    limits = (float(filled.min()) - 0.01, min(float(filled.max()) + 0.01, 1.0))
    figures, tables = [], []
    for number, ((asked, _), mc) in enumerate(zip(models, results, strict=True)):
        path = bench.figures / f"fig12_{number}.png"
        duration_plot(mc, NUMBERS_OF_POINTS, DURATIONS_D, path, title=asked.name, limits=limits)
        figures.append(Figure(path, f"{asked.name}: Mc by duration and number of points, as Fig. 12."))
        rows = tuple(
            (str(count), *("" if np.isnan(value) else f"{value:.3f}" for value in line))
            for count, line in zip(NUMBERS_OF_POINTS, mc, strict=True)
        )
        header = ("points", *(f"{duration} d" for duration in DURATIONS_D))
        tables.append(Table(f"{asked.name}: Mc", header, rows))
    return Section(
        "How many points, over how long a time (Fig. 12)",
        (
            f"{len(curves):,} light curves of {target.name}, of stars that no model was fitted to: points "
            "are drawn from the first days of each. The paper resamples all stars, those it trained on among "
            f"them. A cell is empty where fewer than {MIN_SHARE_OF_STARS:.0%} of them have so many points in "
            "so short a time.",
        ),
        tuple(tables),
        tuple(figures),
    )


def _features(
    bench: Bench, curves: LightCurves, name: str, extraction: Extraction, workers: int
) -> FeatureTable:
    return feature_table(
        LabelledCurves(name, curves, {}),
        np.arange(len(curves)),
        replace(Sampling(), min_epochs=1),
        extraction,
        cache_folder=bench.cache_folder,
        workers=workers,
        progress=bench.progress,
    )
