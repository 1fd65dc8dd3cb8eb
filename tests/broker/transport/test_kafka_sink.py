"""The sink: everything arrives or the worker stops, whatever the topics take."""

from __future__ import annotations

import io
import json
import time
from contextlib import closing

import fastavro
import pytest
from confluent_kafka import KafkaError

from broker.alert import DeadLetter, Origin, Packet
from broker.errors import FatalError
from broker.settings.clusters import OutputConfig
from broker.state.store import MemoryStore
from broker.transport import kafka_producer
from broker.transport.kafka_sink import KafkaSink
from schemas.classification import classification_schema
from tests.broker.streams import packets, pipeline, simulated
from tests.broker.transport.cluster import UNUSED_PORT, config, read_all


@pytest.fixture
def sink(kafka):
    with closing(KafkaSink(OutputConfig(), config(kafka))) as sink:
        sink.connect()
        yield sink


def test_making_a_sink_waits_for_nobody():
    KafkaSink(OutputConfig(), config(UNUSED_PORT))  # the test's timeout would end before this patience


def test_a_sink_that_cannot_connect_closes_its_producer(monkeypatch):
    made = []

    def remember(*arguments):
        made.append(make_producer(*arguments))
        return made[-1]

    make_producer = kafka_producer.make_producer
    monkeypatch.setattr(kafka_producer, "make_producer", remember)
    sink = KafkaSink(OutputConfig(), config(UNUSED_PORT, patience_s=0.1))
    with pytest.raises(FatalError, match=f"{UNUSED_PORT} is unreachable"):
        sink.connect()
    (producer,) = made
    with pytest.raises(RuntimeError, match="closed"):
        producer.list_topics(timeout=0.1)
    sink.close()  # again: harmless


def test_a_huge_dead_letter_is_cut_to_what_the_topic_takes_and_says_so(kafka, sink):
    payload = bytes(50 * 2**20)
    sink.deliver([], [DeadLetter(packets([payload])[0], "too_large", "50 MB")])
    (letter,) = read_all(kafka, "dead-letters", 1)
    tags = dict(letter.headers())
    assert tags["length"] == str(50 * 2**20).encode()
    assert tags["truncated"] == b"true"
    assert 0 < len(letter.value()) < 1_000_000


def test_an_outage_that_is_over_is_forgotten(sink, lose_patience):
    """What arrived shows that the cluster is back; a slow delivery much later is no long outage."""
    connection = sink._deliveries._connection
    connection.on_error(KafkaError(KafkaError._TRANSPORT, "connection reset"))
    sink.deliver([], [DeadLetter(packets([b"x"])[0], "empty", "no")])
    lose_patience()
    connection.check(None)


@pytest.fixture(scope="module")
def annotations():
    payloads = [alert.payload for alert in simulated()[:40]]
    return pipeline(MemoryStore()).annotate(packets(payloads)).annotations


class Narrow:
    """A producer whose topics take batches up to a size, and that refuses a larger one as a broker does.

    All messages that are handed over before it is flushed go as one batch, uncompressed.
    """

    def __init__(self, producer, limits):
        self._producer = producer
        self._limits = limits
        self._batches = {}

    def __getattr__(self, name):
        return getattr(self._producer, name)

    def produce(self, topic, value, *, key, headers, timestamp, on_delivery):
        size = 100 + len(value) + len(key or b"") + sum(len(n) + len(v) + 10 for n, v in headers)
        message = (size, {"value": value, "key": key, "headers": headers, "on_delivery": on_delivery})
        self._batches.setdefault(topic, []).append(message)

    def flush(self, timeout):
        for topic, batch in self._batches.items():
            if sum(size for size, _ in batch) > self._limits[topic]:
                for _, message in batch:
                    message["on_delivery"](KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), None)
            else:
                for _, message in batch:
                    self._producer.produce(topic, **message)
        self._batches.clear()
        return self._producer.flush(timeout)


@pytest.fixture
def narrow_sink(kafka, monkeypatch):
    """Make a sink whose topics take so many bytes."""
    sinks = []

    def make(*, annotations=10**9, letters=10**9, told=None):
        limits = {"classifications": annotations, "dead-letters": letters}
        make_producer = kafka_producer.make_producer
        monkeypatch.setattr(kafka_producer, "make_producer", lambda *a: Narrow(make_producer(*a), limits))
        monkeypatch.setattr(kafka_producer.Deliveries, "limit_of", lambda self, topic: told)
        sinks.append(KafkaSink(OutputConfig(format="json"), config(kafka)))
        sinks[-1].connect()
        return sinks[-1]

    yield make
    for sink in sinks:
        sink.close()


def letter(n_bytes, number=0):
    return DeadLetter(
        Packet(b"x" * n_bytes, Origin(topic="alerts", partition=0, offset=number)), "empty", "no"
    )


@pytest.mark.parametrize(("told", "at_least"), [(None, 10_000), (20_000, 19_000)])
def test_a_dead_letter_is_cut_to_what_its_topic_takes_though_no_setting_says_so(
    kafka, narrow_sink, told, at_least
):
    narrow_sink(letters=20_000, told=told).deliver([], [letter(300_000), letter(5, 1)])
    found = {dict(m.headers())["offset"]: m for m in read_all(kafka, "dead-letters", 2)}
    cut = found[b"0"]
    assert at_least / 2 < len(cut.value()) < 20_000
    assert dict(cut.headers())["truncated"] == b"true"
    assert dict(cut.headers())["length"] == b"300000"
    assert found[b"1"].value() == b"xxxxx"
    assert dict(found[b"1"].headers())["truncated"] == b"false"


def test_a_limit_that_is_told_wrong_is_only_a_beginning(kafka, narrow_sink):
    narrow_sink(letters=2000, told=20_000).deliver([], [letter(300_000)])
    (cut,) = read_all(kafka, "dead-letters", 1)
    assert dict(cut.headers())["truncated"] == b"true"


def test_a_topic_that_takes_no_letter_at_all_stops_the_worker_with_the_remedy(narrow_sink):
    with pytest.raises(FatalError, match=r"dead-letters takes messages of 50 bytes at most.*max\.message"):
        narrow_sink(letters=50, told=50).deliver([], [letter(300_000)])


def test_annotations_that_are_too_large_together_are_sent_alone(kafka, narrow_sink, annotations):
    narrow_sink(annotations=5000).deliver(annotations, [])
    messages = read_all(kafka, "classifications", len(annotations))
    ids = sorted(dict(m.headers())["_id"] for m in messages)
    assert ids == sorted(a.id.bytes for a in annotations)


def test_an_annotation_that_its_topic_does_not_take_stops_the_worker_with_the_remedy(
    kafka, narrow_sink, annotations
):
    wrong = (
        r"classifications takes messages of 1,000 bytes at most, .*: raise max\.message\.bytes of the topic"
    )
    with pytest.raises(FatalError, match=wrong):
        narrow_sink(annotations=1000, told=1000).deliver(annotations, [])


def test_an_annotation_larger_than_the_producer_may_send_says_so(kafka, annotations):
    settings = {"message.max.bytes": 1200}
    with closing(KafkaSink(OutputConfig(format="json", settings=settings), config(kafka))) as sink:
        sink.connect()
        with pytest.raises(FatalError, match=r"message\.max\.bytes in the settings of librdkafka"):
            sink.deliver(annotations, [])


def test_annotations_need_no_longer_messages_than_dead_letters_may_have(kafka, annotations):
    output = OutputConfig(max_message_bytes=2000)
    with closing(KafkaSink(output, config(kafka))) as sink:
        sink.connect()
        sink.deliver(annotations, [letter(5000)])
    assert len(read_all(kafka, "classifications", len(annotations))) == len(annotations)
    (cut,) = read_all(kafka, "dead-letters", 1)
    assert 0 < len(cut.value()) < 2000


def test_framed_messages_name_the_schema_that_the_settings_give(kafka, annotations):
    output = OutputConfig(format="confluent", schema_id=70_001)
    with closing(KafkaSink(output, config(kafka))) as sink:
        sink.connect()
        sink.deliver(annotations, [])
    messages = read_all(kafka, "classifications", len(annotations))
    sources = set()
    for message in messages:
        assert message.value()[:5] == b"\x00" + (70_001).to_bytes(4, "big")
        assert dict(message.headers())["_format"] == b"confluent"
        record = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), classification_schema())
        sources.add((record["source_id"], record["band"]))
    assert sources == {(a.record["source_id"], a.record["band"]) for a in annotations}


def test_records_say_when_they_were_handed_to_the_producer(kafka, annotations, monkeypatch):
    with closing(KafkaSink(OutputConfig(format="json"), config(kafka))) as sink:
        sink.connect()
        with monkeypatch.context() as patch:
            patch.setattr("time.time_ns", lambda: 1_700_000_000_123_456_789)
            sink.deliver(annotations[:3], [])
    for message in read_all(kafka, "classifications", 3):
        assert json.loads(message.value())["publish_time_us"] == 1_700_000_000_123_456


def share_sent(kafka, annotations, settings):
    """Bytes that leave, as a share of those of the messages."""
    told = []
    listening = {"statistics.interval.ms": 1, "stats_cb": lambda text: told.append(json.loads(text))}
    with closing(KafkaSink(OutputConfig(), config(kafka))) as sink:
        sink._deliveries._settings = {**sink._deliveries._settings, **settings, **listening}
        sink.connect()
        sink.deliver(annotations, [])
        while not told or told[-1]["txmsgs"] < len(annotations) or told[-1]["msg_cnt"]:
            sink._deliveries._producer.poll(0.1)  # until it was counted when none was on its way
        return told[-1]["tx_bytes"] / told[-1]["txmsg_bytes"]


def test_messages_are_compressed_unless_the_settings_say_otherwise(kafka, annotations):
    shares = {
        kind: share_sent(kafka, annotations, settings)
        for kind, settings in {
            "default": {},
            "none": {"compression.type": "none"},
            "by its other name": {"compression.codec": "none"},
            "zstd": {"compression.type": "zstd"},
        }.items()
    }
    assert shares["default"] < 0.5
    assert shares["zstd"] < 0.5
    assert min(shares["none"], shares["by its other name"]) > 0.9


class Punctual:
    """A producer whose broker knows the time, and takes no message of more than an hour after it."""

    def __init__(self, producer, unix_ms):
        self._producer = producer
        self._latest_ms = unix_ms + 3_600_000
        self._refused = []

    def __getattr__(self, name):
        return getattr(self._producer, name)

    def produce(self, topic, value, *, timestamp, on_delivery, **message):
        if (timestamp or 1000 * time.time()) > self._latest_ms:
            self._refused.append(on_delivery)
        else:
            self._producer.produce(topic, value, timestamp=timestamp, on_delivery=on_delivery, **message)

    def flush(self, timeout):
        refused, self._refused = self._refused, []
        for on_delivery in refused:
            on_delivery(KafkaError(KafkaError.INVALID_TIMESTAMP), None)
        return self._producer.flush(timeout)


@pytest.fixture
def five_days_on(monkeypatch):
    """The time that the broker knows [Unix ms], and a way to set this machine's clock five days forward."""
    clock = time.time
    now_ms = int(1000 * clock())
    make_producer = kafka_producer.make_producer
    monkeypatch.setattr(kafka_producer, "make_producer", lambda *a: Punctual(make_producer(*a), now_ms))
    return now_ms, lambda: monkeypatch.setattr("time.time", lambda: clock() + 5 * 86_400)


def test_a_clock_that_is_set_wrong_meanwhile_costs_no_annotation(kafka, annotations, five_days_on):
    now_ms, set_forward = five_days_on
    with closing(KafkaSink(OutputConfig(format="json"), config(kafka))) as sink:
        sink.connect()
        set_forward()
        sink.deliver(annotations, [letter(5)])
    messages = read_all(kafka, "classifications", len(annotations))
    assert len(messages) == len(annotations)
    assert all(0 <= message.timestamp()[1] - now_ms < 3_600_000 for message in messages)
    assert len(read_all(kafka, "dead-letters", 1)) == 1


def test_a_clock_that_was_wrong_from_the_beginning_is_named(kafka, annotations, five_days_on):
    _, set_forward = five_days_on
    set_forward()
    with closing(KafkaSink(OutputConfig(format="json"), config(kafka))) as sink:
        sink.connect()
        sink._deliveries._connection.patience_s = 0.0
        with pytest.raises(
            FatalError, match=r"perhaps for their time.*This machine's clock says \d+-\d+-\d+"
        ):
            sink.deliver(annotations, [])
