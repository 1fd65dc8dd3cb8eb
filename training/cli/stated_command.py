"""The command as it is stated in manifests and reports, for others to read."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path, PureWindowsPath

UNSAID = frozenset({"command", "parser", "cache", "workers"})
"""What is no option, differs between machines, or changes no result."""


def stated_command(arguments: argparse.Namespace) -> str:
    """Return the command that was parsed, with its options in the parser's order and files by name alone.

    Where a person keeps files says who that person is, and finds them nowhere else. What is the default is
    not said.

    Parameters
    ----------
    arguments : Namespace
        Of a command without positional arguments; ``parser`` is that of the command.
    """
    words = [f"varstream-train {arguments.command}"]
    for name, value in vars(arguments).items():
        if name in UNSAID or value == arguments.parser.get_default(name):
            continue
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            values = value if isinstance(value, list) else [value]
            words += [shlex.quote(_name(each) if isinstance(each, Path) else str(each)) for each in values]
    return " ".join(words)


def _name(path: Path) -> str:
    """Return the last part of a path of any system; a home is ``~``, for its name is that of its owner."""
    if path.parts[:1] == (str(path),) and str(path).startswith("~"):
        return "~"
    if path.resolve() == Path.home().resolve():
        return "~"
    return PureWindowsPath(path).name or "."
