from __future__ import annotations

import threading
from contextlib import closing

import pytest

from broker.alert import DeadLetter, Skipped
from broker.blame.circuit_breaker import CircuitBreaker
from broker.errors import FatalError, StoppedError, TransientError
from broker.state.sqlite import SQLiteStore
from broker.state.store import MemoryStore
from tests.broker.streams import (
    PATIENCE_S,
    ListSink,
    Topic,
    packets,
    pipeline,
    run_stage,
    simulated,
    timeless,
)

STEPS = ["deliver", "persist", "commit"]


class CrashError(Exception):
    """Stands for the end of the process."""


class CrashingAfter:
    """Passes calls through and dies after the n-th call of one step."""

    def __init__(self, step, call):
        self.step, self.call, self.calls = step, call, 0

    def __call__(self, step, function):
        def wrapped(*args):
            result = function(*args)
            self.calls += step == self.step
            if step == self.step and self.calls == self.call:
                raise CrashError
            return result

        return wrapped


@pytest.fixture(scope="module")
def messages():
    return packets([a.payload for a in simulated()][:120])


def annotate(topic, store, sink, crash=None):
    topic.resume(store.offsets().get(("alerts", 0), 0))
    if crash is not None:
        sink.deliver = crash("deliver", ListSink.deliver.__get__(sink))
        store.commit = crash("persist", MemoryStore.commit.__get__(store))
        topic.commit = crash("commit", Topic.commit.__get__(topic))
    return run_stage(topic, pipeline(store), store, sink, stop=threading.Event())


@pytest.fixture(scope="module")
def undisturbed(messages):
    sink = ListSink()
    counts = annotate(Topic(messages, batch_size=10), MemoryStore(), sink)
    assert counts.alerts_in == len(messages)
    return sink.annotations


@pytest.mark.parametrize("call", [1, 5, 12])
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_after_any_step_loses_nothing_and_repeats_only_equal_records(
    messages, undisturbed, step, call
):
    topic, store, sink = Topic(messages, batch_size=10), MemoryStore(), ListSink()
    with pytest.raises(CrashError):
        annotate(topic, store, sink, CrashingAfter(step, call))
    del sink.deliver, store.commit, topic.commit
    annotate(topic, store, sink)
    by_id = {}
    for annotation, record in zip(sink.annotations, timeless(sink.annotations), strict=True):
        assert by_id.setdefault(annotation.id, record) == record
    assert list(by_id) == [a.id for a in undisturbed]
    assert list(by_id.values()) == timeless(undisturbed)
    repeats = len(sink.annotations) - len(by_id)
    assert (repeats > 0) == (step == "deliver")
    assert store.offsets() == {("alerts", 0): len(messages)}


def test_a_failed_delivery_neither_stores_nor_commits(messages):
    class Refusing(ListSink):
        def deliver(self, annotations, dead_letters):
            raise FatalError("the disk of the broker is full")

    topic, store = Topic(messages, batch_size=10), MemoryStore()
    with pytest.raises(FatalError, match="full"):
        annotate(topic, store, Refusing())
    assert topic.committed == 0
    assert store.offsets() == {}


def test_the_loop_ends_when_it_is_told_to(messages):
    stop, topic = threading.Event(), Topic(messages, batch_size=10)
    counts = run_stage(
        topic,
        pipeline(store := MemoryStore()),
        store,
        ListSink(),
        stop=stop,
        on_batch=lambda batch, counts: stop.set(),
    )
    assert counts.alerts_in == topic.committed == 10


class QuietTopic(Topic):
    """A topic to which nothing comes any more, without an end."""

    exhausted = False

    def __init__(self, messages, when_quiet):
        super().__init__(messages, batch_size=len(messages))
        self.when_quiet = when_quiet

    def poll(self):
        batch = super().poll()
        if not batch:
            self.when_quiet()
        return batch


def test_a_store_that_is_taken_away_in_a_quiet_night_is_missed_before_the_next_alert(tmp_path, messages):
    """Otherwise a worker that is stopped before it would begin anew at the next start, without a word."""
    path, sink = tmp_path / "state.sqlite", ListSink()
    topic = QuietTopic(messages[:10], when_quiet=path.unlink)
    with (
        closing(SQLiteStore(path)) as store,
        pytest.raises(FatalError, match="was removed or replaced while it was in use"),
    ):
        run_stage(topic, pipeline(store), store, sink, stop=threading.Event())
    assert topic.committed == 10
    assert sink.annotations


class Flaky:
    """A pipeline whose registry is away for the first calls."""

    def __init__(self, inner, failures):
        self.inner, self.failures = inner, failures
        self.process = inner.process

    def read(self, packets):
        self.failures -= 1
        if self.failures >= 0:
            raise TransientError("the registry http://r is away")
        return self.inner.read(packets)


def test_the_same_batch_is_tried_again_while_the_registry_is_away(messages, undisturbed):
    store, sink = MemoryStore(), ListSink()
    topic = Topic(messages, batch_size=10)
    run_stage(topic, Flaky(pipeline(store), 2), store, sink, stop=threading.Event(), patience_s=PATIENCE_S)
    assert timeless(sink.annotations) == timeless(undisturbed)


def test_patience_ends_with_the_reason(messages):
    store = MemoryStore()
    with pytest.raises(FatalError, match=r"gave up after 0\.3 s: the registry http://r is away"):
        run_stage(
            Topic(messages, batch_size=10),
            Flaky(pipeline(store), 99),
            store,
            ListSink(),
            stop=threading.Event(),
            patience_s=0.3,
        )


def test_a_batch_that_is_not_delivered_when_told_to_stop_comes_again(messages, undisturbed):
    class Away(ListSink):
        def deliver(self, annotations, dead_letters):
            super().deliver(annotations[:1], dead_letters)  # some may have arrived
            raise StoppedError("stopped while waiting for h:9")

    topic, store, sink = Topic(messages, batch_size=10), MemoryStore(), Away()
    with pytest.raises(StoppedError):
        annotate(topic, store, sink)
    assert not store.offsets()
    assert not topic.committed
    again = ListSink()
    annotate(topic, store, again)
    assert timeless(again.annotations) == timeless(undisturbed)
    assert sink.annotations[0].id == again.annotations[0].id


def test_being_told_to_stop_while_waiting_is_no_failure(messages):
    store, stop = MemoryStore(), threading.Event()

    class Away:
        def read(self, packets):
            stop.set()
            raise TransientError("the registry http://r is away")

    topic = Topic(messages, batch_size=10)
    assert run_stage(topic, Away(), store, ListSink(), stop=stop).alerts_in == 0
    assert topic.committed == 0


def of(n, dead, reason="corrupt"):
    """So many packets, the last of them dead."""
    (packet,) = packets([b""])
    fine, letter = Skipped("ztf", "not_public"), DeadLetter(packet, reason, "no use")
    return [(packet, fine)] * (n - dead) + [(packet, letter)] * dead


def test_the_breaker_bears_a_minority_of_dead_letters():
    breaker = CircuitBreaker(window=100, max_dead_fraction=0.5)
    for _ in range(50):
        breaker.check(of(10, 5))


def test_the_breaker_trips_when_most_of_the_window_is_dead():
    breaker = CircuitBreaker(window=100, max_dead_fraction=0.5)
    for _ in range(20):
        breaker.check(of(10, 0))
    for _ in range(5):
        breaker.check(of(10, 10))
    with pytest.raises(
        FatalError, match="60 of the last 100 packets are unreadable, most recently by corrupt"
    ):
        breaker.check(of(10, 10))


def test_the_breaker_sees_through_one_large_batch():
    with pytest.raises(FatalError, match="600 of the last 1000"):
        CircuitBreaker(window=100).check(of(1000, 600))


@pytest.mark.parametrize("size", [1, 3, 10, 11, 20])
def test_a_worker_that_can_read_nothing_costs_ten_packets_at_most(size):
    breaker, lost = CircuitBreaker(), 0
    with pytest.raises(FatalError, match="unreadable"):  # noqa: PT012 - some batch of them
        while True:
            breaker.check(of(size, size))
            lost += size
    assert lost <= 10


def test_packets_that_the_user_gave_up_do_not_trip_the_breaker():
    CircuitBreaker().check(of(1000, 1000, reason="dead_schema_id"))


def test_a_tripped_breaker_publishes_and_commits_nothing():
    topic, store, sink = Topic(packets([b"poison"] * 50), batch_size=10), MemoryStore(), ListSink()
    with pytest.raises(FatalError, match="unreadable"):
        run_stage(
            topic,
            pipeline(store),
            store,
            sink,
            stop=threading.Event(),
            breaker=CircuitBreaker(window=20, max_dead_fraction=0.9),
        )
    assert topic.committed == 10
    assert len(sink.dead_letters) == 10
