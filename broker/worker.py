"""The worker: from a source of packets to what is published, one batch after another. Read this first."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event
from typing import Protocol, TypeVar

from broker.alert import Packet
from broker.batch import Batch
from broker.blame.circuit_breaker import CircuitBreaker
from broker.blame.schema_watch import MAX_MORE_PACKETS, SchemaWatch
from broker.commit import Commit
from broker.errors import AbortedError, FatalError, TransientError
from broker.monitor.counts import Counts
from broker.monitor.metrics import Metrics
from broker.reading import Read

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_NAP_S = 0.01  # where no stage has anything to do


class Source(Protocol):
    """Where packets come from: files, or the partitions of some topics."""

    def poll(self) -> Sequence[Packet]:
        """Return the next batch in order; empty when there is nothing right now."""

    @property
    def exhausted(self) -> bool:
        """Whether nothing will ever come any more."""


class Processing(Protocol):
    """What becomes of packets between reading and publishing."""

    def read(self, packets: Sequence[Packet]) -> list[Read]:
        """See `read_all`."""

    def process(self, read: Sequence[Read]) -> Batch:
        """Make a batch of the first of them, at least one; nothing of it is published or stored yet."""


class Stage:
    """One way from a source to what is published.

    Parameters
    ----------
    patience_s : float
        How long anything outside may be away.
    breaker : CircuitBreaker, optional
        Stops before most of a stream becomes dead letters.
    watch : SchemaWatch, optional
        Has partitions wait whose packets name schemas that are missing here. Without one, such packets are
        dead letters.
    counts : Counts, optional
        The caller's own, which are right however the run ends.
    """

    def __init__(
        self,
        source: Source,
        processing: Processing,
        commit: Commit,
        *,
        stop: Event,
        patience_s: float = 30.0,
        breaker: CircuitBreaker | None = None,
        watch: SchemaWatch | None = None,
        metrics: Metrics | None = None,
        on_batch: Callable[[Batch, Counts], None] | None = None,
        counts: Counts | None = None,
    ) -> None:
        self.counts = Counts() if counts is None else counts
        self._source = source
        self._processing = processing
        self._commit = commit
        self._stop = stop
        self._patience_s = patience_s
        self._breaker = breaker
        self._watch = watch
        self._metrics = metrics
        self._on_batch = on_batch

    @property
    def exhausted(self) -> bool:
        """Whether nothing will ever come any more."""
        return self._source.exhausted and (self._watch is None or not self._watch.waits)

    def step(self) -> bool:
        """Take what is there from the source to the end; whether there was anything.

        What was polled together may be made final as several batches.

        Raises
        ------
        FatalError
            If the circuit breaker trips, something is out of reach for longer than our patience, or what was
            stored is not in its place any more.
        StoppedError
            If we are told to stop while something that is away is waited for.
        """
        if self._watch is not None:
            self._watch.look_again()
        packets = self._source.poll()
        if not packets:
            self._commit.check()
            return False
        started = time.perf_counter()
        read = self._read(packets)
        if read is None:
            return True
        if self._watch is not None:
            read = self._watch.admit(read)
        if self._breaker is not None:
            self._breaker.check(read)
        while read and not self._stop.is_set():
            batch = self._patiently(partial(self._processing.process, read))
            if batch is None:
                break
            processed = time.perf_counter()
            try:
                self._commit.finish(batch)
            except AbortedError as exc:
                log.warning("a batch was taken back, and comes again", extra={"reason": str(exc)})
                break
            self._note(batch, process_s=processed - started, finish_s=time.perf_counter() - processed)
            read = read[batch.packets :]
            started = time.perf_counter()
        return True

    def _read(self, packets: Sequence[Packet]) -> list[Read] | None:
        """Read packets, and more while they are too few to tell what is wrong; None when told to stop."""
        read: list[Read] = []
        at_most = len(packets) + MAX_MORE_PACKETS
        while True:
            more = self._patiently(partial(self._processing.read, packets))
            if more is None:
                return None
            read += more
            if self._watch is None or len(read) > at_most or not self._watch.wants_more(read):
                return read
            packets = self._source.poll()
            if self._stop.is_set():
                return None
            if not packets:
                if self._source.exhausted:
                    return read
                self._stop.wait(_NAP_S)

    def _patiently(self, step: Callable[[], Result]) -> Result | None:
        """Try `step` again, ever more slowly, while what it needs is away; None when told to stop."""
        deadline = time.monotonic() + self._patience_s
        wait_s = 0.2
        while True:
            try:
                return step()
            except TransientError as exc:
                if self._stop.is_set():
                    return None
                if time.monotonic() + wait_s > deadline:
                    raise FatalError(f"gave up after {self._patience_s:g} s: {exc}") from exc
                if self._stop.wait(wait_s):
                    return None
                log.warning("trying again", extra={"reason": str(exc), "wait_s": wait_s})
                wait_s = min(2 * wait_s, 5.0)

    def _note(self, batch: Batch, *, process_s: float, finish_s: float) -> None:
        self.counts.add(batch)
        if self._metrics is not None:
            self._metrics.add(batch, process_s=process_s, finish_s=finish_s)
        if self._on_batch is not None:
            self._on_batch(batch, self.counts)


def run(*stages: Stage, stop: Event) -> None:
    """Have stages work in turn until `stop` is set or there is nothing left for any of them.

    Raises
    ------
    VarstreamError
        As of `Stage.step`.
    """
    while not stop.is_set():
        worked = [stage.step() for stage in stages]
        if not any(worked):
            if all(stage.exhausted for stage in stages):
                break
            stop.wait(_NAP_S)
