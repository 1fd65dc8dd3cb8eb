"""The first stage: packets of a survey -> vetted photometry, keyed by object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.alert import Alert, DeadLetter, Packet, Partition, Skipped
from broker.batch import Batch
from broker.blame.poison import dead_letter
from broker.photometry.record import encode
from broker.reading import Read, Reader, read_all
from broker.transport.consumer.positions import Positions
from broker.transport.kafka_producer import Message
from broker.transport.survey_source import SurveySource


class Ingest:
    """Vets packets, and keeps of each what a light curve needs.

    Parameters
    ----------
    reader : Reader
        Of the survey's packets.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def read(self, packets: Sequence[Packet]) -> list[Read]:
        """See `read_all`."""
        return read_all(self._reader, packets)

    def process(self, read: Sequence[Read]) -> Batch:
        """Return the photometry of usable alerts, and the dead letters."""
        batch = Batch(packets=0)
        for packet, found in read:
            batch.take(packet)
            if isinstance(found, Alert):
                batch.photometry.append((found.key, encode(found)))
                batch.used += 1
                batch.history_rows.update(found.history_rows)
            elif isinstance(found, Skipped):
                batch.skipped[found.reason] += 1
            elif isinstance(found, DeadLetter):
                batch.dead_letters.append(found)
            else:
                batch.dead_letters.append(dead_letter(packet, found))
        return batch


class PositionsLedger:
    """What this stage writes down: how far each survey partition was read.

    Parameters
    ----------
    source : SurveySource
        Which goes by them.
    topic : str
        Of the positions.
    """

    def __init__(self, source: SurveySource, topic: str) -> None:
        self._source = source
        self._topic = topic

    def entry(self, batch: Batch) -> PositionsEntry:
        """See `Ledger.entry`; positions of topics that are long gone are dropped on the way."""
        positions = self._source.positions
        owners = {positions.owner(partition) for partition in batch.offsets}
        gone = [p for p in positions.gone(self._source.topics) if positions.owner(p) in owners]
        values: dict[Partition, bytes | None] = dict.fromkeys(gone)
        values |= {p: positions.value(p, offset) for p, offset in batch.offsets.items()}
        return PositionsEntry(positions, self._topic, values)

    def check(self) -> None:
        """See `Ledger.check`: the topic has all of it."""


@dataclass(frozen=True, slots=True)
class PositionsEntry:
    """Positions after one batch."""

    positions: Positions
    topic: str
    values: Mapping[Partition, bytes | None]

    @property
    def messages(self) -> list[Message]:
        """See `Entry.messages`."""
        return [
            Message(self.topic, value, self.positions.key(p), (), self.positions.owner(p))
            for p, value in self.values.items()
        ]

    def settle(self, last_offsets: Mapping[Partition, int]) -> None:
        """See `Entry.settle`."""
        self.positions.take({self.positions.key(p): value for p, value in self.values.items()})
