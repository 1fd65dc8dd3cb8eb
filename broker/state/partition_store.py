"""The store of one partition: what its changelog says, in a SQLite file, and how far that was read."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from broker.state.changelog import MARKER_KEY, Marker
from broker.state.database import DamagedError, Database
from broker.state.light_curve import LightCurve
from broker.state.object_record import ObjectNote, curve_of, note_of, sealed_key, tail_key

log = logging.getLogger(__name__)

PARTITION_STORE_FORMAT = "3"

_SETUP = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID
"""
_PUT_META = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_PUT = "INSERT OR REPLACE INTO record VALUES (?, ?)"
_DROP = "DELETE FROM record WHERE key = ?"
_GET = "SELECT value FROM record WHERE key = ?"
_FIRST_TAIL = tail_key("")
_NEXT_TAILS = (
    "SELECT key, value FROM record WHERE key > ? AND key < X'55' ORDER BY key LIMIT ?"  # T..., not U
)
_SWEPT_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """What a store is a copy of: one partition, of so many, of the changelog of a cluster."""

    cluster: str
    changelog: str
    n_partitions: int
    partition: int = -1

    @property
    def as_meta(self) -> dict[str, str]:
        """The same, as the store holds it."""
        return {
            "format": PARTITION_STORE_FORMAT,
            "cluster": self.cluster,
            "changelog": self.changelog,
            "partitions": str(self.n_partitions),
            "partition": str(self.partition),
        }


class PartitionStore:
    """Records of the objects of one partition, as its changelog has them, and how far that was read.

    A store that is damaged, a copy of something else, or of another format, begins empty: the changelog has
    all of it.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made where they do not exist.
    identity : StoreIdentity
        What it is to be a copy of.

    Attributes
    ----------
    changelog_next : int
        Offset of the changelog's first record that is not in it.
    marker : Marker or None
        How far the photometry has gone into its light curves; None of an empty store.

    Raises
    ------
    ConfigError
        If the file cannot be opened.
    """

    def __init__(self, path: Path, identity: StoreIdentity) -> None:
        self._path = path
        self._identity = identity
        self._swept = _FIRST_TAIL
        try:
            self._open()
        except DamagedError as exc:
            log.warning("the store is damaged, and filled anew", extra={"reason": str(exc)})
            self._remove()
            self._open()
        held = self._meta()
        if {name: held.get(name) for name in identity.as_meta} != identity.as_meta:
            if held:
                log.warning("the store is of another changelog, and filled anew", extra={"path": str(path)})
                self.wipe()
            else:
                self._database.write((_PUT_META, identity.as_meta.items()))

    def load(self, keys: Iterable[str]) -> dict[str, LightCurve]:
        """Return the light curves of the objects that are known among `keys`.

        Raises
        ------
        FatalError
            If one is damaged, or the file cannot be read.
        """
        curves = {}
        for key in keys:
            tail = self._get(tail_key(key))
            if tail is not None:
                curves[key] = curve_of(f"the store {self._path}", key, tail, self._get(sealed_key(key)))
        return curves

    def note(self, key: str) -> ObjectNote:
        """Return what is known of an object beside its light curve."""
        tail = self._get(tail_key(key))
        return ObjectNote() if tail is None else note_of(tail)

    def unseen_since(self, time_ms: int) -> list[str]:
        """Look through some more objects at each call; those of them that were not seen since then."""
        rows = self._database.read(_NEXT_TAILS, (self._swept, _SWEPT_AT_ONCE)).fetchall()
        self._swept = bytes(rows[-1][0]) if len(rows) == _SWEPT_AT_ONCE else _FIRST_TAIL
        return [bytes(key)[1:].decode() for key, tail in rows if note_of(bytes(tail)).seen_ms < time_ms]

    def write(self, records: Mapping[bytes, bytes | None], *, changelog_next: int) -> None:
        """Take records of the changelog over, None for one that is gone, and how far they go: all or nothing.

        Raises
        ------
        FatalError
            If the database refuses, or its file is not in its place any more.
        """
        self._database.write(
            (_PUT, [(key, value) for key, value in records.items() if value is not None]),
            (_DROP, [(key,) for key, value in records.items() if value is None]),
            (_PUT_META, [("changelog_next", str(changelog_next))]),
        )
        self.changelog_next = changelog_next
        if MARKER_KEY in records:
            self.marker = self._marker()

    def wipe(self) -> None:
        """Begin anew with an empty file."""
        self._database.close()
        self._remove()
        self._open()
        self._database.write((_PUT_META, self._identity.as_meta.items()))

    def check(self) -> None:
        """See that the file is in its place; see `Database.check`."""
        self._database.check()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _open(self) -> None:
        self._database = Database(
            self._path,
            shared=True,
            setup=_SETUP,
            remedy="remove the file: the next start fills it from the changelog",
            if_lost="start again, and it is filled from the changelog",
        )
        self.changelog_next = int(self._meta().get("changelog_next", "0"))
        self.marker = self._marker()

    def _remove(self) -> None:
        for name in (self._path, f"{self._path}-wal", f"{self._path}-shm"):
            Path(name).unlink(missing_ok=True)

    def _meta(self) -> dict[str, str]:
        return dict(self._database.read("SELECT key, value FROM meta"))

    def _marker(self) -> Marker | None:
        value = self._get(MARKER_KEY)
        return None if value is None else Marker.decode(value, f"the store {self._path}")

    def _get(self, key: bytes) -> bytes | None:
        row = self._database.read(_GET, (key,)).fetchone()
        return None if row is None else bytes(row[0])
