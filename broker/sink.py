"""Annotations and dead letters to the topics of a Kafka cluster, at least once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from broker.config import KafkaConfig, OutputConfig
from broker.connection import Connection, make_producer
from broker.errors import FatalError
from broker.pipeline import DeadLetter
from broker.records import Annotation, encoder, headers

_HEADER_ROOM = 1024  # bytes that a dead letter's headers and the record's framing take


class KafkaSink:
    """Annotations and dead letters to two topics."""

    def __init__(self, config: OutputConfig, source: KafkaConfig) -> None:
        servers = config.bootstrap_servers or source.bootstrap_servers
        settings = config.settings if config.settings is not None else source.settings
        self._config = config
        self._encode = encoder(config.format)
        self._connection = Connection(servers, patience_s=source.patience_s)
        self._failures: list[str] = []
        self._producer = make_producer(
            self._connection, {"message.max.bytes": config.max_message_bytes, **settings}
        )
        self._connection.wait_for_topics(self._producer, [config.topic, config.dead_letter_topic])

    def deliver(self, annotations: Sequence[Annotation], dead_letters: Sequence[DeadLetter]) -> None:
        """See `Sink.deliver`.

        Raises
        ------
        ConfigError
            If the cluster refuses us.
        """
        for annotation in annotations:
            value = self._encode(annotation.record)
            tags = headers(annotation, self._config.format)
            self._produce(self._config.topic, value, key=annotation.key.encode(), headers=tags)
        for letter in dead_letters:
            tags, value = dead_letter_message(letter, self._config.max_message_bytes)
            self._produce(self._config.dead_letter_topic, value, headers=tags)
        while self._producer.flush(1.0):  # bounded: each message times out by itself
            self._connection.check(self._producer)
        if self._failures:
            raise FatalError(f"{len(self._failures)} messages were not delivered: {self._failures[0]}")

    def _produce(self, topic: str, value: bytes, **message: Any) -> None:
        while True:
            try:
                self._producer.produce(topic, value, on_delivery=self._on_delivery, **message)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as exc:
                raise FatalError(f"cannot write to {topic}: {exc.args[0].str()}") from exc
            else:
                return

    def _on_delivery(self, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self._failures.append(f"{message.topic()}: {error.str()}")


def dead_letter_message(letter: DeadLetter, max_bytes: int) -> tuple[list[tuple[str, bytes]], bytes]:
    """Headers and value of a dead letter: what, where and why, and the packet as it came, cut to fit."""
    payload, origin = letter.packet.payload, letter.packet.origin
    value = payload[: max(0, max_bytes - _HEADER_ROOM)]
    fields = {
        "reason": letter.reason,
        "message": letter.message[:200],
        "file": origin.file or "",
        "topic": origin.topic or "",
        "partition": "" if origin.partition is None else str(origin.partition),
        "offset": str(origin.offset),
        "length": str(len(payload)),
        "sha256": hashlib.sha256(payload).hexdigest(),
        "truncated": "true" if len(value) < len(payload) else "false",
    }
    return [(name, text.encode()) for name, text in fields.items()], value
