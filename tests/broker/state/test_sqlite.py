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
from tests.broker.epochs import alert, curve_of, epoch, forced_epoch


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
    (pages,) = store._database._db.execute("PRAGMA page_count").fetchone()
    store._database._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(FatalError, match="full"):
        store.commit({f"k{i}": curve_of(*range(1, 60)) for i in range(50)}, {("t", 0): 2})
    assert store.offsets() == {("t", 0): 1}
    assert sorted(store.load([f"k{i}" for i in range(50)])) == []
    store.close()


def test_a_damaged_blob_is_named_and_stops_the_worker(tmp_path):
    store = SQLiteStore(tmp_path / "state.sqlite")
    store.commit({"ztf:a": curve_of(1, 2)}, {})
    store._database._db.execute("UPDATE tail SET epochs = substr(epochs, 1, 50)")
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


FORMER_EPOCH = np.dtype(
    [
        ("source_id", "<i8"),
        ("exposure", "<i8"),
        ("mjd", "<f8"),
        ("mag", "<f4"),
        ("mag_err", "<f4"),
        ("time_correction_s", "<f4"),
        ("band", "S1"),
        ("withdrawn", "?"),
        ("pad", "V2"),
    ]
)


def former_epochs(*source_ids, pad=b"\0\0"):
    """Records of the format in which there were detections alone."""
    rows = np.zeros(len(source_ids), FORMER_EPOCH)
    rows["source_id"] = rows["exposure"] = source_ids
    rows["mjd"], rows["mag"], rows["mag_err"] = 59_000.0 + np.array(source_ids), 15.0, 0.01
    rows["band"], rows["pad"] = b"g", pad
    return rows


def former_store(path, curves, *, format_number="1"):
    """A store as the version before forced photometry left it: object -> (sealed, tail)."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
    for table in ("sealed", "tail"):
        db.execute(f"CREATE TABLE {table} (object TEXT PRIMARY KEY, epochs BLOB) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE position "
        "(topic TEXT, partition INTEGER, next_offset INTEGER, PRIMARY KEY (topic, partition))"
    )
    db.execute("CREATE TABLE topic (name TEXT PRIMARY KEY, id TEXT)")
    db.execute("INSERT INTO meta VALUES ('format', ?)", (format_number,))
    db.execute("INSERT INTO position VALUES ('t', 3, 77)")
    db.execute("INSERT INTO topic VALUES ('t', 'one')")
    for key, (sealed, tail) in curves.items():
        if sealed is not None:
            db.execute("INSERT INTO sealed VALUES (?, ?)", (key, sealed.tobytes()))
        db.execute("INSERT INTO tail VALUES (?, ?)", (key, tail.tobytes()))
    db.commit()
    db.close()


@pytest.mark.parametrize("pad", [b"\0\0", b"\x01\x07"])
def test_a_store_of_the_format_before_holds_the_same_detections(tmp_path, pad):
    path = tmp_path / "state.sqlite"
    long = np.arange(1, 101)
    curves = {
        "ztf:a": (former_epochs(*long, pad=pad), former_epochs(101, pad=pad)),
        "ztf:b": (None, former_epochs(1, 2, pad=pad)),
    }
    former_store(path, curves)
    for _ in range(2):  # it is migrated once
        store = SQLiteStore(path)
        loaded = store.load(["ztf:a", "ztf:b"])
        assert (loaded["ztf:a"].epochs == curve_of(*long, 101).epochs).all()
        assert loaded["ztf:a"].n_sealed == 100
        assert (loaded["ztf:b"].epochs == curve_of(1, 2).epochs).all()
        assert store.offsets() == {("t", 3): 77}
        assert store.topic_ids() == {"t": "one"}
        store.close()
    db = sqlite3.connect(path)
    assert db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone() == ("2",)
    db.close()


def test_forced_photometry_joins_what_the_format_before_held(tmp_path):
    path = tmp_path / "state.sqlite"
    former_store(path, {"k": (None, former_epochs(1, 2))})
    store = SQLiteStore(path)
    curve, bands = merge(store.load(["k"])["k"], alert(epoch(3), forced=[forced_epoch(2), forced_epoch(9)]))
    store.commit({"k": curve}, {})
    assert bands == ["g"]
    assert (store.load(["k"])["k"].epochs == curve.epochs).all()
    assert curve.epochs["kind"].tolist() == [0, 0, 0, 1]  # of 2 there was a detection
    store.close()


def test_a_damaged_store_of_the_format_before_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / "state.sqlite"
    former_store(path, {"ztf:a": (None, np.frombuffer(former_epochs(1, 2).tobytes()[:50], "u1"))})
    with pytest.raises(ConfigError, match=r"damaged at ztf:a: restore a copy or name another state\.path"):
        SQLiteStore(path)
    db = sqlite3.connect(path)
    assert db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone() == ("1",)
    db.close()


@pytest.mark.parametrize("number", ["0", "3", "99"])
def test_a_store_of_a_format_that_cannot_be_migrated_is_refused_with_the_way_on(tmp_path, number):
    former_store(tmp_path / "state.sqlite", {}, format_number=number)
    with pytest.raises(ConfigError, match=rf"has format '{number}', .* name another state\.path"):
        SQLiteStore(tmp_path / "state.sqlite")
