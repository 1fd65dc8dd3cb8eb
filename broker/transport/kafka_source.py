"""The Kafka source: packets from the topics of a cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from broker.alert import Origin, Packet, Partition
from broker.config import KafkaConfig
from broker.errors import FatalError
from broker.transport.held_partitions import HeldPartitions
from broker.transport.kafka_client import Connection, make_consumer

log = logging.getLogger(__name__)

_POLL_S = 0.5
_MAX_BATCH_BYTES = 64 * 2**20  # a batch of large packets stays within memory, as it is looked at
_MESSAGES_PER_CALL = 32  # after every few

_FORBIDDEN_CODES = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)
_NO_TOPIC_CODES = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)


class KafkaSource:
    """Packets of some topics, all partitions, from given offsets on, once it is connected.

    The group's committed offsets are kept for monitoring the lag and are never read back.

    Parameters
    ----------
    start_offsets : mapping of (topic, partition) to int
        The offset to read first, as the store has it. A partition that is not in it is read from its
        beginning: a new store reads everything the topics still hold.
    until_end : bool
        Whether to be exhausted at the end of all partitions instead of waiting for more.
    """

    def __init__(
        self,
        config: KafkaConfig,
        start_offsets: Mapping[Partition, int],
        *,
        batch_size: int,
        until_end: bool = False,
    ) -> None:
        self.exhausted = False
        self._config = config
        self._batch_size = batch_size
        self._until_end = until_end
        self._connection = Connection(config.bootstrap_servers, patience_s=config.patience_s)
        self._start_offsets = dict(start_offsets)
        self._assigned: set[Partition] = set()
        self._ended: set[Partition] = set()
        self._next_offsets: dict[Partition, int] = {}
        self._missing_since: dict[str, float] = {}
        self._held = HeldPartitions()
        self._given: list[TopicPartition] | None = None  # what is ours and not started yet, maybe nothing
        self._consumer: Any = None
        self._closing = False
        self._subscribed: list[str] = []

    def connect(self) -> None:
        """Join the group, once the cluster answers and has all topics but those of a night.

        Raises
        ------
        ConfigError
            If librdkafka does not accept a setting, or the cluster refuses us.
        FatalError
            If the cluster does not answer, or a topic is missing, for longer than our patience.
        """
        config = self._config
        self._consumer = make_consumer(
            self._connection,
            {**config.settings, "group.id": config.group_id, "enable.partition.eof": self._until_end},
        )
        try:
            named = [topic for topic in config.topics if "{" not in topic]
            self._connection.wait_for_topics(self._consumer, named)
            self._subscribe()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the group; harmless where none was joined."""
        if self._consumer is not None:
            self._closing = True
            # librdkafka 2.16 may never return from a close while the group waits for partitions to be given
            # back (join state wait-unassign-call): whatever was asked of us is answered first.
            self._consumer.unsubscribe()
            while self._consumer.consume(_MESSAGES_PER_CALL, 0.0):
                pass
            self._consumer.close()
            self._consumer = None

    def poll(self) -> Sequence[Packet]:
        """See `Source.poll`.

        Raises
        ------
        ConfigError
            If the cluster refuses us.
        FatalError
            If the cluster is away for too long, or other members of the group took part of the partitions.
        """
        self._subscribe()
        packets: list[Packet] = []
        size = 0
        while len(packets) < self._batch_size and size < _MAX_BATCH_BYTES:
            if self._given is not None:
                if packets:  # first they are committed: the partitions begin behind them
                    break
                self._start(self._given)
            step = min(_MESSAGES_PER_CALL, self._batch_size - len(packets))
            messages = self._consumer.consume(step, 0.0 if packets else _POLL_S)
            for message in messages:
                partition = (message.topic(), message.partition())
                if message.error() is not None:
                    self._on_message_error(message.error(), partition)
                elif partition in self._assigned and partition not in self._held:
                    self._follow(partition, message.offset())
                    packets.append(_packet(message))
                    size += len(packets[-1].payload)
            if len(messages) < step:
                break
        if packets:
            self._connection.answered()
        else:
            self._connection.check(self._consumer)
            self._check_topics()
            self.exhausted = self._until_end and self._at_end()
        return packets

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """See `Source.commit`."""
        self._start_offsets.update(offsets)  # where a partition that is taken away and given back begins
        done = [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
        try:
            self._consumer.commit(offsets=done, asynchronous=True)
        except KafkaException as exc:  # the store has them: only the lag that monitoring shows is late
            log.warning("offsets not committed", extra={"error": str(exc)})

    def hold(self, offsets: Mapping[Partition, int]) -> None:
        """See `HoldingSource.hold`; a partition that is given to us anew is no longer held."""
        self._held.hold(self._consumer, {p: at for p, at in offsets.items() if p in self._assigned})

    def release(self, partitions: Collection[Partition]) -> None:
        """See `HoldingSource.release`."""
        self._ended -= self._held.release(self._consumer, partitions)

    def _at_end(self) -> bool:
        """Whether all partitions are read, or no topic is there after our patience: a quiet night."""
        if self._assigned:
            return self._ended >= self._assigned
        if not self._missing_since.keys() >= set(self._subscribed):
            return False
        return time.monotonic() - max(self._missing_since.values()) > self._config.patience_s

    def _follow(self, partition: Partition, offset: int) -> None:
        """Notice offsets that were never read: the topic's retention can overtake a worker that lags."""
        expected = self._next_offsets.get(partition, offset)
        if offset > expected:
            where = f"{partition[0]}[{partition[1]}]"
            log.warning("offsets went before they were read", extra={"where": where, "n": offset - expected})
        self._next_offsets[partition] = offset + 1
        self._ended.discard(partition)

    def _check_topics(self) -> None:
        """Bear with a night's topic before its first alert, not with one that is named and stays away."""
        for topic, since in self._missing_since.items():
            if topic in self._config.topics and time.monotonic() - since > self._config.patience_s:
                raise FatalError(f"{self._connection.servers} has no topic {topic} any more: create it again")

    def _subscribe(self) -> None:
        topics = resolve_topics(self._config.topics, datetime.now(UTC), nights=self._config.nights)
        if topics != self._subscribed:
            left = sorted(set(self._subscribed) - set(topics))
            if left:
                log.warning("nights are no longer read", extra={"topics": left})
            log.info("subscribing", extra={"topics": topics})
            self._consumer.subscribe(topics, on_assign=self._on_assign, on_revoke=self._on_revoke)
            self._subscribed = topics

    def _on_assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """Note what was given to us; runs inside `poll`.

        Nothing is asked of the cluster in here: after a call that waits within a callback, confluent-kafka
        2.16 aborts the process at the next callback of the outer call.
        """
        self._assigned.clear()
        self._missing_since.clear()
        if self._closing:
            consumer.unassign()
        else:
            self._given = partitions

    def _on_revoke(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        self._given = None
        self._assigned -= {(p.topic, p.partition) for p in partitions}

    def _start(self, partitions: list[TopicPartition]) -> None:
        """Start every partition that was given to us where it is to go on.

        Raises
        ------
        FatalError
            If they are not all of a topic, one of them ends before it is to go on, or they cannot be started.
        """
        self._given = None
        self._held.clear()
        self._ended.clear()
        self._next_offsets.clear()
        try:
            self._refuse_a_part(partitions)
            for partition in partitions:
                partition.offset = self._start_offset(partition)
            self._consumer.assign(partitions)
        except KafkaException as exc:
            raise FatalError(f"cannot start reading {self._subscribed}: {exc.args[0].str()}") from exc
        self._assigned = {(p.topic, p.partition) for p in partitions}

    def _refuse_a_part(self, partitions: Sequence[TopicPartition]) -> None:
        """Alerts of one object lie on any partition: who reads only some sees half an object."""
        found = self._connection.ask(lambda wait_s: self._consumer.list_topics(timeout=wait_s)).topics
        for topic in self._subscribed:
            n_all = len(found[topic].partitions) if topic in found else 0
            n_ours = sum(partition.topic == topic for partition in partitions)
            if n_ours < n_all:
                raise FatalError(
                    f"group {self._config.group_id} gave this worker {n_ours} of the {n_all} partitions of "
                    f"{topic}: light curves need all of them, so run one worker per group"
                )

    def _start_offset(self, partition: TopicPartition) -> int:
        expected = self._start_offsets.get((partition.topic, partition.partition))
        if expected is None:
            return int(OFFSET_BEGINNING)
        low, high = self._connection.ask(
            lambda wait_s: self._consumer.get_watermark_offsets(partition, timeout=wait_s)
        )
        where = f"{partition.topic}[{partition.partition}]"
        if expected > high:
            raise FatalError(
                f"{where} ends at offset {high}, the store has read up to {expected}: the topic was made "
                "anew. Name another kafka topic or state.path"
            )
        if expected < low:
            log.warning(
                "alerts expired before they were read", extra={"where": where, "alerts": low - expected}
            )
        return max(expected, int(low))

    def _on_message_error(self, error: KafkaError, partition: Partition) -> None:
        topic, _ = partition
        if error.code() == KafkaError._PARTITION_EOF:
            self._ended.add(partition)
        elif error.code() in _NO_TOPIC_CODES:
            if topic not in self._missing_since:
                log.warning("no such topic yet", extra={"topic": topic})
                self._missing_since[topic] = time.monotonic()
        elif error.fatal() or error.code() in _FORBIDDEN_CODES:
            raise FatalError(f"cannot read {topic}: {error.str()}")
        else:
            self._connection.on_error(error)


def resolve_topics(templates: Sequence[str], now: datetime, *, nights: int = 2) -> list[str]:
    """Literal topic names: ``{utc_date}`` becomes the dates of the latest nights, today's last.

    A regular expression would also match nights that the survey has expired but still advertises.
    """
    days = [(now - timedelta(days=d)).strftime("%Y%m%d") for d in reversed(range(nights))]
    names = []
    for template in templates:
        names += (
            [template.replace("{utc_date}", day) for day in days] if "{utc_date}" in template else [template]
        )
    return names


def _packet(message: Any) -> Packet:
    kind, timestamp_ms = message.timestamp()
    upstream_ms = timestamp_ms if kind else None
    for name, value in message.headers() or ():
        if (
            name == "producer_timestamp" and value is not None and value.isdigit() and len(value) < 16
        ):  # LSST's own
            upstream_ms = int(value)
    return Packet(
        message.value() or b"",
        Origin(topic=message.topic(), partition=message.partition(), offset=message.offset()),
        upstream_ms,
    )
