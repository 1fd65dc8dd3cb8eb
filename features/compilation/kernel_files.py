"""Files of machine code: where they are, which of them are sound and to be trusted, which have had their day.

A file is a magic line, a checksum, and the machine code. The checksum covers the key too, everything that the
code depends on, so that a cut, spoiled or misplaced file is as good as none.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from features.compilation.source_hash import PACKAGE

log = logging.getLogger(__name__)

MAGIC = b"varstream machine code 1\n"
SUFFIX = ".nbc"
UNFINISHED_SUFFIX = ".tmp"

MAX_VERSIONS = 16
"""Folders of the same modules, made of different sources, that one place holds: the latest used. So many
checkouts and environments can share a user's cache without driving each other out of it."""

USE_NOTED_S = 3600.0
"""A folder's last use is known to within this."""

ABANDONED_S = 86400.0
"""A file that is unfinished for so long was left by a process that was killed."""

_said: set[str] = set()


@dataclass(frozen=True, slots=True)
class KernelFile:
    """Name of the machine code of one kernel for one signature, and what it depends on.

    Attributes
    ----------
    folder, name : str
        Of the file below a place; a folder is the modules' own and a hash, ``features_0123456789abcdef``.
    key : bytes
        Everything that the machine code depends on.
    """

    folder: str
    name: str
    key: bytes


class UntrustedError(OSError):
    """A folder or file that somebody else may have written: its code is not run."""


def places(chosen: str) -> tuple[Path, ...]:
    """Return the folders where machine code is looked for, and kept in the first that can be written to.

    Parameters
    ----------
    chosen : str
        The value of NUMBA_CACHE_DIR: if it is not empty, the only place. Otherwise beside the package, then
        in the user's cache.
    """
    if chosen:
        return (Path(chosen),)
    found = [PACKAGE / "__pycache__" / "kernels"]
    with suppress(RuntimeError):  # a user without a home
        base = os.environ.get("XDG_CACHE_HOME", "")
        cache = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
        found.append(cache / "varstream" / "kernels")
    return tuple(found)


def find(file: KernelFile, where: Sequence[Path]) -> tuple[bytes, Path] | None:
    """Return the machine code and its place, of the first place that holds it whole; never raises OSError."""
    for place in where:
        path = place / file.folder / file.name
        try:
            code = _read(path, file.key)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as exc:
            say_once("unreadable", f"a compiled kernel is passed over: {_reason(exc, path)}")
            continue
        if code is None:
            say_once("damaged", f"a compiled kernel is damaged and made anew: {path}")
            continue
        _note_use(path.parent)
        return code, place
    return None


def keep(file: KernelFile, code: bytes, where: Sequence[Path]) -> Path | None:
    """Write machine code to the first place that takes it and return that; None, and a warning, if none does.

    Other processes see the file when it is whole, or not at all.
    """
    reasons = []
    for place in where:
        folder = place / file.folder
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            _check_trust(folder.stat(), folder)
            _write(folder / file.name, file.key, code)
        except OSError as exc:
            reasons.append(_reason(exc, place))
            continue
        _remove_stale(folder)
        return place
    say_once(
        "not kept", f"kernels are compiled by every process anew, they cannot be kept: {'; '.join(reasons)}"
    )
    return None


def say_once(kind: str, message: str) -> None:
    """Warn, but once per process for all trouble of a kind."""
    if kind not in _said:
        _said.add(kind)
        log.warning(message)


def _read(path: Path, key: bytes) -> bytes | None:
    """Machine code of a file, None if it is damaged."""
    _check_trust(path.parent.stat(), path.parent)
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for, a device read for ever
        raise UntrustedError(f"{path} is no ordinary file")
    with path.open("rb") as file:
        _check_trust(os.fstat(file.fileno()), path)
        contents = file.read()
    head = MAGIC + _checksum(key, contents[len(MAGIC) + hashlib.sha256().digest_size :])
    return contents[len(head) :] if contents.startswith(head) else None


def _write(path: Path, key: bytes, code: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}{UNFINISHED_SUFFIX}")
    try:
        # never for a group to change, whatever the umask; for all to read: an image may run as any user
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
            file.write(MAGIC + _checksum(key, code) + code)
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _checksum(key: bytes, code: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(key).digest() + code).digest()


def _check_trust(status: os.stat_result, path: Path) -> None:
    """Machine code is run, and unpickled: it must be of somebody who could change the package itself.

    That is root, this process's user, or the owner of the package. A group that may write was chosen by them.

    Raises
    ------
    UntrustedError
        If it belongs to another user, or everybody can write to it.
    """
    if status.st_uid not in {0, os.geteuid(), PACKAGE.stat().st_uid}:
        raise UntrustedError(f"{path} belongs to another user, {status.st_uid}")
    if status.st_mode & stat.S_IWOTH:
        raise UntrustedError(f"everybody can write to {path}: chmod o-w")


def _note_use(folder: Path) -> None:
    with suppress(OSError):
        if time.time() - folder.stat().st_mtime > USE_NOTED_S:
            os.utime(folder)


def _remove_stale(folder: Path) -> None:
    """Remove what was used longest ago of the same modules, and what was never finished."""
    modules = folder.name.rpartition("_")[0]
    alike = [other for other in _entries(folder.parent) if _is_version(other, modules)]
    alike.sort(key=_modified, reverse=True)
    for old in alike[MAX_VERSIONS:]:
        for file in _entries(old):
            if file.suffix in {SUFFIX, UNFINISHED_SUFFIX}:
                with suppress(OSError):
                    file.unlink()
        with suppress(OSError):  # not empty: somebody keeps other things there
            old.rmdir()
    for file in _entries(folder):
        if file.suffix == UNFINISHED_SUFFIX and time.time() - _modified(file) > ABANDONED_S:
            with suppress(OSError):
                file.unlink()


def _is_version(folder: Path, modules: str) -> bool:
    with suppress(OSError):
        return (
            re.fullmatch(rf"{re.escape(modules)}_[0-9a-f]{{16}}", folder.name) is not None
            and stat.S_ISDIR(folder.lstat().st_mode)
            and folder.lstat().st_uid == os.geteuid()
        )
    return False


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _reason(exc: OSError, path: Path) -> str:
    return str(exc) if isinstance(exc, UntrustedError) else f"{path}: {exc.strerror or exc}"
