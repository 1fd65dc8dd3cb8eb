"""Progress bars with a rate, on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.progress import ProgressColumn as Column
from rich.text import Text


class RateColumn(Column):
    """Steps per second since the start."""

    def render(self, task: Task) -> Text:
        """Return the rate, or a dash before the first step."""
        rate = task.completed / task.elapsed if task.elapsed else 0.0
        return Text(f"{rate:,.0f}/s" if rate else "-", style="progress.data.speed")


def progress_bar() -> Progress:
    """Return a progress display for a terminal; where there is none, only its last state is printed."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
