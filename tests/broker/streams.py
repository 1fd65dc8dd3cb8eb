"""A small simulated stream and in-memory ends for it: what the tests of the pipeline and the loop share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

from broker.alert import Alert, Annotation, Arrival, DeadLetter, Origin, Packet, Partition
from broker.classify.annotator import Annotator
from broker.classify.classifier import Classifier, load_classifier
from broker.commit import AtLeastOnce
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.monitor.counts import Counts
from broker.pipeline import Pipeline
from broker.registry.schema_registry import open_registry
from broker.simulator.stream import SimulatedAlert, alert_stream
from broker.state.store import Store
from broker.worker import Stage, run
from schemas.model.artifact import Artifact

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas" / "simulator"
TIMES = ("ingest_time_us", "publish_time_us")
TOPIC = "alerts"
PATIENCE_S = 1e6  # a test that waits in vain is ended by its own timeout


@cache
def classifier() -> Classifier:
    """The shipped model, had it been made for single bands and refined features, as those of 1.0.0 were."""
    artifact = load_classifier("varstream-ztf")._artifact
    return Classifier(
        Artifact(replace(artifact.manifest, convention="refined", fused=None), artifact._session)
    )


def annotator(model: Classifier | None = None, **kinds: Any) -> Annotator:
    """Annotator of both surveys' alerts by one model, of these kinds of records, with what explains them."""
    judge = model or classifier()
    return Annotator({"ztf": judge, "lsst": judge}, **kinds)


FUSED = {"min_epochs": 15, "temperature": 1.5, "abstain_below": 0.3, "reliability": ()}
"""What a model may state of fused answers."""


def fusing(
    *, convention: str = "robust", fused: Mapping[str, Any] | None = FUSED, **stated: Any
) -> Classifier:
    """The shipped model, had it been made for all bands of a star together."""
    artifact = classifier()._artifact
    manifest = replace(artifact.manifest, convention=convention, fused=fused, **stated)
    return Classifier(Artifact(manifest, artifact._session))


@cache
def simulated(n_objects: int = 6, seed: int = 3) -> tuple[SimulatedAlert, ...]:
    return tuple(alert_stream(n_objects=n_objects, seed=seed))


def packets(payloads: Sequence[bytes]) -> list[Packet]:
    """Messages of one partition of a topic."""
    return [Packet(p, Origin(topic=TOPIC, partition=0, offset=i)) for i, p in enumerate(payloads)]


def decoder() -> Decoder:
    return Decoder(open_registry(str(SCHEMAS)), VettingRules())


class Scripted:
    """A decoder that returns alerts made by hand, whatever the packets hold."""

    def __init__(self, *alerts: Alert, vetting: str = "") -> None:
        self._alerts = iter(alerts)
        self._vetting = vetting

    def read(self, packet: Packet) -> Alert:
        arrival = Arrival(packet.origin, packet.upstream_ms, 1)
        return replace(next(self._alerts), arrival=arrival, vetting=self._vetting)


def pipeline(store: Store) -> Pipeline:
    return Pipeline(decoder(), annotator(), store)


def timeless(annotations: Sequence[Annotation]) -> list[dict[str, object]]:
    """Records without the times of reading and publishing, which no two runs share."""
    return [{k: v for k, v in a.record.items() if k not in TIMES} for a in annotations]


def run_stage(source: Any, processing: Any, store: Any, sink: Any, *, stop: Event, **options: Any) -> Counts:
    """Run a worker of one stage, which delivers at least once; what became of the alerts."""
    stage = Stage(source, processing, AtLeastOnce(source, store, sink), stop=stop, **options)
    run(stage, stop=stop)
    return stage.counts


class Topic:
    """A partition that remembers what was committed, as a broker does."""

    def __init__(self, messages: Sequence[Packet], *, batch_size: int) -> None:
        self.messages = messages
        self.committed = 0
        self._batch_size = batch_size
        self._next = 0

    def resume(self, offset: int) -> None:
        self._next = offset

    def poll(self) -> Sequence[Packet]:
        batch = self.messages[self._next : self._next + self._batch_size]
        self._next += len(batch)
        return batch

    @property
    def exhausted(self) -> bool:
        return self._next >= len(self.messages)

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.committed = offsets[TOPIC, 0]


class ListSink:
    """Everything that was ever delivered, repeats included."""

    def __init__(self) -> None:
        self.annotations: list[Annotation] = []
        self.dead_letters: list[DeadLetter] = []

    def deliver(self, annotations: Sequence[Annotation], dead_letters: Sequence[DeadLetter]) -> None:
        self.annotations += annotations
        self.dead_letters += dead_letters


def reliability_bin(
    n_epochs_min: int, n_epochs_max: int | None, *, accuracy: float = 0.8
) -> dict[str, object]:
    """Return a bin of a manifest's reliability with all its fields."""
    return {
        "n_epochs_min": n_epochs_min,
        "n_epochs_max": n_epochs_max,
        "n_stars": 900,
        "n_light_curves": 1000,
        "accuracy": accuracy,
        "accuracy_error": 0.01,
        "mc": 0.875,
        "mc_error": 0.0125,
        "calibration_error": 0.03,
        "abstained": 0.25,
        "accuracy_when_sure": 0.9,
    }
