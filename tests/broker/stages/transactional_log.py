"""A double of a Kafka cluster, in memory and in one thread: logs, transactions, groups with generations.

It speaks as confluent-kafka's clients do, as far as ours use them, and ends the world after any step it is
told to: a `Crash` is what a power cut is to a process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

DATA, MARK = "data", "mark"


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Entry:
    """One offset of a partition."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    transaction: Transaction | None
    kind: str = DATA


@dataclass(eq=False)
class Transaction:
    """What a producer has begun."""

    state: str = "open"
    touched: set[tuple[str, int]] = field(default_factory=set)
    offsets: dict[tuple[str, str, int], int] = field(default_factory=dict)  # group, topic, partition


@dataclass
class Group:
    """Who shares the partitions of a topic."""

    topic: str = ""
    generation: int = 0
    members: dict[str, Consumer] = field(default_factory=dict)
    assigned: dict[str, set[int]] = field(default_factory=dict)


class Cluster:
    """All there is."""

    def __init__(self) -> None:
        self.logs: dict[str, list[list[Entry]]] = {}
        self.committed: dict[tuple[str, str, int], int] = {}
        self.groups: dict[str, Group] = defaultdict(Group)
        self.open: dict[str, tuple[int, Transaction | None]] = {}  # by transactional id: epoch, what is open
        self.steps = 0
        self.crash_after: int | None = None

    def step(self) -> None:
        """One thing has been done; the world may end here."""
        self.steps += 1
        if self.crash_after is not None and self.steps > self.crash_after:
            raise Crash

    def make(self, topic: str, partitions: int) -> None:
        self.logs[topic] = [[] for _ in range(partitions)]

    def fill(self, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
        """A message of another producer, outside of any transaction."""
        self.logs[topic][partition].append(Entry(key, value, [], None))

    def stable(self, topic: str, partition: int) -> int:
        """Offset behind the last message that is decided."""
        log = self.logs[topic][partition]
        return next(
            (n for n, e in enumerate(log) if e.transaction and e.transaction.state == "open"), len(log)
        )

    def visible(self, topic: str) -> list[tuple[int, int, Entry]]:
        """What a reader of committed messages sees: partition, offset and message."""
        return [
            (number, offset, entry)
            for number, log in enumerate(self.logs[topic])
            for offset, entry in enumerate(log[: self.stable(topic, number)])
            if entry.kind == DATA and (entry.transaction is None or entry.transaction.state == "committed")
        ]

    def end(self, transaction: Transaction, state: str) -> None:
        transaction.state = state
        if state == "committed":
            self.committed.update(transaction.offsets)
        for topic, number in transaction.touched:
            self.logs[topic][number].append(Entry(None, None, [], transaction, MARK))

    def give_up(self, group_id: str, instance: str) -> None:
        """A worker is gone for good: its session ends, and what it left open is taken back."""
        for name, (epoch, transaction) in list(self.open.items()):
            if transaction is not None:
                self.end(transaction, "aborted")
                self.open[name] = epoch + 1, None
        self.expire(group_id, instance)

    def rebalance(self, group_id: str, shares: dict[str, set[int]]) -> None:
        """Give the partitions of a group anew; its members learn of it when they poll."""
        group = self.groups[group_id]
        group.generation += 1
        group.assigned = {name: set(share) for name, share in shares.items()}

    def expire(self, group_id: str, instance: str) -> None:
        """Take a member out of its group, as after its session."""
        group = self.groups[group_id]
        group.members.pop(instance, None)
        group.assigned.pop(instance, None)
        group.generation += 1


class Consumer:
    """As confluent_kafka.Consumer."""

    def __init__(self, cluster: Cluster, settings: dict[str, Any]) -> None:
        self._cluster = cluster
        self._group_id = settings["group.id"]
        self._instance = settings.get("group.instance.id")
        self._committed_only = settings.get("isolation.level") == "read_committed"
        self._positions: dict[tuple[str, int], int] = {}
        self._callbacks: dict[str, Callable[..., None]] = {}
        self._has: set[int] = set()
        self._generation = -1

    def subscribe(self, topics: list[str], **callbacks: Callable[..., None]) -> None:
        group = self._cluster.groups[self._group_id]
        group.topic = topics[0]
        group.members[self._instance] = self
        self._callbacks = callbacks

    def unsubscribe(self) -> None:
        pass

    def close(self) -> None:
        pass

    def poll(self, _: float) -> None:
        return None

    def consume(self, n: int, _: float) -> list[Any]:
        self._hear_of_the_group()
        found: list[Any] = []
        for (topic, number), first in self._positions.items():
            log = self._cluster.logs[topic][number]
            end = self._cluster.stable(topic, number) if self._committed_only else len(log)
            at = first
            while at < end and len(found) < n:
                entry = log[at]
                taken_back = entry.transaction is not None and entry.transaction.state == "aborted"
                if entry.kind == DATA and not (self._committed_only and taken_back):
                    found.append(_message(topic, number, at, entry))
                at += 1
            self._positions[topic, number] = at
        return found

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        for place in places:
            self._positions[place.topic, place.partition] = max(place.offset, 0)

    def incremental_unassign(self, places: list[TopicPartition]) -> None:
        for place in places:
            del self._positions[place.topic, place.partition]

    def assign(self, places: list[TopicPartition]) -> None:
        self._positions = {(p.topic, p.partition): max(p.offset, 0) for p in places}

    def position(self, places: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(p.topic, p.partition, self._positions[p.topic, p.partition]) for p in places]

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        for _, transaction in self._cluster.open.values():
            if transaction and any(
                (self._group_id, p.topic, p.partition) in transaction.offsets for p in places
            ):
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        told = [self._cluster.committed.get((self._group_id, p.topic, p.partition), -1001) for p in places]
        return [TopicPartition(p.topic, p.partition, at) for p, at in zip(places, told, strict=True)]

    def commit(self, offsets: list[TopicPartition], *, asynchronous: bool) -> None:
        pass

    def consumer_group_metadata(self) -> tuple[str, str | None, int]:
        return self._group_id, self._instance, self._generation

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, self._cluster.stable(place.topic, place.partition)

    def list_topics(self, *_: Any, timeout: float = 0.0) -> Any:
        return _topics(self._cluster)

    def _hear_of_the_group(self) -> None:
        group = self._cluster.groups[self._group_id]
        if not self._callbacks or self._generation == group.generation:
            return
        if (
            group.members.get(self._instance) is not self
        ):  # taken out meanwhile: it has lost all, and comes in again
            share: set[int] = set()
            group.members[self._instance] = self
        else:
            share = group.assigned.get(self._instance, set())
        if lost := self._has - share:
            self._callbacks["on_revoke"](self, [TopicPartition(group.topic, n) for n in sorted(lost)])
        if gained := share - self._has:
            self._callbacks["on_assign"](self, [TopicPartition(group.topic, n) for n in sorted(gained)])
        self._has = set(share)
        self._generation = group.generation


class Producer:
    """As confluent_kafka.Producer, with transactions."""

    def __init__(self, cluster: Cluster, settings: dict[str, Any]) -> None:
        self._cluster = cluster
        self._id = settings["transactional.id"]
        self._epoch = -1
        self._reports: list[Callable[[], None]] = []
        self._turn = 0

    def init_transactions(self, _: float) -> None:
        epoch, transaction = self._cluster.open.get(self._id, (-1, None))
        if transaction is not None:
            self._cluster.end(transaction, "aborted")
        self._epoch = epoch + 1
        self._cluster.open[self._id] = self._epoch, None
        self._cluster.step()

    def begin_transaction(self) -> None:
        self._check()
        self._cluster.open[self._id] = self._epoch, Transaction()
        self._cluster.step()

    def produce(
        self, topic: str, value: bytes | None, *, key: bytes | None, partition: int, **more: Any
    ) -> None:
        transaction = self._transaction()
        number = partition if partition >= 0 else self._turn % len(self._cluster.logs[topic])
        self._turn += 1
        log = self._cluster.logs[topic][number]
        transaction.touched.add((topic, number))
        log.append(Entry(key, value, more["headers"], transaction))
        offset = len(log) - 1
        delivered = SimpleNamespace(topic=lambda: topic, partition=lambda: number, offset=lambda: offset)
        self._reports.append(lambda: more["on_delivery"](None, delivered))
        self._cluster.step()

    def poll(self, _: float) -> None:
        pass

    def flush(self, _: float) -> int:
        for report in self._reports:
            report()
        self._reports.clear()
        return 0

    def send_offsets_to_transaction(
        self, places: list[TopicPartition], metadata: tuple[str, str | None, int], _: float
    ) -> None:
        transaction = self._transaction()
        group_id, instance, generation = metadata
        group = self._cluster.groups[group_id]
        if generation != -1 and (generation != group.generation or instance not in group.members):
            raise KafkaException(
                KafkaError(KafkaError.ILLEGAL_GENERATION, "of a former generation", txn_requires_abort=True)
            )
        for place in places:
            transaction.offsets[group_id, place.topic, place.partition] = place.offset
        self._cluster.step()

    def commit_transaction(self, _: float) -> None:
        self.flush(0.0)
        self._cluster.end(self._transaction(), "committed")
        self._cluster.open[self._id] = self._epoch, None
        self._cluster.step()

    def abort_transaction(self, _: float) -> None:
        self._reports.clear()
        self._cluster.end(self._transaction(), "aborted")
        self._cluster.open[self._id] = self._epoch, None
        self._cluster.step()

    def purge(self) -> None:
        pass

    def close(self) -> None:
        pass

    def list_topics(self, *_: Any, timeout: float = 0.0) -> Any:
        return _topics(self._cluster)

    def _check(self) -> None:
        if self._cluster.open[self._id][0] != self._epoch:
            raise KafkaException(KafkaError(KafkaError._FENCED, "another has the name", fatal=True))

    def _transaction(self) -> Transaction:
        self._check()
        _, transaction = self._cluster.open[self._id]
        assert transaction is not None
        return transaction


class Admin:
    """As confluent_kafka.admin.AdminClient, of what is asked of it."""

    def __init__(self, cluster: Cluster, _: dict[str, Any]) -> None:
        self._cluster = cluster

    def list_topics(self, *_: Any, timeout: float = 0.0) -> Any:
        return _topics(self._cluster)

    def list_offsets(self, asked: Iterable[TopicPartition], **_: Any) -> dict[TopicPartition, Any]:
        ends = {place: len(self._cluster.logs[place.topic][place.partition]) for place in asked}
        return {
            p: SimpleNamespace(result=lambda _, end=end: SimpleNamespace(offset=end))
            for p, end in ends.items()
        }

    def describe_configs(self, asked: Iterable[Any], **_: Any) -> dict[Any, Any]:
        return {}

    def describe_topics(self, asked: Any, **_: Any) -> dict[str, Any]:
        return {}

    def poll(self, _: float) -> None:
        pass


def _done(answer: Any) -> Any:
    return SimpleNamespace(result=lambda _: answer)


def _topics(cluster: Cluster) -> Any:
    topics = {
        name: SimpleNamespace(partitions=dict.fromkeys(range(len(logs))), error=None)
        for name, logs in cluster.logs.items()
    }
    return SimpleNamespace(topics=topics, cluster_id="double", controller_id=-1, brokers={})


def _message(topic: str, number: int, offset: int, entry: Entry) -> Any:
    return SimpleNamespace(
        topic=lambda: topic,
        partition=lambda: number,
        offset=lambda: offset,
        key=lambda: entry.key,
        value=lambda: entry.value,
        headers=lambda: entry.headers,
        timestamp=lambda: (1, 1_700_000_000_000 + offset),
        error=lambda: None,
    )
