"""The pipeline: what becomes of a batch of packets between reading and publishing."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.alert import Alert, Annotation, DeadLetter, Packet, Partition, Skipped
from broker.classify.annotator import Annotator
from broker.errors import AlertError, VarstreamError
from broker.ingest.decoder import Decoder
from broker.state.light_curve import BandSeries, LightCurve, band_series, merge
from broker.state.store import Store

log = logging.getLogger(__name__)

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
    """

    packets: int
    ingest_time_us: int
    annotations: list[Annotation] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    curves: dict[str, LightCurve] = field(default_factory=dict)
    offsets: dict[Partition, int] = field(default_factory=dict)
    used: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    history_rows: Counter[str] = field(default_factory=Counter)

    @property
    def labelled(self) -> int:
        """How many of the annotations have a label."""
        return sum(a.record["label"] is not None for a in self.annotations)


class Pipeline:
    """Vets packets, extends light curves, scores them.

    An annotation depends only on the epochs that had arrived up to its alert: several alerts of one object in
    a batch are merged one after another, each sees its own past, and any split of a stream into batches gives
    the same annotations (but for the times of reading and publishing).
    """

    def __init__(self, decoder: Decoder, annotator: Annotator, store: Store) -> None:
        self._decoder = decoder
        self._annotator = annotator
        self._store = store

    def process(self, packets: Sequence[Packet]) -> Batch:
        """Annotations of every band that the packets change, in the packets' order."""
        batch = Batch(packets=len(packets), ingest_time_us=time.time_ns() // 1000)
        alerts = self._vet(packets, batch)
        changed = self._extend(alerts, batch)
        batch.annotations += self._annotator.annotate(changed, ingest_time_us=batch.ingest_time_us)
        for packet in packets:
            origin = packet.origin
            if origin.topic is not None and origin.partition is not None:
                batch.offsets[origin.topic, origin.partition] = origin.offset + 1
        return batch

    def _vet(self, packets: Sequence[Packet], batch: Batch) -> list[tuple[Packet, Alert]]:
        """Read every packet: a usable alert, one to skip, or a dead letter."""
        alerts = []
        for packet in packets:
            try:
                vetted = self._decoder.read(packet)
            except AlertError as exc:
                batch.dead_letters.append(DeadLetter(packet, exc.reason, str(exc)))
            except VarstreamError:
                raise  # not about this packet: the worker knows what to do
            except Exception as exc:  # one packet must not stop the stream, not even by a mistake of ours
                log.exception("packet broke the decoder", extra={"origin": packet.origin})
                batch.dead_letters.append(
                    DeadLetter(packet, "internal_error", f"{type(exc).__name__}: {exc}")
                )
            else:
                if isinstance(vetted, Skipped):
                    batch.skipped[vetted.reason] += 1
                else:
                    alerts.append((packet, vetted))
        return alerts

    def _extend(
        self, alerts: Sequence[tuple[Packet, Alert]], batch: Batch
    ) -> list[tuple[Packet, Alert, BandSeries]]:
        """Merge alerts in order; every changed band as it stood right after its alert."""
        curves = self._store.load({alert.key for _, alert in alerts})
        changed = []
        for packet, alert in alerts:
            before = curves.get(alert.key) or LightCurve.empty()
            held = alert.source_id in before.epochs["source_id"]
            curve, bands = merge(before, alert)
            if curve.epochs is not before.epochs:
                curves[alert.key] = batch.curves[alert.key] = curve
            if not bands and (held or alert.is_withdrawn):
                batch.skipped[WITHDRAWN if alert.is_withdrawn else DUPLICATE] += 1
            else:
                batch.used += 1
                batch.history_rows.update(alert.history_rows)
                changed += [(packet, alert, band_series(curve, band)) for band in bands]
        return changed
