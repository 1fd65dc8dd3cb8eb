"""Progress on standard error: a bar with a rate for what is going on, a line for what is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class RateColumn(ProgressColumn):
    """Steps per second since the start."""

    def render(self, task: Task) -> Text:
        """Return the rate, or a dash before the first step."""
        known = task.completed and task.elapsed
        return Text(rate(task.completed, task.elapsed or 0.0) if known else "-", style="progress.data.speed")


class Bars:
    """Bars that last as long as what they show; a run of hours leaves a line of every part of it.

    Where standard error is no terminal there are only the lines.

    Parameters
    ----------
    quiet : bool
        Show nothing at all.
    console : rich.console.Console, optional
        In the place of standard error.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._rich = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
            disable=quiet,
        )

    def __enter__(self) -> Self:
        """Begin to draw, on a terminal."""
        if self._rich.console.is_terminal:
            self._rich.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Draw no more."""
        if self._rich.live.is_started:
            self._rich.stop()

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar of `total` steps; yields what is to be called with the number of steps just done."""
        task, started = self._rich.add_task(what, total=total), monotonic()
        try:
            yield lambda steps: self._rich.advance(task, steps)
        finally:
            self._rich.remove_task(task)
        if not self._rich.disable:
            took = monotonic() - started
            line = f"{what}: {total:,} in {took:,.1f} s, {rate(total, took)}"
            self._rich.console.print(line, markup=False, highlight=False, soft_wrap=True)


QUIET = Bars(quiet=True)
"""For what shows no progress."""


def rate(steps: float, seconds: float) -> str:
    """Return steps per second as text, with two digits where there are few."""
    per_second = steps / max(seconds, 1e-9)
    return f"{per_second:,.0f}/s" if per_second >= 10.0 else f"{per_second:.2g}/s"
