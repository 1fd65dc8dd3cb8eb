"""The sources of a kernel: all files whose code or constants may be compiled into its machine code."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from features.compilation.source_hash import PACKAGE, source_hash


def kernel_source_hash(file: Path) -> str:
    """SHA-256, in hexadecimal, of all sources that a kernel defined in `file` may be made of.

    These are the whole package `features` and, for a kernel of another package, the modules of its folder and
    what these import from their own package, directly or not.

    Read once per process, when kernels are defined; `current_source_hash` reads them again.

    Raises
    ------
    OSError, SyntaxError
        If there are no sources, as in an archive, or they cannot be read.
    """
    return _hash(_whole(file))


def current_source_hash(file: Path) -> str:
    """Return what `kernel_source_hash` would be of the files as they are now."""
    return _hash.__wrapped__(_whole(file))


def _whole(file: Path) -> Path:
    """Return what is taken as a whole: the package `features`, another package's folder, or a lone module."""
    file = file.resolve()
    if not file.is_file():
        raise FileNotFoundError(f"no source of the kernels in {file}")
    if file.is_relative_to(PACKAGE):
        return PACKAGE
    return file.parent if _is_package(file.parent) else file


@cache
def _hash(whole: Path) -> str:
    of_features = source_hash.__wrapped__()
    if whole == PACKAGE:
        return of_features
    digest = hashlib.sha256(of_features.encode())
    root = _root(whole)
    for source in sorted(_closure(whole, root)) if whole.is_dir() else [whole]:
        contents = source.read_bytes()
        digest.update(f"{source.relative_to(root).as_posix()} {len(contents)}\n".encode() + contents)
    return digest.hexdigest()


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


def _root(folder: Path) -> Path:
    """Folder that holds the outermost package of a package, or a module on its own."""
    while _is_package(folder) or folder.is_file():
        folder = folder.parent
    return folder


def _closure(folder: Path, root: Path) -> set[Path]:
    """Modules of a folder, and those of the same outermost package that they import names from."""
    package = folder.relative_to(root).parts[0]
    found: set[Path] = set()
    waiting = list(folder.glob("*.py"))
    while waiting:
        source = waiting.pop()
        if source not in found:
            found.add(source)
            for name in _imported_names(source):
                parts = name.split(".")
                path = root.joinpath(*parts)
                if parts[0] == package:
                    waiting += [
                        file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()
                    ]
    return found


def _imported_names(source: Path) -> Iterator[str]:
    """Dotted names that a module can take values from, whether modules or not.

    ``import a.b`` gives ``a`` and ``a.b``; ``from a.b import c`` gives ``a.b`` and ``a.b.c``, but not ``a``.
    """
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                yield from (".".join(parts[:n]) for n in range(1, len(parts) + 1))
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
