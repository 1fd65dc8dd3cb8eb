"""The pool of threads for long work in pieces, each of which is kept in the cache when it is done.

Kernels run outside of Python's lock, a batch in one call, so that threads use all cores; they share what was
read, and nothing is started, sent or imported a second time.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from training.result_cache import Arrays, cached_at

T = TypeVar("T")

Work = Callable[[Any], Arrays]

LIGHT_CURVES_A_TASK = 100
"""Some tenths of a second of work when features are computed, lost at most when interrupted."""

TASKS_AHEAD = 4
"""Tasks of each thread that are made before their turn: so many more hold their data a second time."""


def default_workers() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compute_chunks(
    work: Work, tasks: Iterable[tuple[Any, str]], *, cache_folder: Path | None, workers: int
) -> Iterator[Arrays]:
    """Do the tasks, and yield what they give in their order; what the cache holds is not done again.

    What a task raises is raised in its turn. Whoever stops, by Ctrl-C say, waits for the tasks in work, which
    are kept, and for no others.

    Parameters
    ----------
    work : callable
        From a task to named arrays; several at once.
    tasks : iterable of (task, name)
        What to do, and the file of its result: `training.result_cache.name_of` all that this depends on. They
        are taken as their turn comes.
    cache_folder : Path or None
        Where results are kept.
    workers : int
        Threads; with 1 all is done in the caller's.

    Raises
    ------
    SettingsError
        If the cache cannot be written.
    """
    return in_turn(
        (partial(_do, work, task, cache_folder and cache_folder / name) for task, name in tasks), workers
    )


def in_turn(jobs: Iterable[Callable[[], T]], workers: int) -> Iterator[T]:
    """Do jobs in so many threads, several at once, and yield what they give in their order.

    What a job raises is raised in its turn. Whoever stops waits for the jobs in work, and for no others.
    """
    waiting_jobs = iter(jobs)
    first = list(islice(waiting_jobs, 2))
    if workers <= 1 or len(first) < 2:
        yield from (job() for job in chain(first, waiting_jobs))
        return
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[T]] = deque()
    try:
        for job in chain(first, waiting_jobs):
            waiting.append(pool.submit(job))
            if len(waiting) > workers * TASKS_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _do(work: Work, task: Any, path: Path | None) -> Arrays:
    return cached_at(path, partial(work, task))
