"""Results of an experiment on disk: what was interrupted goes on with the first that is missing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.read import NPZ_ERRORS

Arrays = Mapping[str, NDArray[Any]]


def kept(cache_folder: Path, what: str, key: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
    """Return the arrays of this key from the cache, computed if the file is absent or damaged.

    Parameters
    ----------
    cache_folder : Path
        Made where it does not exist.
    what : str
        Begins the name of the file.
    key : mapping
        All that the result depends on, as JSON can hold it.
    compute : callable
        Called without arguments.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    path = cache_folder / f"{what}-{digest[:24]}.npz"
    found = _read(path)
    if found is not None:
        return found
    made = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as out:
        np.savez(out, **made)  # type: ignore[arg-type] # names that are not its options
    unfinished.replace(path)  # a result is there whole or not at all
    return made


def _read(path: Path) -> Arrays | None:
    """Arrays of a file; None if there is none, or it was damaged and is gone now."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except NPZ_ERRORS:
        path.unlink(missing_ok=True)
        return None


def hash_of_values(values: NDArray[np.float64]) -> str:
    """Hash of an array's numbers, for a key."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
