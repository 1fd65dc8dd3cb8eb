"""The partitions of a consumer that are held: they give nothing until they are released."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from broker.alert import Partition, partition_name

log = logging.getLogger(__name__)


class HeldPartitions:
    """Partitions that are paused, and where each is to go on."""

    def __init__(self) -> None:
        self._offsets: dict[Partition, int] = {}

    def __contains__(self, partition: Partition) -> bool:
        return partition in self._offsets

    def hold(self, consumer: Any, offsets: Mapping[Partition, int]) -> None:
        """Pause assigned partitions; each goes on at its offset."""
        self._offsets.update(offsets)
        consumer.pause([TopicPartition(*partition) for partition in offsets])

    def release(self, consumer: Any, partitions: Collection[Partition]) -> set[Partition]:
        """Have held partitions go on; those that do, for others the next call is another try."""
        released = set()
        for partition in self._offsets.keys() & set(partitions):
            place = TopicPartition(*partition, self._offsets[partition])
            try:
                consumer.seek(place)
                consumer.resume([place])
            except KafkaException as exc:
                told = {"where": partition_name(partition), "error": str(exc)}
                log.warning("partition not released", extra=told)
            else:
                del self._offsets[partition]
                released.add(partition)
        return released

    def clear(self) -> None:
        """Forget them: they were assigned anew, from where they are to go on."""
        self._offsets.clear()
