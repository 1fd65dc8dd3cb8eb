from __future__ import annotations

import pytest

from broker.errors import FatalError
from broker.state.store import MemoryStore
from broker.transport.consumer.topic_identity import TopicIdentity
from broker.transport.kafka_client import Connection


def identity(store, *remade):
    return TopicIdentity(Connection("h:9", patience_s=1.0), store, remade=remade)


def read_before(topic_id):
    store = MemoryStore()
    store.commit({}, {("t", 0): 7, ("t", 1): 2, ("u", 0): 5})
    if topic_id is not None:
        store.adopt_topic("t", topic_id, from_beginning=False)
    return store


@pytest.mark.parametrize("known", ["one", None])
@pytest.mark.parametrize("told", ["one", None])
def test_a_topic_that_is_the_same_or_of_which_nothing_is_told_goes_on(known, told):
    store = read_before(known)
    assert identity(store, "t").settle("t", told, None)
    assert store.offsets()["t", 0] == 7
    assert store.topic_ids() == ({"t": "one"} if known or told else {})


@pytest.mark.parametrize(("told", "beyond_end"), [("two", None), ("one", "too short"), (None, "too short")])
def test_another_topic_is_refused_and_nothing_forgotten(told, beyond_end):
    store = read_before("one")
    with pytest.raises(FatalError, match=r"topic t was made anew.*--remade-topic t"):
        identity(store, "u").settle("t", told, beyond_end)
    assert store.offsets()["t", 0] == 7
    assert store.topic_ids() == {"t": "one"}


def test_another_topic_that_the_operator_knows_of_begins_and_others_stay(caplog):
    store = read_before("one")
    assert not identity(store, "t").settle("t", "two", None)
    assert store.offsets() == {("u", 0): 5}
    assert store.topic_ids() == {"t": "two"}
    assert identity(store, "t").settle("t", "two", None)


def test_without_a_memory_a_topic_that_is_too_short_is_still_refused():
    with pytest.raises(FatalError, match=r"t\[0\] ends at 4"):
        identity(None).settle("t", None, "t[0] ends at 4")
