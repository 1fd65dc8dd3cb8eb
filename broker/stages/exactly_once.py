"""Exactly once: two stages, each of whose batches is one transaction, by any number of workers."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

from broker.blame.schema_watch import SchemaWatch
from broker.classify.annotator import Annotator
from broker.commit import ExactlyOnce
from broker.errors import ConfigError
from broker.ingest.decoder import Decoder
from broker.photometry.record import PhotometryReader
from broker.pipeline import Pipeline
from broker.stages.classify import ChangelogLedger
from broker.stages.ingest import Ingest, PositionsLedger
from broker.stages.our_cluster import OurCluster
from broker.stages.tools import Tools
from broker.state.partitions import PartitionStores
from broker.supervise.watchdog import Watchdog
from broker.transport.kafka_client import Connection
from broker.transport.outbox import ClassifiedOutbox, IngestedOutbox, letter_limit
from broker.transport.photometry_source import PhotometrySource
from broker.transport.survey_source import SurveySource
from broker.transport.topics import our_topics
from broker.worker import Stage

_DAY_MS = 86_400_000


def exactly_once(tools: Tools, parts: ExitStack) -> Sequence[Stage]:
    """Return the stages of this process, connected; their parts are closed with `parts`."""
    config = tools.config
    wanted = ("ingest", "classify") if config.worker.stage == "all" else (config.worker.stage,)
    made: list[Callable[[OurCluster], Stage]] = []  # settings are looked through before anybody is waited for
    if "ingest" in wanted:
        made.append(partial(_ingest, tools, tools.decoder(), parts))
    if "classify" in wanted:
        made.append(partial(_classify, tools, tools.annotator(), tools.schema_id(), parts))
    our_topics(config).check()
    parts.enter_context(_held(tools.state))
    if "classify" in wanted:
        tools.load_kernels()
    watchdog = Watchdog()
    watchdog.start()
    parts.callback(watchdog.close)
    cluster = OurCluster(tools, watchdog)
    return [make(cluster) for make in made]


def _ingest(tools: Tools, decoder: Decoder, parts: ExitStack, cluster: OurCluster) -> Stage:
    config, topics = tools.config, tools.config.topics
    patience_s = config.kafka.patience_s
    written = [topics.positions, topics.photometry, topics.dead_letters]
    transactions, partitions = cluster.transactions("ingest", written)
    parts.enter_context(closing(transactions))
    group = cluster.group("ingest", topics.positions)
    source = SurveySource(
        config.kafka,
        Connection(config.kafka.bootstrap_servers, patience_s=patience_s, stop=tools.stop),
        group,
        cluster.reader("ingest", topics.positions),
        positions_topic=topics.positions,
        n_partitions=partitions[topics.positions],
        batch_size=config.worker.batch_size,
        until_end=tools.until_end,
        remade=tools.remade,
    )
    parts.enter_context(closing(source))
    source.connect()
    group.connect()
    outbox = IngestedOutbox(
        topics.photometry,
        topics.dead_letters,
        n_partitions=partitions[topics.photometry],
        max_letter_bytes=letter_limit(
            config.output.max_message_bytes, cluster.limits([topics.dead_letters]), topics.dead_letters
        ),
    )
    return Stage(
        source,
        Ingest(decoder),
        ExactlyOnce(source, transactions, outbox, PositionsLedger(source, topics.positions)),
        stop=tools.stop,
        patience_s=patience_s,
        breaker=tools.breaker(),
        watch=SchemaWatch(source, patience_s=patience_s),
        counts=tools.packets,
    )


def _classify(
    tools: Tools, annotator: Annotator, schema_id: int | None, parts: ExitStack, cluster: OurCluster
) -> Stage:
    config, topics = tools.config, tools.config.topics
    output = config.output
    written = [topics.photometry, topics.changelog, topics.classifications, topics.dead_letters]
    transactions, partitions = cluster.transactions("classify", written)
    parts.enter_context(closing(transactions))
    identity, photometry_id = cluster.identity(
        topics.photometry, topics.changelog, partitions[topics.photometry]
    )
    forget_after_ms = int(config.state.forget_after_days * _DAY_MS)
    stores = PartitionStores(tools.state, identity, photometry_id, forget_after_ms)
    group = cluster.group("classify", topics.photometry)
    source = PhotometrySource(
        topics.photometry,
        group,
        cluster.reader("classify", topics.changelog),
        stores,
        batch_size=config.worker.batch_size,
        until_end=tools.until_end,
    )
    parts.enter_context(closing(source))
    group.connect()
    outbox = ClassifiedOutbox(
        topics.classifications,
        topics.dead_letters,
        output.format,
        schema_id=schema_id,
        max_letter_bytes=letter_limit(
            output.max_message_bytes, cluster.limits([topics.dead_letters]), topics.dead_letters
        ),
    )
    return Stage(
        source,
        Pipeline(PhotometryReader(identity.n_partitions), annotator, stores),
        ExactlyOnce(source, transactions, outbox, ChangelogLedger(stores, topics.changelog)),
        stop=tools.stop,
        patience_s=config.kafka.patience_s,
        breaker=tools.breaker(),
        metrics=tools.metrics,
        on_batch=parts.enter_context(tools.console.batches("annotating")),
        counts=tools.counts,
    )


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder of this worker, so that no other on this machine has its name.

    Raises
    ------
    ConfigError
        If another has, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise ConfigError(f"cannot keep light curves in {folder}: {exc.strerror or exc}") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(lock)
        raise ConfigError(
            f"another worker has {folder}: each worker needs a worker.instance of its own"
        ) from exc
    try:
        yield
    finally:
        os.close(lock)
