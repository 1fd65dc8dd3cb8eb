"""The feature table: features of the examples made from many light curves, computed once and kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import MIN_POINTS, extract, scorable
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.examples.augment import Sampling, augmented
from training.examples.cached_pool import LIGHT_CURVES_A_TASK, compute_chunks
from training.progress import Bars
from training.result_cache import hash_of, name_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """How features are computed; see `features.extract`."""

    convention: str = "refined"
    clip_sigma: float | None = None


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of m examples of one file's light curves.

    Attributes
    ----------
    values : (m, 16) float64
        NaN where `status` blocks.
    status : (m,) uint32
        Bits of `features.Status`.
    curve : (m,) int64
        Number of the light curve in its file: several of them may be of one star.
    kind : (m,) int8
        `training.examples.augment.Kind`.
    n_epochs : (m,) int64
        Points of the example that were used.
    n_shown : (m,) int64
        Points that it was made of.
    """

    values: NDArray[np.float64]
    status: NDArray[np.uint32]
    curve: NDArray[np.int64]
    kind: NDArray[np.int8]
    n_epochs: NDArray[np.int64]
    n_shown: NDArray[np.int64]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Rows (m,) that a model may be trained on or asked about."""
        return self.scorable(MIN_POINTS)

    def scorable(self, min_epochs: int) -> NDArray[np.bool_]:
        """Rows (m,) that a model for light curves of so many epochs may be asked about."""
        return scorable(self.values, self.status, self.n_epochs, min_epochs)

    def take(self, rows: NDArray[np.int64]) -> FeatureTable:
        """Copy some of the rows."""
        return FeatureTable(*(getattr(self, f.name)[rows] for f in fields(self)))

    def renumbered(self, curves: NDArray[np.int64], first: int) -> FeatureTable:
        """Count the light curves `curves` of a file, in ascending order, from `first` on."""
        return replace(self, curve=first + np.searchsorted(curves, self.curve))

    @classmethod
    def join(cls, tables: Iterable[FeatureTable]) -> FeatureTable:
        """One table after the other."""
        parts = list(tables)
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


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
    for start in range(0, len(curves), LIGHT_CURVES_A_TASK):
        numbers = np.ascontiguousarray(curves[start : start + LIGHT_CURVES_A_TASK], np.int64)
        points = survey.curves.take(numbers)
        key = {**choices, "data": hash_of(numbers, points.offsets, points.time, points.mag, points.err)}
        tasks.append(((points, numbers, sampling, extraction), name_of("examples", key, code=__name__)))
    parts = []
    with progress.bar(f"features of {survey.name}", len(curves)) as advance:
        for part in compute_chunks(_work, tasks, cache_folder=cache_folder, workers=workers):
            parts.append(FeatureTable(**part))
            advance(len(tasks[len(parts) - 1][0][1]))
    return FeatureTable.join(parts)


def extract_examples(
    points: LightCurves, curves: NDArray[np.int64], sampling: Sampling, extraction: Extraction
) -> FeatureTable:
    """Features of the examples of n light curves, in one call of `features.extract`.

    Parameters
    ----------
    points : LightCurves
        All of them.
    curves : (n,) int64
        Number of each in its file: seeds the draws.
    """
    rows = [
        (curve, kind, made)
        for number, curve in enumerate(curves)
        for kind, made in augmented(points.without_repeats(number), int(curve), sampling)
    ]
    counts = np.array([len(made[0]) for _, _, made in rows], np.int64)
    time, mag, err = (np.concatenate([made[i] for _, _, made in rows]) for i in range(3))
    measured = extract(
        time, mag, err, offsets_of(counts), convention=extraction.convention, clip_sigma=extraction.clip_sigma
    )
    return FeatureTable(
        measured.values,
        measured.status,
        np.array([curve for curve, _, _ in rows], np.int64),
        np.array([kind for _, kind, _ in rows], np.int8),
        measured.n_used,
        counts,
    )


def _work(task: tuple[LightCurves, NDArray[np.int64], Sampling, Extraction]) -> dict[str, NDArray[Any]]:
    table = extract_examples(*task)
    return {f.name: getattr(table, f.name) for f in fields(table)}
