"""The watchdog: it ends a process that hangs, which is safe where every batch is one transaction.

librdkafka has calls that may never return, whatever time they were given: `send_offsets_to_transaction`
ignores it (librdkafka issues 5456 and 5511, open when this was written).
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

log = logging.getLogger(__name__)

EXIT_FAILED = 1
_LOOK_S = 0.25


class Watchdog:
    """Ends the process where a step takes longer than it may. For the steps of one thread.

    Parameters
    ----------
    end : callable
        Ends the process at once, with this exit code.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self, *, end: Callable[[int], object] = os._exit, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._end = end
        self._clock = clock
        self._steps: list[tuple[str, float, float]] = []
        self._stop = Event()
        self._thread = Thread(target=self._watch, daemon=True, name="watchdog")

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def close(self) -> None:
        """Watch no longer; harmless where it never did."""
        self._stop.set()

    @contextmanager
    def over(self, what: str, *, at_most_s: float) -> Iterator[None]:
        """Watch over one step; within it others may be watched more closely."""
        self._steps.append((what, self._clock() + at_most_s, at_most_s))
        try:
            yield
        finally:
            self._steps.pop()

    def look(self) -> None:
        """End the process if a step is overdue."""
        for what, deadline, at_most_s in list(self._steps):
            if self._clock() > deadline:
                said = (
                    f"{what} has not returned for {at_most_s:g} s: this process is ended; what was not "
                    "committed is done again by the next one"
                )
                log.critical(said)
                print(f"varstream: {said}", file=sys.stderr, flush=True)
                self._end(EXIT_FAILED)

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_S):
            self.look()
