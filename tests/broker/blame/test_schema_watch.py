"""Schemas that are missing here, told from packets that name none: what waits, what is dead."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.alert import Origin, Packet, Skipped
from broker.blame.circuit_breaker import CircuitBreaker
from broker.blame.schema_watch import SchemaWatch
from broker.errors import AlertError, FatalError, UnknownSchemaError
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.pipeline import Pipeline
from broker.state.store import MemoryStore
from tests.broker.streams import ListSink, annotator, run_stage

PATIENCE_S = 30.0
GOOD = "good"


class Words:
    """A decoder of words: a number is a schema id, ``good`` is an alert to skip, all else is corrupt."""

    def __init__(self, *known: int) -> None:
        self.known = set(known)

    def read(self, packet: Packet) -> Skipped:
        word = packet.payload.decode()
        if word.isdigit() and int(word) not in self.known:
            raise UnknownSchemaError(int(word), "unknown_schema_id", f"schema id {word} is not in the folder")
        if not word.isdigit() and word != GOOD:
            raise AlertError("corrupt", word)
        return Skipped("ztf", "not_public")


class Partitions:
    """Partitions of a topic, each a list of words; a poll that finds nothing takes half a second.

    It is asked by turns, as a broker answers: some of one partition, some of the next.
    """

    def __init__(self, *partitions: list[str], batch_size: int = 512, live: bool = False) -> None:
        self.partitions = partitions
        self.next = [0] * len(partitions)
        self.held: dict[int, int] = {}
        self.committed: dict[tuple[str, int], int] = {}
        self.batch_size = batch_size
        self.live = live
        self.now = 0.0
        self.turn = 0

    def poll(self) -> list[Packet]:
        packets: list[Packet] = []
        for _ in self.partitions:
            number, self.turn = self.turn, (self.turn + 1) % len(self.partitions)
            while number not in self.held and self.next[number] < len(self.partitions[number]):
                if len(packets) == self.batch_size:
                    return packets
                offset = self.next[number]
                self.next[number] += 1
                origin = Origin(topic="alerts", partition=number, offset=offset)
                packets.append(Packet(self.partitions[number][offset].encode(), origin))
        if not packets:
            self.now += 0.5
        return packets

    @property
    def exhausted(self) -> bool:
        return not self.live and all(n == len(p) for n, p in zip(self.next, self.partitions, strict=True))

    def commit(self, offsets) -> None:
        for partition, offset in offsets.items():
            assert offset >= self.committed.get(partition, 0)
            self.committed[partition] = offset

    def hold(self, offsets) -> None:
        for (_, number), offset in offsets.items():
            self.held[number] = offset

    def release(self, partitions) -> None:
        for _, number in partitions:
            if number in self.held:
                self.next[number] = self.held.pop(number)

    @property
    def clock(self):
        return lambda: self.now

    @property
    def n_committed(self) -> int:
        return sum(self.committed.values())


def work(source: Partitions, decoder, sink: ListSink, stop=None, **hooks):
    store = MemoryStore()
    return run_stage(
        source,
        Pipeline(decoder, annotator(), store),
        store,
        sink,
        stop=threading.Event() if stop is None else stop,
        breaker=CircuitBreaker(),
        watch=SchemaWatch(source, patience_s=PATIENCE_S, clock=source.clock),
        **hooks,
    )


def reasons(sink: ListSink) -> list[str]:
    return [letter.reason for letter in sink.dead_letters]


@pytest.mark.parametrize("batch_size", [1, 2, 7, 512])
@pytest.mark.parametrize("n_partitions", [1, 4])
@pytest.mark.parametrize("n", [1, 2, 3, 300])
def test_a_topic_of_which_the_schema_is_missing_is_left_as_it_was(n, n_partitions, batch_size):
    sink = ListSink()
    for _ in range(8):  # as a supervisor would
        source = Partitions(*[["1100"] * n] * n_partitions, batch_size=batch_size)
        with pytest.raises(FatalError, match=r"schema id 1100 .*decoding.schemas.*ids = \[1100\]"):
            work(source, Words(), sink)
        assert source.committed == {}
        assert PATIENCE_S < source.now < PATIENCE_S + 20
    assert sink.dead_letters == []


def test_framed_packets_without_any_registry_are_left_where_they_are():
    source, sink = Partitions(["\0\0\0\4\x4c..."] * 50), ListSink()
    with pytest.raises(FatalError, match=r"schema id 1100, and no registry .*dead_schema_ids = \[1100\]"):
        work(source, Decoder(None, VettingRules()), sink)
    assert source.committed == {}
    assert sink.dead_letters == []


@pytest.mark.parametrize("batch_size", [1, 10, 512])
def test_one_partition_waits_at_its_first_such_packet_and_others_go_on(batch_size):
    source = Partitions([GOOD] * 5 + ["1100", GOOD] * 50, [GOOD] * 300, batch_size=batch_size)
    sink = ListSink()
    with pytest.raises(FatalError, match=r"alerts\[0\] has waited for 30 s at offset 5: schema id 1100"):
        work(source, Words(), sink)
    assert source.committed == {("alerts", 0): 5, ("alerts", 1): 300}
    assert sink.dead_letters == []


@pytest.mark.parametrize("batch_size", [1, 10, 512])
def test_a_stream_that_changes_its_schema_loses_nothing(batch_size):
    source, sink = Partitions([GOOD] * 600 + ["1101"] * 50, batch_size=batch_size), ListSink()
    with pytest.raises(FatalError, match="1101"):
        work(source, Words(), sink)
    assert source.committed == {("alerts", 0): 600}
    assert sink.dead_letters == []


@settings(max_examples=60, deadline=None)
@given(
    n_readable=st.integers(20, 60),
    at=st.floats(0, 1),
    batch_size=st.integers(1, 70),
    n_partitions=st.integers(1, 3),
)
def test_a_single_one_among_twenty_readable_ones_is_a_dead_letter(n_readable, at, batch_size, n_partitions):
    words = [GOOD] * n_readable
    words.insert(round(at * n_readable), "7")
    source = Partitions(*(words[i::n_partitions] for i in range(n_partitions)), batch_size=batch_size)
    sink = ListSink()
    counts = work(source, Words(), sink)
    assert reasons(sink) == ["unknown_schema_id"]
    assert counts.alerts_in == source.n_committed == n_readable + 1


@pytest.mark.parametrize("batch_size", [1, 512])
def test_a_single_one_among_nineteen_is_not(batch_size):
    source, sink = Partitions(["7"] + [GOOD] * 19, batch_size=batch_size), ListSink()
    with pytest.raises(FatalError, match="schema id 7"):
        work(source, Words(), sink)
    assert source.committed == {}
    assert sink.dead_letters == []


def test_a_single_one_goes_when_enough_of_its_topic_came_by_another_partition():
    source = Partitions(["7"], [GOOD] * 19, live=True)
    sink, stop = ListSink(), threading.Event()

    def on_batch(batch, counts):
        if counts.alerts_in == 19:
            source.partitions[1].append(GOOD)
        if counts.alerts_in == 21:
            stop.set()

    counts = work(source, Words(), sink, stop, on_batch=on_batch)
    assert reasons(sink) == ["unknown_schema_id"]
    assert counts.alerts_in == source.n_committed == 21


@pytest.mark.parametrize("batch_size", [1, 8, 512])
def test_a_schema_that_turns_up_is_used_and_nothing_was_lost(batch_size):
    words = Words(1)
    source, sink = Partitions(["1"] * 40, ["2"] * 40, batch_size=batch_size), ListSink()
    poll = source.poll

    def poll_and_repair():
        if source.now > 5:
            words.known.add(2)
        return poll()

    source.poll = poll_and_repair
    counts = work(source, words, sink)
    assert counts.alerts_in == source.n_committed == 80
    assert sink.dead_letters == []
    assert source.now < PATIENCE_S


def test_an_id_that_was_given_up_blocks_nothing():
    class GivenUp(Words):
        def read(self, packet):
            if packet.payload == b"7":
                raise AlertError("dead_schema_id", "schema id 7 is among decoding.dead_schema_ids")
            return super().read(packet)

    source, sink = Partitions(["7"] * 900), ListSink()
    counts = work(source, GivenUp(), sink)
    assert counts.alerts_in == source.n_committed == 900
    assert set(reasons(sink)) == {"dead_schema_id"}


@pytest.mark.parametrize(
    ("messages", "stopped_after_s"),
    [(["1100"] * 30, PATIENCE_S / 2), (["broken"] * 3, 0.0)],
    ids=["a partition waits", "more packets are awaited"],
)
def test_a_signal_to_stop_is_heard_while_more_is_waited_for(messages, stopped_after_s):
    source, stop = Partitions(messages, live=True), threading.Event()
    poll = source.poll

    def poll_until_stopped():
        if source.now > stopped_after_s:
            stop.set()
        return poll()

    source.poll = poll_until_stopped
    assert work(source, Words(), ListSink(), stop).alerts_in == 0
    assert source.committed == {}


@pytest.mark.parametrize("batch_size", [1, 2, 7, 512])
def test_a_stream_that_is_corrupt_from_its_start_costs_nothing_when_it_flows(batch_size):
    source, sink = Partitions(["broken"] * 600, batch_size=batch_size), ListSink()
    with pytest.raises(FatalError, match="unreadable"):
        work(source, Words(), sink)
    assert source.committed == {}
    assert sink.dead_letters == []


def test_a_few_corrupt_packets_at_the_start_are_waited_with_for_ten_seconds_and_no_longer():
    source, sink, stop = Partitions(["broken"] * 3, live=True), ListSink(), threading.Event()
    work(source, Words(), sink, stop, on_batch=lambda batch, counts: stop.set())
    assert reasons(sink) == ["corrupt"] * 3
    assert 10 <= source.now <= 11


WORDS = st.sampled_from([GOOD, GOOD, GOOD, "broken", "1", "2", "3"])


@settings(max_examples=200, deadline=None)
@given(
    partitions=st.lists(st.lists(WORDS, max_size=60), min_size=1, max_size=3),
    batch_size=st.integers(1, 80),
)
def test_every_packet_is_done_once_and_in_order_or_waits(partitions, batch_size):
    source, sink = Partitions(*partitions, batch_size=batch_size), ListSink()
    failure = None
    try:
        work(source, Words(), sink)
    except FatalError as exc:
        failure = exc
    done = {number: source.committed.get(("alerts", number), 0) for number in range(len(partitions))}
    dead = [(letter.packet.origin.partition, letter.packet.origin.offset) for letter in sink.dead_letters]
    assert sorted(dead) == [
        (number, offset)
        for number, words in enumerate(partitions)
        for offset, word in enumerate(words[: done[number]])
        if word != GOOD
    ]
    given_up = Counter(letter.packet.payload for letter in sink.dead_letters if letter.reason != "corrupt")
    assert all(n <= 2 for n in given_up.values())
    readable = sum(words.count(GOOD) for words in partitions)
    assert not given_up or readable >= 20
    if failure is None:
        assert done == {number: len(words) for number, words in enumerate(partitions)}
    elif "has waited" in str(failure):
        waiting = [words[done[i]] for i, words in enumerate(partitions) if done[i] < len(words)]
        assert waiting
        assert all(word in {"1", "2", "3"} for word in waiting)
