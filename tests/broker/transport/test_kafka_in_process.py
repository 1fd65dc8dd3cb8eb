"""The worker against a broker in this process: from topic to topic, once and again."""

from __future__ import annotations

import itertools
import json
import threading
from contextlib import closing

import pytest

from broker.settings.clusters import OutputConfig
from broker.state.sqlite import SQLiteStore
from broker.state.store import MemoryStore
from broker.transport.kafka_sink import KafkaSink
from broker.transport.kafka_source import KafkaSource
from tests.broker.streams import pipeline, run_stage, simulated
from tests.broker.transport.cluster import config, produce, read_all


@pytest.fixture
def annotate(kafka):
    """Run the worker to the end of the topic."""
    numbers = itertools.count()

    def run_to_end(store):
        # a group of its own: this broker makes one that is joined again wait for its former member
        settings = config(kafka, group_id=f"run {next(numbers)}")
        sink = KafkaSink(OutputConfig(format="json"), settings)
        source = KafkaSource(settings, store.offsets(), batch_size=50, until_end=True)
        with closing(sink), closing(source):
            sink.connect()
            source.connect()
            return run_stage(source, pipeline(store), store, sink, stop=threading.Event())

    return run_to_end


def test_every_alert_is_annotated_and_poison_becomes_a_dead_letter(kafka, annotate):
    stream = [a.payload for a in simulated()][:100]
    produce(kafka, "alerts", [*stream, b"poison"])
    counts = annotate(MemoryStore())
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


def test_a_restarted_worker_goes_on_where_its_store_left_off(kafka, annotate, tmp_path):
    stream = [a.payload for a in simulated()][:80]
    produce(kafka, "alerts", stream[:40])
    for total, news in ((40, stream[40:]), (80, [])):
        with closing(SQLiteStore(tmp_path / "state.sqlite")) as store:
            counts = annotate(store)
        assert counts.alerts_in == 40
        produce(kafka, "alerts", news)
        with closing(SQLiteStore(tmp_path / "state.sqlite")) as store:
            assert sum(store.offsets().values()) == total
