from __future__ import annotations

from contextlib import closing

import pytest
from confluent_kafka import KafkaError

from broker.alert import DeadLetter
from broker.config import OutputConfig
from broker.errors import FatalError
from broker.transport import kafka_producer
from broker.transport.kafka_sink import KafkaSink
from tests.broker.streams import packets
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


def test_a_message_that_is_too_large_for_the_topic_is_not_lost_silently(sink):
    with pytest.raises(FatalError, match="cannot write 2,000,000 bytes to classifications"):
        sink._deliveries.send("classifications", b"x" * 2_000_000)


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
