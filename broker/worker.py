"""The worker: one loop from a source of packets to published annotations. Read this first."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Protocol

from broker.alert import Annotation, DeadLetter, Packet, Partition
from broker.errors import FatalError, TransientError
from broker.monitor.counts import Counts
from broker.monitor.metrics import Metrics
from broker.pipeline import Batch, Pipeline
from broker.state.store import Store

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where packets come from: files, or the partitions of some topics."""

    def poll(self) -> Sequence[Packet]:
        """Return the next batch in order; empty when there is nothing right now."""

    @property
    def exhausted(self) -> bool:
        """Whether nothing will ever come any more."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Note that everything before `offsets` is done."""


class Sink(Protocol):
    """Where annotations and dead letters go."""

    def deliver(self, annotations: Sequence[Annotation], dead_letters: Sequence[DeadLetter]) -> None:
        """Hand all of them over for good; return when they are safe.

        Raises
        ------
        FatalError
            If one of them cannot be delivered.
        """


class CircuitBreaker:
    """Stops the worker when most of the latest packets are unreadable.

    A survey that breaks its schema would otherwise drain into the dead letters overnight.

    Parameters
    ----------
    window : int
        How many of the latest packets count.
    max_dead_fraction : float
        Largest fraction of a full window that may be dead.
    """

    def __init__(self, *, window: int = 500, max_dead_fraction: float = 0.5) -> None:
        self._window = window
        self._max_dead_fraction = max_dead_fraction
        self._batches: deque[tuple[int, int]] = deque()  # (packets, dead), the latest last

    def check(self, batch: Batch) -> None:
        """Count a batch.

        Raises
        ------
        FatalError
            If too much of the window is dead now; the batch is then neither published nor committed.
        """
        self._batches.append((batch.packets, len(batch.dead_letters)))
        packets, dead = (sum(column) for column in zip(*self._batches, strict=True))
        while packets - self._batches[0][0] >= self._window:
            oldest = self._batches.popleft()
            packets, dead = packets - oldest[0], dead - oldest[1]
        if batch.dead_letters and dead > self._max_dead_fraction * max(packets, self._window):
            last = batch.dead_letters[-1]
            raise FatalError(
                f"{dead} of the last {packets} packets are unreadable, most recently by "
                f"{last.reason}: {last.message}. Nothing of this batch was published or committed; "
                "check decoding.schemas and the topic, or raise worker.max_dead_fraction"
            )


def run(
    source: Source,
    pipeline: Pipeline,
    store: Store,
    sink: Sink,
    *,
    stop: Event,
    patience_s: float = 30.0,
    breaker: CircuitBreaker | None = None,
    metrics: Metrics | None = None,
    on_batch: Callable[[Batch, Counts], None] | None = None,
    counts: Counts | None = None,
) -> Counts:
    """Annotate alerts until `stop` is set or the source is exhausted.

    A batch is finished in three steps: (1) its annotations and dead letters are delivered, (2) its light
    curves and offsets are stored, (3) its offsets are committed to the source. A crash before (2) repeats
    the batch and publishes the same records under the same ids; a crash after it repeats nothing. Nothing is
    lost.

    Raises
    ------
    FatalError
        If the circuit breaker trips, or something is out of reach for longer than `patience_s`.
    """
    counts = Counts() if counts is None else counts  # a caller's own are right however the run ends
    while not stop.is_set():
        packets = source.poll()
        if not packets:
            if source.exhausted:
                break
            continue
        started = time.perf_counter()
        batch = _patiently(pipeline.process, packets, patience_s=patience_s, stop=stop)
        if batch is None:
            break
        if breaker is not None:
            breaker.check(batch)
        processed = time.perf_counter()
        sink.deliver(batch.annotations, batch.dead_letters)  # 1
        store.commit(batch.curves, batch.offsets)  # 2
        source.commit(batch.offsets)  # 3
        counts.add(batch)
        if metrics is not None:
            metrics.add(batch, process_s=processed - started, finish_s=time.perf_counter() - processed)
        if on_batch is not None:
            on_batch(batch, counts)
    return counts


def _patiently(
    step: Callable[[Sequence[Packet]], Batch], packets: Sequence[Packet], *, patience_s: float, stop: Event
) -> Batch | None:
    """Try `step` again, ever more slowly, while what it needs is away; None when told to stop."""
    deadline = time.monotonic() + patience_s
    wait_s = 0.2
    while True:
        try:
            return step(packets)
        except TransientError as exc:
            if time.monotonic() + wait_s > deadline:
                raise FatalError(f"gave up after {patience_s:g} s: {exc}") from exc
            if stop.wait(wait_s):
                return None
            log.warning("trying again", extra={"reason": str(exc), "wait_s": wait_s})
            wait_s = min(2 * wait_s, 5.0)
