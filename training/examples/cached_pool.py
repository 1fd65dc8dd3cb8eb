"""Long work in pieces: spread over processes, and kept, so that what was interrupted goes on where it was."""

from __future__ import annotations

import ast
import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import features
from training.data.light_curves import LightCurves
from training.data.read import NPZ_ERRORS
from training.errors import SettingsError, TrainingError

Arrays = dict[str, NDArray[Any]]
Work = Callable[[Any], Arrays]


def compute_chunks(
    work: Work, tasks: Sequence[tuple[Any, str]], *, cache_folder: Path | None, workers: int
) -> Iterator[Arrays]:
    """Do the tasks, in their order; what the cache holds is not done again.

    Parameters
    ----------
    work : callable
        A function of a module, from a task to named arrays.
    tasks : sequence of (task, key)
        What to do, and a name that changes with whatever the result depends on.
    cache_folder : Path or None
        Where results are kept.
    workers : int
        Processes; with 1 all is done in this one.

    Raises
    ------
    TrainingError
        If a process is killed.
    SettingsError
        If the cache cannot be written.
    """
    jobs = [
        (work, task, None if cache_folder is None else cache_folder / f"{key}.npz") for task, key in tasks
    ]
    try:
        if min(workers, len(jobs)) <= 1:
            yield from map(_do, jobs)
            return
        # "spawn": a fork of a process with threads, as torch has them, may hang
        pool = ProcessPoolExecutor(
            min(workers, len(jobs)), multiprocessing.get_context("spawn"), initializer=_leave_interrupts
        )
        try:
            yield from pool.map(_do, jobs)
        finally:
            pool.shutdown(cancel_futures=True)
    except BrokenProcessPool as exc:
        raise TrainingError(
            "a process was killed, for want of memory perhaps: start again with fewer --workers; what was "
            "finished is kept"
        ) from exc
    except OSError as exc:
        raise SettingsError(f"cannot write to the cache {cache_folder}: {exc.strerror}") from exc


def hash_of_points(curves: LightCurves) -> str:
    """Hash of light curves and of the code of the features: what other code has made is not reused."""
    digest = hashlib.sha256(_code_hash().encode())
    for series in (curves.offsets, curves.time, curves.mag, curves.err):
        digest.update(np.ascontiguousarray(series).tobytes())
    return digest.hexdigest()


@cache
def _code_hash() -> str:
    digest = hashlib.sha256()
    sources = sorted(Path(str(features.__file__)).parent.rglob("*.py"))
    for source in [*sources, Path(__file__).with_name("augment.py")]:
        digest.update(what_it_does(source.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def what_it_does(source: str) -> str:
    """Return the code of a module in a form that knows no layout, comments and docstrings.

    Another word in one of these is no reason to compute an hour of features again.
    """
    tree: Any = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _leave_interrupts() -> None:
    """Ctrl-C is for the parent, which waits for the chunks in work: they are kept."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _do(job: tuple[Work, Any, Path | None]) -> Arrays:
    work, task, path = job
    if path is None:
        return work(task)
    if (found := _load(path)) is not None:
        return found
    made = work(task)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        np.savez(file, **made)  # type: ignore[arg-type] # names that are not its options
    unfinished.replace(path)  # a chunk is there whole or not at all
    return made


def _load(path: Path) -> Arrays | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        return None
    except NPZ_ERRORS:
        return None  # damaged: computed and written again
