"""The Kafka producer, and the deliveries that it still owes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from broker.errors import FatalError
from broker.transport.kafka_client import Connection, make_client


def make_producer(connection: Connection, settings: Mapping[str, Any]) -> Any:
    """Make a producer whose messages fail when they cannot be delivered within the connection's patience.

    Raises
    ------
    ConfigError
        If librdkafka does not accept a setting.
    """
    return make_client(
        Producer,
        connection,
        {
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 5,
            "message.timeout.ms": int(connection.patience_s * 1000),
            **settings,
        },
    )


class Deliveries:
    """Messages handed to a producer and followed until they have arrived.

    The cluster is not spoken to before `connect`.
    """

    def __init__(self, connection: Connection, settings: Mapping[str, Any]) -> None:
        self._connection = connection
        self._settings = settings
        self._failures: list[str] = []
        self._producer: Any = None

    def connect(self, topics: Sequence[str]) -> None:
        """Make the producer, and wait until the cluster answers and has all `topics`.

        Raises
        ------
        ConfigError
            If librdkafka does not accept a setting, or the cluster refuses us.
        FatalError
            If the cluster does not answer, or a topic is missing, for longer than the connection's patience.
        """
        self._producer = make_producer(self._connection, self._settings)
        try:
            self._connection.wait_for_topics(self._producer, topics)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the cluster and of messages that have not arrived; harmless without a connection."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.close()
            self._producer = None

    def send(self, topic: str, value: bytes, **message: Any) -> None:
        """Hand over one message, waiting while the producer's queue is full.

        Raises
        ------
        FatalError
            If the message cannot be sent at all: too large for the topic, say.
        """
        while True:
            try:
                self._producer.produce(topic, value, on_delivery=self._on_delivery, **message)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as exc:
                raise FatalError(
                    f"cannot write {len(value):,} bytes to {topic}: {exc.args[0].str()}"
                ) from exc
            else:
                self._producer.poll(0)
                return

    def wait(self) -> None:
        """Return when all messages have arrived.

        Raises
        ------
        ConfigError
            If the cluster refuses us.
        FatalError
            If one of them did not arrive within the connection's patience.
        """
        while self._producer.flush(1.0):  # bounded: each message times out by itself
            self._connection.check(self._producer)
        if self._failures:
            raise FatalError(f"{len(self._failures):,} messages were not delivered: {self._failures[0]}")
        self._connection.answered()

    def _on_delivery(self, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self._failures.append(f"{message.topic()}: {error.str()}")
