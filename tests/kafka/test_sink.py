"""What a real broker does with messages that are larger than a topic takes, and what the sink makes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from broker.alert import DeadLetter, Origin, Packet, message_bytes
from broker.errors import FatalError
from broker.settings.clusters import KafkaConfig, OutputConfig, TopicsConfig
from broker.state.store import MemoryStore
from broker.transport.kafka_sink import KafkaSink
from tests.broker.streams import PATIENCE_S, packets, pipeline, simulated
from tests.kafka.real_broker import RealBroker

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

LIMIT = 20_000


@pytest.fixture(scope="module")
def annotations() -> list[Any]:
    return (
        pipeline(MemoryStore()).annotate(packets([alert.payload for alert in simulated()[:100]])).annotations
    )


class Topics:
    """A topic for annotations and one for dead letters, and a sink to them."""

    def __init__(self, broker: RealBroker, new_topic: Callable[..., str]) -> None:
        self.broker = broker
        self.annotations = new_topic("classifications")
        self.letters = new_topic("dead-letters")

    @contextmanager
    def sink(self, **settings: Any) -> Iterator[KafkaSink]:
        output = OutputConfig(settings=settings)
        topics = TopicsConfig(classifications=self.annotations, dead_letters=self.letters)
        kafka = KafkaConfig(
            bootstrap_servers=self.broker.plaintext, topics=("alerts",), patience_s=PATIENCE_S
        )
        with closing(KafkaSink(output, kafka, topics)) as sink:
            sink.connect()
            yield sink


@pytest.fixture
def topics(broker: RealBroker, new_topic: Callable[..., str]) -> Topics:
    return Topics(broker, new_topic)


def letters(*sizes: int) -> list[DeadLetter]:
    """Dead letters of so many bytes each, which do not compress."""
    return [
        DeadLetter(Packet(os.urandom(size), Origin(file="f" * 2000, offset=number)), "bad_magic", "?" * 300)
        for number, size in enumerate(sizes)
    ]


def test_dead_letters_larger_than_their_topic_takes_are_cut_to_it_and_arrive(topics: Topics) -> None:
    topics.broker.set_limit(topics.letters, max_message_bytes=LIMIT)
    with topics.sink() as sink:
        sent = letters(300_000, 10, LIMIT, 2_000_000)
        sink.deliver([], sent)
        again = letters(300_000)
        sink.deliver([], again)  # by the same producer, whose messages were refused
    messages = topics.broker.read(topics.letters)
    payloads = [letter.packet.payload for letter in [*sent, *again]]
    assert len(messages) == len(payloads)
    for message in messages:
        tags = dict(message.headers())
        whole = next(p for p in payloads if p.startswith(message.value()))
        payloads.remove(whole)
        assert tags["length"] == str(len(whole)).encode()
        if len(whole) == 10:
            assert tags["truncated"] == b"false"
        else:  # cut to the last byte that the topic takes
            assert tags["truncated"] == b"true"
            assert LIMIT - 10 < message_bytes(message.value(), headers=message.headers()) <= LIMIT


def test_annotations_that_are_too_large_in_one_batch_arrive_one_by_one(
    topics: Topics, annotations: list[Any]
) -> None:
    topics.broker.set_limit(topics.annotations, max_message_bytes=LIMIT)
    with topics.sink(**{"compression.type": "none"}) as sink:
        sink.deliver(annotations, [])
        sink.deliver(annotations[:3], [])
    ids = [dict(message.headers())["_id"] for message in topics.broker.read(topics.annotations)]
    assert sorted(ids) == sorted(a.id.bytes for a in [*annotations, *annotations[:3]])


def test_an_annotation_larger_than_its_topic_takes_stops_the_worker_by_the_topics_name_and_limit(
    topics: Topics, annotations: list[Any]
) -> None:
    topics.broker.set_limit(topics.annotations, max_message_bytes=1000)
    with topics.sink() as sink, pytest.raises(FatalError) as stopped:
        sink.deliver(annotations[:1], [])
    assert f"{topics.annotations} takes messages of 1,000 bytes at most" in str(stopped.value)
    assert "raise max.message.bytes of the topic" in str(stopped.value)


def test_annotations_take_less_room_in_the_broker_than_they_have_bytes(
    topics: Topics, annotations: list[Any]
) -> None:
    with topics.sink() as sink:
        sink.deliver(annotations, [])
    messages = topics.broker.read(topics.annotations)
    sent = sum(len(message.value()) for message in messages)
    kept = sum(path.stat().st_size for path in topics.broker.folder.rglob(f"{topics.annotations}-*/*.log"))
    assert 0 < kept < sent / 2


def test_a_compacted_topic_takes_no_dead_letters_and_the_worker_says_so(topics: Topics) -> None:
    topics.broker.set(topics.letters, "cleanup.policy", "compact")
    with topics.sink() as sink:
        sink._deliveries._connection.patience_s = 1.0
        with pytest.raises(
            FatalError, match=rf"{topics.letters}: .*cleanup\.policy to delete if it is compact"
        ):
            sink.deliver([], letters(10))
