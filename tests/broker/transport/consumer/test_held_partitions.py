"""Partitions that wait while others go on, and then go on where they were to."""

from __future__ import annotations

from contextlib import closing

import pytest
from confluent_kafka import KafkaException, TopicPartition

from broker.transport.consumer.held_partitions import HeldPartitions
from broker.transport.kafka_source import KafkaSource
from tests.broker.transport.cluster import config, produce


def offsets(packets):
    return [packet.origin.offset for packet in packets]


def read(source, n):
    packets = []
    while len(packets) < n:
        packets += source.poll()
    return packets


def test_a_held_partition_gives_nothing_until_it_is_released_and_then_goes_on_where_it_was_to(kafka):
    first, second = ("alerts", 0), ("others", 0)
    produce(kafka, "alerts", [b"a"] * 10)
    produce(kafka, "others", [b"b"])
    settings = config(kafka, topics=("alerts", "others"))
    with closing(KafkaSource(settings, {}, batch_size=100)) as source:
        source.connect()
        read(source, 11)
        for go_on_at in (4, 7):
            source.hold({first: go_on_at})
            produce(kafka, "alerts", [b"a"])
            produce(kafka, "others", [b"b"])
            (packet,) = read(source, 1)
            assert (packet.origin.topic, packet.origin.partition) == second
            assert source.poll() == []
            source.release([second])  # was not held
            source.release([first, second])
            n = 11 if go_on_at == 4 else 12
            assert offsets(read(source, n - go_on_at)) == list(range(go_on_at, n))


def test_a_topic_with_a_held_partition_is_not_at_its_end_before_that_is_read_again(kafka):
    produce(kafka, "alerts", [b"a"] * 10)
    with closing(KafkaSource(config(kafka), {}, batch_size=100, until_end=True)) as source:
        source.connect()
        read(source, 10)
        while not source.exhausted:
            assert source.poll() == []
        source.hold({("alerts", 0): 3})
        source.release([("alerts", 0)])
        packets = source.poll()
        while len(packets) < 7:
            assert not source.exhausted
            packets += source.poll()
        assert offsets(packets) == list(range(3, 10))
        while not source.exhausted:
            assert source.poll() == []


def test_a_partition_that_cannot_be_released_now_is_released_later():
    class Consumer:
        def __init__(self):
            self.calls = []
            self.failures = 1

        def pause(self, partitions):
            self.calls.append(("pause", [(p.topic, p.partition) for p in partitions]))

        def seek(self, place: TopicPartition):
            self.failures -= 1
            if self.failures >= 0:
                raise KafkaException("Erroneous state")
            self.calls.append(("seek", place.offset))

        def resume(self, places):
            self.calls.append(("resume", [(p.topic, p.partition) for p in places]))

    consumer, held, partition = Consumer(), HeldPartitions(), ("alerts", 1)
    held.hold(consumer, {partition: 5})
    assert held.release(consumer, [partition]) == set()
    assert partition in held
    assert held.release(consumer, [partition]) == {partition}
    assert partition not in held
    assert consumer.calls == [("pause", [partition]), ("seek", 5), ("resume", [partition])]


@pytest.mark.parametrize("n", [0, 3])
def test_partitions_that_are_assigned_anew_are_not_held(n):
    class Consumer:
        def pause(self, partitions):
            pass

    held = HeldPartitions()
    held.hold(Consumer(), {("alerts", i): 1 for i in range(n)})
    held.clear()
    assert ("alerts", 0) not in held
    assert held.release(Consumer(), [("alerts", 0)]) == set()
