"""The batch: what became of some packets, to be published and stored together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.alert import Alert, Annotation, DeadLetter, Packet, Partition, Place
from broker.state.light_curve import LightCurve
from broker.state.star_series import ALL_BANDS

DUPLICATE = "duplicate"
WITHDRAWN = "withdrawn"


@dataclass(slots=True)
class Batch:
    """What became of a batch of packets; nothing of it is published or stored yet.

    Attributes
    ----------
    curves : dict of str to LightCurve
        The light curves that changed, by object key.
    offsets : dict of (topic, partition) to int
        The offsets to read next once the batch is done.
    used : int
        Alerts that were merged; with `skipped` and `dead_letters` they add up to `packets`. One whose
        exposure is held with a later detection is among them, though it changes nothing.
    history_rows : Counter
        Fate of the history rows of the used alerts.
    places : dict of str to Place
        Where the objects are whose alerts were merged, by object key.
    photometry : list of (str, bytes)
        Records for the stage that classifies, with their keys, where this one does not.
    times : dict of (topic, partition) to int
        The latest time stamp of the packets [Unix ms].
    seen_ms : dict of str to int
        That of the partition when a light curve was changed last, by object key.
    """

    packets: int
    annotations: list[Annotation] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    curves: dict[str, LightCurve] = field(default_factory=dict)
    offsets: dict[Partition, int] = field(default_factory=dict)
    used: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    history_rows: Counter[str] = field(default_factory=Counter)
    places: dict[str, Place] = field(default_factory=dict)
    photometry: list[tuple[str, bytes]] = field(default_factory=list)
    times: dict[Partition, int] = field(default_factory=dict)
    seen_ms: dict[str, int] = field(default_factory=dict)

    def take(self, packet: Packet) -> None:
        """Count a packet in: the next one of its partition is read after this batch."""
        self.packets += 1
        partition = packet.origin.topic_partition
        if partition is not None:
            self.offsets[partition] = packet.origin.offset + 1
            self.times[partition] = max(self.times.get(partition, 0), packet.upstream_ms or 0)

    def time_of(self, packet: Packet) -> int:
        """Return the latest time stamp of a packet's partition so far [Unix ms]."""
        partition = packet.origin.topic_partition
        return 0 if partition is None else self.times[partition]

    def count(self, alert: Alert, *, held: bool, changed: bool) -> None:
        """Count an alert that was merged, whether its detection was `held` and a band `changed` by it."""
        self.places[alert.key] = alert.place.or_later(self.places.get(alert.key))
        if not changed and (held or alert.is_withdrawn):
            self.skipped[WITHDRAWN if alert.is_withdrawn else DUPLICATE] += 1
        else:
            self.used += 1
            self.history_rows.update(alert.history_rows)

    @property
    def fused(self) -> list[Annotation]:
        """The annotations of all bands of a star together."""
        return [a for a in self.annotations if a.record["band"] == ALL_BANDS]


def n_labelled(annotations: Sequence[Annotation]) -> int:
    """Count the annotations that have a label."""
    return sum(a.record["label"] is not None for a in annotations)
