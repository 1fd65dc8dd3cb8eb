"""The features of examples of many light curves, computed once and kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import extract
from training.data.light_curves import LabelledCurves, offsets_of
from training.examples.augment import Sampling, augmented
from training.examples.cached_pool import LIGHT_CURVES_A_TASK, compute_chunks
from training.examples.feature_table import Extraction, FeatureTable, View
from training.examples.rows_together import rows_together, shown_together
from training.examples.some_stars import SomeStars, in_pieces
from training.progress import Bars
from training.result_cache import name_of


def feature_table(
    survey: LabelledCurves,
    curves: NDArray[np.int64],
    sampling: Sampling,
    extraction: Extraction,
    *,
    cache_folder: Path | None,
    workers: int,
    progress: Bars,
) -> FeatureTable:
    """Features of the examples of some light curves of a survey, from the cache where they are there.

    Parameters
    ----------
    survey : LabelledCurves
        A file in memory.
    curves : (n,) int64
        Which light curves.
    sampling, extraction
        What is made of them, and how it is measured.
    cache_folder : Path or None
        Where finished chunks are kept, by a hash of the points, the choices and the code.
    workers : int
        Threads; the features do not depend on it.
    progress : Bars
        Shown while computing.
    """
    choices = {"sampling": asdict(sampling), "extraction": asdict(extraction)}
    tasks = []
    for some in in_pieces(survey, curves, LIGHT_CURVES_A_TASK):
        key = {**choices, "data": some.fingerprint()}
        tasks.append(((some, sampling, extraction), name_of("examples", key, code=__name__)))
    parts = []
    with progress.bar(f"features of {survey.name}", len(curves)) as advance:
        for part in compute_chunks(_work, tasks, cache_folder=cache_folder, workers=workers):
            parts.append(FeatureTable(**part))
            advance(len(tasks[len(parts) - 1][0][0].curves))
    return FeatureTable.join(parts)


def extract_examples(some: SomeStars, sampling: Sampling, extraction: Extraction) -> FeatureTable:
    """Features of the examples of some stars: those of one band in one call, those of several in another."""
    tables = [_rows_of_bands(some, sampling, extraction)]
    if extraction.together:
        stars = some.in_several_bands()
        shown = [each for _, places in stars for each in shown_together(some, places, sampling)]
        tables += [rows_together(shown, extraction)] if shown else []
    return FeatureTable.join(tables)


def _rows_of_bands(some: SomeStars, sampling: Sampling, extraction: Extraction) -> FeatureTable:
    """Rows of all examples of one band."""
    rows = [
        (place, kind, made)
        for place in _by_themselves(some, sampling)
        for kind, made in augmented(some.points.without_repeats(place), int(some.curves[place]), sampling)
    ]
    counts = np.array([len(made[0]) for _, _, made in rows], np.int64)
    time, mag, err = (np.concatenate([made[i] for _, _, made in rows]) for i in range(3))
    measured = extract(
        time, mag, err, offsets_of(counts), convention=extraction.convention, clip_sigma=extraction.clip_sigma
    )
    places = np.array([place for place, _, _ in rows], np.int64)
    n = len(rows)
    return FeatureTable(
        measured.values,
        measured.status,
        some.curves[places],
        np.array([kind for _, kind, _ in rows], np.int8),
        measured.n_used,
        counts,
        np.full(n, View.OWN, np.int8),
        np.arange(n),
        some.first_band[places],
        np.ones(n, np.int64),
    )


def _by_themselves(some: SomeStars, sampling: Sampling) -> Iterator[int]:
    """Yield the places of the light curves that are shown as a band by itself."""
    most = sampling.bands_by_themselves
    for first, last in zip(some.bounds[:-1].tolist(), some.bounds[1:].tolist(), strict=True):
        if most is None or last - first <= most:
            yield from range(first, last)
        else:
            rng = np.random.default_rng([sampling.seed, int(some.curves[first:last].min()), 2])
            yield from first + np.sort(rng.choice(last - first, most, replace=False))


def _work(task: tuple[SomeStars, Sampling, Extraction]) -> dict[str, NDArray[Any]]:
    table = extract_examples(*task)
    return {f.name: getattr(table, f.name) for f in fields(table)}
