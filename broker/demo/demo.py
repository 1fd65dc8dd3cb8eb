"""``varstream demo``: simulated stars, an in-process broker, the real worker, its output in the terminal."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from rich.console import Console

from broker.batch import Batch
from broker.blame.circuit_breaker import CircuitBreaker
from broker.classify.annotator import Annotator
from broker.classify.classifier import load_classifiers
from broker.commit import AtLeastOnce
from broker.demo.view import Scoreboard, display, report
from broker.errors import FatalError
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.monitor.counts import Counts
from broker.pipeline import Pipeline
from broker.registry.schema_registry import open_registry
from broker.settings.clusters import KafkaConfig, OutputConfig, TopicsConfig
from broker.settings.config import ModelConfig
from broker.simulator.stream import SimulatedAlert, alert_stream
from broker.state.sqlite import SQLiteStore
from broker.transport.embedded_kafka import EmbeddedBroker
from broker.transport.kafka_sink import KafkaSink
from broker.transport.kafka_source import KafkaSource
from broker.warm_up import warm_up
from broker.worker import Stage, run

ALERT_TOPICS = {"ztf": "ztf_demo_programid1", "lsst": "lsst-alerts-demo"}
OUTPUT_TOPIC = "classifications"

# The in-process broker drops what it cannot hold: the feeder stays this close ahead of the worker.
_MAX_AHEAD_BYTES = EmbeddedBroker.RETAINED_BYTES // 2
_PATIENCE_S = 60.0


@dataclass
class Feed:
    """How far the simulated surveys and the worker are."""

    sent: int = 0
    done: int = 0
    finished: bool = False


def run_demo(*, seconds: float | None, n_objects: int, seed: int, model: ModelConfig) -> int:
    """Stream the alerts of simulated stars through the worker, for at most `seconds`, and show its output."""
    console = Console(highlight=False)
    console.print(f"simulating {n_objects} variable stars as ZTF and LSST would see them ...")
    alerts = list(alert_stream(n_objects=n_objects, seed=seed))
    rules = VettingRules()
    classifiers = load_classifiers(model)
    manifests = [classifier.manifest for classifier in classifiers.values()]
    known = tuple(dict.fromkeys(name for manifest in manifests for name in manifest.classes))
    board = Scoreboard({a.object_id: a.true_class for a in alerts}, known)
    models = " and ".join(dict.fromkeys(f"{manifest.name} {manifest.version}" for manifest in manifests))
    console.print(f"{len(alerts):,} alerts of {len(board.truth)} objects; model {models}")
    annotator = Annotator(classifiers)
    with as_file(files("schemas")) as schemas:
        decoder = Decoder(open_registry(str(schemas / "simulator")), rules)
        console.print("loading the kernels; the first time they are compiled, which takes a while ...")
        warm_up()
        feed = Feed()
        started = time.monotonic()
        with _broker() as servers, _worker(servers, decoder, annotator, feed) as worker:
            feeder = threading.Thread(
                target=_feed, args=(servers, alerts, feed, worker, seconds), daemon=True
            )
            feeder.start()
            with display(console, board, len(alerts)) as refresh:
                for record in _annotations(servers, worker):
                    if record is not None:
                        board.add(record)
                    refresh(feed.done)
        report(console, board, worker.counts, time.monotonic() - started)
    return 0


class Worker(threading.Thread):
    """The worker of `broker.worker`, in a thread, stopped when everything fed to it is annotated."""

    def __init__(self, servers: str, decoder: Decoder, annotator: Annotator, state: Path, feed: Feed) -> None:
        super().__init__(daemon=True)
        self.counts = Counts()
        self.failure: BaseException | None = None
        self.stop = threading.Event()
        self._feed = feed
        self._store = SQLiteStore(state)
        kafka = KafkaConfig(
            bootstrap_servers=servers,
            group_id="demo",
            topics=tuple(ALERT_TOPICS.values()),
            patience_s=_PATIENCE_S,
        )
        output = OutputConfig(format="json")
        self._pipeline = Pipeline(decoder, annotator, self._store)
        self._sink = KafkaSink(output, kafka, TopicsConfig(classifications=OUTPUT_TOPIC))
        self._source = KafkaSource(kafka, self._store.offsets(), batch_size=128)

    def run(self) -> None:
        """See `Thread.run`."""
        try:
            self._sink.connect()
            self._source.connect()
            stage = Stage(
                self._source,
                self._pipeline,
                AtLeastOnce(self._source, self._store, self._sink),
                stop=self.stop,
                breaker=CircuitBreaker(),
                on_batch=self._on_batch,
            )
            run(stage, stop=self.stop)
        except BaseException as exc:  # noqa: BLE001 - raised again where the demo waits
            self.failure = exc
        finally:
            self._source.close()
            self._sink.close()
            self._store.close()

    def _on_batch(self, batch: Batch, counts: Counts) -> None:
        self.counts = counts
        self._feed.done = counts.alerts_in
        if self._feed.finished and counts.alerts_in >= self._feed.sent:
            self.stop.set()


@contextmanager
def _broker() -> Iterator[str]:
    with EmbeddedBroker() as broker:
        broker.make_topics(ALERT_TOPICS.values())
        yield broker.bootstrap_servers


@contextmanager
def _worker(servers: str, decoder: Decoder, annotator: Annotator, feed: Feed) -> Iterator[Worker]:
    with tempfile.TemporaryDirectory(prefix="varstream-demo-") as folder:
        worker = Worker(servers, decoder, annotator, Path(folder) / "state.sqlite", feed)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop.set()
            worker.join()


def _feed(
    servers: str, alerts: list[SimulatedAlert], feed: Feed, worker: Worker, seconds: float | None
) -> None:
    """Send alerts in the order of time, never further ahead of the worker than the broker can hold."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 2, "log_level": 2})
    sizes = [0]
    for alert in alerts:
        sizes.append(sizes[-1] + len(alert.payload))
    deadline = None if seconds is None else time.monotonic() + seconds
    for number, alert in enumerate(alerts):
        while sizes[number + 1] - sizes[feed.done] > _MAX_AHEAD_BYTES and worker.is_alive():
            producer.poll(0.02)
        if not worker.is_alive() or (deadline is not None and time.monotonic() > deadline):
            break
        # One partition keeps the order: the histories of later packets would make earlier alerts duplicates.
        producer.produce(ALERT_TOPICS[alert.survey], alert.payload, partition=0)
        producer.poll(0)
        feed.sent = number + 1
    producer.flush()
    feed.finished = True
    if feed.done >= feed.sent:
        worker.stop.set()


def _annotations(servers: str, worker: Worker) -> Iterator[dict[str, Any] | None]:
    """Yield the records of the output topic until all are read; None where there is nothing right now."""
    reader = Consumer(
        {"bootstrap.servers": servers, "group.id": "demo-display", "fetch.wait.max.ms": 50, "log_level": 2}
    )
    reader.assign(
        [TopicPartition(OUTPUT_TOPIC, p, OFFSET_BEGINNING) for p in range(EmbeddedBroker.PARTITIONS)]
    )
    received = 0
    last_news = time.monotonic()
    try:
        while True:
            messages = [m for m in reader.consume(500, 0.1) if m.error() is None]
            for message in messages:
                received += 1
                yield json.loads(message.value() or b"")
            if messages or worker.is_alive():
                last_news = time.monotonic()
            yield None
            if worker.failure is not None:
                raise worker.failure
            if not worker.is_alive() and received >= worker.counts.annotations:
                return
            if time.monotonic() - last_news > _PATIENCE_S:
                raise FatalError(f"{worker.counts.annotations - received} annotations did not come back")
    finally:
        reader.close()
