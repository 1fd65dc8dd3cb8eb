"""The first stage: packets of a survey -> vetted photometry, keyed by object."""

from __future__ import annotations

from collections.abc import Sequence

from broker.alert import Alert, DeadLetter, Packet, Skipped
from broker.batch import Batch
from broker.blame.poison import dead_letter
from broker.photometry.record import encode
from broker.reading import Read, Reader, read_all


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
