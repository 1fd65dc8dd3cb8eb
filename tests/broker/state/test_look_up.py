"""A store is looked into without a worker, and is not touched by it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from broker.errors import ConfigError, FatalError
from broker.state.look_up import look_up
from broker.state.partition_store import StoreIdentity
from broker.state.partitions import PartitionStores
from broker.state.sqlite import SQLiteStore
from tests.broker.epochs import curve_of

CURVES = {"ztf:short": curve_of(1, 2, 3), "ztf:long": curve_of(*range(1, 200))}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a state with 100 % of #1.sqlite"
    with closing(SQLiteStore(path)) as store:
        store.commit(CURVES, {})
    return path


def execute(path, statement, *values):
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement, values)
        db.commit()


def test_what_is_known_is_found_as_the_worker_would_load_it_and_the_file_stays(path):
    before = path.read_bytes()
    found = look_up(path, [*CURVES, "ztf:unknown"])
    assert found.keys() == CURVES.keys()
    for key, curve in found.items():
        assert (curve.epochs == CURVES[key].epochs).all()
    assert path.read_bytes() == before


def test_what_a_worker_that_was_killed_has_committed_is_found(path, tmp_path):
    with closing(SQLiteStore(path)) as store:
        store.commit({"ztf:late": curve_of(7)}, {})
        for suffix in ("", "-wal"):  # as its disk has it, with what is in the log of writes alone
            copy = tmp_path / f"copy.sqlite{suffix}"
            copy.write_bytes(path.with_name(path.name + suffix).read_bytes())
    assert look_up(tmp_path / "copy.sqlite", ["ztf:late"]).keys() == {"ztf:late"}


def test_a_store_that_a_worker_holds_is_refused_with_what_to_do(path):
    with closing(SQLiteStore(path)), pytest.raises(ConfigError, match="a worker holds it: stop it"):
        look_up(path, CURVES)


def test_what_is_no_store_is_refused_and_not_made(tmp_path, path):
    absent = tmp_path / "absent.sqlite"
    with pytest.raises(ConfigError, match=r"no such store: .*absent\.sqlite"):
        look_up(absent, CURVES)
    assert not absent.exists()
    (tmp_path / "text").write_text("no database, whatever its name says, but long enough for a header" * 9)
    with pytest.raises(ConfigError, match="cannot read the store"):
        look_up(tmp_path / "text", CURVES)
    execute(tmp_path / "other.sqlite", "CREATE TABLE stars (id TEXT)")
    with pytest.raises(ConfigError, match="no such table: meta"):
        look_up(tmp_path / "other.sqlite", CURVES)
    execute(path, "UPDATE meta SET value = '1' WHERE key = 'format'")
    with pytest.raises(ConfigError, match="has format '1', this version reads '2': a worker"):
        look_up(path, CURVES)


def test_a_damaged_light_curve_is_said(path):
    execute(path, "UPDATE tail SET epochs = ? WHERE object = 'ztf:short'", b"half an epoch")
    with pytest.raises(FatalError, match="damaged at ztf:short"):
        look_up(path, CURVES)


def test_a_folder_of_the_stores_of_workers_is_looked_through_while_one_runs(tmp_path):
    stores = PartitionStores(tmp_path / "one", StoreIdentity("cluster", "changelog", 4))
    for number in range(4):
        stores.open(number)
    changes = stores.changes(CURVES, {}, {}, dict.fromkeys(range(4), (1, 0)))
    stores.apply(changes, dict.fromkeys(range(4), 9))
    found = look_up(tmp_path, [*CURVES, "ztf:unknown"])
    assert found.keys() == CURVES.keys()
    for key, curve in found.items():
        assert (curve.epochs == CURVES[key].epochs).all()
    stores.close_all()


def test_a_folder_without_stores_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no stores in"):
        look_up(tmp_path, ["ztf:star"])
