"""The subcommands of ``varstream``, each put together from the parts it needs."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rich.console import Console as RichConsole

from broker.alert import DeadLetter
from broker.batch import Batch
from broker.blame.circuit_breaker import CircuitBreaker
from broker.blame.schema_watch import SchemaWatch
from broker.classify.annotator import Annotator
from broker.classify.classifier import load_classifiers
from broker.classify.encoding import FileFormat
from broker.classify.reasons import load_explainers, load_with_explainer
from broker.cli.light_curve_file import LightCurveFile
from broker.cli.output_files import check_outputs
from broker.cli.replay import replay_files
from broker.cli.signals import stop_on_signal
from broker.commit import AtLeastOnce
from broker.demo.demo import run_demo
from broker.demo.readme_picture import draw_story
from broker.errors import ConfigError, FatalError, NothingUsedError, StoppedError
from broker.explain.explain_object import explain_object
from broker.explain.find_object import find_in_packets, find_in_store
from broker.explain.picture import draw as draw_explanation
from broker.explain.table import show
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.monitor.console import Console
from broker.monitor.counts import Counts
from broker.monitor.metrics import Metrics
from broker.pipeline import Pipeline
from broker.registry.client import REPLY_TIMEOUT_S
from broker.registry.schema_registry import open_registry
from broker.settings.config import ModelConfig
from broker.settings.load_config import load_config
from broker.state.sqlite import SQLiteStore
from broker.state.store import MemoryStore
from broker.transport.files import FileSink, FileSource, find_files, packets_of
from broker.transport.kafka_sink import KafkaSink
from broker.transport.kafka_source import KafkaSource
from broker.warm_up import warm as make_ready
from broker.warm_up import warm_up
from broker.worker import Stage, run
from schemas.model.shipped import DEFAULT_MODELS


def demo(arguments: argparse.Namespace) -> int:
    """Stream simulated stars through an in-process broker and show what comes out."""
    return run_demo(
        seconds=arguments.seconds,
        n_objects=arguments.objects,
        seed=arguments.seed,
        model=ModelConfig(path=arguments.model),
    )


def classify(arguments: argparse.Namespace) -> int:
    """Classify packets in files."""
    files = find_files(arguments.paths)
    outputs = {
        "--output": arguments.output,
        "--dead-letters": arguments.dead_letters,
        "--counts": arguments.counts,
        "--light-curves": arguments.light_curves,
    }
    check_outputs(outputs, paths=arguments.paths, files=files)
    light_curves = None if arguments.light_curves is None else LightCurveFile(arguments.light_curves)
    stop = threading.Event()
    registry = open_registry(arguments.schemas, stop=stop) if arguments.schemas else None
    rules = VettingRules(programids=frozenset(arguments.programid) if arguments.programid else None)
    model = ModelConfig(path=arguments.model, min_epochs=arguments.min_epochs)
    store = MemoryStore()
    annotator = Annotator(
        load_classifiers(model),
        annotate_bands=arguments.records != "fused",
        annotate_fused=arguments.records != "bands",
    )
    pipeline = Pipeline(Decoder(registry, rules), annotator, store)
    form: FileFormat = "avro" if arguments.format == "avro" else "json"
    sink = FileSink(arguments.output, form, dead_letters=arguments.dead_letters)
    console = Console()
    counts = Counts()
    unreadable: list[DeadLetter] = []  # of the first batch that has some, one
    try:
        warm_up()
        with console.batches("classifying") as show:

            def on_batch(batch: Batch, counts: Counts) -> None:
                if not unreadable:
                    unreadable.extend(batch.dead_letters[:1])
                if light_curves is not None:
                    light_curves.note(batch.places)
                show(batch, counts)

            source = FileSource(files, batch_size=256)
            stop_on_signal(stop)
            commit = AtLeastOnce(source, store, sink)
            stage = Stage(source, pipeline, commit, stop=stop, counts=counts, on_batch=on_batch)
            run(stage, stop=stop)
    finally:
        sink.close()
    if light_curves is not None:
        light_curves.write(store.curves)
    if arguments.counts:
        _write(arguments.counts, json.dumps(counts.as_json(), indent=2) + "\n")
    console.say(str(counts))
    unread = counts.alerts_dead["no_registry"] + counts.alerts_dead["unknown_schema_id"]
    if unread:
        lacks = f"{registry} lacks theirs" if registry else "no folder or registry of schemas was given"
        console.say(
            f"NOT READ: {unread:,} packets that name their schema by id, and {lacks}: "
            "say with --schemas where the schemas are"
        )
    if unreadable and not counts.alerts_used:
        raise NothingUsedError(_nothing_used(counts, unreadable[0]))
    if not counts.alerts_in and not stop.is_set():
        console.say(f"no packets in {_named(files)}")
    return 0


def run_worker(arguments: argparse.Namespace) -> int:
    """Annotate a stream."""
    config = load_config(arguments.config, overrides=arguments.set)
    model = config.model
    if arguments.model is not None:
        model = replace(model, path=arguments.model, ztf=None, lsst=None)
    rules = config.decoding.rules()
    classifiers = load_classifiers(model)
    annotator = Annotator(
        classifiers,
        annotate_unscored=config.output.annotate_unscored,
        annotate_bands=config.output.annotate_bands,
        annotate_fused=config.output.annotate_fused,
        explainers=load_explainers(model, classifiers) if config.output.explain else {},
    )
    stop = threading.Event()
    patience_s = config.kafka.patience_s
    registry = None
    if config.decoding.schemas:
        reply_timeout_s = min(patience_s, REPLY_TIMEOUT_S)
        registry = open_registry(config.decoding.schemas, stop=stop, reply_timeout_s=reply_timeout_s)
    decoder = Decoder(registry, rules, dead_schema_ids=config.decoding.dead_schema_ids)
    breaker = CircuitBreaker(
        window=config.worker.dead_window, max_dead_fraction=config.worker.max_dead_fraction
    )
    metrics = None
    if config.metrics.port is not None:
        metrics = Metrics()
        metrics.serve(config.metrics.port, address=config.metrics.address)
    console = Console()
    counts = Counts()
    with closing(SQLiteStore(config.state.path)) as store:
        warm_up()
        pipeline = Pipeline(decoder, annotator, store)
        sink = KafkaSink(config.output, config.kafka, stop=stop)
        source = KafkaSource(
            config.kafka,
            store.offsets(),
            batch_size=config.worker.batch_size,
            until_end=arguments.until_end,
            memory=store,
            remade=arguments.remade_topic,
            stop=stop,
        )
        with closing(sink), closing(source):
            sink.connect()
            source.connect()
            annotator.say_what_is_not_fused()
            console.say(f"reading {', '.join(config.kafka.topics)} from {config.kafka.bootstrap_servers}")
            stop_on_signal(stop)
            try:
                with console.batches("annotating") as on_batch:
                    stage = Stage(
                        source,
                        pipeline,
                        AtLeastOnce(source, store, sink),
                        stop=stop,
                        patience_s=patience_s,
                        breaker=breaker,
                        watch=SchemaWatch(source, patience_s=patience_s),
                        metrics=metrics,
                        on_batch=on_batch,
                        counts=counts,
                    )
                    run(stage, stop=stop)
            except StoppedError as exc:
                console.say(f"{exc}: what was at hand is done at the next start")
            finally:
                console.say(str(counts))
    return 0


def replay(arguments: argparse.Namespace) -> int:
    """Feed packets of files to a topic."""
    files = find_files(arguments.paths)
    config = load_config(
        arguments.config,
        overrides=[
            *arguments.set,
            f"kafka.topics=[{json.dumps(arguments.topic)}]",
            *(
                [f"kafka.bootstrap_servers={arguments.bootstrap_servers}"]
                if arguments.bootstrap_servers
                else []
            ),
        ],
    )
    n = replay_files(files, config.kafka, topic=arguments.topic, per_second=arguments.rate, console=Console())
    Console().say(f"{n:,} packets sent to {arguments.topic} at {config.kafka.bootstrap_servers}")
    if not n:
        Console().say(f"no packets in {_named(files)}")
    return 0


def explain(arguments: argparse.Namespace) -> int:
    """Say why an object got its label."""
    paths = arguments.files or []
    files = find_files(paths)
    check_outputs({"--svg": arguments.svg}, paths=paths, files=files or [arguments.state])
    judge = None if arguments.model is None else load_with_explainer(arguments.model)  # refused at once
    if arguments.state is None:
        warm_up()
        registry = open_registry(arguments.schemas, stop=threading.Event()) if arguments.schemas else None
        decoder = Decoder(registry, VettingRules(programids=None))
        found = find_in_packets(arguments.object, packets_of(files), decoder)
    else:
        found = find_in_store(arguments.object, arguments.state)
    classifier, explainer = judge or load_with_explainer(DEFAULT_MODELS[found.survey])
    why = explain_object(found, classifier, explainer, band=arguments.band)
    show(RichConsole(highlight=False), why)
    if arguments.svg is not None:
        _write(arguments.svg, draw_explanation(why))
        Console().say(f"wrote {arguments.svg}")
    return 0


def warm(arguments: argparse.Namespace) -> int:
    """Compile the kernels and keep them, so that whatever comes after starts at once."""
    made = make_ready()
    what = f"{made.compiled} functions compiled" if made.compiled else "kernels were there and are loaded"
    Console().say(f"{what} in {made.seconds:.1f} s, kept in {', '.join(map(str, made.places))}")
    return 0


def picture(arguments: argparse.Namespace) -> int:
    """Draw how the class of a simulated star becomes clear."""
    classifiers = load_classifiers(ModelConfig(path=arguments.model))
    svg = draw_story(classifiers["ztf"], true_class=arguments.star, seed=arguments.seed)
    _write(arguments.output, svg)
    Console().say(f"wrote {arguments.output}")
    return 0


def _nothing_used(counts: Counts, first: DeadLetter) -> str:
    """Say that no alert was used, and what was wrong with the first packet that could not be read."""
    dead, skipped = counts.alerts_dead.total(), counts.alerts_skipped.total()
    if skipped:
        parts = f"{skipped:,} were skipped and {dead:,} not read"
        what = f"no alert was used: of {counts.alerts_in:,} packets {parts}"
    else:
        what = "the packet could not be read" if dead == 1 else f"none of {dead:,} packets could be read"
    return f"{what}; {first.packet.origin.file}, byte {first.packet.origin.offset:,}: {first.message}"


def _named(files: Sequence[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"any of {len(files):,} files"


def _write(path: Path, text: str) -> None:
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"cannot write {path}: {exc.strerror or exc}") from exc
    try:
        with file:
            file.write(text)
    except OSError as exc:
        raise FatalError(f"cannot write {path}: {exc.strerror or exc}") from exc
