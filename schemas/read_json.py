"""JSON files that anyone may have written: read right and whole, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MAX_BYTES = 2**24
"""Of a file. The largest manifest has 65 kB, a map of labels less."""


def read_json(path: Path) -> Any:
    """Read a JSON file in UTF-8, with or without a byte order mark.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is not JSON (``NaN`` is read for one), or JSON that could be taken in two ways or not be written
        again: a key that stands twice in an object, half of a surrogate pair; or if it is longer, deeper or
        has more digits than any file of ours.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("values are nested too deeply") from None
    except UnicodeEncodeError as exc:
        raise ValueError(f"a text has half of a surrogate pair: {exc.object[exc.start]!r}") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise ValueError(f"the key {key[:40]!r} stands twice in one object")
        members[key] = value
    return members
