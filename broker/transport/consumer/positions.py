"""Positions: how far each partition of the survey's topics was read, in a compacted topic of our own.

Each partition of the `positions` topic owns the survey partitions that hash to it. Who has it, by the group
on our cluster, reads them; what it hands on, and how far it read, is committed in one transaction, which the
generation of that group fences.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from broker.alert import Partition
from broker.errors import FatalError
from broker.photometry.partitioner import murmur2

GONE_AFTER_S = 30 * 86_400.0
"""The position of a topic that has been gone for so long is dropped: surveys make a topic each night."""


@dataclass(frozen=True, slots=True)
class ReadUpTo:
    """How far a survey partition was read.

    Attributes
    ----------
    offset : int
        To read next.
    topic_id : str
        Which topic it is of; empty where the cluster tells none.
    time_ms : int
        When that was written [Unix ms].
    """

    offset: int
    topic_id: str
    time_ms: int


@dataclass
class Positions:
    """What the partitions of the `positions` topic that are ours say.

    Parameters
    ----------
    cluster : str
        The id of the survey's cluster.
    n_partitions : int
        Of the `positions` topic.
    """

    cluster: str
    n_partitions: int
    _read: dict[Partition, ReadUpTo] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)

    def owner(self, partition: Partition) -> int:
        """Return the partition of the `positions` topic that owns a survey partition."""
        return (murmur2(self.key(partition)) & 0x7FFFFFFF) % self.n_partitions

    def key(self, partition: Partition) -> bytes:
        """Return the key of the record of a survey partition."""
        return json.dumps([self.cluster, *partition], separators=(",", ":")).encode()

    def value(self, partition: Partition, offset: int) -> bytes:
        """Return the value of the record that says where to read next."""
        record = {"offset": offset, "topic_id": self._ids.get(partition[0], ""), "time_ms": _now_ms()}
        return json.dumps(record, separators=(",", ":")).encode()

    def offset(self, partition: Partition) -> int | None:
        """Return where a survey partition is to be read next; None where that was never written."""
        read = self._read.get(partition)
        return None if read is None else read.offset

    def take(self, records: Mapping[bytes, bytes | None]) -> None:
        """Take records over, as the topic has them, or as they were committed.

        Raises
        ------
        FatalError
            If one is none of ours.
        """
        for key, value in records.items():
            try:
                cluster, topic, number = json.loads(key)
                partition = str(topic), int(number)
                if cluster != self.cluster:  # another survey's
                    continue
                if value is None:
                    self._read.pop(partition, None)
                else:
                    said = json.loads(value)
                    self._read[partition] = ReadUpTo(
                        int(said["offset"]), str(said["topic_id"]), int(said["time_ms"])
                    )
            except (ValueError, TypeError, KeyError) as exc:
                raise FatalError(
                    f"the positions hold {key!r:.80}: {value!r:.80}, which no varstream wrote: name another "
                    "topic in topics.positions, or take it out"
                ) from exc

    def leave(self, owner: int) -> None:
        """Forget what a partition of the `positions` topic says, which is another's now."""
        self._read = {p: read for p, read in self._read.items() if self.owner(p) != owner}

    def gone(self, topics: Iterable[str]) -> list[Partition]:
        """Survey partitions whose topics have been gone for long; `topics` are those that there are."""
        there = set(topics)
        return [
            partition
            for partition, read in self._read.items()
            if partition[0] not in there and _now_ms() - read.time_ms > 1000 * GONE_AFTER_S
        ]

    def topic_ids(self) -> dict[str, str]:
        """See `TopicMemory.topic_ids`."""
        held = {topic: read.topic_id for (topic, _), read in self._read.items() if read.topic_id}
        return {**held, **self._ids}

    def adopt_topic(self, topic: str, topic_id: str | None, *, from_beginning: bool) -> None:
        """See `TopicMemory.adopt_topic`; it is written with the next offsets."""
        if topic_id is not None:
            self._ids[topic] = topic_id
        if from_beginning:
            self._read = {p: read for p, read in self._read.items() if p[0] != topic}


def _now_ms() -> int:
    return int(1000 * time.time())
