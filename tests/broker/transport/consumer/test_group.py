"""Who else is in the group, as clusters tell it, and how long they are waited for."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from broker.errors import ConfigError, FatalError
from broker.transport.consumer.group import Membership

MEMBER = SimpleNamespace(client_id="varstream", host="/10.0.0.7")
SESSION = {"session.timeout.ms": 10_000}
SESSION_S = 10.0
ALL = [("a", 0), ("a", 1), ("b", 0)]
SIZES = {"a": 2, "b": 1}


class Cluster:
    """Tells about a group what a script says, the last of it for ever."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.n_asked = 0

    def describe_consumer_groups(self, groups, *, request_timeout):
        (group,) = groups
        assert request_timeout > 0
        self.n_asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        told = Future()
        if isinstance(answer, int):
            told.set_exception(KafkaException(KafkaError(answer)))
        else:
            told.set_result(SimpleNamespace(members=answer))
        return {group: told}


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves by sleeping."""
    clock = SimpleNamespace(now=1000.0)

    def sleep(seconds):
        clock.now += seconds

    monkeypatch.setattr("time.monotonic", lambda: clock.now)
    monkeypatch.setattr("time.sleep", sleep)
    return clock


def membership(patience_s=30.0):
    return Membership("g", SESSION, patience_s=patience_s)


def test_an_empty_group_is_joined_at_once(clock):
    cluster = Cluster([])
    membership().wait_until_free(cluster)
    assert (cluster.n_asked, clock.now) == (1, 1000.0)


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.GROUP_ID_NOT_FOUND,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError._UNSUPPORTED_FEATURE,
        KafkaError.UNSUPPORTED_VERSION,
    ],
)
def test_a_group_that_nobody_tells_of_is_joined_at_once(clock, code):
    membership().wait_until_free(Cluster(code))
    assert clock.now == 1000.0


def test_a_cluster_that_may_not_be_asked_about_the_group_is_a_warning(clock, caplog):
    membership().wait_until_free(Cluster(KafkaError.GROUP_AUTHORIZATION_FAILED))
    assert "cannot ask who else is in the group" in caplog.text


def test_a_dead_member_is_waited_for_until_it_expires(clock):
    membership().wait_until_free(Cluster(*[[MEMBER]] * 15, []))
    assert 0.0 < clock.now - 1000.0 <= SESSION_S


def test_a_member_that_outlives_a_session_keeps_us_out_by_name(clock):
    with pytest.raises(ConfigError, match=r"varstream at 10\.0\.0\.7: .*one worker per group"):
        membership().wait_until_free(Cluster([MEMBER]))
    assert SESSION_S < clock.now - 1000.0 < 2 * SESSION_S


def test_a_group_whose_broker_starts_is_asked_again(clock):
    busy = KafkaError.COORDINATOR_LOAD_IN_PROGRESS
    cluster = Cluster(busy, busy, [])
    membership().wait_until_free(cluster)
    assert cluster.n_asked == 3


def test_a_group_whose_broker_stays_away_ends_our_patience(clock):
    with pytest.raises(FatalError, match="cannot ask who is in group g"):
        membership(patience_s=5.0).wait_until_free(Cluster(KafkaError.COORDINATOR_NOT_AVAILABLE))
    assert clock.now - 1000.0 > 5.0


def test_all_partitions_are_enough_and_topics_that_are_not_there_do_not_count(clock):
    assert membership().has_all(ALL, SIZES)
    assert membership().has_all([], {})


def test_the_member_without_the_first_partition_leaves_after_one_session(clock):
    member = membership()
    assert not member.has_all([("a", 1), ("b", 0)], SIZES)
    clock.now += SESSION_S
    assert not member.has_all([("a", 1), ("b", 0)], SIZES)  # a dead one may have it
    clock.now += SESSION_S
    with pytest.raises(ConfigError, match="gave this worker 1 of the 2 partitions of a"):
        member.has_all([("a", 1), ("b", 0)], SIZES)


def test_the_member_with_the_first_partition_waits_for_the_other_to_leave_but_not_for_ever(clock):
    member = membership()
    assert not member.has_all([("a", 0), ("b", 0)], SIZES)
    clock.now += 2 * SESSION_S
    assert not member.has_all([("a", 0), ("b", 0)], SIZES)
    clock.now += 2 * SESSION_S
    with pytest.raises(FatalError, match="gave this worker 1 of the 2 partitions of a"):
        member.has_all([("a", 0), ("b", 0)], SIZES)


def test_who_had_all_of_it_meanwhile_waits_anew(clock):
    member = membership()
    assert not member.has_all([("a", 1)], SIZES)
    clock.now += 100.0
    assert member.has_all(ALL, SIZES)
    assert not member.has_all([("a", 1)], SIZES)
