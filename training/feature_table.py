"""Features of many light curves and of the examples made from them, computed once and kept."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

import features
from features import FEATURE_NAMES, MIN_POINTS, extract, scorable
from schemas.manifest import sha256_of
from training.light_curves import LightCurves, offsets_of, read_light_curves
from training.sampling import Sampling, examples

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
        `training.sampling.Kind`.
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

    @classmethod
    def join(cls, tables: Iterable[FeatureTable]) -> FeatureTable:
        """One table after the other."""
        parts = list(tables)
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def feature_table(
    path: Path,
    stars: NDArray[np.int64],
    sampling: Sampling,
    extraction: Extraction,
    *,
    cache_folder: Path | None,
    workers: int,
    progress: Progress,
) -> FeatureTable:
    """Features of the examples of some of a file's light curves, from the cache where they are there.

    Parameters
    ----------
    path : Path
        A file for `training.light_curves.read_light_curves`.
    stars : (n,) int64
        Which light curves.
    sampling, extraction
        What is made of them, and how it is measured.
    cache_folder : Path or None
        Where tables are kept, by a hash of the data, the choices and the code of the features.
    workers : int
        Processes; with 1 all is done in this one.
    progress : Progress
        Shown while computing.
    """
    key = _key(path, stars, sampling, extraction)
    cached = cache_folder / f"{path.stem}-{key[:16]}.npz" if cache_folder is not None else None
    if cached is not None and (table := _load(cached)) is not None:
        return table
    chunks = [stars[i : i + CHUNK] for i in range(0, len(stars), CHUNK)]
    tasks = [(path, chunk, sampling, extraction) for chunk in chunks]
    bar = progress.add_task(f"features of {path.stem}", total=len(stars))
    parts = []
    for part, chunk in zip(_run(tasks, workers), chunks, strict=True):
        parts.append(part)
        progress.advance(bar, len(chunk))
    table = FeatureTable.join(parts)
    if cached is not None:
        _save(cached, table)
    return table


def extract_examples(
    curves: LightCurves, stars: NDArray[np.int64], sampling: Sampling, extraction: Extraction
) -> FeatureTable:
    """Features of the examples of some light curves, in one call of `features.extract`."""
    rows = [
        (star, kind, made) for star in stars for kind, made in examples(curves.pick(star), star, sampling)
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


Arguments = tuple[Path, NDArray[np.int64], Sampling, Extraction]


def _run(tasks: list[Arguments], workers: int) -> Iterator[FeatureTable]:
    if workers == 1:
        yield from map(_work, tasks)
        return
    # "spawn": a fork of a process with threads, as torch has them, may hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context) as pool:
        yield from pool.map(_work, tasks)


def _work(arguments: Arguments) -> FeatureTable:
    path, stars, sampling, extraction = arguments
    return extract_examples(_curves(path, path.stat().st_mtime_ns), stars, sampling, extraction)


_LAST: dict[tuple[Path, int], LightCurves] = {}


def _curves(path: Path, modified_ns: int) -> LightCurves:
    """Light curves of the file that this process works on: one at a time, since files are large."""
    if (path, modified_ns) not in _LAST:
        _LAST.clear()
        _LAST[path, modified_ns] = read_light_curves(path).curves
    return _LAST[path, modified_ns]


def _key(path: Path, stars: NDArray[np.int64], sampling: Sampling, extraction: Extraction) -> str:
    digest = hashlib.sha256()
    choices = {"sampling": asdict(sampling), "extraction": asdict(extraction), "code": _code_hash()}
    digest.update(json.dumps(choices, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(stars, np.int64).tobytes())
    digest.update(sha256_of(path).encode())
    return digest.hexdigest()


@cache
def _code_hash() -> str:
    """Hash of the sources of the features and the examples: a table made by other code is not reused."""
    digest = hashlib.sha256(",".join(FEATURE_NAMES).encode())
    sources = sorted(Path(str(features.__file__)).parent.glob("*.py"))
    for source in [*sources, Path(__file__).with_name("sampling.py")]:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _save(path: Path, table: FeatureTable) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {f.name: getattr(table, f.name) for f in fields(table)}
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)
    unfinished.replace(path)  # a table is there whole or not at all


def _load(path: Path) -> FeatureTable | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return FeatureTable(*(archive[f.name] for f in fields(FeatureTable)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        path.unlink()  # damaged: computed again
        return None
