from __future__ import annotations

import time
from threading import Event

import pytest
from confluent_kafka import KafkaError, KafkaException

from broker.errors import ConfigError, FatalError, StoppedError
from broker.transport.kafka_client import Connection
from broker.transport.kafka_producer import make_producer
from tests.broker.streams import PATIENCE_S


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


def test_who_is_told_to_stop_asks_nothing_more():
    stop = Event()
    connection = Connection("h:9", patience_s=PATIENCE_S, stop=stop)
    asked = []

    def question(wait_s):
        asked.append(wait_s)
        stop.set()
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    with pytest.raises(StoppedError, match="h:9"):
        connection.ask(question)
    assert len(asked) == 1


def test_what_is_on_its_way_gets_a_while_where_the_cluster_is_there_and_none_where_it_is_away(monkeypatch):
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    stop = Event()
    connection = Connection("h:9", patience_s=5.0, stop=stop)
    connection.heed_stop()
    stop.set()
    connection.heed_stop(grace_s=2.0)
    now = 1001.9
    connection.heed_stop(grace_s=2.0)
    now = 1002.0
    with pytest.raises(StoppedError):
        connection.heed_stop(grace_s=2.0)
    away = Connection("h:9", patience_s=5.0, stop=stop)
    away.on_error(KafkaError(KafkaError._TRANSPORT, "connection refused"))
    with pytest.raises(StoppedError):
        away.heed_stop(grace_s=2.0)


def test_a_client_that_does_not_end_is_left_behind(caplog, monkeypatch):
    monkeypatch.setattr("broker.transport.kafka_client._CLOSE_S", 0.05)
    never = Event()
    try:
        Connection("h:9", patience_s=5.0).leave(never.wait)
    finally:
        never.set()
    (told,) = caplog.records
    assert told.servers == "h:9"
    caplog.clear()
    Connection("h:9", patience_s=5.0).leave(never.wait)
    assert not caplog.records
