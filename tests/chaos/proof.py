"""The proof: what the topics say under read_committed, held against the packets and against a quiet run."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from broker.alert import Alert, Origin, Packet, Skipped
from broker.classify.annotator import Annotator
from broker.classify.classifier import load_classifiers
from broker.errors import AlertError
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.photometry.record import PhotometryReader
from broker.pipeline import Pipeline
from broker.registry.schema_registry import open_registry
from broker.settings.config import ModelConfig
from broker.state.epochs import MAG_ROUNDING, MJD_ROUNDING_D
from broker.state.light_curve import LightCurve, band_series, merge
from broker.state.object_record import curve_of
from broker.state.store import MemoryStore
from tests.broker.streams import SCHEMAS
from tests.kafka.real_broker import RealBroker
from tests.kafka.worker_process import agree

PASSING = ("ingest_time_us", "publish_time_us")
Place = tuple[str, int, int]
_AT_ONCE = 256

MUST_BE_ZERO = (
    "missing",
    "doubled",
    "different",
    "dead_missing",
    "light_curves_different",
    "out_of_order",
)
"""What of a proof may not be."""


@dataclass(frozen=True)
class Proof:
    """What was to come of the alerts, and what did."""

    accepted: int
    annotated: int
    missing: int
    doubled: int
    different: int
    dead_expected: int
    dead_missing: int
    light_curves: int
    light_curves_different: int
    out_of_order: int


def prove(broker: RealBroker, survey_topics: Iterable[str], *, partitions: int) -> Proof:
    """Read all topics, and compare."""
    sources = [message for topic in survey_topics for message in broker.read(topic)]
    photometry = broker.read("photometry")
    letters = broker.read("dead-letters")
    accepted, dead = _expected(sources)

    reader = PhotometryReader(partitions)
    handed_on = Counter(_place(reader.read(_packet(m)).arrival.origin) for m in photometry)
    refused = Counter(_letter_place(letter) for letter in letters)
    missing = len([place for place in accepted if not handed_on[place]])
    doubled = sum(n - 1 for n in (*handed_on.values(), *refused.values()))
    strange = (handed_on.keys() - accepted.keys()) | (refused.keys() - dead)

    quiet, curves = _quiet_run(photometry, partitions)
    published: dict[bytes, list[Any]] = defaultdict(list)
    for message in broker.read("classifications"):
        record = json.loads(message.value())
        published[dict(message.headers())["_id"]].append(_timeless(record))
    missing += len(quiet.keys() - published.keys())
    doubled += sum(len(said) - 1 for said in published.values())
    different = len(strange) + len(published.keys() - quiet.keys())
    different += sum(not agree(said, quiet[key]) for key in quiet for said in published.get(key, ()))

    kept = _kept(broker)
    wrong = {key for key in curves.keys() | kept.keys() if not _same_bytes(curves.get(key), kept.get(key))}
    wrong |= {
        key for key, curve in _in_any_order(accepted.values()).items() if not _same(curve, kept.get(key))
    }
    return Proof(
        accepted=len(accepted),
        annotated=len(published),
        missing=missing,
        doubled=doubled,
        different=different,
        dead_expected=len(dead),
        dead_missing=len(dead - refused.keys()),
        light_curves=len(curves),
        light_curves_different=len(wrong),
        out_of_order=_out_of_order(photometry, reader),
    )


def _expected(sources: Iterable[Any]) -> tuple[dict[Place, Alert], set[Place]]:
    """Alerts that are to be used, and places of packets that cannot be read."""
    decoder = Decoder(open_registry(str(SCHEMAS)), VettingRules())
    accepted, dead = {}, set()
    for message in sources:
        packet = _packet(message)
        try:
            found = decoder.read(packet)
        except AlertError:
            dead.add(_place(packet.origin))
        else:
            if not isinstance(found, Skipped):
                accepted[_place(packet.origin)] = found
    return accepted, dead


def _quiet_run(
    photometry: Iterable[Any], partitions: int
) -> tuple[dict[bytes, Any], Mapping[str, LightCurve]]:
    """Annotations by id, and light curves, of one process that reads the photometry undisturbed."""
    store = MemoryStore()
    line = Pipeline(PhotometryReader(partitions), Annotator(load_classifiers(ModelConfig())), store)
    said = {}
    messages = sorted(photometry, key=lambda m: (m.partition(), m.offset()))
    for first in range(0, len(messages), _AT_ONCE):
        read = line.read([_packet(m) for m in messages[first : first + _AT_ONCE]])
        while read:
            batch = line.process(read)
            store.commit(batch.curves, {})
            said.update({a.id.bytes: _timeless(json.loads(json.dumps(a.record))) for a in batch.annotations})
            read = read[batch.packets :]
    return said, store.curves


def _kept(broker: RealBroker) -> dict[str, LightCurve]:
    """Light curves as the changelog has them."""
    log: dict[bytes, bytes] = {}
    for message in sorted(broker.read("changelog"), key=lambda m: (m.partition(), m.offset())):
        if message.value() is None:
            log.pop(message.key(), None)
        else:
            log[message.key()] = message.value()
    keys = [key[1:].decode() for key in log if key[:1] == b"T"]
    return {
        key: curve_of("changelog", key, log[b"T" + key.encode()], log.get(b"S" + key.encode()))
        for key in keys
    }


def _in_any_order(alerts: Iterable[Alert]) -> dict[str, LightCurve]:
    """Light curves of the survey's packets, in whatever order they stand there."""
    curves: dict[str, LightCurve] = {}
    for alert in alerts:
        curves[alert.key], _ = merge(curves.get(alert.key, LightCurve.empty()), alert)
    return curves


def _same_bytes(one: LightCurve | None, other: LightCurve | None) -> bool:
    return one is not None and other is not None and one.epochs.tobytes() == other.epochs.tobytes()


def _same(one: LightCurve, other: LightCurve | None) -> bool:
    """Whether two light curves are the same in every band, in whatever order their epochs arrived.

    A survey sends an epoch again with other last digits; of such the first that came is kept.
    """
    if other is None:
        return False
    series = [[band_series(curve, band) for band in "ugrizy"] for curve in (one, other)]
    return all(
        set(ours.exposure) == set(theirs.exposure)
        and np.allclose(ours.time, theirs.time, rtol=0.0, atol=MJD_ROUNDING_D)
        and np.all(
            np.abs(ours.mag - theirs.mag) <= np.maximum(MAG_ROUNDING, 0.1 * np.nan_to_num(ours.mag_err))
        )
        for ours, theirs in zip(*series, strict=True)
    )


def _out_of_order(photometry: Iterable[Any], reader: PhotometryReader) -> int:
    """How often an object's photometry stands behind a later one of the same survey partition."""
    latest: dict[tuple[str, str, int], int] = {}
    n = 0
    for message in sorted(photometry, key=lambda m: (m.partition(), m.offset())):
        alert = reader.read(_packet(message))
        topic, partition, offset = _place(alert.arrival.origin)
        n += latest.get((alert.key, topic, partition), -1) >= offset
        latest[alert.key, topic, partition] = offset
    return n


def _packet(message: Any) -> Packet:
    origin = Origin(topic=message.topic(), partition=message.partition(), offset=message.offset())
    return Packet(message.value() or b"", origin, message.timestamp()[1])


def _place(origin: Origin) -> Place:
    return str(origin.topic), int(origin.partition or 0), origin.offset


def _letter_place(letter: Any) -> Place:
    tags = {name: value.decode() for name, value in letter.headers()}
    return tags["topic"], int(tags["partition"]), int(tags["offset"])


def _timeless(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in PASSING}
