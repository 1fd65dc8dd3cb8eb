"""The tools of a worker: what its settings say that both ways of delivery are put together from."""

from __future__ import annotations

import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from broker.blame.circuit_breaker import CircuitBreaker
from broker.classify.annotator import Annotator
from broker.classify.classifier import load_classifiers
from broker.classify.reasons import load_explainers
from broker.ingest.decoder import Decoder
from broker.monitor.console import Console
from broker.monitor.counts import Counts
from broker.monitor.metrics import Metrics
from broker.registry.client import REPLY_TIMEOUT_S
from broker.registry.register_schema import register_schema
from broker.registry.schema_registry import open_registry
from broker.settings.config import Config
from broker.warm_up import warm_up


@dataclass(frozen=True)
class Tools:
    """Settings, and what is made as they say.

    Attributes
    ----------
    counts : Counts
        What became of alerts where they are annotated.
    packets : Counts
        What became of them before, where that is a stage of its own.
    """

    config: Config
    until_end: bool
    remade: Collection[str]
    stop: Event
    console: Console
    counts: Counts
    packets: Counts
    metrics: Metrics | None

    @property
    def instance(self) -> str:
        """Name of this worker, which lasts."""
        return self.config.worker.instance or socket.gethostname()

    @property
    def state(self) -> Path:
        """The folder of this worker's stores."""
        return self.config.state.path / self.instance

    def decoder(self) -> Decoder:
        """Return what reads the survey's packets."""
        config, patience_s = self.config, self.config.kafka.patience_s
        registry = None
        if config.decoding.schemas:
            reply_timeout_s = min(patience_s, REPLY_TIMEOUT_S)
            registry = open_registry(config.decoding.schemas, stop=self.stop, reply_timeout_s=reply_timeout_s)
        return Decoder(registry, config.decoding.rules(), dead_schema_ids=config.decoding.dead_schema_ids)

    def annotator(self) -> Annotator:
        """Return what scores light curves."""
        output = self.config.output
        classifiers = load_classifiers(self.config.model)
        annotator = Annotator(
            classifiers,
            annotate_unscored=output.annotate_unscored,
            annotate_bands=output.annotate_bands,
            annotate_fused=output.annotate_fused,
            explainers=load_explainers(self.config.model, classifiers) if output.explain else {},
        )
        annotator.say_what_is_not_fused()
        return annotator

    def breaker(self) -> CircuitBreaker:
        """Return what stops the worker where most of a stream is unreadable."""
        worker = self.config.worker
        return CircuitBreaker(window=worker.dead_window, max_dead_fraction=worker.max_dead_fraction)

    def load_kernels(self) -> None:
        """Have every kernel ready before the first packet is read."""
        self.console.say("loading the kernels; the first time they are compiled, which takes a minute")
        warm_up()

    def schema_id(self) -> int | None:
        """Return the id of the schema of what is published, where its messages name one."""
        output = self.config.output
        if output.format != "confluent" or output.registry is None:
            return output.schema_id
        subject = f"{self.config.topics.classifications}-value"
        return register_schema(output.registry, subject, patience_s=self.config.kafka.patience_s)
