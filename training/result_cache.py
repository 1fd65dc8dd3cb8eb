"""The cache of results on disk: what was interrupted goes on where it was, and no stale result comes back.

A result is known by everything that it depends on: its settings, its data, and the code that makes it, which
is the source of the module that computes it and of all that this one imports, with the versions of packages.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.read import NPZ_ERRORS
from training.errors import SettingsError

Arrays = Mapping[str, NDArray[Any]]

OUR_PACKAGES = frozenset({"features", "schemas", "training"})

WITHOUT_INFLUENCE = frozenset({"training.errors", "training.progress", "training.result_cache"})
"""Modules that no result depends on: what is shown or raised on the way, and where results are kept."""


def _sources_changed() -> dict[Path, int]:
    """When each source of ours was changed, in ns."""
    specs = [importlib.util.find_spec(package) for package in OUR_PACKAGES]
    folders = [place for spec in specs if spec for place in spec.submodule_search_locations or ()]
    return {file: file.stat().st_mtime_ns for folder in folders for file in Path(folder).rglob("*.py")}


_CHANGED_BEFORE_START = _sources_changed()


def cached(
    folder: Path | None, what: str, key: Mapping[str, Any], compute: Callable[[], Arrays], *, code: str
) -> Arrays:
    """Return the arrays of this key from the cache, computed if the file is absent or damaged.

    Parameters
    ----------
    folder : Path or None
        Made where it does not exist; None keeps nothing.
    what : str
        Begins the name of the file.
    key : mapping
        Settings and hashes of data that the result depends on, as JSON can hold them.
    compute : callable
        Called without arguments.
    code : str
        Name of the module that computes it.

    Raises
    ------
    SettingsError
        If the cache cannot be written, or code that the result depends on was edited while this ran.
    """
    return cached_at(None if folder is None else folder / name_of(what, key, code=code), compute)


def cached_at(path: Path | None, compute: Callable[[], Arrays]) -> Arrays:
    """Return the arrays in a file, computed and written if it is absent or damaged; None keeps nothing.

    Raises
    ------
    SettingsError
        If it cannot be written.
    """
    if path is None:
        return compute()
    if (found := _read(path)) is not None:
        return found
    made = compute()
    unfinished = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            np.savez(file, **made)  # type: ignore[arg-type] # names that are not its options
        unfinished.replace(path)  # a result is there whole or not at all
    except OSError as exc:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise SettingsError(
            f"cannot write to the cache {path.parent}: {exc.strerror or exc}: make room, or name another "
            "folder with --cache"
        ) from exc
    return made


def name_of(what: str, key: Mapping[str, Any], *, code: str) -> str:
    """Return the name of the file of a result."""
    everything = json.dumps({**key, "code": code_hash(code)}, sort_keys=True)
    return f"{what}-{hashlib.sha256(everything.encode()).hexdigest()[:32]}.npz"


def hash_of(*arrays: NDArray[Any]) -> str:
    """Hash of the contents of arrays, for a key."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@cache
def code_hash(module: str) -> str:
    """Hash of what a module and all of ours that it imports do, and of the versions of other packages."""
    digest = hashlib.sha256()
    packages: set[str] = set()
    for name in sorted(_reached(module)):
        source = _source(name)
        digest.update(f"{name}\n{what_it_does(source)}\n".encode())
        packages |= {imported.partition(".")[0] for imported in _imported(source)}
    for package in sorted(packages - OUR_PACKAGES - sys.stdlib_module_names):
        for distribution in _distributions().get(package, ()):
            digest.update(f"{distribution} {importlib.metadata.version(distribution)}\n".encode())
    return digest.hexdigest()


def what_it_does(source: str) -> str:
    """Return the code of a module in a form that knows no layout, comments and docstrings.

    Another word in one of these is no reason to compute an hour of features again.
    """
    tree: Any = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _reached(module: str) -> set[str]:
    """Names of the module and of all modules of ours that it imports, by way of others as well."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in reached or name in WITHOUT_INFLUENCE:
            continue
        reached.add(name)
        waiting += [each for each in _imported(_source(name)) if each.partition(".")[0] in OUR_PACKAGES]
    return reached


def _imported(source: str) -> Iterator[str]:
    """Yield the names of all modules that a source imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            if node.module.partition(".")[0] in OUR_PACKAGES:
                names = (f"{node.module}.{alias.name}" for alias in node.names)
                yield from (name for name in names if _is_module(name))


def _is_module(name: str) -> bool:
    parent, _, last = name.rpartition(".")
    spec = importlib.util.find_spec(parent)
    places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    return any((place / f"{last}.py").is_file() or (place / last).is_dir() for place in places)


def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ImportError(f"no source of {module} to know its results by")
    file = Path(spec.origin)
    if file.stat().st_mtime_ns != _CHANGED_BEFORE_START.get(file, file.stat().st_mtime_ns):
        raise SettingsError(
            f"{file} was edited while this ran: results of the old code would be kept as those of the new; "
            "start again"
        )
    return file.read_text(encoding="utf-8")


@cache
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _read(path: Path) -> Arrays | None:
    """Arrays of a file; None if there is none, or a damaged one, which is then written anew."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except NPZ_ERRORS:
        return None
