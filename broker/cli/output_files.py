"""Files to be written: checked before anything is opened, so that nothing that is read is overwritten."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from broker.errors import ConfigError
from broker.transport.split.archives import SUFFIXES

STANDARD_OUTPUT = 1


def check_outputs(
    outputs: Mapping[str, Path | None], *, paths: Sequence[Path], files: Sequence[Path]
) -> None:
    """Refuse outputs that would harm what is read, or each other.

    Parameters
    ----------
    outputs : mapping of str to Path or None
        Files to be written, by the option that names each; None is not written.
    paths : sequence of Path
        Files and folders that were given to be read.
    files : sequence of Path
        The files to be read that were found there.

    Raises
    ------
    ConfigError
        If an output, or standard output, is one of `files`; if it lies in a folder of `paths` under a name
        that the next run would take for packets; if two are one file; or if one cannot be written.
    """
    named = {option: path for option, path in outputs.items() if path is not None}
    written = {option: _identity(path) for option, path in named.items()}
    written["standard output"] = _identity(STANDARD_OUTPUT)
    if any(written.values()):
        read = {_identity(file) for file in files}
        for option, identity in written.items():
            if identity is not None and identity in read:
                where = f"{option} {named[option]}" if option in named else option
                raise ConfigError(f"{where} is one of the packet files: it would be overwritten")
    for path in named.values():
        if path.is_file() or path.is_dir() or not path.exists():
            _check_writable(path)
    for option, path in named.items():
        for folder in paths:
            inside = folder.is_dir() and path.resolve().is_relative_to(folder.resolve())
            if inside and path.name.lower().endswith(SUFFIXES):
                raise ConfigError(
                    f"{option} {path} would be taken for packets when {folder} is read again: "
                    "write it to another folder"
                )
    for (option, path), (other, same) in combinations(named.items(), 2):
        if path.resolve() == same.resolve() and (path.is_file() or not path.exists()):
            raise ConfigError(f"{option} and {other} are one file, {path}: name two")


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name to write to, whose file takes the place of `path` if all goes well and is gone if not.

    A device or a pipe is written to as it is.

    Raises
    ------
    OSError
        If the file cannot take its place.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        yield path
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _identity(path: Path | int) -> tuple[int, int] | None:
    """Return what tells a file from all others, whatever it is called; None if there is none, or a device."""
    try:
        found = os.fstat(path) if isinstance(path, int) else path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _check_writable(path: Path) -> None:
    """Find out now what would be found out after hours; a file that was not there is not there after."""
    existed = path.exists()
    try:
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as exc:
        raise ConfigError(f"cannot write {path}: {exc.strerror or exc}") from exc
