from __future__ import annotations

import os
import shutil
import sqlite3
import stat

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.errors import ConfigError, FatalError
from broker.state.light_curve import LightCurve, merge
from broker.state.sqlite import SEALED_EPOCHS, SQLiteStore
from tests.broker.epochs import alert, curve_of, epoch


def test_a_reopened_store_holds_everything(tmp_path):
    path = tmp_path / "below" / "state.sqlite"
    first = SQLiteStore(path)
    first.commit({"ztf:a": curve_of(*range(1, 200))}, {("t", 0): 200})
    first.close()
    second = SQLiteStore(path)
    assert (second.load(["ztf:a"])["ztf:a"].epochs == curve_of(*range(1, 200)).epochs).all()
    assert second.offsets() == {("t", 0): 200}
    second.close()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=25,
    deadline=None,
)
@given(
    st.lists(
        st.tuples(st.integers(1, 3 * SEALED_EPOCHS), st.integers(0, 40), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_sealing_never_changes_what_is_read_back(tmp_path, steps):
    """Appends, corrections of old epochs and withdrawals through the store equal the same in memory."""
    path = tmp_path / "state.sqlite"
    path.unlink(missing_ok=True)
    store, memory = SQLiteStore(path), LightCurve.empty()
    next_id = 1
    for n_new, corrected, withdraws in steps:
        news = [epoch(next_id + i) for i in range(n_new)]
        next_id += n_new
        stored = store.load(["k"]).get("k", LightCurve.empty())
        one = alert(
            news[0],
            *news[1:],
            epoch(max(1, corrected), mag=10.0 + next_id),
            withdrawn=np.array([corrected + 1] if withdraws else [], np.int64),
        )
        updated, _ = merge(stored, one)
        memory, _ = merge(LightCurve(memory.epochs), one)
        store.commit({"k": updated}, {})
    assert (store.load(["k"])["k"].epochs == memory.epochs).all()
    store.close()


def test_a_tail_is_rewritten_and_a_full_one_is_sealed(tmp_path):
    path = tmp_path / "state.sqlite"
    store = SQLiteStore(path)
    curve = LightCurve.empty()
    sealed_sizes = []
    for source_id in range(1, 2 * SEALED_EPOCHS + 4):
        curve, _ = merge(store.load(["k"]).get("k", curve), alert(epoch(source_id)))
        store.commit({"k": curve}, {})
        sealed_sizes.append(store.load(["k"])["k"].n_sealed)
    store.close()
    assert sealed_sizes[SEALED_EPOCHS - 1] == 0
    assert sealed_sizes[SEALED_EPOCHS] == SEALED_EPOCHS + 1
    assert len(set(sealed_sizes)) == 3


def test_a_second_worker_cannot_open_the_same_store(tmp_path):
    first = SQLiteStore(tmp_path / "state.sqlite")
    first.commit({}, {("t", 0): 1})
    with pytest.raises(ConfigError, match="another worker holds it"):
        SQLiteStore(tmp_path / "state.sqlite")
    first.close()


def test_a_refused_store_leaves_no_file_open(tmp_path, monkeypatch):
    made = []

    def remember(*arguments, **settings):
        made.append(connect(*arguments, **settings))
        return made[-1]

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", remember)
    (tmp_path / "state.sqlite").write_text("not a database, but long enough to look at " * 10)
    with pytest.raises(ConfigError):
        SQLiteStore(tmp_path / "state.sqlite")
    (db,) = made
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "state.sqlite").write_text("not a database, but long enough to look at " * 10)
    with pytest.raises(ConfigError, match="not a database"):
        SQLiteStore(tmp_path / "state.sqlite")


def test_a_store_of_another_format_is_refused(tmp_path):
    path = tmp_path / "state.sqlite"
    SQLiteStore(path).close()
    db = sqlite3.connect(path)
    db.execute("UPDATE meta SET value = '99'")
    db.commit()
    db.close()
    with pytest.raises(ConfigError, match="format '99'"):
        SQLiteStore(path)


def test_a_full_disk_stops_the_worker_and_keeps_nothing_of_the_batch(tmp_path):
    store = SQLiteStore(tmp_path / "state.sqlite")
    store.commit({"a": curve_of(1)}, {("t", 0): 1})
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(FatalError, match="full"):
        store.commit({f"k{i}": curve_of(*range(1, 60)) for i in range(50)}, {("t", 0): 2})
    assert store.offsets() == {("t", 0): 1}
    assert sorted(store.load([f"k{i}" for i in range(50)])) == []
    store.close()


def test_a_damaged_blob_is_named_and_stops_the_worker(tmp_path):
    store = SQLiteStore(tmp_path / "state.sqlite")
    store.commit({"ztf:a": curve_of(1, 2)}, {})
    store._db.execute("UPDATE tail SET epochs = substr(epochs, 1, 50)")
    with pytest.raises(FatalError, match="damaged at ztf:a"):
        store.load(["ztf:a"])
    store.close()


def remove(path):
    path.unlink()


def remove_the_folder(path):
    shutil.rmtree(path.parent)


def remove_the_log_of_writes(path):
    path.with_name(path.name + "-wal").unlink()


def replace_by_a_copy(path):
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.rename(path)


@pytest.mark.parametrize("befall", [remove, remove_the_folder, remove_the_log_of_writes, replace_by_a_copy])
@pytest.mark.parametrize("opened", ["first", "again"])
def test_a_store_whose_file_is_not_in_its_place_any_more_stops_the_worker(tmp_path, befall, opened):
    path = tmp_path / "below" / "state.sqlite"
    store = SQLiteStore(path)
    if opened == "again":
        store.close()
        store = SQLiteStore(path)
    store.commit({"a": curve_of(1)}, {("t", 0): 1})
    store.check()
    befall(path)
    with pytest.raises(FatalError, match="was removed or replaced while it was in use"):
        store.check()
    with pytest.raises(FatalError, match="was removed or replaced while it was in use"):
        store.commit({"a": curve_of(1, 2)}, {("t", 0): 2})
    with pytest.raises(FatalError, match="was removed or replaced"):
        store.adopt_topic("t", "id", from_beginning=False)
    assert store.offsets() == {("t", 0): 1}
    store.close()


def test_a_store_is_for_the_eyes_of_its_owner(tmp_path):
    umask = os.umask(0)
    try:
        store = SQLiteStore(tmp_path / "state.sqlite")
        store.commit({"a": curve_of(1)}, {("t", 0): 1})
    finally:
        os.umask(umask)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"state.sqlite": 0o600, "state.sqlite-wal": 0o600}
    store.close()


def test_a_store_from_before_topics_had_ids_is_opened(tmp_path):
    path = tmp_path / "state.sqlite"
    store = SQLiteStore(path)
    store.commit({"a": curve_of(1)}, {("t", 0): 1})
    store.close()
    db = sqlite3.connect(path)
    db.execute("DROP TABLE topic")
    db.close()
    store = SQLiteStore(path)
    assert store.topic_ids() == {}
    assert store.offsets() == {("t", 0): 1}
    store.adopt_topic("t", "id", from_beginning=False)
    store.close()
    store = SQLiteStore(path)
    assert store.topic_ids() == {"t": "id"}
    store.close()
