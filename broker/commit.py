"""The commit: how a batch is made final, at least once or exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from broker.alert import Annotation, DeadLetter, Partition
from broker.batch import Batch
from broker.errors import AbortedError
from broker.state.store import Store
from broker.transport.kafka_producer import Message


class Commit(Protocol):
    """Makes batches final, each after the one before."""

    def finish(self, batch: Batch) -> None:
        """Return when nothing of the batch can be lost, or come again, any more.

        Raises
        ------
        AbortedError
            If nothing of it is final, and it is to be read again.
        FatalError
            If this worker cannot go on.
        StoppedError
            If we are told to stop while something outside keeps us waiting.
        """

    def check(self) -> None:
        """See that what was made final is still there; asked where nothing comes for a while.

        Raises
        ------
        FatalError
            If it is not.
        """


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


class CommittingSource(Protocol):
    """A source that is told what is done."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Note that everything before `offsets` is done."""


@dataclass(frozen=True, slots=True)
class AtLeastOnce:
    """Three steps, one after the other.

    (1) Annotations and dead letters are delivered, (2) light curves and offsets are stored, (3) offsets are
    committed to the source. A crash before (2) repeats the batch and publishes the same records under the
    same ids; a crash after it repeats nothing. Nothing is lost.
    """

    source: CommittingSource
    store: Store
    sink: Sink

    def finish(self, batch: Batch) -> None:
        """See `Commit.finish`."""
        self.sink.deliver(batch.annotations, batch.dead_letters)  # 1
        self.store.commit(batch.curves, batch.offsets)  # 2
        self.source.commit(batch.offsets)  # 3

    def check(self) -> None:
        """See `Commit.check`."""
        self.store.check()


class Entry(Protocol):
    """What a stage writes down of one batch."""

    @property
    def messages(self) -> Sequence[Message]:
        """To a topic of its own."""

    def settle(self, last_offsets: Mapping[Partition, int]) -> None:
        """Take over what is committed; `last_offsets` are those that messages got, by partition."""


class Ledger(Protocol):
    """What a stage keeps of what it has done: light curves, or how far it has read."""

    def entry(self, batch: Batch) -> Entry:
        """Return what is to be written of a batch; nothing has changed before it is settled."""

    def check(self) -> None:
        """See that what was settled is still there."""


class GroupSource(Protocol):
    """A source whose offsets are a group's, and part of a transaction."""

    def group_offsets(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, int]:
        """Return the offsets that the group commits with a batch that ends at `offsets`."""

    def metadata(self) -> Any:
        """Return who, in which generation of the group, read what was polled last."""

    def done(self, offsets: Mapping[Partition, int]) -> None:
        """Note that everything before `offsets` is committed."""

    def rewind(self) -> None:
        """Give once more what was polled and is not committed."""


class Transacting(Protocol):
    """What commits messages and a group's offsets together."""

    def commit(
        self, messages: Sequence[Message], offsets: Mapping[Partition, int], metadata: Any
    ) -> Mapping[Partition, int]:
        """Return the last offset that a message got in each partition."""


@dataclass(frozen=True, slots=True)
class ExactlyOnce:
    """One transaction: all of a batch becomes visible at once, or nothing of it ever does.

    In it are the records that the stage publishes, its dead letters, what its ledger says of them, and how
    far its group has read; the generation of the group fences a worker that was away while another took over.
    Only then the ledger itself changes. Where a crash comes between, it lags behind what it has written, and
    who takes over reads that first.
    """

    source: GroupSource
    transactions: Transacting
    outbox: Callable[[Batch], Sequence[Message]]
    ledger: Ledger

    def finish(self, batch: Batch) -> None:
        """See `Commit.finish`."""
        entry = self.ledger.entry(batch)
        messages = [*self.outbox(batch), *entry.messages]
        offsets = self.source.group_offsets(batch.offsets)
        try:
            last_offsets = self.transactions.commit(messages, offsets, self.source.metadata())
        except AbortedError:
            self.source.rewind()
            raise
        entry.settle(last_offsets)
        self.source.done(batch.offsets)

    def check(self) -> None:
        """See `Commit.check`."""
        self.ledger.check()
