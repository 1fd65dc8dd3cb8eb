"""The source of photometry: the partitions that are ours, each once its light curves are here."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, TopicCollection

from broker.alert import Origin, Packet, Partition
from broker.errors import FatalError
from broker.state.partition_store import PartitionStore
from broker.state.partitions import PartitionStores
from broker.transport.consumer.log_reader import LogReader
from broker.transport.consumer.own_group import OwnGroup

log = logging.getLogger(__name__)

_MAX_BATCH_BYTES = 64 * 2**20


class PhotometrySource:
    """Photometry of the partitions that the group gives to us.

    A partition is served in three steps. The group's offset is asked for, which waits for a transaction of
    the former owner. Its store is brought to the end of its changelog. Then both must be at one place: what
    light curves have seen, as the marker says, and what the group has read. Meanwhile the others are served.

    Parameters
    ----------
    group : OwnGroup
        Over the photometry topic.
    changelog : LogReader
        Of the changelog.
    stores : PartitionStores
        Of our partitions.
    """

    def __init__(
        self,
        topic: str,
        group: OwnGroup,
        changelog: LogReader,
        stores: PartitionStores,
        *,
        batch_size: int,
        until_end: bool = False,
    ) -> None:
        self.exhausted = False
        self._until_end = until_end
        self._topic = topic
        self._group = group
        self._changelog = changelog
        self._stores = stores
        self._batch_size = batch_size
        self._asking: set[int] = set()
        self._restoring: dict[int, tuple[PartitionStore, int, float]] = {}  # store, group's offset, since
        self._done: dict[int, int] = {}
        self._metadata: Any = None

    @property
    def serving(self) -> frozenset[int]:
        """Partitions that are served."""
        return frozenset(self._done)

    def poll(self) -> Sequence[Packet]:
        """See `Source.poll`; it does not wait.

        Raises
        ------
        ConfigError
            If the cluster refuses us, or another worker has our name.
        FatalError
            If the cluster is away for too long, or a light curve and what was read do not belong together.
        """
        messages = self._group.poll(self._batch_size)
        self._metadata = self._group.metadata()  # of the generation in which these were read
        gained, lost = self._group.changes()
        for partition in sorted(lost):
            self._let_go(partition)
        if lost:
            log.info("partitions were taken from this worker", extra={"partitions": sorted(lost)})
        if gained:
            log.info("partitions were given to this worker", extra={"partitions": sorted(gained)})
        self._asking |= gained
        if self._asking:
            self._ask()
        if self._restoring:
            self._restore()
        settled = bool(self._done) and not self._asking and not self._restoring
        self.exhausted = self._until_end and not messages and settled and self._group.at_end()
        return [
            Packet(
                message.value() or b"",
                Origin(topic=message.topic(), partition=message.partition(), offset=message.offset()),
                message.timestamp()[1],
            )
            for message in messages
            if message.partition() in self._done
        ]

    def group_offsets(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, int]:
        """See `GroupSource.group_offsets`: the batch's own."""
        return offsets

    def metadata(self) -> Any:
        """Return who read what was polled last."""
        return self._metadata

    def done(self, offsets: Mapping[Partition, int]) -> None:
        """Note that everything before `offsets` is committed."""
        self._done.update({number: offset for (_, number), offset in offsets.items() if number in self._done})

    def rewind(self) -> None:
        """Read again what was polled and not committed."""
        for partition, offset in self._done.items():
            if self._group.started.get(partition, offset) != offset:
                self._group.go_back(partition, offset or OFFSET_BEGINNING)

    def close(self) -> None:
        """Leave the group and let the stores go."""
        self._group.close()
        self._changelog.close()
        self._stores.close_all()

    def _ask(self) -> None:
        """Find out where the group is in partitions that were given to us, and begin to fill their stores."""
        committed = self._group.committed(sorted(self._asking))
        if committed is None:
            return
        for partition in sorted(self._asking):
            store = self._stores.open(partition)
            if not self._changelog.begin(partition, store.changelog_next):
                log.warning(
                    "the store is ahead of its changelog, and filled anew", extra={"partition": partition}
                )
                store.wipe()
                self._changelog.begin(partition, 0)
            self._restoring[partition] = store, committed[partition], time.monotonic()
        self._asking.clear()

    def _restore(self) -> None:
        """Bring stores nearer to the ends of their changelogs; serve those that are there."""
        for partition, piece in self._changelog.step().items():
            store, committed, since = self._restoring[partition]
            if piece.lost:
                log.warning(
                    "the changelog no longer has what comes next: the store is filled anew",
                    extra={"partition": partition, "offset": store.changelog_next},
                )
                store.wipe()
                self._changelog.begin(partition, 0)
                continue
            if piece.records or piece.next > store.changelog_next:
                store.write(piece.records, changelog_next=piece.next)
            if piece.ended:
                del self._restoring[partition]
                self._serve(partition, self._place(partition, store, committed))
                log.info(
                    "serving a partition",
                    extra={"partition": partition, "after_s": round(time.monotonic() - since, 2)},
                )

    def _place(self, partition: int, store: PartitionStore, committed: int) -> int:
        """Where a partition goes on: where its light curves and the group agree.

        Raises
        ------
        FatalError
            If they do not.
        """
        marker = store.marker
        where = f"{self._topic}[{partition}]"
        if marker is None:
            if committed > 0:
                raise FatalError(
                    f"the group has read {where} up to offset {committed}, and the changelog has nothing "
                    "of it: was it deleted? Restore it; or name another kafka.group_id, and all photometry "
                    "is annotated again"
                )
            return 0
        expected = self._stores.identity.n_partitions, self._stores.topic_id
        if (marker.n_partitions, marker.topic_id or expected[1]) != expected:
            raise FatalError(
                f"the light curves of {where} were kept for a topic of {marker.n_partitions} partitions with "
                f"the id {marker.topic_id}; this one has {expected[0]} and {expected[1]}: the number of "
                "partitions stays as it was made, and a topic made anew needs another changelog and group"
            )
        if committed >= 0 and committed != marker.input_next:
            raise FatalError(
                f"the light curves have seen {where} up to offset {marker.input_next}, the group is at "
                f"{committed}: somebody moved its offsets, or another program commits under its name. Set "
                "them back, and nothing is lost"
            )
        return (
            marker.input_next
        )  # with no offset of the group, which forgets them after days, the marker counts

    def _serve(self, partition: int, offset: int) -> None:
        self._done[partition] = offset
        self._group.start(partition, offset or OFFSET_BEGINNING)

    def _let_go(self, partition: int) -> None:
        self._asking.discard(partition)
        self._restoring.pop(partition, None)
        self._changelog.leave(partition)
        self._done.pop(partition, None)
        self._stores.close(partition)


def topic_id(admin: Any, topic: str, wait_s: float) -> str:
    """Ask a cluster for the id of a topic."""
    (told,) = admin.describe_topics(TopicCollection([topic]), request_timeout=wait_s).values()
    return str(told.result(wait_s).topic_id)
