"""The subcommands of ``varstream``, each put together from the parts it needs."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console as RichConsole

from broker.alert import DeadLetter
from broker.batch import Batch
from broker.classify.annotator import Annotator
from broker.classify.classifier import load_classifiers
from broker.classify.encoding import FileFormat
from broker.classify.reasons import load_with_explainer
from broker.cli.light_curve_file import LightCurveFile
from broker.cli.look.listen import Wanted, listen, told
from broker.cli.output_files import check_outputs
from broker.cli.replay import replay_files
from broker.cli.run_stages import run_processes, run_stages
from broker.cli.signals import stop_on_signal
from broker.commit import AtLeastOnce
from broker.demo.demo import run_demo
from broker.demo.readme_picture import draw_story
from broker.errors import ConfigError, FatalError, NothingUsedError
from broker.explain.explain_object import explain_object
from broker.explain.find_object import find_in_packets, find_in_store
from broker.explain.picture import draw as draw_explanation
from broker.explain.table import show
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.monitor.console import Console
from broker.monitor.counts import Counts
from broker.pipeline import Pipeline
from broker.registry.schema_registry import open_registry
from broker.settings.config import ModelConfig
from broker.settings.load_config import load_config
from broker.state.store import MemoryStore
from broker.transport.files import FileSink, FileSource, find_files, packets_of
from broker.transport.topics import our_topics
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
    if arguments.model is not None:
        config = replace(config, model=replace(config.model, path=arguments.model, ztf=None, lsst=None))
    if config.worker.processes > 1:
        run_processes(config, _words_of(arguments))
    else:
        run_stages(config, until_end=arguments.until_end, remade=arguments.remade_topic)
    return 0


def _words_of(arguments: argparse.Namespace) -> list[str]:
    """Return the words of a ``varstream run`` as it was asked for."""
    words = ["-v", "run"] if arguments.verbose else ["run"]
    for option, value in (("--config", arguments.config), ("--model", arguments.model)):
        words += [] if value is None else [option, str(value)]
    words += ["--until-end"] if arguments.until_end else []
    for option, values in (("--set", arguments.set), ("--remade-topic", arguments.remade_topic)):
        words += [word for value in values for word in (option, value)]
    return words


def topics_create(arguments: argparse.Namespace) -> int:
    """Make our topics."""
    config = load_config(arguments.config, overrides=arguments.set)
    made = our_topics(config).create()
    Console().say(f"made {', '.join(made)}" if made else "all topics are there")
    return topics_check(arguments)


def topics_check(arguments: argparse.Namespace) -> int:
    """Say what is wrong with our topics."""
    config = load_config(arguments.config, overrides=arguments.set)
    grave, light = our_topics(config).complaints()
    for complaint in [*grave, *light]:
        Console().say(complaint)
    if grave:
        return 1
    Console().say("the topics are as they must be")
    return 0


def listen_to(arguments: argparse.Namespace) -> int:
    """Show annotations as they come."""
    config = load_config(arguments.config, overrides=arguments.set)
    stop = threading.Event()
    stop_on_signal(stop)
    wanted = Wanted(arguments.label, arguments.min_probability, arguments.cone)
    records = listen(
        config, wanted, stop=stop, from_beginning=arguments.from_beginning, until_end=arguments.until_end
    )
    for record in records:
        print(json.dumps(record) if arguments.json else told(record), flush=True)
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
