"""The group of workers over one topic of ours: partitions come and go between two polls, never within one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from broker.errors import ConfigError, FatalError
from broker.transport.consumer.trouble import Trouble, trouble_of
from broker.transport.kafka_client import ANSWER_S, Connection, leave_group, make_consumer

log = logging.getLogger(__name__)

NEXT_GENERATION = {"group.protocol": "consumer"}  # in which the broker sets the times of a session
_FENCED = "group.instance.id"  # in what librdkafka says where another member has taken our name
_CLASSIC_ONLY = ("session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy")


class OwnGroup:
    """A member of a group that is known by a lasting name.

    What the group gives is not read before `start` says from where. Callbacks of librdkafka only take notes,
    and run inside `poll` alone: no transaction is ever open in one.

    Parameters
    ----------
    group_id : str
        Of the group.
    instance : str
        The member's name: back within its session, it has the partitions that it had.
    """

    def __init__(
        self, connection: Connection, settings: Mapping[str, Any], *, group_id: str, instance: str, topic: str
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._group_id = group_id
        self._instance = instance
        self._topic = topic
        self._consumer: Any = None
        self._closing = False
        self._started: dict[int, int] = {}  # partition -> offset of the next message
        self._gained: set[int] = set()
        self._lost: set[int] = set()

    @property
    def started(self) -> Mapping[int, int]:
        """Partitions that are read, and the offset that comes next in each."""
        return self._started

    def connect(self) -> None:
        """Ask to be let in.

        Raises
        ------
        ConfigError
            If librdkafka does not accept a setting.
        """
        settings = {
            **self._settings,
            "group.id": self._group_id,
            "group.instance.id": self._instance,
            "isolation.level": "read_committed",
            "partition.assignment.strategy": "cooperative-sticky",
        }
        consumer_settings = dict(settings)
        if settings.get("group.protocol") == NEXT_GENERATION["group.protocol"]:
            consumer_settings = {k: v for k, v in settings.items() if k not in _CLASSIC_ONLY}
        self._consumer = make_consumer(self._connection, consumer_settings)
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    def close(self) -> None:
        """Leave; a member of a lasting name is waited for until its session ends."""
        if self._consumer is not None:
            self._closing = True
            self._connection.leave(partial(leave_group, self._consumer))
            self._consumer = None

    def poll(self, n: int) -> list[Any]:
        """Up to n messages that are there, each the next of a partition that is started.

        Raises
        ------
        ConfigError
            If the cluster refuses us, or another member has our name.
        FatalError
            If the cluster is away for too long, or the client cannot go on.
        """
        messages = []
        for message in self._consumer.consume(n, 0.0):
            if message.error() is not None:
                self._on_error(message.error(), message.partition())
            elif message.topic() == self._topic and message.offset() >= self._started.get(
                message.partition(), message.offset() + 1
            ):
                self._started[message.partition()] = message.offset() + 1
                messages.append(message)
        if messages:
            self._connection.answered()
        else:
            self._connection.check(self._consumer)
        return messages

    def changes(self) -> tuple[set[int], set[int]]:
        """Partitions that were given to us and taken from us since the last call."""
        gained, lost = self._gained, self._lost
        self._gained, self._lost = set(), set()
        return gained, lost

    def start(self, partition: int, offset: int) -> None:
        """Read a partition of ours from here on."""
        self._consumer.incremental_assign([TopicPartition(self._topic, partition, offset)])
        self._started[partition] = max(offset, 0)

    def go_back(self, partition: int, offset: int) -> None:
        """Read a partition that is started again from an earlier offset; another's is left alone."""
        if partition in self._started:
            self._consumer.incremental_unassign([TopicPartition(self._topic, partition)])
            self.start(partition, offset)

    def metadata(self) -> Any:
        """Return what a transaction is to be given by whom its offsets were read: us, in this generation."""
        return self._consumer.consumer_group_metadata()

    def committed(self, partitions: Sequence[int]) -> dict[int, int] | None:
        """Ask for the group's offsets, negative where there are none; None while a transaction holds them."""
        try:
            told = self._consumer.committed(
                [TopicPartition(self._topic, number) for number in partitions], timeout=ANSWER_S / 2
            )
        except KafkaException as exc:
            if exc.args[0].fatal():
                raise FatalError(f"{self._connection.servers}: {exc.args[0].str()}") from exc
            self._connection.check(self._consumer)
            log.info("offsets of the group are not told yet", extra={"error": exc.args[0].str()})
            return None
        for place in told:
            if place.error is not None:
                log.info("offsets of the group are not told yet", extra={"error": place.error.str()})
                return None
        return {place.partition: place.offset for place in told}

    def at_end(self) -> bool:
        """Whether all that is started has been read, up to the last message that is committed."""
        places = [TopicPartition(self._topic, number) for number in self._started]
        try:
            ends = {p.partition: self._consumer.get_watermark_offsets(p, timeout=ANSWER_S)[1] for p in places}
        except KafkaException:
            return False
        at = {place.partition: place.offset for place in self._consumer.position(places)}
        return all(max(at[number], self._started[number]) >= end for number, end in ends.items())

    def _on_assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign([])  # what is given is read from `start` on
        if not self._closing:
            self._gained |= {place.partition for place in partitions}

    def _on_revoke(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        taken = {place.partition for place in partitions}
        ours = taken & self._started.keys()
        consumer.incremental_unassign([TopicPartition(self._topic, number) for number in sorted(ours)])
        for number in ours:
            del self._started[number]
        self._gained -= taken
        self._lost |= taken

    def _on_error(self, error: Any, partition: int) -> None:
        where = f"{self._topic}[{partition}]" if partition >= 0 else self._topic
        trouble = trouble_of(error)
        if trouble is Trouble.HOPELESS and _FENCED in error.str():
            raise ConfigError(
                f"another worker has taken the name of this one, {self._instance}: each worker needs a "
                "worker.instance of its own"
            )
        if trouble is Trouble.HOPELESS:
            raise FatalError(f"cannot read {where}: {error.str()}")
        if trouble is Trouble.NO_OFFSET:
            raise FatalError(
                f"{where} does not have what comes next, {error.str()}: messages were deleted before they "
                "were read, or the topic was made anew; see `varstream topics check`"
            )
        self._connection.on_error(error, where)
