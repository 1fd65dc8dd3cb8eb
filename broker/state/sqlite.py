"""The store of a worker: light curves and offsets in one SQLite file."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from broker.alert import DETECTION, EPOCH, Partition
from broker.errors import ConfigError, FatalError
from broker.state.light_curve import LightCurve

log = logging.getLogger(__name__)

STORE_FORMAT = "2"
FORMAT_OF_DETECTIONS = "1"  # the last two bytes of an epoch were room to grow
SEALED_EPOCHS = 64  # at least: a tail of 64 x 40 bytes is rewritten per epoch instead of the whole curve

CURVE_OF_OBJECT = (
    "SELECT tail.epochs, sealed.epochs FROM tail LEFT JOIN sealed USING (object) WHERE object = ?"
)
"""Asks for the two parts of a light curve, see `light_curve`."""


class SQLiteStore:
    """A store in one SQLite file in write-ahead mode, held by one process at a time, for its owner's eyes.

    A store of the format before, which knew detections alone, is brought to this one when it is opened.

    A light curve is two blobs of raw little-endian `EPOCH` records: a sealed one that is rewritten every
    `SEALED_EPOCHS` epochs, and a tail that is rewritten with each. Reading one is a concatenation.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made where they do not exist.

    Raises
    ------
    ConfigError
        If the file cannot be opened, is held by another process, or is of another format.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with ExitStack() as if_refused:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)  # its log of writes gets the same mode
                self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
                if_refused.callback(self._db.close)
                self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._db.execute("PRAGMA journal_mode = WAL")
                # A crash of the machine may lose the last commits, and the offsets with them:
                # those alerts are then read again, so there is no need to wait for the disk.
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._create()
                self._files = self._identify()
            except sqlite3.OperationalError as exc:
                hint = "another worker holds it" if "locked" in str(exc) else str(exc)
                raise ConfigError(f"cannot open the store {path}: {hint}") from exc
            except (sqlite3.DatabaseError, OSError) as exc:
                raise ConfigError(f"cannot open the store {path}: {exc}") from exc
            if_refused.pop_all()

    def load(self, keys: Collection[str]) -> dict[str, LightCurve]:
        """See `Store.load`."""
        curves = {}
        for key in keys:
            row = self._read(CURVE_OF_OBJECT, (key,)).fetchone()
            if row is not None:
                curves[key] = light_curve(self._path, key, row)
        return curves

    def commit(self, curves: Mapping[str, LightCurve], offsets: Mapping[Partition, int]) -> None:
        """See `Store.commit`.

        Raises
        ------
        FatalError
            If the database refuses, a full disk for example, or its file is not in its place any more;
            nothing of the commit is kept then.
        """
        self.check()
        try:
            with self._transaction():
                for key, curve in curves.items():
                    self._put(key, curve)
                self._db.executemany(
                    "INSERT OR REPLACE INTO position VALUES (?, ?, ?)",
                    [(topic, partition, offset) for (topic, partition), offset in offsets.items()],
                )
        except sqlite3.Error as exc:
            raise FatalError(f"cannot write the store {self._path}: {exc}") from exc

    def check(self) -> None:
        """See `Store.check`; SQLite itself goes on writing to files that nobody will find, without a word."""
        try:
            unchanged = self._identify() == self._files
        except OSError:
            unchanged = False
        if not unchanged:
            raise FatalError(
                f"the store {self._path} was removed or replaced while it was in use: put a copy back, or "
                "begin with an empty one, which annotates again what the topics still hold"
            )

    def offsets(self) -> dict[Partition, int]:
        """See `Store.offsets`."""
        rows = self._read("SELECT topic, partition, next_offset FROM position")
        return {(topic, partition): offset for topic, partition, offset in rows}

    def topic_ids(self) -> dict[str, str]:
        """See `Store.topic_ids`."""
        return dict(self._read("SELECT name, id FROM topic"))

    def adopt_topic(self, topic: str, topic_id: str | None, *, from_beginning: bool) -> None:
        """See `Store.adopt_topic`.

        Raises
        ------
        FatalError
            As `commit`.
        """
        self.check()
        try:
            with self._transaction():
                self._db.execute("DELETE FROM topic WHERE name = ?", (topic,))
                if topic_id is not None:
                    self._db.execute("INSERT INTO topic VALUES (?, ?)", (topic, topic_id))
                if from_beginning:
                    self._db.execute("DELETE FROM position WHERE topic = ?", (topic,))
        except sqlite3.Error as exc:
            raise FatalError(f"cannot write the store {self._path}: {exc}") from exc

    def close(self) -> None:
        """See `Store.close`."""
        self._db.close()

    def _identify(self) -> tuple[tuple[int, int], ...]:
        """Device and number of the database's file and of its log of writes."""
        found = [Path(name).stat() for name in (self._path, f"{self._path}-wal")]
        return tuple((file.st_dev, file.st_ino) for file in found)

    def _read(self, query: str, values: tuple[str, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(query, values)
        except sqlite3.Error as exc:
            raise FatalError(
                f"cannot read the store {self._path}: {exc}; restore a copy or name another state.path"
            ) from exc

    def _put(self, key: str, curve: LightCurve) -> None:
        n_sealed = curve.n_sealed
        if n_sealed == 0 or curve.epochs.size - n_sealed > SEALED_EPOCHS:
            n_sealed = curve.epochs.size if curve.epochs.size > SEALED_EPOCHS else 0
            self._db.execute(
                "INSERT OR REPLACE INTO sealed VALUES (?, ?)", (key, curve.epochs[:n_sealed].tobytes())
            )
        self._db.execute(
            "INSERT OR REPLACE INTO tail VALUES (?, ?)", (key, curve.epochs[n_sealed:].tobytes())
        )

    def _create(self) -> None:
        with self._transaction():
            self._db.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT)")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS sealed (object TEXT PRIMARY KEY, epochs BLOB) WITHOUT ROWID"
            )
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS tail (object TEXT PRIMARY KEY, epochs BLOB) WITHOUT ROWID"
            )
            self._db.execute(  # of the offsets; the name of the table is on users' disks
                "CREATE TABLE IF NOT EXISTS position "
                "(topic TEXT, partition INTEGER, next_offset INTEGER, PRIMARY KEY (topic, partition))"
            )
            self._db.execute("CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY, id TEXT)")
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (STORE_FORMAT,))
            (found,) = self._db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
            if found == FORMAT_OF_DETECTIONS:
                self._make_all_detections()
                self._db.execute("UPDATE meta SET value = ? WHERE key = 'format'", (STORE_FORMAT,))
                log.info("store migrated", extra={"path": str(self._path), "format": STORE_FORMAT})
            elif found != STORE_FORMAT:
                raise ConfigError(
                    f"the store {self._path} has format {found!r}, this version reads {STORE_FORMAT!r}: open "
                    "it with the version that wrote it, or name another state.path, where light curves fill "
                    "again from the packets' histories"
                )

    def _make_all_detections(self) -> None:
        """Mark every epoch as a detection, in the bytes that meant nothing; they are so nearly always.

        Raises
        ------
        ConfigError
            If a light curve is damaged.
        """
        for table in ("sealed", "tail"):
            changed = []
            for key, blob in self._db.execute(f"SELECT object, epochs FROM {table}"):  # noqa: S608 - ours
                if len(blob) % EPOCH.itemsize:
                    raise ConfigError(
                        f"the store {self._path} is damaged at {key}: restore a copy or name another "
                        "state.path"
                    )
                epochs = np.frombuffer(blob, EPOCH)
                if epochs["kind"].any() or epochs["offset"].any():
                    epochs = epochs.copy()
                    epochs["kind"], epochs["offset"] = DETECTION, 0
                    changed.append((epochs.tobytes(), key))
            self._db.executemany(f"UPDATE {table} SET epochs = ? WHERE object = ?", changed)  # noqa: S608

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


def light_curve(path: Path, key: str, parts: tuple[bytes, bytes | None]) -> LightCurve:
    """Return the light curve that is stored as a tail and, where there is one, a sealed part.

    Raises
    ------
    FatalError
        If it is damaged; `path` is the store's and `key` the object's in it, for the message.
    """
    tail, sealed = parts[0], parts[1] or b""
    if len(sealed) % EPOCH.itemsize or len(tail) % EPOCH.itemsize:
        raise FatalError(f"the store {path} is damaged at {key}: restore a copy or name another state.path")
    return LightCurve(np.frombuffer(sealed + tail, EPOCH), len(sealed) // EPOCH.itemsize)


class _Transaction:
    """All statements of the block, or none."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, exc: object, trace: object) -> None:
        if kind is None:
            self._db.execute("COMMIT")
        elif self._db.in_transaction:  # a full disk has ended it already
            self._db.execute("ROLLBACK")
