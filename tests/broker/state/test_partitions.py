"""Stores of partitions: a copy of the changelog, wherever it is filled from."""

from __future__ import annotations

import shutil

import pytest

from broker.errors import ConfigError, FatalError
from broker.photometry.partitioner import partition_of
from broker.state.changelog import MARKER_KEY, Marker
from broker.state.object_record import note_of, sealed_key, tail_key
from broker.state.partition_store import PartitionStore, StoreIdentity
from broker.state.partitions import PartitionStores
from tests.broker.epochs import curve_of

N = 4
IDENTITY = StoreIdentity("cluster", "changelog-id", N)
DERIVATION = "ab" * 32
KEY = "ztf:star"
AT = partition_of(KEY, N)


@pytest.fixture
def stores(tmp_path):
    stores = PartitionStores(tmp_path / "state", IDENTITY, "topic-id")
    yield stores
    stores.close_all()


def commit(stores, curves, *, offset, time_ms=0, derivations=None, changelog=0):
    """One batch of the partition of KEY, as the commit makes it final."""
    changes = stores.changes(
        curves, derivations or {}, dict.fromkeys(curves, time_ms), {AT: (offset, time_ms)}
    )
    stores.apply(changes, {AT: changelog + sum(map(len, changes.values())) - 1})
    return changes


def test_what_was_committed_is_there_after_it_is_opened_again(stores):
    stores.open(AT)
    commit(stores, {KEY: curve_of(*range(1, 100))}, offset=7, time_ms=5000)
    stores.close(AT)
    again = stores.open(AT)
    assert stores.load([KEY])[KEY].epochs["source_id"].tolist() == list(range(1, 100))
    assert again.marker == Marker(N, 7, 5000, "topic-id")
    assert again.changelog_next == 3
    assert stores.load(["ztf:unknown"]) == {} or partition_of("ztf:unknown", N) != AT


def test_a_store_that_is_filled_from_the_changelog_equals_the_one_that_wrote_it(stores, tmp_path):
    stores.open(AT)
    log = {}
    for n in range(2, 200, 7):
        log |= commit(stores, {KEY: curve_of(*range(1, n))}, offset=n, changelog=n)[AT]
    other = PartitionStore(tmp_path / "other.sqlite", IDENTITY)
    other.write(log, changelog_next=500)
    assert other.load([KEY])[KEY].epochs.tobytes() == stores.load([KEY])[KEY].epochs.tobytes()
    assert (other.marker.input_next, other.changelog_next) == (198, 500)
    other.close()


def test_a_partition_that_was_read_has_a_marker_whether_or_not_a_light_curve_changed(stores):
    stores.open(AT)
    assert set(commit(stores, {}, offset=3)[AT]) == {MARKER_KEY}


def test_the_derivation_of_an_object_s_last_annotation_is_kept_until_it_has_another(stores):
    stores.open(AT)

    def noted(**more):
        return note_of(commit(stores, {KEY: curve_of(1)}, offset=1, **more)[AT][tail_key(KEY)])

    assert noted(time_ms=10, derivations={KEY: DERIVATION}).derivation.hex() == "ab" * 16
    assert noted(time_ms=20).derivation.hex() == "ab" * 16
    assert noted(time_ms=30, derivations={KEY: "cd" * 32}).derivation.hex() == "cd" * 16


def test_the_time_of_a_partition_does_not_go_back(stores):
    stores.open(AT)
    commit(stores, {}, offset=1, time_ms=1000)
    changes = commit(stores, {KEY: curve_of(1)}, offset=2, time_ms=400)
    assert note_of(changes[AT][tail_key(KEY)]).seen_ms == 1000


def test_a_record_that_is_gone_leaves_the_store(stores):
    store = stores.open(AT)
    commit(stores, {KEY: curve_of(1)}, offset=1)
    store.write({tail_key(KEY): None}, changelog_next=9)
    assert stores.load([KEY]) == {}


@pytest.mark.parametrize(
    "other",
    [
        StoreIdentity("another", "changelog-id", N, AT),
        StoreIdentity("cluster", "made anew", N, AT),
        StoreIdentity("cluster", "changelog-id", 2 * N, AT),
        StoreIdentity("cluster", "changelog-id", N, AT + 1),
    ],
)
def test_a_store_of_another_changelog_begins_anew(stores, tmp_path, other):
    stores.open(AT)
    commit(stores, {KEY: curve_of(1)}, offset=1)
    stores.close(AT)
    strange = PartitionStore(tmp_path / "state" / f"{AT}.sqlite", other)
    assert (strange.load([KEY]), strange.changelog_next, strange.marker) == ({}, 0, None)
    strange.close()


def test_a_store_that_is_taken_away_is_noticed_before_the_next_commit(stores, tmp_path):
    stores.open(AT)
    stores.check()
    shutil.rmtree(tmp_path / "state")
    with pytest.raises(FatalError, match="was removed or replaced while it was in use"):
        stores.check()
    with pytest.raises(FatalError, match="was removed or replaced"):
        commit(stores, {KEY: curve_of(1)}, offset=1)


def test_a_store_that_is_damaged_begins_anew(stores, tmp_path):
    stores.open(AT)
    commit(stores, {KEY: curve_of(1)}, offset=1)
    stores.close(AT)
    (tmp_path / "state" / f"{AT}.sqlite").write_bytes(b"no database" * 1000)
    again = stores.open(AT)
    assert (stores.load([KEY]), again.changelog_next, again.marker) == ({}, 0, None)


def test_a_store_that_cannot_be_made_is_refused(stores, tmp_path):
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match="cannot open the store"):
        stores.open(AT)


def test_a_full_disk_stops_the_worker_and_keeps_what_was(stores):
    store = stores.open(AT)
    commit(stores, {KEY: curve_of(1)}, offset=1)
    (pages,) = store._database.read("PRAGMA page_count").fetchone()
    store._database.read(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(FatalError, match="full"):
        commit(stores, {KEY: curve_of(*range(1, 5000))}, offset=2, changelog=10)
    assert stores.load([KEY])[KEY].epochs.size == 1
    assert store.marker.input_next == 1


def test_a_marker_of_another_version_is_told():
    value = Marker(N, 1, 2, "id").encode()
    assert Marker.decode(value, "here") == Marker(N, 1, 2, "id")
    for strange in (b"", value[:10], b"\x02" + value[1:], value + b"x" * 100):
        with pytest.raises(FatalError, match="the marker of changelog\\[3\\]"):
            Marker.decode(strange, "changelog[3]")


DAY_MS = 86_400_000


@pytest.fixture
def forgetful(tmp_path):
    stores = PartitionStores(tmp_path / "forgetful", IDENTITY, "topic-id", 10 * DAY_MS)
    stores.open(AT)
    yield stores
    stores.close_all()


def test_who_was_not_seen_for_long_begins_anew_and_leaves(forgetful):
    commit(forgetful, {KEY: curve_of(*range(1, 100))}, offset=1, time_ms=DAY_MS)
    assert not forgetful.forgets(KEY, None, 11 * DAY_MS)
    assert forgetful.forgets(KEY, None, 11 * DAY_MS + 1)
    assert not forgetful.forgets(KEY, 5 * DAY_MS, 11 * DAY_MS + 1)  # seen in this batch
    assert set(commit(forgetful, {}, offset=2, time_ms=11 * DAY_MS)[AT]) == {MARKER_KEY}
    gone = commit(forgetful, {}, offset=3, time_ms=12 * DAY_MS, changelog=9)[AT]
    assert {key for key, value in gone.items() if value is None} == {tail_key(KEY), sealed_key(KEY)}
    assert forgetful.load([KEY]) == {}


def test_who_comes_back_is_not_swept_away(forgetful):
    commit(forgetful, {KEY: curve_of(1)}, offset=1, time_ms=DAY_MS)
    commit(forgetful, {KEY: curve_of(2)}, offset=2, time_ms=20 * DAY_MS)
    assert forgetful.load([KEY])[KEY].epochs["source_id"].tolist() == [2]


def test_without_a_time_nobody_is_forgotten(stores):
    stores.open(AT)
    commit(stores, {KEY: curve_of(1)}, offset=1, time_ms=1)
    assert not stores.forgets(KEY, None, 10**15)
    assert set(commit(stores, {}, offset=2, time_ms=10**15)[AT]) == {MARKER_KEY}


def test_all_objects_are_looked_through_some_at_each_batch(forgetful):
    others = [key for n in range(2000) if partition_of(key := f"ztf:{n}", N) == AT]
    commit(forgetful, {key: curve_of(1) for key in others}, offset=1, time_ms=DAY_MS)
    for offset in range(2, 2 + len(others) // 100 + 2):
        commit(forgetful, {}, offset=offset, time_ms=30 * DAY_MS, changelog=3000 * offset)
    assert forgetful.load(others) == {}
