"""The pool of processes for long work in pieces, each of which is kept in the cache when it is done."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any

from features.warm_up import warm_up
from training.errors import TrainingError
from training.result_cache import Arrays, cached_at

Work = Callable[[Any], Arrays]

LIGHT_CURVES_A_TASK = 100
"""About a second of work when features are computed, lost at most when interrupted."""


def default_workers() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compute_chunks(
    work: Work, tasks: Sequence[tuple[Any, str]], *, cache_folder: Path | None, workers: int
) -> Iterator[Arrays]:
    """Do the tasks, in their order; what the cache holds is not done again.

    Parameters
    ----------
    work : callable
        A function of a module, from a task to named arrays.
    tasks : sequence of (task, name)
        What to do, and the file of its result: `training.result_cache.name_of` all that this depends on.
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
    jobs = [(work, task, None if cache_folder is None else cache_folder / name) for task, name in tasks]
    try:
        if min(workers, len(jobs)) <= 1:
            yield from map(_do, jobs)
            return
        warm_up()  # the processes load the kernels that are compiled here, once
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


def _leave_interrupts() -> None:
    """Ctrl-C is for the parent, which waits for the chunks in work: they are kept."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _do(job: tuple[Work, Any, Path | None]) -> Arrays:
    work, task, path = job
    return cached_at(path, partial(work, task))
