"""Reading from a broker in this process: where it begins, when it ends, and what is refused."""

from __future__ import annotations

import os
from contextlib import closing

import pytest
from confluent_kafka import KafkaError, TopicPartition

from broker.errors import ConfigError, FatalError
from broker.transport import kafka_source
from broker.transport.embedded_kafka import EmbeddedBroker
from broker.transport.kafka_client import Connection
from broker.transport.kafka_source import KafkaSource
from tests.broker.transport.cluster import UNUSED_PORT, config, produce
from tests.broker.transport.raw_producer import send_raw


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


def test_of_two_workers_that_join_at_once_one_leaves_and_the_other_reads_all(kafka, monkeypatch):
    monkeypatch.setattr("broker.transport.consumer.group._GRACE_S", 0.0)
    produce(kafka, "alerts", [b"x"] * 4)
    # this broker tells of another member by a heartbeat, and waits for the session timeout
    settings = config(kafka, settings={"session.timeout.ms": 3000, "heartbeat.interval.ms": 200})
    workers = [KafkaSource(settings, {}, batch_size=10) for _ in range(2)]
    for worker in workers:
        worker.connect()
    left, said, n_read = [], [], 0
    while not left or n_read < 4:
        for worker in [worker for worker in workers if worker not in left]:
            try:
                n_read += len(worker.poll())
            except ConfigError as exc:
                said.append(str(exc))
                worker.close()
                left.append(worker)
    (reason,) = said
    assert "partitions of alerts, another member has the rest" in reason
    assert n_read == 4
    for worker in workers:
        worker.close()


def test_a_worker_with_no_part_of_a_topic_leaves_when_a_dead_member_would_have_expired(kafka, lose_patience):
    produce(kafka, "alerts", [b"x"])
    with closing(KafkaSource(config(kafka), {}, batch_size=10)) as source:
        source.connect()
        source._on_assign(source._consumer, [])  # one member more than there are partitions
        assert source.poll() == []
        lose_patience()
        with pytest.raises(ConfigError, match="0 of the 4 partitions of alerts"):
            source.poll()


def test_within_a_callback_the_client_is_asked_nothing_that_waits():
    """It would abort the process at the next callback: confluent-kafka 2.16, `CallState_get`, cs is NULL."""

    class Client:  # has nothing else
        def assign(self, partitions):
            assert partitions == []  # nothing is read before it is known where

    source = KafkaSource(config(UNUSED_PORT), {("alerts", 0): 7}, batch_size=10)
    partitions = [TopicPartition("alerts", 0)]
    source._on_assign(Client(), partitions)
    source._on_revoke(Client(), partitions)


def test_the_client_never_waits_by_the_wall_clock(kafka):
    """librdkafka does: where the clock is set back by a day, a wait lasts a day, and no signal is heard."""
    produce(kafka, "alerts", [b"x"])
    waits = []

    class Client:
        def __init__(self, consumer):
            self._consumer = consumer

        def consume(self, n, timeout):
            waits.append(timeout)
            return self._consumer.consume(n, timeout)

        def __getattr__(self, name):
            return getattr(self._consumer, name)

    with closing(KafkaSource(config(kafka), {}, batch_size=10)) as source:
        source.connect()
        source._consumer = Client(source._consumer)
        read(source, 1)
    assert set(waits) == {0.0}


def test_an_offset_that_is_not_there_is_looked_for_again_behind_what_was_committed(kafka, caplog):
    produce(kafka, "alerts", [b"a", b"b", b"c"])
    with closing(KafkaSource(config(kafka), {}, batch_size=2)) as source:
        source.connect()
        assert [packet.payload for packet in read(source, 2)] == [b"a", b"b"]
        source.commit({("alerts", 0): 2})
        for code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            source._on_message_error(KafkaError(code), ("alerts", 0))
            assert [packet.payload for packet in read(source, 1)] == [b"c"]
    assert "trouble with Kafka" in caplog.text


def test_alerts_that_expired_are_told_and_reading_goes_on_behind_them(kafka, caplog):
    large = os.urandom(2**19)
    n = 2 * EmbeddedBroker.RETAINED_BYTES // len(large)
    for _ in range(n):  # one at a time: this broker drops whole batches
        produce(kafka, "alerts", [large])
    with closing(KafkaSource(config(kafka), {("alerts", 0): 1}, batch_size=n)) as source:
        source.connect()
        first = read(source, 1)[0].origin.offset
    assert first > 1
    (told,) = [record for record in caplog.records if "expired before they were read" in record.message]
    assert told.alerts == first - 1


@pytest.mark.parametrize(
    "code", [KafkaError._BAD_MSG, KafkaError._BAD_COMPRESSION, KafkaError.TOPIC_AUTHORIZATION_FAILED]
)
def test_what_would_come_again_and_again_stops_the_worker_by_name(code):
    source = KafkaSource(config(UNUSED_PORT), {}, batch_size=10)
    with pytest.raises(FatalError, match=r"cannot read alerts\[3\]"):
        source._on_message_error(KafkaError(code), ("alerts", 3))


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


def test_a_time_outside_of_all_surveys_counts_as_not_stated(kafka):
    stated = [1, 1_700_000_000_123, 4_102_444_799_999]  # the last of them the last of 2099
    not_stated = [4_102_444_800_000, 2**62, -(2**62)]
    for stamp_ms in (*stated, *not_stated):
        send_raw(kafka, "alerts", b"x", timestamp_ms=stamp_ms)
    with closing(KafkaSource(config(kafka), {}, batch_size=10)) as source:
        source.connect()
        packets = read(source, len(stated) + len(not_stated))
    assert [packet.upstream_ms for packet in packets] == [*stated, None, None, None]


def test_what_surrounds_a_packet_does_not_matter(kafka):
    send_raw(kafka, "alerts", b"0", header=(b"\xff\xfe", b"v"))  # reading it ends the process
    send_raw(kafka, "alerts", b"1", header=(b"", b""))
    send_raw(kafka, "alerts", b"2", header=(b"\xc3", b"\xff" * 100))
    send_raw(kafka, "alerts", b"3", header=(b"producer_timestamp", b"9" * 500_000))
    send_raw(kafka, "alerts", b"4", key=b"")
    send_raw(kafka, "alerts", b"5", key=b"\xff\x00\xfe")
    send_raw(kafka, "alerts", b"6", key=bytes(500_000))
    with closing(KafkaSource(config(kafka), {}, batch_size=10)) as source:
        source.connect()
        assert [packet.payload for packet in read(source, 7)] == [b"%d" % n for n in range(7)]


def test_a_message_without_a_value_is_an_empty_packet(kafka):
    produce(kafka, "alerts", [None])
    with closing(KafkaSource(config(kafka), {}, batch_size=10)) as source:
        source.connect()
        (packet,) = read(source, 1)
    assert packet.payload == b""
