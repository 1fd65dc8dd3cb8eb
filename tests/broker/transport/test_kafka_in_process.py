"""The worker against a broker in this process: subscribing, resuming, delivering, and what it refuses."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from broker.alert import DeadLetter
from broker.config import KafkaConfig, OutputConfig
from broker.errors import ConfigError, FatalError
from broker.state.sqlite import SQLiteStore
from broker.state.store import MemoryStore
from broker.transport.embedded_kafka import EmbeddedBroker
from broker.transport.kafka_client import Connection
from broker.transport.kafka_producer import make_producer
from broker.transport.kafka_sink import KafkaSink
from broker.transport.kafka_source import KafkaSource, resolve_topics
from broker.worker import run
from tests.broker.streams import packets, pipeline, simulated

UNUSED_PORT = "127.0.0.1:1"


@pytest.fixture
def kafka():
    with EmbeddedBroker() as broker:
        yield broker.bootstrap_servers


def produce(servers, topic, payloads):
    producer = Producer({"bootstrap.servers": servers, "log_level": 2})
    for payload in payloads:  # one partition keeps their order: another would bring epochs as history first
        producer.produce(topic, payload, partition=0)
    assert producer.flush(10) == 0


def read_all(servers, topic, expected):
    """Every message of a topic, once as many as expected have come; more would be seen too."""
    reader = Consumer(
        {"bootstrap.servers": servers, "group.id": "reader", "enable.partition.eof": True, "log_level": 2}
    )
    reader.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(EmbeddedBroker.PARTITIONS)])
    messages, ended = [], set()
    while len(messages) < expected or len(ended) < EmbeddedBroker.PARTITIONS:
        for message in reader.consume(500, 5.0):
            if message.error() is None:
                messages.append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
    reader.close()
    return messages


def annotate(servers, store, topic="alerts"):
    """Run the worker to the end of the topic."""
    # this broker lets a group that is joined again wait for the session timeout of its former member
    quick = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
    config = KafkaConfig(
        bootstrap_servers=servers, group_id="test", topics=(topic,), patience_s=10.0, settings=quick
    )
    sink = KafkaSink(OutputConfig(format="json"), config)
    source = KafkaSource(config, store, batch_size=50, until_end=True)
    try:
        return run(source, pipeline(store), store, sink, stop=threading.Event())
    finally:
        source.close()


def test_every_alert_is_annotated_and_poison_becomes_a_dead_letter(kafka):
    stream = [a.payload for a in simulated()][:100]
    produce(kafka, "alerts", [*stream, b"poison"])
    counts = annotate(kafka, MemoryStore())
    assert counts.alerts_in == 101
    messages = read_all(kafka, "classifications", counts.annotations)
    assert len(messages) == counts.annotations >= 100
    for message in messages:
        record = json.loads(message.value())
        tags = dict(message.headers())
        assert message.key() == f"{record['survey']}:{record['object_id']}".encode()
        assert tags["label"].decode() == (record["label"] or "")
        assert record["source"]["topic"] == "alerts"
    assert len({dict(m.headers())["_id"] for m in messages}) == counts.annotations
    (letter,) = read_all(kafka, "dead-letters", 1)
    assert letter.value() == b"poison"
    tags = dict(letter.headers())
    assert tags["reason"] == b"bad_magic"
    assert (tags["topic"], tags["partition"], tags["offset"]) == (b"alerts", b"0", b"100")


def test_a_restarted_worker_goes_on_where_its_store_left_off(kafka, tmp_path):
    stream = [a.payload for a in simulated()][:80]
    produce(kafka, "alerts", stream[:40])
    for total, news in ((40, stream[40:]), (80, [])):
        store = SQLiteStore(tmp_path / "state.sqlite")
        counts = annotate(kafka, store)
        store.close()
        assert counts.alerts_in == 40
        produce(kafka, "alerts", news)
        assert sum(_offsets(tmp_path)) == total


def _offsets(tmp_path):
    store = SQLiteStore(tmp_path / "state.sqlite")
    offsets = store.offsets().values()
    store.close()
    return offsets


def test_a_night_without_alerts_ends_after_our_patience(kafka):
    config = KafkaConfig(bootstrap_servers=kafka, group_id="n", topics=("ztf_{utc_date}",), patience_s=0.5)
    source = KafkaSource(config, MemoryStore(), batch_size=10, until_end=True)
    while not source.exhausted:
        assert source.poll() == []
    source.close()


def test_a_store_that_is_ahead_of_its_topic_is_refused(kafka):
    produce(kafka, "alerts", [b"x"] * 4)
    store = MemoryStore()
    store.commit({}, {("alerts", 0): 99})
    with pytest.raises(FatalError, match="ends at offset 4, the store has read up to 99"):
        annotate(kafka, store)


def test_a_worker_with_part_of_a_topic_refuses(kafka):
    produce(kafka, "alerts", [b"x"] * 4)
    config = KafkaConfig(
        bootstrap_servers=kafka,
        group_id="shared",
        topics=("alerts",),
        settings={"session.timeout.ms": 6000, "heartbeat.interval.ms": 500},  # the broker waits 3 s at first
    )
    first = KafkaSource(config, MemoryStore(), batch_size=10)
    while not first.poll():
        pass
    second = KafkaSource(config, MemoryStore(), batch_size=10)
    with pytest.raises(FatalError, match="of the 4 partitions of alerts"):  # noqa: PT012 - whoever is told first
        while True:
            first.poll()
            second.poll()
    first.close()
    second.close()


def test_a_broker_that_is_not_there_is_named_after_our_patience():
    config = KafkaConfig(bootstrap_servers=UNUSED_PORT, topics=("alerts",), patience_s=1.0)
    with pytest.raises(FatalError, match=rf"{UNUSED_PORT} is unreachable.*refused.*tried for 1 s"):
        KafkaSource(config, MemoryStore(), batch_size=10)


def test_a_setting_librdkafka_does_not_know_is_named():
    config = KafkaConfig(topics=("alerts",), settings={"sasl.pasword": "x"})
    with pytest.raises(ConfigError, match=r"kafka\.settings: .*sasl\.pasword"):
        KafkaSource(config, MemoryStore(), batch_size=10)


def test_a_message_that_is_too_large_for_the_topic_is_not_lost_silently(kafka):
    sink = KafkaSink(OutputConfig(), KafkaConfig(bootstrap_servers=kafka, topics=("a",)))
    with pytest.raises(FatalError, match="cannot write 2,000,000 bytes to classifications"):
        sink._deliveries.send("classifications", b"x" * 2_000_000)


def test_a_huge_dead_letter_is_cut_to_what_the_topic_takes_and_says_so(kafka):
    sink = KafkaSink(OutputConfig(), KafkaConfig(bootstrap_servers=kafka, topics=("a",)))
    payload = bytes(50 * 2**20)
    sink.deliver([], [DeadLetter(packets([payload])[0], "too_large", "50 MB")])
    (letter,) = read_all(kafka, "dead-letters", 1)
    tags = dict(letter.headers())
    assert tags["length"] == str(50 * 2**20).encode()
    assert tags["truncated"] == b"true"
    assert 0 < len(letter.value()) < 1_000_000


def test_a_senders_clock_is_taken_only_where_it_is_one(kafka):
    producer = Producer({"bootstrap.servers": kafka, "log_level": 2})
    stamps = [b"1700000000123", b"9" * 20, b"9" * 5000, b"soon"]
    for stamp in stamps:
        producer.produce("alerts", b"x", partition=0, headers=[("producer_timestamp", stamp)])
    producer.flush(10)
    config = KafkaConfig(bootstrap_servers=kafka, topics=("alerts",))
    source = KafkaSource(config, MemoryStore(), batch_size=10)
    read: list[int] = []
    while len(read) < len(stamps):
        read += [packet.upstream_ms for packet in source.poll()]
    source.close()
    assert read[0] == 1_700_000_000_123
    now_ms = datetime.now(UTC).timestamp() * 1000  # else the broker's own stamp counts
    assert all(abs(stamp - now_ms) < 60_000 for stamp in read[1:])


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


def test_a_refused_password_is_reported_with_its_reason_and_not_as_silence():
    connection = Connection("h:9", patience_s=5.0)
    producer = make_producer(connection, {})
    connection.on_error(
        KafkaError(KafkaError._AUTHENTICATION, "SASL authentication error: invalid credentials")
    )
    with pytest.raises(ConfigError, match=r"h:9 refused the connection: .*invalid credentials"):
        connection.check(producer)


def test_an_outage_that_is_over_is_forgotten(kafka, monkeypatch):
    """What arrived shows that the cluster is back; a slow delivery much later is no long outage."""
    sink = KafkaSink(OutputConfig(), KafkaConfig(bootstrap_servers=kafka, topics=("a",)))
    connection = sink._deliveries._connection
    connection.on_error(KafkaError(KafkaError._TRANSPORT, "connection reset"))
    sink.deliver([], [DeadLetter(packets([b"x"])[0], "empty", "no")])
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    connection.check(None)
