"""The Kafka source: packets from the topics of a cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from broker.alert import Origin, Packet, Partition, partition_name
from broker.errors import FatalError
from broker.settings.clusters import KafkaConfig
from broker.transport.consumer.group import Membership
from broker.transport.consumer.held_partitions import HeldPartitions
from broker.transport.consumer.nights import resolve_topics
from broker.transport.consumer.start_offsets import StartOffsets
from broker.transport.consumer.topic_identity import TopicIdentity, TopicMemory
from broker.transport.consumer.trouble import Trouble, trouble_of
from broker.transport.kafka_client import Connection, leave_group, make_admin, make_consumer

log = logging.getLogger(__name__)

_POLL_S = 0.5
_NAP_S = 0.02  # between two looks for messages
_MAX_BATCH_BYTES = 64 * 2**20  # a batch of large packets stays within memory, as it is looked at
_MESSAGES_PER_CALL = 32  # after every few

_LATEST_STAMP_MS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)


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
    memory : TopicMemory, optional
        What remembers which topics the offsets are of; without one, that is not looked at.
    remade : collection of str
        Topics that may be others than those in `memory`: they are read from their beginning then.
    stop : Event, optional
        Once it is set, a cluster that is away is no longer waited for.
    """

    def __init__(
        self,
        config: KafkaConfig,
        start_offsets: Mapping[Partition, int],
        *,
        batch_size: int,
        until_end: bool = False,
        memory: TopicMemory | None = None,
        remade: Collection[str] = (),
        stop: Event | None = None,
    ) -> None:
        self.exhausted = False
        self._config = config
        self._batch_size = batch_size
        self._until_end = until_end
        self._connection = Connection(config.bootstrap_servers, patience_s=config.patience_s, stop=stop)
        self._membership = Membership(config.group_id, config.settings, patience_s=config.patience_s)
        self._identity = TopicIdentity(self._connection, memory, remade=remade)
        self._start_offsets = StartOffsets(self._connection, start_offsets, self._identity)
        self._assigned: set[Partition] = set()
        self._ended: set[Partition] = set()
        self._next_offsets: dict[Partition, int] = {}
        self._missing_since: dict[str, float] = {}
        self._held = HeldPartitions()
        self._given: list[TopicPartition] | None = None  # what is ours and not started yet, maybe nothing
        self._consumer: Any = None
        self._admin: Any = None
        self._closing = False
        self._subscribed: list[str] = []

    def connect(self) -> None:
        """Join the group when it is free, once the cluster answers and has all topics but those of a night.

        Raises
        ------
        ConfigError
            If librdkafka does not accept a setting, the cluster refuses us, or the group has another member.
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
            self._admin = make_admin(self._connection, config.settings)
            self._membership.wait_until_free(self._admin)
            self._subscribe()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the group; harmless where none was joined."""
        self._admin = None
        if self._consumer is not None:
            self._closing = True
            self._connection.leave(partial(leave_group, self._consumer))
            self._consumer = None

    def poll(self) -> Sequence[Packet]:
        """See `Source.poll`.

        Raises
        ------
        ConfigError
            If the cluster refuses us, or another member of the group keeps part of the partitions.
        FatalError
            If the cluster is away for too long, a topic is not the one that the store has read, or the client
            cannot go on.
        StoppedError
            If we are told to stop while the cluster does not answer.
        """
        self._subscribe()
        if self._identity.changed(self._admin, {topic for topic, _ in self._assigned}):
            self._start_again()
        packets: list[Packet] = []
        size = 0
        while len(packets) < self._batch_size and size < _MAX_BATCH_BYTES:
            if self._given is not None:
                if packets:  # first they are committed: the partitions begin behind them
                    break
                self._start(self._given)
            step = min(_MESSAGES_PER_CALL, self._batch_size - len(packets))
            messages = self._consume(step, 0.0 if packets else _POLL_S)
            for message in messages:
                partition = (message.topic(), message.partition())
                if message.error() is not None:
                    self._on_message_error(message.error(), partition)
                elif partition in self._assigned and partition not in self._held:
                    self._follow(partition, message.offset())
                    packets.append(packet_of(message))
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

    def _consume(self, n: int, wait_s: float) -> Sequence[Any]:
        """Up to n messages; returns early with what is there.

        librdkafka waits by the wall clock: where that is set back, a wait of its own lasts as much longer.
        """
        for _ in range(round(wait_s / _NAP_S)):
            if messages := self._consumer.consume(n, 0.0):
                return messages  # type: ignore[no-any-return] # untyped in confluent-kafka
            time.sleep(_NAP_S)
        return self._consumer.consume(n, 0.0)  # type: ignore[no-any-return] # as above

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
            lost = {"where": partition_name(partition), "n": offset - expected}
            log.warning("offsets went before they were read", extra=lost)
        self._next_offsets[partition] = offset + 1
        self._ended.discard(partition)

    def _check_topics(self) -> None:
        """Bear with a night's topic before its first alert, not with one that is named and stays away."""
        for topic, since in self._missing_since.items():
            if topic in self._config.topics and time.monotonic() - since > self._config.patience_s:
                raise FatalError(f"{self._connection.servers} has no topic {topic} any more: create it again")

    def _start_again(self) -> None:
        """Have the partitions started once more, behind what is committed."""
        if self._given is None:
            self._given = [TopicPartition(*partition) for partition in sorted(self._assigned)]
        self._assigned.clear()

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
        2.16 aborts the process at the next callback of the outer call. Nothing is read before we say where.
        """
        self._assigned.clear()
        self._missing_since.clear()
        if self._closing:
            consumer.unassign()
        else:
            consumer.assign([])
            self._given = partitions

    def _on_revoke(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        self._given = None
        self._assigned -= {(p.topic, p.partition) for p in partitions}

    def _start(self, partitions: list[TopicPartition]) -> None:
        """Start every partition that was given to us where it is to go on, if they are all there are.

        Raises
        ------
        ConfigError, FatalError
            If they are not for too long, one of them ends before it is to go on, or they cannot be started.
        """
        self._ended.clear()
        self._next_offsets.clear()
        given = [(p.topic, p.partition) for p in partitions]
        try:
            found = self._connection.ask(lambda wait_s: self._consumer.list_topics(timeout=wait_s)).topics
            sizes = {topic: len(found[topic].partitions) for topic in self._subscribed if topic in found}
            if not self._membership.has_all(given, sizes):
                return
            self._consumer.assign(self._start_offsets.of(self._consumer, self._admin, given))
        except KafkaException as exc:
            raise FatalError(f"cannot start reading {self._subscribed}: {exc.args[0].str()}") from exc
        self._given = None
        self._held.clear()  # each begins where it is to go on, with the packet that it waited at
        self._assigned = set(given)

    def _on_message_error(self, error: KafkaError, partition: Partition) -> None:
        topic, _ = partition
        where = partition_name(partition) if topic else ""
        trouble = trouble_of(error)
        if trouble is Trouble.AT_END:
            self._ended.add(partition)
        elif trouble is Trouble.NO_TOPIC:
            if topic not in self._missing_since:
                log.warning("no such topic yet", extra={"topic": topic})
                self._missing_since[topic] = time.monotonic()
        elif trouble is Trouble.HOPELESS:
            raise FatalError(f"cannot read {where or self._subscribed}: {error.str()}")
        else:
            self._connection.on_error(error, where)
            if trouble is Trouble.NO_OFFSET and partition in self._assigned:
                self._start_again()  # the topic's beginning or end has passed us: see where it goes on


def packet_of(message: Any) -> Packet:
    """Return the packet of a message, its headers unread: a name that is not UTF-8 would end the process."""
    kind, stamp_ms = message.timestamp()
    return Packet(
        message.value() or b"",
        Origin(topic=message.topic(), partition=message.partition(), offset=message.offset()),
        stamp_ms if kind and 0 <= stamp_ms < _LATEST_STAMP_MS else None,
    )
