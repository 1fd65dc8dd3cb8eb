"""Signals: a command that is told to stop ends in order, and at once if it is told again."""

from __future__ import annotations

import os
import signal
import threading
from typing import NoReturn

_STDERR = 2


def end_on_sigterm() -> None:
    """Have SIGTERM end the process wherever it is, with exit code 0: nothing is at hand yet.

    Unhandled it would be a failure to a supervisor, and not heard at all by the first process of a container.
    An exception would be swallowed here and there, by imports for example.
    """

    def on_signal(number: int, frame: object) -> NoReturn:
        os.write(_STDERR, b"varstream: stopped before anything was read\n")
        os._exit(0)

    signal.signal(signal.SIGTERM, on_signal)


def stop_on_signal(stop: threading.Event) -> None:
    """Have SIGTERM and SIGINT set `stop`: the batch at hand is finished. A second one ends at once."""
    both = (signal.SIGTERM, signal.SIGINT)

    def on_signal(number: int, frame: object) -> None:
        stop.set()
        for again in both:
            signal.signal(again, signal.SIG_DFL)

    for number in both:
        signal.signal(number, on_signal)
