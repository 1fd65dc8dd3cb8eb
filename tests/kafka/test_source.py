"""The source against a real broker, within this process: what a broker that has no mock's manners does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient  # type: ignore[attr-defined]

from broker.alert import Packet
from broker.errors import ConfigError, FatalError
from broker.settings.clusters import KafkaConfig
from broker.state.sqlite import SQLiteStore
from broker.state.store import MemoryStore, Store
from broker.transport import kafka_source
from broker.transport.kafka_client import Connection
from broker.transport.kafka_producer import Deliveries
from broker.transport.kafka_source import KafkaSource
from tests.broker.streams import PATIENCE_S
from tests.kafka.real_broker import ADMIN_S, RealBroker, topics_of, until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

SESSION_S = 1.0  # the shortest that the broker takes


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.transport.consumer.group._GRACE_S", 0.5)


@pytest.fixture
def topic(new_topic: Callable[..., str]) -> str:
    return new_topic("alerts", partitions=1)


def config(broker: RealBroker, *topics: str, **settings: Any) -> KafkaConfig:
    short = {"session.timeout.ms": int(1000 * SESSION_S)}
    return KafkaConfig(
        bootstrap_servers=broker.plaintext,
        group_id=topics[0].replace("{utc_date}", ""),
        topics=topics,
        patience_s=PATIENCE_S,
        settings={**short, **settings},
    )


def read(source: KafkaSource, n: int) -> list[Packet]:
    """The next n packets or some more; every poll may bring some."""
    packets: list[Packet] = []
    while len(packets) < n:
        packets += source.poll()
    return packets


def payloads(packets: Sequence[Packet]) -> list[bytes]:
    return [packet.payload for packet in packets]


def commit(source: KafkaSource, packets: Sequence[Packet], store: Store) -> None:
    """Do with packets what the worker does."""
    offsets = {}
    for packet in packets:
        assert packet.origin.topic is not None
        assert packet.origin.partition is not None
        offsets[packet.origin.topic, packet.origin.partition] = packet.origin.offset + 1
    store.commit({}, offsets)
    source.commit(offsets)


def admin_of(broker: RealBroker) -> AdminClient:
    return AdminClient({"bootstrap.servers": broker.plaintext, "log_level": 2})


def members(broker: RealBroker, group: str) -> int:
    admin = admin_of(broker)
    (described,) = admin.describe_consumer_groups([group], request_timeout=ADMIN_S).values()
    return len(described.result().members)


def make_anew(broker: RealBroker, topic: str) -> None:
    admin = admin_of(broker)
    (gone,) = admin.delete_topics([topic], request_timeout=ADMIN_S).values()
    gone.result()
    until(lambda: topic not in topics_of(admin))
    broker.create_topics(topic, partitions=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(SQLiteStore(tmp_path / "state.sqlite")) as opened:
        yield opened


def source_of(broker: RealBroker, topic: str, store: Store, *, remade: Sequence[str] = ()) -> KafkaSource:
    return KafkaSource(
        config(broker, topic), store.offsets(), batch_size=100, memory=store, remade=remade, until_end=True
    )


def test_a_topic_that_was_made_anew_is_refused_though_it_is_longer_until_that_is_known(
    broker: RealBroker, topic: str, store: Store
) -> None:
    broker.produce(topic, [b"old"] * 3)
    with closing(source_of(broker, topic, store)) as source:
        source.connect()
        commit(source, read(source, 3), store)
    first_id = store.topic_ids()[topic]
    make_anew(broker, topic)
    new = [b"%d" % number for number in range(5)]
    broker.produce(topic, new)
    with closing(source_of(broker, topic, store)) as source:
        source.connect()
        with pytest.raises(FatalError, match=rf"{topic} was made anew.*--remade-topic {topic}"):
            read(source, 1)
    assert store.offsets() == {(topic, 0): 3}
    with closing(source_of(broker, topic, store, remade=[topic])) as source:
        source.connect()
        packets = read(source, 5)
        assert payloads(packets) == new
        commit(source, packets, store)
    assert store.topic_ids()[topic] != first_id
    broker.produce(topic, [b"next"])
    with closing(source_of(broker, topic, store, remade=[topic])) as source:  # said again, it means nothing
        source.connect()
        assert payloads(read(source, 1)) == [b"next"]


def test_a_store_from_before_topics_had_ids_adopts_them_and_goes_on(broker: RealBroker, topic: str) -> None:
    store = MemoryStore()
    store.commit({}, {(topic, 0): 2})
    broker.produce(topic, [b"a", b"b", b"c"])
    with closing(source_of(broker, topic, store)) as source:
        source.connect()
        assert payloads(read(source, 1)) == [b"c"]
    assert topic in store.topic_ids()


def test_a_topic_that_is_made_anew_while_it_is_read_is_noticed(broker: RealBroker, topic: str) -> None:
    store = MemoryStore()
    broker.produce(topic, [b"old"] * 3)
    with closing(source_of(broker, topic, store)) as source:
        source.connect()
        commit(source, read(source, 3), store)
        make_anew(broker, topic)
        broker.produce(topic, [b"new"] * 9)
        with pytest.raises(FatalError, match=f"{topic} was made anew"):  # noqa: PT012 - when it is noticed
            while True:
                source.poll()


def test_alerts_that_expire_under_a_reader_are_told_and_not_skipped_in_silence(
    broker: RealBroker, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    broker.produce(topic, [b"a"])
    with closing(source_of(broker, topic, store)) as source:
        source.connect()
        commit(source, read(source, 1), store)
        source._consumer.pause([TopicPartition(topic, 0)])  # a reader that falls behind
        broker.produce(topic, [b"b", b"c", b"d"])
        admin = admin_of(broker)
        (deleted,) = admin.delete_records([TopicPartition(topic, 0, 3)]).values()
        deleted.result()
        source._consumer.resume([TopicPartition(topic, 0)])
        assert payloads(read(source, 1)) == [b"d"]
    (told,) = [record for record in caplog.records if "expired before they were read" in record.message]
    assert told.alerts == 2  # type: ignore[attr-defined]


def test_a_batch_that_takes_too_long_is_told_and_nothing_is_read_twice(
    broker: RealBroker, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    broker.produce(topic, [b"a", b"b"])
    settings = config(broker, topic, **{"max.poll.interval.ms": int(1000 * SESSION_S)})
    with closing(KafkaSource(settings, {}, batch_size=100)) as source:
        source.connect()
        packets = read(source, 2)
        until(lambda: members(broker, topic) == 0)  # while the batch is at work
        commit(source, packets, store)
        broker.produce(topic, [b"c"])
        assert payloads(read(source, 1)) == [b"c"]
    (told,) = [record for record in caplog.records if record.message == "trouble with Kafka"]
    assert "lower worker.batch_size" in told.meaning  # type: ignore[attr-defined]


def test_a_second_worker_does_not_join_a_group_that_is_taken(broker: RealBroker, topic: str) -> None:
    broker.produce(topic, [b"a"])
    with closing(KafkaSource(config(broker, topic), {}, batch_size=10)) as first:
        first.connect()
        read(first, 1)
        stop = threading.Event()

        def go_on() -> None:
            while not stop.is_set():
                first.poll()

        reading = threading.Thread(target=go_on)
        reading.start()
        try:
            second = KafkaSource(config(broker, topic), {}, batch_size=10)
            with pytest.raises(ConfigError, match=rf"group {topic} has a member, varstream at .*127"):
                second.connect()
            assert second._consumer is None
        finally:
            stop.set()
            reading.join()
        broker.produce(topic, [b"b"])
        assert payloads(read(first, 1)) == [b"b"]


def test_of_two_that_join_at_once_one_reads_everything(
    broker: RealBroker, new_topic: Callable[..., str]
) -> None:
    topic = new_topic("alerts", partitions=4)
    broker.produce(topic, [b"x"] * 8)
    workers = [KafkaSource(config(broker, topic), {}, batch_size=10) for _ in range(2)]
    for worker in workers:
        worker._membership.wait_until_free = lambda _: None  # type: ignore[method-assign] # both saw it free
        worker.connect()
    read_by: dict[int, int] = {0: 0, 1: 0}
    left: set[int] = set()

    def work(number: int) -> None:
        while not left:
            try:
                read_by[number] += len(workers[number].poll())
            except ConfigError:
                left.add(number)
                workers[number].close()

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (loser,) = left
    winner = 1 - loser
    while read_by[winner] < 8:
        read_by[winner] += len(workers[winner].poll())
    workers[winner].close()
    assert read_by == {winner: 8, loser: 0}


def test_nights_follow_the_clock_both_ways_and_go_on_where_they_were(
    broker: RealBroker, new_topic: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        today = datetime(2026, 3, 1, tzinfo=UTC)

        @classmethod
        def now(cls, _: object) -> datetime:
            return cls.today

    monkeypatch.setattr(kafka_source, "datetime", Clock)
    store = MemoryStore()
    name = new_topic("night")
    tonight, later = f"{name}20260301", f"{name}20260306"
    broker.create_topics(tonight, later, partitions=1)
    broker.produce(tonight, [b"a", b"b"])
    with closing(
        KafkaSource(config(broker, name + "{utc_date}"), {}, batch_size=100, memory=store)
    ) as source:
        source.connect()
        commit(source, read(source, 2), store)
        Clock.today += timedelta(days=5)
        broker.produce(later, [b"later"])
        packets = read(source, 1)
        assert payloads(packets) == [b"later"]
        commit(source, packets, store)
        Clock.today -= timedelta(days=5)
        broker.produce(tonight, [b"c"])
        assert payloads(read(source, 1)) == [b"c"]


@pytest.fixture
def deliveries(broker: RealBroker, topic: str) -> Iterator[Deliveries]:
    with closing(Deliveries(Connection(broker.plaintext, patience_s=PATIENCE_S), {})) as opened:
        opened.connect([topic])
        yield opened


def test_messages_arrive_though_the_clock_was_set_into_the_future_and_back(
    broker: RealBroker, topic: str, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    began = 1000 * clock.right()
    for number, days in enumerate((0, 5, 0, -5, 0)):
        clock.days = days
        for part in (b"a", b"b"):
            deliveries.send(topic, b"%d" % number + part, key=b"star", headers=[("n", b"%d" % number)])
        deliveries.wait()
    messages = broker.read(topic)
    assert sorted(message.value() for message in messages) == [
        b"%d" % number + part for number in range(5) for part in (b"a", b"b")
    ]
    for message in messages:
        number = message.value()[:1]
        assert message.key() == b"star"
        assert message.headers() == [("n", number)]
        if number != b"3":  # a time in the past is nothing that a broker refuses
            assert began - 1 <= message.timestamp()[1] <= 1000 * clock.right()


def test_messages_arrive_though_the_clock_was_set_while_they_were_sent(
    broker: RealBroker, topic: str, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    sent = [b"%d" % number for number in range(20)]
    for number, value in enumerate(sent):  # to one partition, so that they go together
        clock.days = 5 * (number >= 10)
        deliveries.send(topic, value, key=b"star")
    deliveries.wait()
    messages = broker.read(topic)
    assert sorted(message.value() for message in messages) == sorted(sent)
    assert all(message.timestamp()[1] <= 1000 * clock.right() for message in messages)


def test_a_clock_that_was_never_right_is_named_after_our_patience(
    broker: RealBroker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch).days = 5
    with closing(Deliveries(Connection(broker.plaintext, patience_s=1.0), {})) as deliveries:
        deliveries._connection.patience_s = PATIENCE_S
        deliveries.connect([topic])
        deliveries._connection.patience_s = 0.5
        deliveries.send(topic, b"x")
        with pytest.raises(FatalError, match=r"refused.*This machine.s clock says .* set it right"):
            deliveries.wait()


class Clock:
    """The wall clock, some days wrong."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.days = 0
        self.right = kafka_source.time.time
        monkeypatch.setattr("time.time", lambda: self.right() + 86_400 * self.days)
