"""``varstream demo``: simulated stars, an in-process broker, the real worker, its output in the terminal."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from broker.config import KafkaConfig, OutputConfig
from broker.console import Rate
from broker.counts import Counts
from broker.decode import Decoder, JudgingRules
from broker.embedded import EmbeddedBroker
from broker.errors import FatalError
from broker.pipeline import Batch, Pipeline
from broker.registry import open_registry
from broker.score import Classifier, load_classifier
from broker.simulator.packets import SimulatedAlert, alert_stream
from broker.sink import KafkaSink
from broker.source import KafkaSource
from broker.store import SQLiteStore
from broker.worker import CircuitBreaker, run

TOPICS = {"ztf": "ztf_demo_programid1", "lsst": "lsst-alerts-demo"}
CLASSIFICATIONS = "classifications"
EPOCH_BINS = (10, 20, 40, 80, 160)

# The in-process broker drops what it cannot hold: the feeder stays this close ahead of the worker.
_MAX_AHEAD_BYTES = EmbeddedBroker.RETAINED_BYTES // 2
_ROWS_SHOWN = 14
_PATIENCE_S = 20.0


@dataclass
class Feed:
    """How far the simulated surveys are; written by the feeder, read by the display."""

    total: int
    sent: int = 0
    done: int = 0
    finished: bool = False
    bytes_ahead: list[int] = field(default_factory=list)


@dataclass
class Verdicts:
    """What the output topic said of each object, beside what the object is."""

    truth: dict[str, str]
    classes: tuple[str, ...]
    received: int = 0
    latest: OrderedDict[tuple[str, str], dict[str, Any]] = field(default_factory=OrderedDict)
    right: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    judged: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, record: dict[str, Any]) -> None:
        """Take in one record of the output topic."""
        self.received += 1
        if record["label"] is None:
            return
        key = (record["object_id"], record["band"])
        self.latest[key] = record
        self.latest.move_to_end(key)
        true_class = self.truth[record["object_id"]]
        if true_class in self.classes:
            lowest = max((b for b in EPOCH_BINS if b <= record["n_epochs"]), default=0)
            self.judged[lowest] += 1
            self.right[lowest] += record["label"] == true_class

    def is_right(self, record: dict[str, Any]) -> bool:
        """Whether a record names the object's true class."""
        return bool(record["label"] == self.truth[record["object_id"]])


def run_demo(*, seconds: float | None, n_objects: int, seed: int, model: Path | None) -> int:
    """Stream the alerts of simulated stars through the worker, for at most `seconds`, and show its output."""
    console = Console(highlight=False)
    console.print(f"simulating {n_objects} variable stars as ZTF and LSST would see them ...")
    classifier = load_classifier(model)
    alerts = list(alert_stream(n_objects=n_objects, seed=seed))
    verdicts = Verdicts({a.object_id: a.true_class for a in alerts}, classifier.manifest.classes)
    feed = Feed(total=len(alerts))
    manifest = classifier.manifest
    console.print(
        f"{len(alerts):,} alerts of {len(verdicts.truth)} objects; classifier {manifest.name} "
        f"{manifest.version}; the kernels are compiled the first time",
        soft_wrap=True,
    )
    started = time.monotonic()
    with _broker() as broker, _worker(broker.bootstrap_servers, classifier, feed) as worker:
        feeder = threading.Thread(
            target=_feed, args=(broker.bootstrap_servers, alerts, feed, worker, seconds), daemon=True
        )
        feeder.start()
        with _display(console, feed, verdicts) as refresh:
            for record in _annotations(broker.bootstrap_servers, feed, worker):
                if record is not None:
                    verdicts.add(record)
                refresh()
    _report(console, verdicts, worker, time.monotonic() - started)
    return 0


class Worker(threading.Thread):
    """The worker of `broker.worker`, in a thread, stopped when everything fed to it is annotated."""

    def __init__(self, servers: str, classifier: Classifier, state: Path, schemas: Path, feed: Feed) -> None:
        super().__init__(daemon=True)
        self.counts = Counts()
        self.failure: BaseException | None = None
        self.stop = threading.Event()
        self._feed = feed
        self._store = SQLiteStore(state)
        kafka = KafkaConfig(bootstrap_servers=servers, group_id="demo", topics=tuple(TOPICS.values()))
        output = OutputConfig(topic=CLASSIFICATIONS, format="json")
        decoder = Decoder(open_registry(str(schemas)), JudgingRules())
        self._pipeline = Pipeline(decoder, classifier, self._store)
        self._sink = KafkaSink(output, kafka)
        self._source = KafkaSource(kafka, self._store, batch_size=128)

    def run(self) -> None:
        """See `Thread.run`."""
        try:
            run(
                self._source,
                self._pipeline,
                self._store,
                self._sink,
                stop=self.stop,
                breaker=CircuitBreaker(),
                on_batch=self._on_batch,
            )
        except BaseException as exc:  # noqa: BLE001 - raised again where the demo waits
            self.failure = exc
        finally:
            self._source.close()
            self._store.close()

    def _on_batch(self, batch: Batch, counts: Counts) -> None:
        self.counts = counts
        self._feed.done = counts.alerts_in
        if self._feed.finished and counts.alerts_in >= self._feed.sent:
            self.stop.set()


@contextmanager
def _broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        broker.make_topics(TOPICS.values())
        yield broker


@contextmanager
def _worker(servers: str, classifier: Classifier, feed: Feed) -> Iterator[Worker]:
    with (
        tempfile.TemporaryDirectory(prefix="varstream-demo-") as folder,
        as_file(files("schemas")) as schemas,
    ):
        worker = Worker(servers, classifier, Path(folder) / "state.sqlite", schemas / "simulator", feed)
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
        producer.produce(TOPICS[alert.survey], alert.payload, partition=0)
        producer.poll(0)
        feed.sent = number + 1
    producer.flush()
    feed.finished = True
    if feed.done >= feed.sent:
        worker.stop.set()


def _annotations(servers: str, feed: Feed, worker: Worker) -> Iterator[dict[str, Any] | None]:
    """Yield the records of the output topic until all are read; None where there is nothing right now."""
    reader = Consumer(
        {"bootstrap.servers": servers, "group.id": "demo-display", "fetch.wait.max.ms": 50, "log_level": 2}
    )
    reader.assign(
        [TopicPartition(CLASSIFICATIONS, p, OFFSET_BEGINNING) for p in range(EmbeddedBroker.PARTITIONS)]
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


@contextmanager
def _display(console: Console, feed: Feed, verdicts: Verdicts) -> Iterator[Any]:
    """Live table and bar; without a terminal a plain line every few seconds."""
    progress = Progress(
        TextColumn("alerts"), BarColumn(), MofNCompleteColumn(), Rate(), TimeElapsedColumn(), console=console
    )
    task = progress.add_task("alerts", total=feed.total, unit="alerts")
    next_line = time.monotonic() + 2.0

    def refresh() -> None:
        nonlocal next_line
        progress.update(task, completed=feed.done)
        if console.is_terminal:
            live.update(Group(_table(verdicts), progress))
        elif time.monotonic() > next_line:
            console.print(
                f"{feed.done:,} of {feed.total:,} alerts, {len(verdicts.latest):,} light curves classified"
            )
            next_line += 2.0

    with Live(
        console=console, refresh_per_second=8, transient=True, auto_refresh=console.is_terminal
    ) as live:
        yield refresh


def _table(verdicts: Verdicts) -> Table:
    table = Table(title="latest classifications", title_justify="left")
    for name, side in (("object", "left"), ("band", "left"), ("epochs", "right"), ("class", "left")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    table.add_column("probability", justify="right")
    table.add_column("period [d]", justify="right")
    table.add_column("is really")
    for (object_id, band), record in list(verdicts.latest.items())[-_ROWS_SHOWN:]:
        colour = "green" if verdicts.is_right(record) else "red"
        table.add_row(
            object_id,
            band,
            str(record["n_epochs"]),
            f"[{colour}]{record['label']}[/]",
            f"{record['probability']:.2f}",
            f"{record['features']['period']:.5g}",
            verdicts.truth[object_id],
        )
    return table


def _report(console: Console, verdicts: Verdicts, worker: Worker, seconds: float) -> None:
    console.print(_table(verdicts))
    table = Table(
        title="how often the class was right, by number of epochs in the band", title_justify="left"
    )
    table.add_column("epochs")
    table.add_column("judged", justify="right")
    table.add_column("right", justify="right")
    edges = (0, *EPOCH_BINS)
    for lowest, following in zip(edges, (*edges[1:], None), strict=True):
        if judged := verdicts.judged[lowest]:
            span = f"{lowest}+" if following is None else f"{lowest}-{following - 1}"
            table.add_row(span, f"{judged:,}", f"{verdicts.right[lowest] / judged:.1%}")
    console.print(table)
    absent = sorted(set(verdicts.truth.values()) - set(verdicts.classes))
    if absent:
        console.print(f"not counted, for the model has no such class: {', '.join(absent)}")
    rate = worker.counts.alerts_in / seconds if seconds else 0.0
    console.print(
        f"{worker.counts} in {seconds:.1f} s ({rate:,.0f} alerts/s, start-up included)", soft_wrap=True
    )
