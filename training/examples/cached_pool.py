"""The pool of processes for long work in pieces, each of which is kept in the cache when it is done."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.result_cache import Arrays, cached_at

Work = Callable[[Any], Arrays]

LIGHT_CURVES_A_TASK = 100
"""About a second of work when features are computed, lost at most when interrupted."""

TASKS_AHEAD = 4
"""Tasks of each process that are made before their turn: so many more hold their data a second time."""


def default_workers() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compute_chunks(
    work: Work, tasks: Iterable[tuple[Any, str]], *, cache_folder: Path | None, workers: int
) -> Iterator[Arrays]:
    """Do the tasks, in their order; what the cache holds is not done again.

    Parameters
    ----------
    work : callable
        A function of a module, from a task to named arrays.
    tasks : iterable of (task, name)
        What to do, and the file of its result: `training.result_cache.name_of` all that this depends on. They
        are taken as their turn comes.
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
    jobs = ((work, task, None if cache_folder is None else cache_folder / name) for task, name in tasks)
    first = list(islice(jobs, 2))
    if workers <= 1 or len(first) < 2:
        yield from map(_do, chain(first, jobs))
        return
    try:
        # "spawn": a fork of a process with threads, as torch has them, may hang
        pool = ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), initializer=_leave_interrupts
        )
        waiting: deque[Future[Arrays]] = deque()
        try:
            for job in chain(first, jobs):
                waiting.append(pool.submit(_do, job))
                if len(waiting) > workers * TASKS_AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
    except BrokenProcessPool as exc:
        kept = "" if cache_folder is None else f"; what was finished is kept in {cache_folder}"
        raise TrainingError(
            f"a process was killed, for want of memory perhaps: start again with fewer --workers{kept}"
        ) from exc


def _leave_interrupts() -> None:
    """Ctrl-C is for the parent, which waits for the chunks in work: they are kept."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _do(job: tuple[Work, Any, Path | None]) -> Arrays:
    work, task, path = job
    return cached_at(path, partial(work, task))
