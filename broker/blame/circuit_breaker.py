"""The circuit breaker: a stream that has become unreadable is not drained into the dead letters."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from broker.alert import DeadLetter
from broker.errors import FatalError
from broker.ingest.decoder import DEAD_SCHEMA_ID
from broker.reading import Read

PACKETS_TO_JUDGE = 20
"""So many packets are enough for a judgement at the start of a worker."""


class CircuitBreaker:
    """Stops the worker when most of the latest packets are dead letters.

    A survey that breaks its schema would otherwise drain into them overnight. At the start of a worker the
    latest packets are the first ones: most of 20 are too many, and a worker that can read nothing costs few
    packets however often it is started.

    Parameters
    ----------
    window : int
        How many of the latest packets count.
    max_dead_fraction : float
        Largest fraction of the window that may be dead.
    """

    def __init__(self, *, window: int = 500, max_dead_fraction: float = 0.5) -> None:
        self._window = window
        self._max_dead_fraction = max_dead_fraction
        self._batches: deque[tuple[int, int]] = deque()  # (packets, dead), the latest last

    def check(self, read: Sequence[Read]) -> None:
        """Count packets, before anything is made of them.

        Raises
        ------
        FatalError
            If too much of the window is dead now.
        """
        if not read:
            return
        dead_letters = [found for _, found in read if isinstance(found, DeadLetter)]
        dead_letters = [letter for letter in dead_letters if letter.reason != DEAD_SCHEMA_ID]
        self._batches.append((len(read), len(dead_letters)))
        packets, dead = (sum(column) for column in zip(*self._batches, strict=True))
        while packets - self._batches[0][0] >= self._window:
            oldest = self._batches.popleft()
            packets, dead = packets - oldest[0], dead - oldest[1]
        least = min(self._window, PACKETS_TO_JUDGE)
        if dead_letters and dead > self._max_dead_fraction * max(packets, least):
            last = dead_letters[-1]
            raise FatalError(
                f"{dead} of the last {packets} packets are unreadable, most recently by "
                f"{last.reason}: {last.message}. Nothing of this batch was published or committed; "
                "check decoding.schemas and the topic, or raise worker.max_dead_fraction"
            )
