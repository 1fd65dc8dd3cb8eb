from __future__ import annotations

import pytest

from broker.state.sqlite import SQLiteStore
from broker.state.store import MemoryStore
from tests.broker.epochs import curve_of


@pytest.fixture(params=["sqlite", "memory"])
def store(request, tmp_path):
    opened = SQLiteStore(tmp_path / "state.sqlite") if request.param == "sqlite" else MemoryStore()
    yield opened
    opened.close()


def test_what_was_committed_is_loaded(store):
    store.commit({"ztf:a": curve_of(1, 2), "ztf:b": curve_of(3)}, {("t", 0): 7})
    loaded = store.load(["ztf:a", "ztf:b", "ztf:unknown"])
    assert sorted(loaded) == ["ztf:a", "ztf:b"]
    assert (loaded["ztf:a"].epochs == curve_of(1, 2).epochs).all()
    assert store.offsets() == {("t", 0): 7}


def test_offsets_of_other_partitions_stay(store):
    store.commit({}, {("t", 0): 7, ("t", 1): 3})
    store.commit({}, {("t", 1): 4})
    assert store.offsets() == {("t", 0): 7, ("t", 1): 4}


def test_a_topic_that_begins_anew_loses_its_offsets_and_no_light_curve(store):
    store.commit({"ztf:a": curve_of(1)}, {("t", 0): 7, ("t", 1): 3, ("u", 0): 9})
    assert store.topic_ids() == {}
    store.adopt_topic("t", "one", from_beginning=False)
    store.adopt_topic("u", "other", from_beginning=False)
    assert store.offsets() == {("t", 0): 7, ("t", 1): 3, ("u", 0): 9}
    store.adopt_topic("t", "two", from_beginning=True)
    assert store.topic_ids() == {"t": "two", "u": "other"}
    assert store.offsets() == {("u", 0): 9}
    store.adopt_topic("u", None, from_beginning=True)
    assert store.topic_ids() == {"t": "two"}
    assert store.offsets() == {}
    assert sorted(store.load(["ztf:a"])) == ["ztf:a"]
