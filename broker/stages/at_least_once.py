"""At least once: one stage from the survey's packets to annotations, by one worker that needs all of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing

from broker.blame.schema_watch import SchemaWatch
from broker.commit import AtLeastOnce
from broker.pipeline import Pipeline
from broker.stages.tools import Tools
from broker.state.sqlite import SQLiteStore
from broker.transport.kafka_sink import KafkaSink
from broker.transport.kafka_source import KafkaSource
from broker.worker import Stage


def at_least_once(tools: Tools, parts: ExitStack) -> Sequence[Stage]:
    """Return the one stage, connected; its parts are closed with `parts`."""
    config = tools.config
    decoder, annotator = tools.decoder(), tools.annotator()
    store = parts.enter_context(closing(SQLiteStore(tools.state / "at-least-once.sqlite")))
    tools.load_kernels()
    sink = parts.enter_context(
        closing(KafkaSink(config.output, config.kafka, config.topics, stop=tools.stop))
    )
    source = KafkaSource(
        config.kafka,
        store.offsets(),
        batch_size=config.worker.batch_size,
        until_end=tools.until_end,
        memory=store,
        remade=tools.remade,
        stop=tools.stop,
    )
    parts.enter_context(closing(source))
    sink.connect()
    source.connect()
    patience_s = config.kafka.patience_s
    stage = Stage(
        source,
        Pipeline(decoder, annotator, store),
        AtLeastOnce(source, store, sink),
        stop=tools.stop,
        patience_s=patience_s,
        breaker=tools.breaker(),
        watch=SchemaWatch(source, patience_s=patience_s),
        metrics=tools.metrics,
        on_batch=parts.enter_context(tools.console.batches("annotating")),
        counts=tools.counts,
    )
    return [stage]
