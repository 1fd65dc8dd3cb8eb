from __future__ import annotations

import time

import pytest
from confluent_kafka import KafkaError

from broker.errors import ConfigError, FatalError
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


def test_an_error_that_nothing_is_done_about_is_told_with_what_it_means_and_not_again_and_again(caplog):
    connection = Connection("h:9", patience_s=5.0)
    for _ in range(100):
        connection.on_error(KafkaError(KafkaError._MAX_POLL_EXCEEDED))
        connection.on_error(KafkaError(KafkaError.LEADER_NOT_AVAILABLE, "no leader"), "alerts[3]")
    first, second = caplog.records
    assert (first.where, first.error) == ("h:9", "_MAX_POLL_EXCEEDED")
    assert "lower worker.batch_size" in first.meaning
    assert (second.where, second.error, second.meaning) == ("alerts[3]", "LEADER_NOT_AVAILABLE", "no leader")


def test_an_error_that_comes_back_is_told_again(caplog, monkeypatch):
    connection = Connection("h:9", patience_s=5.0)
    connection.on_error(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
    later = time.monotonic() + 3600.0
    monkeypatch.setattr("time.monotonic", lambda: later)
    connection.on_error(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
    assert len(caplog.records) == 2


def test_an_error_after_which_the_client_does_nothing_more_ends_it():
    connection = Connection("h:9", patience_s=5.0)
    connection.on_error(KafkaError(KafkaError.FENCED_INSTANCE_ID, "another took our place", fatal=True))
    with pytest.raises(FatalError, match="h:9: another took our place"):
        connection.check(None)
