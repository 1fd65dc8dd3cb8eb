"""Reading from a broker in this process: where it begins, when it ends, and what is refused."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pytest
from confluent_kafka import KafkaError, TopicPartition

from broker.errors import ConfigError, FatalError
from broker.transport import kafka_source
from broker.transport.kafka_client import Connection
from broker.transport.kafka_source import KafkaSource, resolve_topics
from tests.broker.transport.cluster import UNUSED_PORT, config, produce


def read(source, n):
    """The first n packets; every poll may bring some."""
    packets = []
    while len(packets) < n:
        packets += source.poll()
    return packets


def test_making_a_source_waits_for_nobody():
    KafkaSource(config(UNUSED_PORT), {}, batch_size=10)  # the test's timeout would end before this patience


def test_a_source_that_cannot_connect_closes_its_consumer(monkeypatch):
    made = []

    def remember(*arguments):
        made.append(make_consumer(*arguments))
        return made[-1]

    make_consumer = kafka_source.make_consumer
    monkeypatch.setattr(kafka_source, "make_consumer", remember)
    source = KafkaSource(config(UNUSED_PORT, patience_s=0.1), {}, batch_size=10)
    with pytest.raises(FatalError, match=f"{UNUSED_PORT} is unreachable"):
        source.connect()
    (consumer,) = made
    with pytest.raises(RuntimeError, match="closed"):
        consumer.consume(1, 0.0)
    source.close()  # again: harmless


def test_a_partition_is_read_from_its_offset_or_else_from_its_beginning(kafka):
    produce(kafka, "alerts", [b"a", b"b", b"c"])
    for start_offsets, expected in (({}, [b"a", b"b", b"c"]), ({("alerts", 0): 2}, [b"c"])):
        settings = config(kafka, group_id=f"from {start_offsets}")
        with closing(KafkaSource(settings, start_offsets, batch_size=10, until_end=True)) as source:
            source.connect()
            payloads = []
            while not source.exhausted:
                payloads += [packet.payload for packet in source.poll()]
        assert payloads == expected


def test_a_night_without_alerts_ends_after_our_patience(kafka, caplog, lose_patience):
    settings = config(kafka, topics=("ztf_{utc_date}",))
    with closing(KafkaSource(settings, {}, batch_size=10, until_end=True)) as source:
        source.connect()
        while caplog.text.count("no such topic yet") < settings.nights:
            assert source.poll() == []
            assert not source.exhausted
        lose_patience()
        while not source.exhausted:
            assert source.poll() == []


def test_a_store_that_is_ahead_of_its_topic_is_refused(kafka):
    produce(kafka, "alerts", [b"x"] * 4)
    with closing(KafkaSource(config(kafka), {("alerts", 0): 99}, batch_size=10)) as source:
        source.connect()
        with pytest.raises(FatalError, match="ends at offset 4, the store has read up to 99"):
            read(source, 1)


def test_a_worker_with_part_of_a_topic_refuses(kafka):
    produce(kafka, "alerts", [b"x"] * 4)
    # this broker tells of another member by a heartbeat, and waits for the session timeout
    settings = config(kafka, settings={"session.timeout.ms": 6000, "heartbeat.interval.ms": 500})
    first, second = (KafkaSource(settings, {}, batch_size=10) for _ in range(2))
    with closing(first), closing(second):
        first.connect()
        read(first, 1)
        second.connect()
        with pytest.raises(FatalError, match="of the 4 partitions of alerts"):  # noqa: PT012 - whoever is told first
            while True:
                first.poll()
                second.poll()


def test_a_worker_with_no_part_of_a_topic_refuses_as_well(kafka):
    produce(kafka, "alerts", [b"x"])
    with closing(KafkaSource(config(kafka), {}, batch_size=10)) as source:
        source.connect()
        source._on_assign(source._consumer, [])  # one member more than there are partitions
        with pytest.raises(FatalError, match="0 of the 4 partitions of alerts"):
            source.poll()


def test_within_a_callback_the_client_is_asked_nothing():
    """It would abort the process at the next callback: confluent-kafka 2.16, `CallState_get`, cs is NULL."""
    source = KafkaSource(config(UNUSED_PORT), {("alerts", 0): 7}, batch_size=10)
    client, partitions = object(), [TopicPartition("alerts", 0)]
    source._on_assign(client, partitions)
    source._on_revoke(client, partitions)


def test_a_broker_that_is_not_there_is_named_with_the_reason_after_our_patience(monkeypatch, lose_patience):
    def on_error(connection, error):
        told(connection, error)
        if error.code() == KafkaError._TRANSPORT:
            lose_patience()

    told = Connection.on_error
    monkeypatch.setattr(Connection, "on_error", on_error)
    source = KafkaSource(config(UNUSED_PORT), {}, batch_size=10)
    with pytest.raises(FatalError, match=rf"{UNUSED_PORT} is unreachable.*refused.*tried for 1e\+06 s"):
        source.connect()


def test_a_setting_librdkafka_does_not_know_is_named():
    source = KafkaSource(config("h:9", settings={"sasl.pasword": "x"}), {}, batch_size=10)
    with pytest.raises(ConfigError, match=r"kafka\.settings: .*sasl\.pasword"):
        source.connect()


def test_a_senders_clock_is_taken_only_where_it_is_one(kafka):
    stamps = [b"1700000000123", b"9" * 20, b"9" * 5000, b"soon"]
    before = datetime.now(UTC).timestamp()
    for stamp in stamps:
        produce(kafka, "alerts", [b"x"], headers=[("producer_timestamp", stamp)])
    after = datetime.now(UTC).timestamp()
    with closing(KafkaSource(config(kafka), {}, batch_size=10)) as source:
        source.connect()
        first, *others = [packet.upstream_ms for packet in read(source, len(stamps))]
    assert first == 1_700_000_000_123
    # else the message's own stamp counts, which is in whole milliseconds
    assert all(1000 * before - 1 <= stamp <= 1000 * after for stamp in others)


def test_more_nights_can_be_read():
    now = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert resolve_topics(["n{utc_date}"], now, nights=3) == ["n20260227", "n20260228", "n20260301"]


def test_a_dated_topic_stands_for_last_night_and_tonight():
    now = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert resolve_topics(["ztf_{utc_date}_programid1", "other"], now) == [
        "ztf_20260228_programid1",
        "ztf_20260301_programid1",
        "other",
    ]
