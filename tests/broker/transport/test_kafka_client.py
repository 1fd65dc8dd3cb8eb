from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from broker.errors import ConfigError
from broker.transport.kafka_client import Connection
from broker.transport.kafka_producer import make_producer


def test_a_refused_password_is_reported_with_its_reason_and_not_as_silence():
    connection = Connection("h:9", patience_s=5.0)
    producer = make_producer(connection, {})
    connection.on_error(
        KafkaError(KafkaError._AUTHENTICATION, "SASL authentication error: invalid credentials")
    )
    with pytest.raises(ConfigError, match=r"h:9 refused the connection: .*invalid credentials"):
        connection.check(producer)
