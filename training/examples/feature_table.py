"""Features of many light curves and of the examples made from them, computed once and kept."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import MIN_POINTS, extract, scorable
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.examples.augment import Sampling, examples
from training.examples.cached_pool import compute_chunks, hash_of_points
from training.progress import Bars

CHUNK = 100
"""Light curves a task: a second of work."""


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
    star : (m,) int64
        Number of the light curve in its file.
    kind : (m,) int8
        `training.examples.augment.Kind`.
    n_epochs : (m,) int64
        Points of the example.
    """

    values: NDArray[np.float64]
    status: NDArray[np.uint32]
    star: NDArray[np.int64]
    kind: NDArray[np.int8]
    n_epochs: NDArray[np.int64]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Rows (m,) that a model may be trained on or asked about."""
        return scorable(self.values, self.status, self.n_epochs, MIN_POINTS)

    def take(self, rows: NDArray[np.int64]) -> FeatureTable:
        """Copy some of the rows."""
        return FeatureTable(*(getattr(self, f.name)[rows] for f in fields(self)))

    def renumbered(self, stars: NDArray[np.int64], first: int) -> FeatureTable:
        """Count the light curves `stars` of a file, in ascending order, from `first` on."""
        return replace(self, star=first + np.searchsorted(stars, self.star))

    @classmethod
    def join(cls, tables: Iterable[FeatureTable]) -> FeatureTable:
        """One table after the other."""
        parts = list(tables)
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def feature_table(
    survey: LabelledCurves,
    stars: NDArray[np.int64],
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
    stars : (n,) int64
        Which light curves.
    sampling, extraction
        What is made of them, and how it is measured.
    cache_folder : Path or None
        Where finished chunks are kept, by a hash of the points, the choices and the code.
    workers : int
        Processes; with 1 all is done in this one.
    progress : Bars
        Shown while computing.
    """
    choices = json.dumps({"sampling": asdict(sampling), "extraction": asdict(extraction)}, sort_keys=True)
    tasks = []
    for start in range(0, len(stars), CHUNK):
        numbers = np.ascontiguousarray(stars[start : start + CHUNK], np.int64)
        curves = survey.curves.take(numbers)
        digest = hashlib.sha256(choices.encode() + numbers.tobytes() + hash_of_points(curves).encode())
        tasks.append(((curves, numbers, sampling, extraction), f"examples-{digest.hexdigest()[:32]}"))
    parts = []
    with progress.bar(f"features of {survey.name}", len(stars)) as advance:
        for part in compute_chunks(_work, tasks, cache_folder=cache_folder, workers=workers):
            parts.append(FeatureTable(**part))
            advance(min(CHUNK, len(stars) - CHUNK * (len(parts) - 1)))
    return FeatureTable.join(parts)


def extract_examples(
    curves: LightCurves, stars: NDArray[np.int64], sampling: Sampling, extraction: Extraction
) -> FeatureTable:
    """Features of the examples of n light curves, in one call of `features.extract`.

    Parameters
    ----------
    stars : (n,) int64
        Number of each light curve in its file: seeds the draws.
    """
    rows = [
        (star, kind, made)
        for number, star in enumerate(stars)
        for kind, made in examples(curves.pick(number), int(star), sampling)
    ]
    counts = np.array([len(made[0]) for _, _, made in rows], np.int64)
    time, mag, err = (np.concatenate([made[i] for _, _, made in rows]) for i in range(3))
    values, status = extract(
        time, mag, err, offsets_of(counts), convention=extraction.convention, clip_sigma=extraction.clip_sigma
    )
    return FeatureTable(
        values,
        status,
        np.array([star for star, _, _ in rows], np.int64),
        np.array([kind for _, kind, _ in rows], np.int8),
        counts,
    )


def default_workers() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _work(task: tuple[LightCurves, NDArray[np.int64], Sampling, Extraction]) -> dict[str, NDArray[Any]]:
    table = extract_examples(*task)
    return {f.name: getattr(table, f.name) for f in fields(table)}
