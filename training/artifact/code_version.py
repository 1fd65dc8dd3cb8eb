"""Version and commit of the code that makes a model, for its manifest."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parents[2]

CODE_FOLDERS = ("features", "schemas", "training")
"""Packages that a model depends on: a change elsewhere in the checkout makes no other model."""

CHANGED_SUFFIX = "+changes"

GIT_TIMEOUT_S = 20.0


def code_version() -> dict[str, str]:
    """Return ``varstream_version`` and ``commit``.

    Without the version where the package is not installed, without the commit where it is not in a git
    checkout of its own.
    """
    try:
        stated = {"varstream_version": version("varstream")}
    except PackageNotFoundError:
        stated = {}
    commit = commit_of(ROOT)
    return stated if commit is None else {**stated, "commit": commit}


def commit_of(root: Path) -> str | None:
    """Return the commit that is checked out in `root`, with ``+changes`` where its code is not that commit's.

    None where `root` is not the top of a git checkout, as in an environment that lies in the checkout of
    another project, or where git cannot tell.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root.resolve():
        return None
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *CODE_FOLDERS)
    if commit is None or changes is None:
        return None
    return f"{commit}{CHANGED_SUFFIX}" if changes else commit


def _git(root: Path, *words: str) -> str | None:
    """Return what git prints in `root`, None where it is not installed or fails."""
    program = which("git")
    if program is None:
        return None
    # In a hook of git these name the repository of the hook, not the one in `root`.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - constant words
            [program, "--no-optional-locks", *words],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
