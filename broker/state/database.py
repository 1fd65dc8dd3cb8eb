"""A database: one SQLite file in write-ahead mode, for its owner's eyes, whose loss is noticed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from broker.errors import ConfigError, FatalError


class DamagedError(ConfigError):
    """A file is no database, or not any more."""


class Database:
    """A SQLite file that is made where there is none, with errors that say what to do about it.

    Parameters
    ----------
    shared : bool
        Whether other processes may read it meanwhile.
    setup : str
        Statements that make its tables where they do not exist.
    remedy : str
        What to do where it cannot be read.
    if_lost : str
        What to do where it is gone.

    Raises
    ------
    DamagedError
        If the file is no database.
    ConfigError
        If it cannot be opened, or is held by another process.
    """

    def __init__(self, path: Path, *, shared: bool, setup: str, remedy: str, if_lost: str) -> None:
        self.path = path
        self._remedy = remedy
        self._if_lost = if_lost
        with ExitStack() as if_refused:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)  # its log of writes gets the same mode
                self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
                if_refused.callback(self._db.close)
                if not shared:
                    self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._db.execute("PRAGMA journal_mode = WAL")
                # A crash of the machine may lose the last commits, and how far they went with them:
                # those alerts are then read again, so there is no need to wait for the disk.
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._db.executescript(f"BEGIN IMMEDIATE; {setup}; COMMIT")
                self._files = self._identify()
            except sqlite3.OperationalError as exc:
                hint = "another worker holds it" if "locked" in str(exc) else str(exc)
                raise ConfigError(f"cannot open the store {path}: {hint}") from exc
            except sqlite3.DatabaseError as exc:
                raise DamagedError(f"cannot open the store {path}: {exc}") from exc
            except OSError as exc:
                raise ConfigError(f"cannot open the store {path}: {exc}") from exc
            if_refused.pop_all()

    def read(self, query: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Ask.

        Raises
        ------
        FatalError
            If the file cannot be read.
        """
        try:
            return self._db.execute(query, values)
        except sqlite3.Error as exc:
            raise FatalError(f"cannot read the store {self.path}: {exc}; {self._remedy}") from exc

    def write(self, *statements: tuple[str, Iterable[tuple[Any, ...]]]) -> None:
        """Execute each statement with each of its rows of values: all of them, or none.

        Raises
        ------
        FatalError
            If the database refuses, a full disk for example, or its file is not in its place any more.
        """
        self.check()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for statement, rows in statements:
                    self._db.executemany(statement, rows)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has ended it already
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as exc:
            raise FatalError(f"cannot write the store {self.path}: {exc}") from exc

    def check(self) -> None:
        """See that the file is in its place; SQLite itself goes on writing to one that nobody will find.

        Raises
        ------
        FatalError
            If it is not.
        """
        try:
            unchanged = self._identify() == self._files
        except OSError:
            unchanged = False
        if not unchanged:
            raise FatalError(
                f"the store {self.path} was removed or replaced while it was in use: {self._if_lost}"
            )

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _identify(self) -> tuple[tuple[int, int], ...]:
        """Device and number of the database's file and of its log of writes."""
        found = [Path(name).stat() for name in (self.path, f"{self.path}-wal")]
        return tuple((file.st_dev, file.st_ino) for file in found)
