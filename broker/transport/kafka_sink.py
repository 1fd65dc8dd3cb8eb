"""The Kafka sink: annotations and dead letters to the topics of a Kafka cluster, at least once."""

from __future__ import annotations

from collections.abc import Sequence

from broker.alert import Annotation, DeadLetter
from broker.classify.encoding import encoder, headers
from broker.config import KafkaConfig, OutputConfig
from broker.transport.kafka_client import Connection
from broker.transport.kafka_producer import Deliveries


class KafkaSink:
    """Annotations and dead letters to two topics, once it is connected."""

    def __init__(self, config: OutputConfig, source: KafkaConfig) -> None:
        servers = config.bootstrap_servers or source.bootstrap_servers
        settings = config.settings if config.settings is not None else source.settings
        self._config = config
        self._encode = encoder(config.format)
        self._deliveries = Deliveries(
            Connection(servers, patience_s=source.patience_s),
            {"message.max.bytes": config.max_message_bytes, **settings},
        )

    def connect(self) -> None:
        """Wait until the cluster answers and has both topics.

        Raises
        ------
        ConfigError
            If librdkafka does not accept a setting, or the cluster refuses us.
        FatalError
            If the cluster does not answer, or a topic is missing, for longer than our patience.
        """
        self._deliveries.connect([self._config.topic, self._config.dead_letter_topic])

    def deliver(self, annotations: Sequence[Annotation], dead_letters: Sequence[DeadLetter]) -> None:
        """See `Sink.deliver`.

        Raises
        ------
        ConfigError
            If the cluster refuses us.
        """
        config = self._config
        for annotation in annotations:
            self._deliveries.send(
                config.topic,
                self._encode(annotation.record),
                key=annotation.key.encode(),
                headers=headers(annotation, config.format),
            )
        for letter in dead_letters:
            tags, value = letter.as_message(config.max_message_bytes)
            self._deliveries.send(config.dead_letter_topic, value, headers=tags)
        self._deliveries.wait()

    def close(self) -> None:
        """Let go of the cluster; what was not delivered by then is given up."""
        self._deliveries.close()
