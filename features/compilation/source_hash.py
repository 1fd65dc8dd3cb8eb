"""The hash of the code that features are computed by."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def source_hash() -> str:
    """SHA-256, in hexadecimal, of the sources of the whole package `features`: their names and contents.

    Read once per process, so that it is of the code that runs and not of an edit made meanwhile.
    """
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py"), key=lambda file: file.relative_to(PACKAGE).as_posix()):
        contents = file.read_bytes()
        digest.update(f"{file.relative_to(PACKAGE).as_posix()} {len(contents)}\n".encode() + contents)
    return digest.hexdigest()
