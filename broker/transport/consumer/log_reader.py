"""The reader of our compacted topics: what is committed of a partition, up to its end when it was asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined] # not in its types

from broker.errors import FatalError
from broker.transport.consumer.trouble import Trouble, trouble_of
from broker.transport.kafka_client import ANSWER_S, Connection, make_admin, make_consumer

_AT_ONCE = 2000


@dataclass
class Slice:
    """What came next of a partition.

    Attributes
    ----------
    records : dict of bytes to bytes or None
        By key, the latest of each; None of one that is gone.
    next : int
        Where to go on.
    ended : bool
        Whether that is all.
    lost : bool
        Whether the topic no longer goes on where we were to begin: its beginning must be read.
    """

    records: dict[bytes, bytes | None] = field(default_factory=dict)
    next: int = 0
    ended: bool = False
    lost: bool = False


@dataclass
class _Reading:
    """A partition that is being read."""

    end: int
    next: int
    moved_at: float


class LogReader:
    """Reads partitions of one topic from given offsets to their ends, some at a time.

    The end is the high watermark, behind transactions that are still open: who stops at the last committed
    record instead loses what a transaction in flight is about to commit (KAFKA-10167). What was taken back is
    never seen.

    Parameters
    ----------
    patience_s : float
        How long an open transaction, or a cluster that is away, may keep a partition from its end.
    """

    def __init__(
        self,
        connection: Connection,
        settings: Mapping[str, Any],
        topic: str,
        *,
        group_id: str,
        patience_s: float,
    ) -> None:
        self._connection = connection
        self._settings = {**settings, "group.id": group_id, "isolation.level": "read_committed"}
        self._topic = topic
        self._patience_s = patience_s
        self._reading: dict[int, _Reading] = {}
        self._consumer: Any = None
        self._admin = make_admin(connection, settings)

    @property
    def reading(self) -> Mapping[int, tuple[int, int]]:
        """Of partitions that have not ended: where each is, and where its end is."""
        return {number: (reading.next, reading.end) for number, reading in self._reading.items()}

    def begin(self, partition: int, offset: int) -> bool:
        """Read a partition from here on; whether its end lies behind it, or `offset` is beyond.

        Returns
        -------
        bool
            False if the partition ends before `offset`: it is not the one that was read so far.

        Raises
        ------
        FatalError
            If the cluster does not tell where it ends.
        """
        end = self._end(partition)
        if offset > end:
            return False
        if self._consumer is None:
            self._consumer = make_consumer(self._connection, self._settings)
        self._consumer.incremental_assign(
            [TopicPartition(self._topic, partition, offset or OFFSET_BEGINNING)]
        )
        self._reading[partition] = _Reading(end, offset, time.monotonic())
        return True

    def leave(self, partition: int) -> None:
        """Read a partition no longer; harmless where it is not read."""
        if self._reading.pop(partition, None) is not None:
            self._consumer.incremental_unassign([TopicPartition(self._topic, partition)])

    def step(self) -> dict[int, Slice]:
        """Return what has come of each partition; one that has ended, or is lost, is left.

        Raises
        ------
        FatalError
            If a partition does not move for longer than our patience.
        """
        slices = {number: Slice(next=reading.next) for number, reading in self._reading.items()}
        if not slices:
            return {}
        for message in self._consumer.consume(_AT_ONCE, 0.0):
            piece = slices.get(message.partition())
            if piece is None:
                continue
            if message.error() is None:
                piece.records.pop(message.key(), None)  # the latest comes last
                piece.records[message.key()] = message.value()
                piece.next = message.offset() + 1
            elif trouble_of(message.error()) is Trouble.NO_OFFSET:
                piece.lost = True
            elif trouble_of(message.error()) is Trouble.HOPELESS:
                raise FatalError(f"cannot read {self._topic}[{message.partition()}]: {message.error().str()}")
            else:
                self._connection.on_error(message.error(), self._topic)
        self._connection.check(self._consumer)
        for place in self._consumer.position([TopicPartition(self._topic, number) for number in slices]):
            self._settle(place.partition, place.offset, slices[place.partition])
        return slices

    def close(self) -> None:
        """Let go of the cluster."""
        if self._consumer is not None:
            self._connection.leave(self._consumer.close)
            self._consumer = None
        self._reading.clear()

    def _settle(self, partition: int, position: int, piece: Slice) -> None:
        """See how far a partition is; records that end transactions have offsets, and do not come to us."""
        reading = self._reading[partition]
        piece.next = max(piece.next, position)
        now = time.monotonic()
        if piece.next > reading.next:
            reading.next, reading.moved_at = piece.next, now
        piece.ended = piece.next >= reading.end
        if piece.ended or piece.lost:
            self.leave(partition)
        elif now - reading.moved_at > self._patience_s:
            raise FatalError(
                f"{self._topic}[{partition}] stands at offset {reading.next} of {reading.end} for "
                f"{now - reading.moved_at:.0f} s: a transaction that nobody ends is in the way, or the "
                "cluster is; the next start tries again"
            )

    def _end(self, partition: int) -> int:
        place = TopicPartition(self._topic, partition)

        def ask(wait_s: float) -> int:
            # what the client remembers of a leader is refused once the broker was started again
            self._admin.list_topics(self._topic, timeout=wait_s)
            (told,) = self._admin.list_offsets(
                {place: OffsetSpec.latest()},  # type: ignore[no-untyped-call]
                isolation_level=IsolationLevel.READ_UNCOMMITTED,
                request_timeout=wait_s,
            ).values()
            return int(told.result(ANSWER_S).offset)

        try:
            return int(self._connection.ask(ask))
        except KafkaException as exc:
            raise FatalError(
                f"{self._connection.servers} does not tell where {self._topic}[{partition}] ends: "
                f"{exc.args[0].str()}"
            ) from exc
