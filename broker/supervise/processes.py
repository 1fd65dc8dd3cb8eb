"""Processes: some workers on one machine, each started again where it ends before it should."""

from __future__ import annotations

import ctypes
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

from broker.errors import ConfigError

log = logging.getLogger(__name__)

EXIT_MISUSED = 2
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
"""Before a worker is started again, twice as long each time that it ends soon."""

SOON_S = 60.0
_LOOK_S = 0.2
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


@dataclass
class _Child:
    """One worker."""

    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    done: bool = False


@dataclass
class Processes:
    """Keeps a process of each command running until it ends in order, or all are told to stop.

    Parameters
    ----------
    commands : sequence of sequence of str
        One for each.
    stop : Event
        Ends them all, once set.
    """

    commands: Sequence[Sequence[str]]
    stop: Event
    clock: Callable[[], float] = time.monotonic
    _children: list[_Child] = field(default_factory=list)

    def run(self) -> None:
        """Return when all have ended in order.

        Raises
        ------
        ConfigError
            If one of them refuses its settings: the others would, too, or have its name.
        """
        self._children = [_Child(command) for command in self.commands]
        try:
            while not self.stop.is_set() and not all(child.done for child in self._children):
                for child in self._children:
                    self._look_after(child)
                self.stop.wait(_LOOK_S)
        finally:
            self._end_all()

    def _look_after(self, child: _Child) -> None:
        if child.done:
            return
        if child.process is None:
            if self.clock() >= child.due_at:
                child.process = subprocess.Popen(child.command, preexec_fn=_die_with_parent)  # noqa: S603, PLW1509 - ours; no threads yet
                child.started_at = self.clock()
            return
        code = child.process.poll()
        if code is None:
            return
        child.process = None
        if code == 0:
            child.done = True
        elif code == EXIT_MISUSED:
            raise ConfigError("a worker refused its settings: what it said stands above")
        else:
            if self.clock() - child.started_at > SOON_S:
                child.pause_s = FIRST_PAUSE_S
            log.warning("a worker ended and is started again", extra={"code": code, "in_s": child.pause_s})
            child.due_at = self.clock() + child.pause_s
            child.pause_s = min(2 * child.pause_s, LONGEST_PAUSE_S)

    def _end_all(self) -> None:
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def worker_commands(words: Sequence[str], *, instance: str, n: int, port: int | None) -> list[list[str]]:
    """Return the command of each of n workers: the words of ours, with names and ports of their own."""
    commands = []
    for number in range(n):
        changes = ["worker.processes=1", f"worker.instance={instance}-{number}"]
        if port is not None:
            changes.append(f"metrics.port={port + number}")
        settings = [word for change in changes for word in ("--set", change)]
        commands.append([sys.executable, "-m", "broker.cli.main", *words, *settings])
    return commands


def _die_with_parent() -> None:
    """Have the kernel end a worker whose starter was killed; elsewhere than on Linux it goes on by itself."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
