"""Errors, sorted by what the worker does next rather than by which library raised them."""

from __future__ import annotations

import traceback
from pathlib import PurePath

_PACKAGES = frozenset(("broker", "features", "schemas"))


class VarstreamError(Exception):
    """Anything varstream reports to its user in one line, without a traceback."""


class AlertError(VarstreamError):
    """A packet is unusable: it goes to the dead letters and the stream goes on.

    Parameters
    ----------
    reason : str
        Short code that dead letters are counted by, for example ``"truncated"``.
    message : str
        What was wrong, with the value that was found.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class UnknownSchemaError(AlertError):
    """A packet names a schema that is not known here.

    One such packet is unusable; many are a sign that the schemas given to us are the wrong ones, which is
    no packet's fault. Who reads a stream tells the two apart.

    Parameters
    ----------
    schema_id : int
        The id that the packet names.
    reason, message : str
        As of `AlertError`.
    """

    def __init__(self, schema_id: int, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.schema_id = schema_id


class TransientError(VarstreamError):
    """Something outside is slow or away: the same step is tried again, within bounds."""


class StoppedError(VarstreamError):
    """Told to stop while something outside kept us waiting: what is at hand is left to the next start."""


class AbortedError(VarstreamError):
    """Nothing of a batch was committed, and nothing is lost: it is read and done again."""


class FatalError(VarstreamError):
    """Going on could lose data: the worker stops with exit code 1."""


class NothingUsedError(VarstreamError):
    """Of packets in files none could be used, and some not be read: exit code 1, once all is written."""


class ConfigError(VarstreamError):
    """The settings cannot work: nothing is started, exit code 2."""


def describe(exc: BaseException) -> str:
    """Type of an exception, the last line of ours that it came from, and what it says, in one line."""
    frames = [(PurePath(f.filename).parts, f.lineno) for f in traceback.extract_tb(exc.__traceback__)]
    ours = [(parts, line) for parts, line in frames if _PACKAGES & {*parts}]
    where = ""
    for parts, line in (ours or frames)[-1:]:
        start = max((i for i, part in enumerate(parts) if part in _PACKAGES), default=len(parts) - 1)
        where = f" at {'/'.join(parts[start:])}:{line}"  # without the folders of this machine
    said = in_one_line(str(exc))
    return f"{type(exc).__name__}{where}: {said}" if said else f"{type(exc).__name__}{where}"


def in_one_line(text: str) -> str:
    """Return text as it may be shown: others wrote parts of it, packets and servers, and may mean harm.

    White space becomes single spaces, and what cannot be printed an escape: no line is added to a log, and
    no terminal takes it for a command.
    """
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)
