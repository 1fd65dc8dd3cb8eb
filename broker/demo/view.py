"""The view of ``varstream demo``: a live table and bar in a terminal, plain lines elsewhere, a summary."""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from broker.monitor.console import Rate
from broker.monitor.counts import Counts

EPOCH_BINS = (0, 10, 20, 40, 80, 160)

_ROWS_SHOWN = 14
_LINE_EVERY_S = 2.0


@dataclass
class Scoreboard:
    """What the output topic said of each object, beside what the object is.

    Attributes
    ----------
    truth : dict of str to str
        True class of every object.
    classes : tuple of str
        Classes the model knows; objects of other classes are not counted.
    latest : ordered dict of (object id, band) to record
        The last record of every light curve that was scored, the newest at the end.
    scored, unsure, right : dict of int to int
        Records that were scored, those of them without a label, and those with the right one, by number of
        epochs: the lower ends of `EPOCH_BINS`.
    """

    truth: dict[str, str]
    classes: tuple[str, ...]
    latest: OrderedDict[tuple[str, str], dict[str, Any]] = field(default_factory=OrderedDict)
    right: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    scored: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    unsure: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, record: dict[str, Any]) -> None:
        """Take in one record of the output topic."""
        if record["probabilities"] is None:
            return
        key = (record["object_id"], record["band"])
        self.latest[key] = record
        self.latest.move_to_end(key)
        if self.truth[record["object_id"]] in self.classes:
            lowest = max(b for b in EPOCH_BINS if b <= record["n_epochs"])
            self.scored[lowest] += 1
            self.unsure[lowest] += record["label"] is None
            self.right[lowest] += self.is_right(record)

    def is_right(self, record: dict[str, Any]) -> bool:
        """Whether a record names the object's true class."""
        return bool(record["label"] == self.truth[record["object_id"]])


@contextmanager
def display(console: Console, board: Scoreboard, total: int) -> Iterator[Callable[[int], None]]:
    """Show `board` while it grows; yields the function to call with the number of alerts done."""
    progress = Progress(
        TextColumn("alerts"), BarColumn(), MofNCompleteColumn(), Rate(), TimeElapsedColumn(), console=console
    )
    task = progress.add_task("alerts", total=total, unit="alerts")
    next_line = time.monotonic() + _LINE_EVERY_S

    def refresh(done: int) -> None:
        nonlocal next_line
        progress.update(task, completed=done)
        if console.is_terminal:
            live.update(Group(_table(board), progress))
        elif time.monotonic() > next_line:
            console.print(f"{done:,} of {total:,} alerts, {len(board.latest):,} light curves scored")
            next_line += _LINE_EVERY_S

    with Live(
        console=console, refresh_per_second=8, transient=True, auto_refresh=console.is_terminal
    ) as live:
        yield refresh


def report(console: Console, board: Scoreboard, counts: Counts, seconds: float) -> None:
    """Print the last classifications, how often they were right, and what became of the alerts."""
    console.print(_table(board))
    table = Table()
    table.add_column("epochs")
    table.add_column("scored", justify="right")
    table.add_column("unsure", justify="right")
    table.add_column("right", justify="right")
    for lowest, following in zip(EPOCH_BINS, (*EPOCH_BINS[1:], None), strict=True):
        if scored := board.scored[lowest]:
            span = f"{lowest}+" if following is None else f"{lowest}-{following - 1}"
            unsure, right = board.unsure[lowest], board.right[lowest]
            share = f"{right / (scored - unsure):.1%}" if scored > unsure else "-"
            table.add_row(span, f"{scored:,}", f"{unsure / scored:.1%}", share)
    console.print(
        "how often the class was right where one was given, by number of epochs in the band", soft_wrap=True
    )
    console.print(table)
    absent = sorted(set(board.truth.values()) - set(board.classes))
    if absent:
        console.print(f"not counted, for the model has no such class: {', '.join(absent)}", soft_wrap=True)
    rate = counts.alerts_in / seconds if seconds else 0.0
    console.print(f"{counts} in {seconds:.1f} s ({rate:,.0f} alerts/s)", soft_wrap=True)


def _table(board: Scoreboard) -> Table:
    table = Table(title="latest classifications", title_justify="left")
    table.add_column("object", no_wrap=True, min_width=18)
    table.add_column("band")
    table.add_column("epochs", justify="right")
    table.add_column("class", no_wrap=True)
    table.add_column("prob.", justify="right")
    table.add_column("period [d]", justify="right")
    table.add_column("is really", no_wrap=True)
    for (object_id, band), record in list(board.latest.items())[-_ROWS_SHOWN:]:
        colour = "green" if board.is_right(record) else "red"
        answer = "[yellow]unsure[/]" if record["label"] is None else f"[{colour}]{record['label']}[/]"
        table.add_row(
            object_id,
            band,
            str(record["n_epochs"]),
            answer,
            f"{record['probability']:.2f}",
            f"{record['features']['period']:.5g}",
            board.truth[object_id],
        )
    return table
