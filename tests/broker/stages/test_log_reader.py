"""The reader of compacted topics: to the end as it is, behind transactions that are still open."""

from __future__ import annotations

import pytest

from broker.errors import FatalError
from broker.transport.consumer.log_reader import LogReader
from tests.broker.stages.parts import SETTINGS, connection, reader
from tests.broker.stages.transactional_log import Cluster, Entry, Transaction


@pytest.fixture
def cluster(world):
    world.cluster = Cluster()
    world.cluster.make("log", 1)
    return world.cluster


def write(cluster, transaction, *values):
    transaction.touched.add(("log", 0))
    cluster.logs["log"][0] += [Entry(b"key", value, [], transaction) for value in values]


def test_the_latest_of_each_key_is_read_and_what_is_gone_is_told(cluster):
    for key, value in [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"b", None)]:
        cluster.fill("log", 0, key, value)
    log = reader("log")
    assert log.begin(0, 0)
    piece = log.step()[0]
    assert (piece.records, piece.next, piece.ended) == ({b"a": b"3", b"b": None}, 4, True)
    assert log.step() == {}


def test_a_long_log_is_read_in_pieces(cluster):
    for number in range(5000):
        cluster.fill("log", 0, b"%d" % number, b"x")
    log = reader("log")
    log.begin(0, 1000)
    assert log.reading == {0: (1000, 5000)}
    pieces = [log.step()[0] for _ in range(2)]
    assert [piece.ended for piece in pieces] == [False, True]
    assert sum(len(piece.records) for piece in pieces) == 4000


@pytest.mark.parametrize(("state", "expected"), [("committed", b"new"), ("aborted", b"old")])
def test_a_transaction_in_flight_is_waited_for(cluster, state, expected):
    """Its writer may still commit it: who stopped at the last committed record would go on without it."""
    cluster.fill("log", 0, b"key", b"old")
    transaction = Transaction()
    write(cluster, transaction, b"new")
    log = reader("log")
    log.begin(0, 0)
    found = {}
    for _ in range(3):
        piece = log.step()[0]
        found |= piece.records
        assert not piece.ended
    cluster.end(transaction, state)
    piece = log.step()[0]
    assert piece.ended
    assert (found | piece.records) == {b"key": expected}


def test_records_that_only_end_transactions_count(cluster):
    transaction = Transaction()
    write(cluster, transaction, b"value")
    cluster.end(transaction, "committed")
    log = reader("log")
    log.begin(0, 0)
    assert (piece := log.step()[0]).ended
    assert piece.next == 2


def test_a_log_that_ends_before_the_place_asked_for_is_another_one(cluster):
    cluster.fill("log", 0, b"key", b"value")
    assert not reader("log").begin(0, 2)
    assert reader("log").begin(0, 1)


def test_a_transaction_that_nobody_ends_is_not_waited_for_for_ever(cluster):
    write(cluster, Transaction(), b"value")
    log = LogReader(connection(), SETTINGS, "log", group_id="restore", patience_s=-1.0)
    log.begin(0, 0)
    with pytest.raises(FatalError, match=r"log\[0\] stands at offset 0 of 1"):
        log.step()


def test_a_partition_that_is_left_gives_nothing_more(cluster):
    cluster.fill("log", 0, b"key", b"value")
    log = reader("log")
    log.begin(0, 0)
    log.leave(0)
    log.leave(0)
    assert log.step() == {}
