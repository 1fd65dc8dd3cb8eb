"""The second stage: what it writes down of light curves. What it does is `Pipeline`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from broker.alert import Partition
from broker.batch import Batch
from broker.state.partitions import Changes, PartitionStores
from broker.transport.kafka_producer import Message


class ChangelogLedger:
    """What this stage writes down: light curves as a batch leaves them, and how far their photometry went.

    Parameters
    ----------
    topic : str
        Of the changelog.
    """

    def __init__(self, stores: PartitionStores, topic: str) -> None:
        self._stores = stores
        self._topic = topic

    def entry(self, batch: Batch) -> ChangelogEntry:
        """See `Ledger.entry`."""
        derivations = {a.key: str(a.record["derivation"]) for a in batch.annotations}
        read = {partition[1]: (offset, batch.times[partition]) for partition, offset in batch.offsets.items()}
        return ChangelogEntry(
            self._stores, self._topic, self._stores.changes(batch.curves, derivations, batch.seen_ms, read)
        )

    def check(self) -> None:
        """See `Ledger.check`."""
        self._stores.check()


@dataclass(frozen=True, slots=True)
class ChangelogEntry:
    """The changelog of one batch."""

    stores: PartitionStores
    topic: str
    changes: Changes

    @property
    def messages(self) -> list[Message]:
        """See `Entry.messages`."""
        return [
            Message(self.topic, value, key, (), number)
            for number, records in self.changes.items()
            for key, value in records.items()
        ]

    def settle(self, last_offsets: Mapping[Partition, int]) -> None:
        """See `Entry.settle`."""
        at = {number: offset for (topic, number), offset in last_offsets.items() if topic == self.topic}
        self.stores.apply(self.changes, at)
