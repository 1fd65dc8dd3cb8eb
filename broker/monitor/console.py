"""The terminal: progress with a rate, and results in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from broker.batch import Batch
from broker.monitor.counts import Counts


class Rate(ProgressColumn):
    """How many steps per second, over the last seconds."""

    def render(self, task: Task) -> Text:
        """See `ProgressColumn.render`."""
        speed = task.finished_speed or task.speed
        unit = task.fields.get("unit", "")
        return Text("" if speed is None else f"{speed:,.0f} {unit}/s", style="cyan")


class Console:
    """The terminal; everything but results goes to standard error."""

    def __init__(self) -> None:
        self.rich = RichConsole(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """Print text as it is."""
        self.rich.print(text, markup=False, soft_wrap=True)

    def progress(self) -> Progress:
        """Bar with count, rate and time; silent where standard error is not a terminal."""
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:,.0f}"),
            Rate(),
            TimeElapsedColumn(),
            console=self.rich,
            transient=True,
            disable=not self.rich.is_terminal,
        )

    @contextmanager
    def batches(self, what: str) -> Iterator[Callable[[Batch, Counts], None]]:
        """Progress over alerts; yields the function to call after every batch."""
        with self.progress() as progress:
            task = progress.add_task(what, total=None, unit="alerts")

            def on_batch(batch: Batch, counts: Counts) -> None:
                classes = f"{counts.labelled:,} of {counts.annotations:,} annotations with a class"
                unreadable = f"{counts.alerts_dead.total():,} alerts unreadable"
                progress.update(
                    task, completed=counts.alerts_in, description=f"{what} ({classes}, {unreadable})"
                )

            yield on_batch
