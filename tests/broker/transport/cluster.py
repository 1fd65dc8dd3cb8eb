"""Short ways to write to the broker in this process and to read it, and settings for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from broker.settings.clusters import KafkaConfig
from broker.transport.embedded_kafka import EmbeddedBroker
from tests.broker.streams import PATIENCE_S

UNUSED_PORT = "127.0.0.1:1"


def config(servers: str, **changes: Any) -> KafkaConfig:
    """Settings to read the topic ``alerts``, with all the patience a test can ask for."""
    return KafkaConfig(
        **{"bootstrap_servers": servers, "topics": ("alerts",), "patience_s": PATIENCE_S, **changes}
    )


def produce(servers: str, topic: str, payloads: Iterable[bytes], **message: Any) -> None:
    """Write messages to one partition, which keeps their order: else epochs come as history first."""
    producer = Producer({"bootstrap.servers": servers, "log_level": 2})
    for payload in payloads:
        producer.produce(topic, payload, partition=0, **message)
    while producer.flush(1.0):
        pass


def read_all(servers: str, topic: str, expected: int) -> list[Any]:
    """Every message of a topic, once as many as expected have come; more would be seen too."""
    reader = Consumer(
        {"bootstrap.servers": servers, "group.id": "reader", "enable.partition.eof": True, "log_level": 2}
    )
    reader.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(EmbeddedBroker.PARTITIONS)])
    messages, ended = [], set()
    while len(messages) < expected or len(ended) < EmbeddedBroker.PARTITIONS:
        for message in reader.consume(500, 0.1):
            if message.error() is None:
                messages.append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
    reader.close()
    return messages
