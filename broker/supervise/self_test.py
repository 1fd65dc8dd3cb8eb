"""The self-test: whether a cluster does what exactly once needs, found out before anything depends on it."""

from __future__ import annotations

import time
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from broker.errors import AbortedError, ConfigError
from broker.transport.kafka_client import ANSWER_S, Connection, make_consumer
from broker.transport.transaction import Transactions

PROBE_OFFSET = 1


def check_transactions(
    connection: Connection, settings: Any, transactions: Transactions, *, group_id: str, topic: str
) -> None:
    """Commit an offset in a transaction and read it back.

    Some brokers take offsets in transactions, say that all went well, and forget them: librdkafka's own
    in-process one does. With such a one every start would go back to the beginning.

    Raises
    ------
    ConfigError
        If it does not come back.
    """
    consumer = make_consumer(connection, {**settings, "group.id": group_id})
    place = TopicPartition(topic, 0, PROBE_OFFSET)
    try:
        metadata = consumer.consumer_group_metadata()
        deadline = time.monotonic() + connection.patience_s
        while True:
            try:
                transactions.commit([], {(topic, 0): PROBE_OFFSET}, metadata)
            except AbortedError:
                if time.monotonic() > deadline:
                    raise
            else:
                break
        (told,) = connection.ask(lambda _: consumer.committed([place], timeout=ANSWER_S))
    except (KafkaException, AbortedError) as exc:
        raise ConfigError(f"{_cannot(connection)}: {exc}") from exc
    finally:
        connection.leave(consumer.close)
    if told.offset != PROBE_OFFSET:
        raise ConfigError(f"{_cannot(connection)}: an offset that was committed in one is not there")


def _cannot(connection: Connection) -> str:
    return (
        f"{connection.servers} does not do transactions as exactly once needs them; it takes Apache Kafka "
        '2.5 or newer, or one that does the same. worker.delivery = "at_least_once" works without'
    )
