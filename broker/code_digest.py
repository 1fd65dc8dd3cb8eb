"""The digest of a module's source: what was computed by other code is told from what was computed by this."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from types import ModuleType


@cache
def code_digest(module: ModuleType) -> str:
    """SHA-256, in hexadecimal, of the source of a module; read once, so that it is of the code that runs."""
    return hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()
