"""Packets that break merging or scoring: found, taken out, and nothing else is different."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.errors import TypingError

from broker.alert import Alert, Arrival
from broker.blame.circuit_breaker import CircuitBreaker
from broker.blame.poison import MAX_POISON, first_that_fails
from broker.errors import FatalError, TransientError
from broker.pipeline import Pipeline
from broker.state.store import MemoryStore
from tests.broker.epochs import alert, epoch
from tests.broker.streams import ListSink, Topic, annotator, decoder, packets, run_stage, simulated, timeless

MESSAGES = packets([a.payload for a in simulated()][:90])
ALERTS = [n for n, message in enumerate(MESSAGES) if isinstance(decoder().read(message), Alert)]


class Delicate(Pipeline):
    """A pipeline that some packets break, by their offsets, while they are merged or scored."""

    def __init__(self, store, *, merging=(), scoring=(), error=None, reader=None):
        super().__init__(decoder() if reader is None else reader, annotator(), store)
        self.merging, self.scoring = set(merging), set(scoring)
        self.error = ZeroDivisionError("a mistake of ours") if error is None else error
        self._annotate = self._annotator.annotate
        self._annotator.annotate = self.score

    def score(self, changed):
        if any(alert.arrival.origin.offset in self.scoring for alert, _ in changed):
            raise self.error
        return self._annotate(changed)

    def _merge(self, alert, before):
        if alert.arrival.origin.offset in self.merging:
            raise self.error
        return super()._merge(alert, before)


def annotate(line, store, messages, splits=()):
    """What a stream comes to, cut into batches at `splits`."""
    annotations, dead = [], []
    edges = [0, *sorted(splits), len(messages)]
    for start, stop in itertools.pairwise(edges):
        read = line.read(messages[start:stop])
        while read:
            batch = line.process(read)
            store.commit(batch.curves, batch.offsets)
            annotations += batch.annotations
            dead += batch.dead_letters
            read = read[batch.packets :]
    return annotations, dead, store


def curves(store):
    return {key: curve.epochs.tobytes() for key, curve in store._curves.items()}


@settings(max_examples=12, deadline=None)
@given(
    scoring=st.sets(st.sampled_from(ALERTS), max_size=4),
    merging=st.sets(st.sampled_from(ALERTS), max_size=4),
    splits=st.lists(st.integers(0, len(MESSAGES)), max_size=3),
)
def test_without_its_poison_a_stream_is_as_if_that_had_never_come(scoring, merging, splits):
    line = Delicate(store := MemoryStore(), scoring=scoring, merging=merging)
    annotations, dead, store = annotate(line, store, MESSAGES, splits)
    clean = [m for m in MESSAGES if m.origin.offset not in scoring | merging]
    expected, _, clean_store = annotate(Delicate(other := MemoryStore()), other, clean)
    assert timeless(annotations) == timeless(expected)
    assert curves(store) == curves(clean_store)
    # an alert that changes no band is merged and never scored
    offsets = [letter.packet.origin.offset for letter in dead]
    assert set(offsets) >= merging
    assert set(offsets) <= scoring | merging
    assert len(offsets) == len(set(offsets))


def test_the_worker_goes_on_behind_poison_and_says_where_it_broke():
    store, sink, topic = MemoryStore(), ListSink(), Topic(MESSAGES, batch_size=40)
    line = Delicate(store, merging=[ALERTS[3]], scoring=[ALERTS[0]])
    counts = run_stage(topic, line, store, sink, stop=threading.Event(), breaker=CircuitBreaker())
    assert topic.committed == counts.alerts_in == len(MESSAGES)
    assert counts.alerts_dead == {"internal_error": 2}
    assert [letter.packet.origin.offset for letter in sink.dead_letters] == [ALERTS[0], ALERTS[3]]
    for letter in sink.dead_letters:
        assert letter.message.startswith("ZeroDivisionError at broker/")
        assert letter.message.endswith(": a mistake of ours")
        assert ".py:" in letter.message


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError(28, "No space left on device"), TypingError("cannot compile")]
)
@pytest.mark.parametrize("where", ["scoring", "merging", "reading"])
def test_trouble_of_the_machine_is_no_packet_s(error, where):
    class Reader:
        def read(self, packet):
            if where == "reading":
                raise error
            return replace(alert(epoch(packet.origin.offset + 1)), arrival=Arrival(packet.origin))

    store, sink, topic = MemoryStore(), ListSink(), Topic(MESSAGES, batch_size=40)
    line = Delicate(store, error=error, reader=Reader(), **({where: [5]} if where != "reading" else {}))
    with pytest.raises(FatalError, match=f"trouble of this machine.*{type(error).__name__}"):
        run_stage(topic, line, store, sink, stop=threading.Event())
    assert topic.committed == 0
    assert sink.annotations == sink.dead_letters == []


def test_our_own_errors_pass_as_they_are():
    line = Delicate(MemoryStore(), scoring=[ALERTS[5]], error=TransientError("the disk is away"))
    with pytest.raises(TransientError, match="the disk is away"):
        line.annotate(MESSAGES)


@pytest.mark.parametrize("n", [2, 5, 60])
def test_where_every_alert_breaks_it_the_installation_is_broken(n):
    store, sink = MemoryStore(), ListSink()
    topic = Topic([MESSAGES[i] for i in ALERTS[:n]], batch_size=512)
    with pytest.raises(FatalError, match=r"broke.*ZeroDivisionError|breaks.*ZeroDivisionError"):
        run_stage(topic, Delicate(store, scoring=ALERTS), store, sink, stop=threading.Event())
    assert topic.committed == 0
    assert sink.dead_letters == []


@pytest.mark.parametrize("batch_size", [1, 8, 512])
def test_a_start_costs_ten_packets_at_most(batch_size):
    store, sink = MemoryStore(), ListSink()
    poison = ALERTS[2 : 2 * MAX_POISON + 4 : 2]
    assert len(poison) > MAX_POISON
    with pytest.raises(FatalError, match=f"{MAX_POISON + 1} packets since the start"):
        run_stage(
            Topic(MESSAGES, batch_size=batch_size),
            Delicate(store, scoring=poison),
            store,
            sink,
            stop=threading.Event(),
        )
    assert len(sink.dead_letters) <= MAX_POISON


def test_a_failure_that_does_not_come_again_is_no_packet_s():
    once = iter([RuntimeError("a bit flipped")])

    class Unsteady(Delicate):
        def score(self, changed, **options):
            for error in once:
                raise error
            return super().score(changed, **options)

    with pytest.raises(FatalError, match="cannot be processed together"):
        Unsteady(MemoryStore()).annotate(MESSAGES)


@given(n=st.integers(1, 50), data=st.data())
def test_the_first_that_fails_is_found(n, data):
    bad = data.draw(st.sets(st.integers(0, n - 1), min_size=1))
    tried = []

    def step(items):
        tried.append(items)
        if bad & {*items}:
            raise ValueError(f"{min(bad & {*items})}")

    found, cause = first_that_fails(range(n), step)
    assert found == min(bad)
    assert str(cause) == str(min(bad))
    assert len(tried) <= n.bit_length() + 1
