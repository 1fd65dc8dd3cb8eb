"""The watch on schemas: a schema that is missing here is told from a packet that names none."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from broker.alert import Alert, DeadLetter, Partition, Skipped, partition_name
from broker.blame.circuit_breaker import PACKETS_TO_JUDGE
from broker.blame.poison import dead_letter
from broker.errors import FatalError, UnknownSchemaError
from broker.reading import Read

log = logging.getLogger(__name__)

_Message = tuple[Partition, int]

PACKETS_TO_EXCUSE = 3
"""So many packets that name one unknown schema are not at fault: the schema is missing here."""

READABLE_TO_BLAME = PACKETS_TO_JUDGE
"""Among so many readable packets of its topic, a packet is at fault that names an unknown schema."""

LONGEST_WAIT_S = 10.0
"""How long more packets are waited for where there are too few to tell the two apart."""

MAX_MORE_PACKETS = 100
"""How many more are taken."""

FIRST_LOOK_S, LONGEST_PAUSE_S = 1.0, 5.0
"""When a schema is asked for again, and the longest time between two looks."""

MAX_IDS = 1000
"""Unknown ids that are remembered; noise names a new one with every packet."""


class HoldingSource(Protocol):
    """A source of which single partitions can be held."""

    def hold(self, offsets: Mapping[Partition, int]) -> None:
        """Give no packet of these partitions until they are released, and then from these offsets on."""

    def release(self, partitions: Collection[Partition]) -> None:
        """Go on with these partitions."""


@dataclass
class _Sighting:
    """What is known of an unknown id."""

    since: float
    n_readable_before: int  # packets of its topic that were read since the start
    messages: set[_Message] = field(default_factory=set)  # up to `PACKETS_TO_EXCUSE`


@dataclass
class _Hold:
    """A partition that waits for a schema."""

    since: float
    offset: int
    error: UnknownSchemaError
    pause_s: float
    next_look: float


class SchemaWatch:
    """Has a partition wait while its next packet names a schema that is missing here.

    An unknown schema id is a packet's fault if the packet is a single one among readable ones of its topic:
    then it is a dead letter. In many packets, or in the first ones since the start, it is a sign that the
    wrong schemas were given to us: then the partition waits, others go on, the schema is asked for again and
    again, and when patience ends the worker stops without having moved on.

    Parameters
    ----------
    source : HoldingSource
        Where the packets come from.
    patience_s : float
        How long a partition waits.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self, source: HoldingSource, *, patience_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._patience_s = patience_s
        self._clock = clock
        self._since: float | None = None  # the first packet
        self._n_packets = 0
        self._n_readable: Counter[str | None] = Counter()  # by topic; what was held is not counted yet
        self._sightings: dict[int, _Sighting] = {}
        self._holds: dict[Partition, _Hold] = {}

    @property
    def waits(self) -> bool:
        """Whether a partition waits."""
        return bool(self._holds)

    def look_again(self) -> None:
        """Release partitions whose schema is to be asked for again.

        Raises
        ------
        FatalError
            If one has waited for longer than our patience.
        """
        now = self._clock()
        for partition, hold in self._holds.items():
            if now - hold.since > self._patience_s:
                schema_id, where = hold.error.schema_id, partition_name(partition)
                raise FatalError(
                    f"{where} has waited for {self._patience_s:g} s at offset {hold.offset}: "
                    f"{hold.error}. Nothing of it was lost; name the folder or registry that has the schema "
                    f"in decoding.schemas, or give the id up with decoding.dead_schema_ids = [{schema_id}]"
                )
        due = [partition for partition, hold in self._holds.items() if now >= hold.next_look]
        if due:
            self._source.release(due)
            for partition in due:  # once more if its packets do not come
                self._holds[partition].next_look = now + LONGEST_PAUSE_S

    def wants_more(self, read: Sequence[Read]) -> bool:
        """Whether more packets would help to tell what is wrong with these, and may still be waited for."""
        now = self._clock()
        self._since = now if self._since is None else self._since
        self._sight(read)
        unreadable = sum(isinstance(found, (DeadLetter, UnknownSchemaError)) for _, found in read)
        if not unreadable:
            return False
        n = self._n_packets + len(read)
        if n < PACKETS_TO_JUDGE and 2 * unreadable > len(read) and now - self._since < LONGEST_WAIT_S:
            return True
        n_readable = self._n_readable + _readable(read)
        return any(
            now - sighting.since < LONGEST_WAIT_S
            and len(sighting.messages) < PACKETS_TO_EXCUSE
            and n_readable[packet.origin.topic] - sighting.n_readable_before < READABLE_TO_BLAME
            for packet, found in read
            if isinstance(found, UnknownSchemaError)
            for sighting in [self._sightings[found.schema_id]]
        )

    def admit(self, read: Sequence[Read]) -> list[Read]:
        """Packets that may be published and committed; partitions that must wait are held from here on.

        An unknown schema that is its packet's fault has become a dead letter.
        """
        self._sight(read)
        n_readable = self._n_readable + _readable(read)
        held: dict[Partition, tuple[int, UnknownSchemaError]] = {}
        admitted: list[Read] = []
        for packet, found in read:
            partition = packet.origin.topic_partition
            if partition in held:
                continue
            if isinstance(found, UnknownSchemaError):
                if partition is not None and self._is_missing(found, n_readable[packet.origin.topic]):
                    held[partition] = packet.origin.offset, found
                    continue
                admitted.append((packet, dead_letter(packet, found)))
            else:
                admitted.append((packet, found))
        self._n_packets += len(admitted)
        self._n_readable += _readable(admitted)
        self._hold(held, {packet.origin.topic_partition for packet, _ in read})
        while len(self._sightings) > MAX_IDS:
            del self._sightings[next(iter(self._sightings))]
        return admitted

    def _sight(self, read: Sequence[Read]) -> None:
        """Note which packets name an unknown schema, and how many could be read before the first."""
        n_readable = self._n_readable.copy()
        for packet, found in read:
            topic, offset = packet.origin.topic, packet.origin.offset
            if isinstance(found, UnknownSchemaError):
                sighting = self._sightings.get(found.schema_id)
                if sighting is None:
                    sighting = _Sighting(self._clock(), n_readable[topic])
                    self._sightings[found.schema_id] = sighting
                partition = packet.origin.topic_partition
                if partition is not None and len(sighting.messages) < PACKETS_TO_EXCUSE:
                    sighting.messages.add((partition, offset))
            elif isinstance(found, (Alert, Skipped)):
                n_readable[topic] += 1

    def _is_missing(self, error: UnknownSchemaError, n_readable: int) -> bool:
        """Whether the schema is missing here, rather than a mistake of the packet."""
        sighting = self._sightings[error.schema_id]
        return len(sighting.messages) >= PACKETS_TO_EXCUSE or n_readable < READABLE_TO_BLAME

    def _hold(
        self,
        held: Mapping[Partition, tuple[int, UnknownSchemaError]],
        came: Collection[Partition | None],
    ) -> None:
        """Have partitions wait, and let those go on whose packets came and may pass."""
        now = self._clock()
        for partition in list(self._holds):
            if partition in came and partition not in held:
                log.warning("reads on", extra={"where": partition_name(partition)})
                del self._holds[partition]
        for partition, (offset, error) in held.items():
            former = self._holds.get(partition)
            if former is None or former.offset != offset:
                log.warning(
                    "waits for a schema", extra={"where": partition_name(partition), "reason": str(error)}
                )
                hold = _Hold(now, offset, error, FIRST_LOOK_S, now + FIRST_LOOK_S)
            else:
                pause_s = min(2 * former.pause_s, LONGEST_PAUSE_S)
                hold = _Hold(former.since, offset, error, pause_s, now + pause_s)
            self._holds[partition] = hold
        if held:
            self._source.hold({partition: offset for partition, (offset, _) in held.items()})


def _readable(read: Sequence[Read]) -> Counter[str | None]:
    return Counter(packet.origin.topic for packet, found in read if isinstance(found, (Alert, Skipped)))
