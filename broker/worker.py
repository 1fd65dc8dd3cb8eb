"""The worker: one loop from a source of packets to published annotations. Read this first."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Event
from typing import Protocol, TypeVar

from broker.alert import Annotation, DeadLetter, Packet, Partition
from broker.blame.circuit_breaker import CircuitBreaker
from broker.blame.schema_watch import MAX_MORE_PACKETS, SchemaWatch
from broker.errors import FatalError, TransientError
from broker.monitor.counts import Counts
from broker.monitor.metrics import Metrics
from broker.pipeline import Batch, Pipeline, Read
from broker.state.store import Store

log = logging.getLogger(__name__)

Result = TypeVar("Result")


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
        StoppedError
            If we are told to stop, and they do not arrive.
        """


def run(
    source: Source,
    pipeline: Pipeline,
    store: Store,
    sink: Sink,
    *,
    stop: Event,
    patience_s: float = 30.0,
    breaker: CircuitBreaker | None = None,
    watch: SchemaWatch | None = None,
    metrics: Metrics | None = None,
    on_batch: Callable[[Batch, Counts], None] | None = None,
    counts: Counts | None = None,
) -> Counts:
    """Annotate alerts until `stop` is set or the source is exhausted.

    A batch is finished in three steps: (1) its annotations and dead letters are delivered, (2) its light
    curves and offsets are stored, (3) its offsets are committed to the source. A crash before (2) repeats
    the batch and publishes the same records under the same ids; a crash after it repeats nothing. Nothing is
    lost. What was polled together may be finished as several batches.

    Parameters
    ----------
    patience_s : float
        How long anything outside may be away.
    breaker : CircuitBreaker, optional
        Stops the loop before most of a stream becomes dead letters.
    watch : SchemaWatch, optional
        Has partitions wait whose packets name schemas that are missing here. Without one, such packets are
        dead letters.

    Raises
    ------
    FatalError
        If the circuit breaker trips, something is out of reach for longer than `patience_s`, or the store is
        not in its place any more.
    StoppedError
        If `stop` is set while the source or the sink waits for something that is away.
    """
    counts = Counts() if counts is None else counts  # a caller's own are right however the run ends
    while not stop.is_set():
        if watch is not None:
            watch.look_again()
        packets = source.poll()
        if not packets:
            store.check()
            if source.exhausted and (watch is None or not watch.waits):
                break
            continue
        started = time.perf_counter()
        read = _read(source, pipeline, packets, watch=watch, patience_s=patience_s, stop=stop)
        if read is None:
            break
        if watch is not None:
            read = watch.admit(read)
        if breaker is not None:
            breaker.check(read)
        while read and not stop.is_set():
            batch = _patiently(partial(pipeline.annotate, read), patience_s=patience_s, stop=stop)
            if batch is None:
                break
            processed = time.perf_counter()
            sink.deliver(batch.annotations, batch.dead_letters)  # 1
            store.commit(batch.curves, batch.offsets)  # 2
            source.commit(batch.offsets)  # 3
            counts.add(batch)
            if metrics is not None:
                finished = time.perf_counter()
                metrics.add(batch, process_s=processed - started, finish_s=finished - processed)
            if on_batch is not None:
                on_batch(batch, counts)
            read = read[batch.packets :]
            started = time.perf_counter()
    return counts


def _read(
    source: Source,
    pipeline: Pipeline,
    packets: Sequence[Packet],
    *,
    watch: SchemaWatch | None,
    patience_s: float,
    stop: Event,
) -> list[Read] | None:
    """Read packets, and more while they are too few to tell what is wrong; None when told to stop."""
    read: list[Read] = []
    at_most = len(packets) + MAX_MORE_PACKETS
    while True:
        more = _patiently(partial(pipeline.read, packets), patience_s=patience_s, stop=stop)
        if more is None:
            return None
        read += more
        if watch is None or len(read) > at_most or not watch.wants_more(read):
            return read
        packets = source.poll()
        if stop.is_set():
            return None
        if not packets and source.exhausted:
            return read


def _patiently(step: Callable[[], Result], *, patience_s: float, stop: Event) -> Result | None:
    """Try `step` again, ever more slowly, while what it needs is away; None when told to stop."""
    deadline = time.monotonic() + patience_s
    wait_s = 0.2
    while True:
        try:
            return step()
        except TransientError as exc:
            if stop.is_set():
                return None
            if time.monotonic() + wait_s > deadline:
                raise FatalError(f"gave up after {patience_s:g} s: {exc}") from exc
            if stop.wait(wait_s):
                return None
            log.warning("trying again", extra={"reason": str(exc), "wait_s": wait_s})
            wait_s = min(2 * wait_s, 5.0)
