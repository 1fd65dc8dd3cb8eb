"""The store of a worker: light curves and offsets in one SQLite file."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from broker.alert import DETECTION, EPOCH, Partition
from broker.errors import ConfigError, FatalError
from broker.state.database import Database
from broker.state.light_curve import LightCurve

log = logging.getLogger(__name__)

STORE_FORMAT = "2"
FORMAT_OF_DETECTIONS = "1"  # the last two bytes of an epoch were room to grow
SEALED_EPOCHS = 64  # at least: a tail of 64 x 40 bytes is rewritten per epoch instead of the whole curve

CURVE_OF_OBJECT = (
    "SELECT tail.epochs, sealed.epochs FROM tail LEFT JOIN sealed USING (object) WHERE object = ?"
)
"""Asks for the two parts of a light curve, see `light_curve`."""

_SETUP = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS sealed (object TEXT PRIMARY KEY, epochs BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tail (object TEXT PRIMARY KEY, epochs BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position
(topic TEXT, partition INTEGER, next_offset INTEGER, PRIMARY KEY (topic, partition));
CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY, id TEXT)
"""  # `position` has offsets; the names are on users' disks


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
        self._database = Database(
            path,
            shared=False,
            setup=_SETUP,
            remedy="restore a copy or name another state.path",
            if_lost="put a copy back, or begin with an empty one, "
            "which annotates again what the topics still hold",
        )
        try:
            self._settle_format()
        except BaseException:
            self._database.close()
            raise

    def load(self, keys: Collection[str]) -> dict[str, LightCurve]:
        """See `Store.load`."""
        curves = {}
        for key in keys:
            row = self._database.read(CURVE_OF_OBJECT, (key,)).fetchone()
            if row is not None:
                curves[key] = light_curve(self._database.path, key, row)
        return curves

    def commit(self, curves: Mapping[str, LightCurve], offsets: Mapping[Partition, int]) -> None:
        """See `Store.commit`.

        Raises
        ------
        FatalError
            If the database refuses, a full disk for example, or its file is not in its place any more;
            nothing of the commit is kept then.
        """
        sealed, tails = [], []
        for key, curve in curves.items():
            n_sealed = curve.n_sealed
            if n_sealed == 0 or curve.epochs.size - n_sealed > SEALED_EPOCHS:
                n_sealed = curve.epochs.size if curve.epochs.size > SEALED_EPOCHS else 0
                sealed.append((key, curve.epochs[:n_sealed].tobytes()))
            tails.append((key, curve.epochs[n_sealed:].tobytes()))
        self._database.write(
            ("INSERT OR REPLACE INTO sealed VALUES (?, ?)", sealed),
            ("INSERT OR REPLACE INTO tail VALUES (?, ?)", tails),
            (
                "INSERT OR REPLACE INTO position VALUES (?, ?, ?)",
                [(topic, partition, offset) for (topic, partition), offset in offsets.items()],
            ),
        )

    def forgets(self, key: str, seen_ms: int | None, now_ms: int) -> bool:
        """See `LightCurves.forgets`: never."""
        return False

    def check(self) -> None:
        """See `Store.check`."""
        self._database.check()

    def offsets(self) -> dict[Partition, int]:
        """See `Store.offsets`."""
        rows = self._database.read("SELECT topic, partition, next_offset FROM position")
        return {(topic, partition): offset for topic, partition, offset in rows}

    def topic_ids(self) -> dict[str, str]:
        """See `Store.topic_ids`."""
        return dict(self._database.read("SELECT name, id FROM topic"))

    def adopt_topic(self, topic: str, topic_id: str | None, *, from_beginning: bool) -> None:
        """See `Store.adopt_topic`.

        Raises
        ------
        FatalError
            As `commit`.
        """
        self._database.write(
            ("DELETE FROM topic WHERE name = ?", [(topic,)]),
            ("INSERT INTO topic VALUES (?, ?)", [] if topic_id is None else [(topic, topic_id)]),
            ("DELETE FROM position WHERE topic = ?", [(topic,)] if from_beginning else []),
        )

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()

    def _settle_format(self) -> None:
        """See that the store is of our format, or bring it there.

        Raises
        ------
        ConfigError
            If it is of one that is not known here, or a light curve is damaged.
        """
        path = self._database.path
        row = self._database.read("SELECT value FROM meta WHERE key = 'format'").fetchone()
        found = None if row is None else row[0]
        if found == STORE_FORMAT:
            return
        if found not in (None, FORMAT_OF_DETECTIONS):
            raise ConfigError(
                f"the store {path} has format {found!r}, this version reads {STORE_FORMAT!r}: open "
                "it with the version that wrote it, or name another state.path, where light curves fill "
                "again from the packets' histories"
            )
        of_detections = {} if found is None else self._as_detections()
        self._database.write(
            *(
                (f"UPDATE {table} SET epochs = ? WHERE object = ?", rows)  # noqa: S608 - ours
                for table, rows in of_detections.items()
            ),
            ("INSERT OR REPLACE INTO meta VALUES ('format', ?)", [(STORE_FORMAT,)]),
        )
        if found is not None:
            log.info("store migrated", extra={"path": str(path), "format": STORE_FORMAT})

    def _as_detections(self) -> dict[str, list[tuple[bytes, str]]]:
        """Epochs of the format before, by table, marked as detections in the bytes that meant nothing.

        Nearly always they are so already, and none is returned.

        Raises
        ------
        ConfigError
            If a light curve is damaged.
        """
        changed: dict[str, list[tuple[bytes, str]]] = {"sealed": [], "tail": []}
        for table, rows in changed.items():
            for key, blob in self._database.read(f"SELECT object, epochs FROM {table}"):  # noqa: S608 - ours
                if len(blob) % EPOCH.itemsize:
                    raise ConfigError(
                        f"the store {self._database.path} is damaged at {key}: restore a copy or name "
                        "another state.path"
                    )
                epochs = np.frombuffer(blob, EPOCH)
                if epochs["kind"].any() or epochs["offset"].any():
                    epochs = epochs.copy()
                    epochs["kind"], epochs["offset"] = DETECTION, 0
                    rows.append((epochs.tobytes(), key))
        return changed


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
