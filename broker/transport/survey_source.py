"""The source of a survey's packets for any number of workers: each survey partition has one of them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from broker.alert import Packet, Partition, partition_name
from broker.errors import FatalError
from broker.settings.clusters import KafkaConfig
from broker.transport.consumer.held_partitions import HeldPartitions
from broker.transport.consumer.log_reader import LogReader
from broker.transport.consumer.own_group import OwnGroup
from broker.transport.consumer.positions import Positions
from broker.transport.consumer.start_offsets import StartOffsets
from broker.transport.consumer.survey_topics import SurveyTopics
from broker.transport.consumer.topic_identity import TopicIdentity
from broker.transport.consumer.trouble import Trouble, trouble_of
from broker.transport.kafka_client import Connection, make_admin, make_consumer
from broker.transport.kafka_source import packet_of

log = logging.getLogger(__name__)

_MAX_BATCH_BYTES = 64 * 2**20
_MESSAGES_PER_CALL = 32


class SurveySource:
    """Packets of the survey partitions that are ours.

    Parameters
    ----------
    connection : Connection
        To the survey's cluster.
    group : OwnGroup
        Over the `positions` topic, on our cluster.
    reader : LogReader
        Of that topic.
    """

    def __init__(
        self,
        config: KafkaConfig,
        connection: Connection,
        group: OwnGroup,
        reader: LogReader,
        *,
        positions_topic: str,
        n_partitions: int,
        batch_size: int,
        until_end: bool = False,
        remade: Collection[str] = (),
    ) -> None:
        self.exhausted = False
        self._config = config
        self._connection = connection
        self._group = group
        self._reader = reader
        self._topic = positions_topic
        self._n_partitions = n_partitions
        self._batch_size = batch_size
        self._until_end = until_end
        self._remade = remade
        self._owned: set[int] = set()
        self._asking: set[int] = set()
        self._read: dict[Partition, int] = {}  # ours, and the offset of the next message
        self._done: dict[Partition, int] = {}
        self._ended: set[Partition] = set()
        self._held = HeldPartitions()
        self._topics = SurveyTopics(config, connection)
        self._metadata: Any = None
        self._consumer: Any = None
        self._admin: Any = None
        self.positions = Positions("", n_partitions)

    @property
    def topics(self) -> frozenset[str]:
        """Topics of those that are read which the survey's cluster has."""
        return frozenset(self._topics.there)

    def connect(self) -> None:
        """See that the survey's cluster is there, with all topics but those of a night.

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
        named = [topic for topic in config.topics if "{" not in topic]
        self._connection.wait_for_topics(self._consumer, named)
        self._admin = make_admin(self._connection, config.settings)
        cluster = self._connection.ask(lambda wait_s: self._admin.list_topics(timeout=wait_s).cluster_id)
        self.positions = Positions(cluster or config.bootstrap_servers, self._n_partitions)
        self._identity = TopicIdentity(self._connection, self.positions, remade=self._remade)

    def close(self) -> None:
        """Leave the group and the survey's cluster."""
        self._group.close()
        self._reader.close()
        if self._consumer is not None:
            self._connection.leave(self._consumer.close)
            self._consumer = None

    def poll(self) -> Sequence[Packet]:
        """See `Source.poll`; it does not wait.

        Raises
        ------
        ConfigError
            If a cluster refuses us, or another worker has our name.
        FatalError
            If a cluster is away for too long, or a topic is not the one that was read so far.
        StoppedError
            If we are told to stop while a cluster does not answer.
        """
        self._group.poll(1)
        self._metadata = self._group.metadata()
        self._follow_the_group()
        if self._identity.changed(self._admin, self._topics.there):
            self._read_anew(list(self._read))
        if self._topics.due:
            self._look_for_topics()
        packets: list[Packet] = []
        size = 0
        while self._read and len(packets) < self._batch_size and size < _MAX_BATCH_BYTES:
            step = min(_MESSAGES_PER_CALL, self._batch_size - len(packets))
            messages = self._consumer.consume(step, 0.0)
            for message in messages:
                partition = (message.topic(), message.partition())
                if message.error() is not None:
                    self._on_error(message.error(), partition)
                elif partition not in self._held and self._follow(partition, message.offset()):
                    packets.append(packet_of(message))
                    size += len(packets[-1].payload)
            if len(messages) < step:
                break
        if packets:
            self._connection.answered()
        else:
            self._connection.check(self._consumer)
            self.exhausted = self._until_end and self._at_end()
        return packets

    def group_offsets(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, int]:
        """See `GroupSource.group_offsets`: none moves, and who waits for them waits for this transaction."""
        return {(self._topic, owner): 0 for owner in {self.positions.owner(p) for p in offsets}}

    def metadata(self) -> Any:
        """Return who read what was polled last."""
        return self._metadata

    def done(self, offsets: Mapping[Partition, int]) -> None:
        """Note that everything before `offsets` is committed, and tell the survey's group, for monitoring."""
        self._done.update({p: offset for p, offset in offsets.items() if p in self._done})
        places = [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
        try:
            self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as exc:  # only the lag that others see is late
            log.info("offsets are not told to the survey's cluster", extra={"error": str(exc)})

    def rewind(self) -> None:
        """Read again what was polled and not committed."""
        self._assign()

    def hold(self, offsets: Mapping[Partition, int]) -> None:
        """See `HoldingSource.hold`; a partition that is another's is left alone."""
        self._held.hold(self._consumer, {p: at for p, at in offsets.items() if p in self._read})

    def release(self, partitions: Collection[Partition]) -> None:
        """See `HoldingSource.release`."""
        released = self._held.release(self._consumer, partitions)
        self._ended -= released
        for partition in released & self._read.keys():
            self._read[partition] = self._done[partition]

    def _follow_the_group(self) -> None:
        """Let go of what was taken from us, and learn how far others have read what was given to us."""
        gained, lost = self._group.changes()
        for owner in lost:
            self._asking.discard(owner)
            self._reader.leave(owner)
            self._owned.discard(owner)
            self.positions.leave(owner)
        if lost:
            for partition in [p for p in self._read if self.positions.owner(p) in lost]:
                del self._read[partition], self._done[partition]
            self._assign()
        self._asking |= gained
        if self._asking and self._group.committed(sorted(self._asking)) is not None:
            for owner in self._asking:
                self._reader.begin(owner, 0)
            self._asking = set()
        ready = False
        for owner, piece in self._reader.step().items():
            self.positions.take(piece.records)
            if piece.ended:
                self._owned.add(owner)
                ready = True
        if ready:
            self._look_for_topics()

    def _look_for_topics(self) -> None:
        """Begin with survey partitions that are ours and not read yet.

        Raises
        ------
        FatalError
            If a topic that is named has been gone for longer than our patience, or is another one now.
        """
        there = self._topics.look(self._consumer)
        self._identity = TopicIdentity(self._connection, self.positions, remade=self._remade)
        new = [p for p in there if p not in self._read and self.positions.owner(p) in self._owned]
        if not new:
            return
        offsets = {p: at for p in new if (at := self.positions.offset(p)) is not None}
        offsets |= self._of_the_survey_s_group([p for p in new if p not in offsets])
        starts = StartOffsets(self._connection, offsets, self._identity).of(self._consumer, self._admin, new)
        for place in starts:
            self._read[place.topic, place.partition] = place.offset
            self._done[place.topic, place.partition] = place.offset
        log.info("reading", extra={"partitions": len(new), "topics": sorted({topic for topic, _ in new})})
        self._assign()

    def _of_the_survey_s_group(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Offsets of the group on the survey's cluster: a former version left them there."""
        if not partitions:
            return {}
        places = [TopicPartition(*partition) for partition in partitions]
        try:
            told = self._connection.ask(lambda wait_s: self._consumer.committed(places, timeout=wait_s))
        except KafkaException as exc:
            raise FatalError(
                f"{self._connection.servers} does not tell the offsets of group {self._config.group_id}: "
                f"{exc.args[0].str()}"
            ) from exc
        return {(p.topic, p.partition): p.offset for p in told if p.error is None and p.offset >= 0}

    def _assign(self) -> None:
        """Read what is ours, each from where it was committed."""
        self._read = dict(self._done)
        self._held.clear()  # a partition that waited begins with the packet that it waited at
        self._ended.clear()
        self._consumer.assign([TopicPartition(*partition, at) for partition, at in self._done.items()])

    def _follow(self, partition: Partition, offset: int) -> bool:
        """Whether a message is the next of one of our partitions; offsets that were never read are told."""
        expected = self._read.get(partition)
        if expected is None or 0 <= offset < expected:
            return False
        if 0 <= expected < offset:
            lost = {"where": partition_name(partition), "n": offset - expected}
            log.warning("offsets went before they were read", extra=lost)
        self._read[partition] = offset + 1
        self._ended.discard(partition)
        return True

    def _at_end(self) -> bool:
        """Whether all that is ours is read."""
        settled = bool(self._owned) and not self._asking and not self._reader.reading
        return settled and self._ended >= self._read.keys()

    def _on_error(self, error: KafkaError, partition: Partition) -> None:
        where = partition_name(partition) if partition[0] else ""
        trouble = trouble_of(error)
        if trouble is Trouble.AT_END:
            self._ended.add(partition)
        elif trouble is Trouble.HOPELESS:
            raise FatalError(f"cannot read {where}: {error.str()}")
        else:
            self._connection.on_error(error, where)
            if trouble in (Trouble.NO_OFFSET, Trouble.NO_TOPIC) and partition in self._read:
                self._read_anew([partition])

    def _read_anew(self, partitions: Sequence[Partition]) -> None:
        """Look at partitions as if they had just come: something happened to their topic."""
        for partition in partitions:
            del self._read[partition], self._done[partition]
        self._assign()
        self._topics.look_soon()
