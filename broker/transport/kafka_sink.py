"""The Kafka sink: annotations and dead letters to the topics of a Kafka cluster, at least once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from broker.alert import Annotation, DeadLetter
from broker.classify.encoding import encoder, headers, published
from broker.registry.register_schema import register_schema
from broker.settings.clusters import KafkaConfig, OutputConfig, TopicsConfig
from broker.transport.kafka_client import Connection
from broker.transport.kafka_producer import Deliveries, Message

_MIN_PRODUCED_BYTES = 1_000_000  # what the producer takes however short dead letters are cut: annotations fit
_DEFAULT_TOPICS = TopicsConfig()


class KafkaSink:
    """Annotations and dead letters to two topics, once it is connected.

    Parameters
    ----------
    stop : Event, optional
        Once it is set, a cluster that is away is no longer waited for.
    """

    def __init__(
        self,
        config: OutputConfig,
        source: KafkaConfig,
        topics: TopicsConfig = _DEFAULT_TOPICS,
        *,
        stop: Event | None = None,
    ) -> None:
        servers = config.bootstrap_servers or source.bootstrap_servers
        settings = config.settings if config.settings is not None else source.settings
        self._config = config
        self._topics = topics
        self._patience_s = source.patience_s
        self._encode: Callable[[dict[str, Any]], bytes]
        self._deliveries = Deliveries(
            Connection(servers, patience_s=source.patience_s, stop=stop),
            {"message.max.bytes": max(config.max_message_bytes, _MIN_PRODUCED_BYTES), **settings},
        )

    def connect(self) -> None:
        """Wait until the cluster answers and has both topics, and the registry knows the schema if it has to.

        Raises
        ------
        ConfigError
            If librdkafka does not accept a setting, or the cluster or the registry refuses us.
        FatalError
            If one of them does not answer, or a topic is missing, for longer than our patience.
        """
        config = self._config
        schema_id = config.schema_id
        if config.format == "confluent" and config.registry is not None:
            subject = f"{self._topics.classifications}-value"
            schema_id = register_schema(config.registry, subject, patience_s=self._patience_s)
        self._encode = encoder(config.format, schema_id=schema_id)
        self._deliveries.connect([self._topics.classifications, self._topics.dead_letters])

    def deliver(self, annotations: Sequence[Annotation], dead_letters: Sequence[DeadLetter]) -> None:
        """See `Sink.deliver`.

        A dead letter that its topic does not take is cut until it does.

        Raises
        ------
        ConfigError
            If the cluster refuses us.
        StoppedError
            If we are told to stop, and they do not arrive.
        """
        config = self._config
        for annotation in annotations:
            self._deliveries.send(
                self._topics.classifications,
                self._encode(published(annotation)),
                key=annotation.key.encode(),
                headers=headers(annotation, config.format),
            )
        self._deliveries.wait()
        sent = {self._send_letter(letter, config.max_message_bytes): letter for letter in dead_letters}
        for refused in self._deliveries.settle() if sent else ():
            self._deliver_shorter(sent[refused], refused)

    def close(self) -> None:
        """Let go of the cluster; what was not delivered by then is given up."""
        self._deliveries.close()

    def _send_letter(self, letter: DeadLetter, max_bytes: int) -> Message:
        tags, value = letter.as_message(max_bytes)
        return self._deliveries.send(self._topics.dead_letters, value, headers=tags)

    def _deliver_shorter(self, letter: DeadLetter, message: Message) -> None:
        """Deliver a dead letter that its topic refused for its size: at what it takes, then ever shorter."""
        limit = self._deliveries.limit_of(message.topic)
        while True:
            if not message.value:
                raise self._deliveries.too_large(message)
            shorter = message.size // 2 if limit is None or limit >= message.size else limit
            message = self._send_letter(letter, shorter)
            if not self._deliveries.settle():
                return
