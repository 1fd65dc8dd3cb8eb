"""Looking up light curves in the stores of workers, which stay as they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from broker.errors import ConfigError
from broker.state.light_curve import LightCurve
from broker.state.object_record import curve_of, sealed_key, tail_key
from broker.state.sqlite import CURVE_OF_OBJECT, STORE_FORMAT, light_curve


def look_up(path: Path, keys: Collection[str]) -> dict[str, LightCurve]:
    """Return the light curves of the objects that are known among `keys` (``survey:object_id``).

    Parameters
    ----------
    path : Path
        A store, or a folder of stores: ``state.path``, or a worker's in it, which may be running.

    Raises
    ------
    ConfigError
        If there is no such store, it cannot be read, a worker holds it, or it is of another format.
    FatalError
        If one of the light curves is damaged.
    """
    if path.is_dir():
        stores = sorted(path.rglob("*.sqlite"))
        if not stores:
            raise ConfigError(f"no stores in {path}")
        curves: dict[str, LightCurve] = {}
        for store in stores:
            curves |= look_up(store, keys)
        return curves
    if not path.is_file():
        raise ConfigError(f"no such store: {path}")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=1.0)) as db:
            if path.stem.isdecimal():
                return _of_a_partition(db, path, keys)
            found = db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
            if found != (STORE_FORMAT,):
                held = "none" if found is None else repr(found[0])
                raise ConfigError(
                    f"the store {path} has format {held}, this version reads {STORE_FORMAT!r}: a worker of "
                    "this version brings it there when it starts"
                )
            rows = {key: db.execute(CURVE_OF_OBJECT, (key,)).fetchone() for key in keys}
    except sqlite3.OperationalError as exc:
        hint = "a worker holds it: stop it, or read packets by --files" if "locked" in str(exc) else str(exc)
        raise ConfigError(f"cannot read the store {path}: {hint}") from exc
    except sqlite3.DatabaseError as exc:
        raise ConfigError(f"cannot read the store {path}: {exc}") from exc
    return {key: light_curve(path, key, parts) for key, parts in rows.items() if parts is not None}


def _of_a_partition(db: sqlite3.Connection, path: Path, keys: Collection[str]) -> dict[str, LightCurve]:
    def get(key: bytes) -> bytes | None:
        row = db.execute("SELECT value FROM record WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    tails = {key: get(tail_key(key)) for key in keys}
    return {
        key: curve_of(f"the store {path}", key, tail, get(sealed_key(key)))
        for key, tail in tails.items()
        if tail is not None
    }
