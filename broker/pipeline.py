"""The pipeline: what becomes of a batch of packets between reading and publishing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from broker.alert import Alert, Annotation, DeadLetter, Packet, Skipped
from broker.batch import Batch
from broker.blame.poison import MAX_POISON, PoisonError, dead_letter, first_that_fails, raise_if_not_poison
from broker.classify.annotator import Annotator, Changed
from broker.errors import FatalError
from broker.reading import Read, Reader, read_all
from broker.state.light_curve import LightCurve, band_series, merge
from broker.state.star_series import joint_bands, star_series
from broker.state.store import LightCurves

log = logging.getLogger(__name__)

MAX_CHUNK_EPOCHS = 2**19
"""A chunk of light curves that are scored together is full beyond so many epochs; some 100 bytes each."""

MAX_HELD_EPOCHS = 2**22
"""A batch is full when its light curves hold more epochs, of 40 bytes."""

MAX_RECORDS = 2**13
"""A batch is full when it has more records, of some 10 kB."""

_Merged = tuple[int, list[Changed]]
"""Place of a packet in its batch, and what its alert changed that is to be annotated."""


class Pipeline:
    """Vets packets, extends light curves, scores them.

    An annotation depends only on the epochs that had arrived up to its alert: several alerts of one object in
    a batch are merged one after another, each sees its own past, and any split of a stream into batches gives
    the same annotations (but for the times of reading and publishing).

    A packet that breaks merging or scoring is a dead letter, and all others are as if it had not come.
    """

    def __init__(self, reader: Reader, annotator: Annotator, store: LightCurves) -> None:
        self._reader = reader
        self._annotator = annotator
        self._store = store
        self._n_merged = 0
        self._n_poison = 0

    def read(self, packets: Sequence[Packet]) -> list[Read]:
        """See `read_all`."""
        return read_all(self._reader, packets)

    def process(self, read: Sequence[Read]) -> Batch:
        """Annotations of every band that the packets change, then of the star, in the packets' order.

        The batch ends before the last packet where its light curves or records would take too much memory;
        it says how many packets it holds, at least one. The others come after it is stored.

        Raises
        ------
        FatalError
            If it is not some packets that break merging or scoring, but all, or too many.
        """
        poison: dict[int, DeadLetter] = {}
        while True:
            try:
                batch = self._attempt(read, poison)
            except PoisonError as exc:
                packet, _ = read[exc.index]
                log.exception(
                    "packet broke the pipeline", extra={"origin": packet.origin}, exc_info=exc.cause
                )
                poison[exc.index] = dead_letter(packet, exc.cause)
                self._refuse_too_many(poison)
            else:
                break
        merged = batch.used + batch.skipped.total()
        if len(poison) + self._n_poison > 1 and not merged + self._n_merged:
            raise FatalError(
                f"every alert breaks the pipeline, most recently by {_last(poison)}: nothing of this batch "
                "was published or committed; this installation is in trouble"
            )
        self._n_merged += merged
        self._n_poison += len(poison)
        return batch

    def annotate(self, packets: Sequence[Packet]) -> Batch:
        """Read packets and process them; those that name an unknown schema are dead letters."""
        return self.process(self.read(packets))

    def _attempt(self, read: Sequence[Read], poison: Mapping[int, DeadLetter]) -> Batch:
        """Merge and score everything but the poison, one chunk after another.

        Raises
        ------
        PoisonError
            If one more packet breaks it; nothing has changed then.
        """
        batch = Batch(packets=0)
        curves = _Curves(self._store)
        chunk: list[_Merged] = []
        n_chunk_epochs = n_records = 0
        for index, (packet, vetted) in enumerate(read):
            if curves.n_epochs > MAX_HELD_EPOCHS or n_records > MAX_RECORDS:
                break
            batch.take(packet)
            outcome = poison.get(index, vetted)
            if isinstance(outcome, Alert):
                now_ms = batch.time_of(packet)
                changed = self._extend(index, outcome, curves, batch, now_ms=now_ms)
                chunk.append((index, changed))
                n_records += len(changed)
                n_chunk_epochs += sum(series.time.size for _, series in changed)
                if n_chunk_epochs > MAX_CHUNK_EPOCHS:
                    self._score(chunk, batch)
                    chunk, n_chunk_epochs = [], 0
            elif isinstance(outcome, Skipped):
                batch.skipped[outcome.reason] += 1
            elif isinstance(outcome, DeadLetter):
                batch.dead_letters.append(outcome)
            else:
                batch.dead_letters.append(dead_letter(packet, outcome))
        self._score(chunk, batch)
        return batch

    def _extend(
        self, index: int, alert: Alert, curves: _Curves, batch: Batch, *, now_ms: int
    ) -> list[Changed]:
        """Merge an alert into the light curve of its object; what it changes that is to be annotated."""
        before = curves.of(alert.key)
        if before.epochs.size and self._store.forgets(alert.key, batch.seen_ms.get(alert.key), now_ms):
            before = LightCurve.empty()
        try:
            after, bands, changed = self._merge(alert, before)
        except Exception as exc:
            raise_if_not_poison(exc)
            raise PoisonError(index, exc) from exc
        batch.count(alert, held=before.holds(alert.source_id), changed=bool(bands))
        if after.epochs is not before.epochs:
            curves.put(alert.key, after)
            batch.curves[alert.key] = after
            batch.seen_ms[alert.key] = now_ms
        return changed

    def _merge(self, alert: Alert, before: LightCurve) -> tuple[LightCurve, list[str], list[Changed]]:
        """Merge an alert; the light curve after it, the bands that it changes, and what is to be annotated.

        That is every changed band as it stands right after the alert, and the star, if one of them is
        measured together with others, or was.
        """
        after, bands = merge(before, alert)
        changed: list[Changed] = []
        if self._annotator.annotate_bands:
            changed += [(alert, band_series(after, band)) for band in bands]
        if bands and alert.survey in self._annotator.fused_surveys:
            star = star_series(after)
            if not star.bands.isdisjoint(bands) or not joint_bands(before).isdisjoint(bands):
                changed.append((alert, star))
        return after, bands, changed

    def _score(self, chunk: Sequence[_Merged], batch: Batch) -> None:
        """Score what changed together and make its records."""

        def annotate(alerts: Sequence[_Merged]) -> list[Annotation]:
            return self._annotator.annotate([row for _, changed in alerts for row in changed])

        try:
            batch.annotations += annotate(chunk)
        except Exception as exc:
            raise_if_not_poison(exc)
            at, cause = first_that_fails(chunk, annotate)
            raise PoisonError(chunk[at][0], cause) from exc

    def _refuse_too_many(self, poison: Mapping[int, DeadLetter]) -> None:
        n = self._n_poison + len(poison)
        if n > MAX_POISON:
            raise FatalError(
                f"{n} packets since the start broke the pipeline, most recently by {_last(poison)}: nothing "
                "of this batch was published or committed; this installation is in trouble"
            )


class _Curves:
    """The light curves of a batch's objects: each loaded once, and then as the latest alert left it.

    Attributes
    ----------
    n_epochs : int
        Of all of them.
    """

    def __init__(self, store: LightCurves) -> None:
        self._store = store
        self._curves: dict[str, LightCurve] = {}
        self.n_epochs = 0

    def of(self, key: str) -> LightCurve:
        """Return the light curve of an object; an empty one where it is new."""
        if key not in self._curves:
            self.put(key, self._store.load({key}).get(key, LightCurve.empty()))
        return self._curves[key]

    def put(self, key: str, curve: LightCurve) -> None:
        """Take a light curve in the place of the former one."""
        former = self._curves.get(key)
        self.n_epochs += curve.epochs.size - (0 if former is None else former.epochs.size)
        self._curves[key] = curve


def _last(poison: Mapping[int, DeadLetter]) -> str:
    return list(poison.values())[-1].message if poison else "an earlier one"
