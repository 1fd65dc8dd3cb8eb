"""The offsets to start at: where the store's reading ended, as far as its topics still go there."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from broker.alert import Partition, partition_name
from broker.transport.consumer.topic_identity import TopicIdentity
from broker.transport.kafka_client import Connection

log = logging.getLogger(__name__)


class StartOffsets:
    """Where each partition is to be read from when it is given to us, for the first time or again."""

    def __init__(
        self, connection: Connection, offsets: Mapping[Partition, int], identity: TopicIdentity
    ) -> None:
        self._connection = connection
        self._offsets = dict(offsets)
        self._identity = identity

    def update(self, offsets: Mapping[Partition, int]) -> None:
        """Take note of what is done."""
        self._offsets.update(offsets)

    def of(self, consumer: Any, admin: Any, partitions: Sequence[Partition]) -> list[TopicPartition]:
        """Offsets of partitions as the store has them, of others their beginning.

        Raises
        ------
        FatalError
            If a topic is not the one that the store has read.
        KafkaException
            If the cluster does not tell what it has.
        """
        topic_ids = self._identity.ask(admin, sorted({topic for topic, _ in partitions}))
        known = [partition for partition in partitions if partition in self._offsets]
        bounds = {partition: self._bounds(consumer, partition) for partition in known}
        beyond = {
            partition[0]: f"{partition_name(partition)} ends at offset {high}, "
            f"the store has read up to {self._offsets[partition]}"
            for partition, (_, high) in bounds.items()
            if self._offsets[partition] > high
        }
        for topic in sorted({topic for topic, _ in partitions}):
            if not self._identity.settle(topic, topic_ids.get(topic), beyond.get(topic)):
                self._offsets = {p: offset for p, offset in self._offsets.items() if p[0] != topic}
        return [TopicPartition(*partition, self._offset(partition, bounds)) for partition in partitions]

    def _offset(self, partition: Partition, bounds: Mapping[Partition, tuple[int, int]]) -> int:
        expected = self._offsets.get(partition)
        if expected is None:
            return int(OFFSET_BEGINNING)
        low, _ = bounds[partition]
        if expected < low:
            lost = {"where": partition_name(partition), "alerts": low - expected}
            log.warning("alerts expired before they were read", extra=lost)
        return max(expected, low)

    def _bounds(self, consumer: Any, partition: Partition) -> tuple[int, int]:
        """Offsets of the first message that a partition has, and after its last."""
        low, high = self._connection.ask(
            lambda wait_s: consumer.get_watermark_offsets(TopicPartition(*partition), timeout=wait_s)
        )
        return int(low), int(high)
