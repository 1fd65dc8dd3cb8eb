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
from broker.state.star_series import ALL_BANDS
from features import SURVEY_BANDS

EPOCH_BINS = (0, 10, 20, 40, 80, 160)

_ROWS_SHOWN = 14
_LINE_EVERY_S = 2.0


@dataclass
class Tally:
    """How often records were right.

    Attributes
    ----------
    scored, unsure, right : dict of int to int
        Records that were scored, those of them without a label, and those with the right one, by number of
        epochs: the lower ends of `EPOCH_BINS`.
    """

    right: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    scored: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    unsure: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, record: dict[str, Any], *, is_right: bool) -> None:
        """Count a record that was scored."""
        lowest = max(b for b in EPOCH_BINS if b <= record["n_epochs"])
        self.scored[lowest] += 1
        self.unsure[lowest] += record["label"] is None
        self.right[lowest] += is_right


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
        The last record of every light curve that was scored, the newest at the end; only that of all bands
        together where an object has one.
    fused, single : Tally
        What was said of all bands of an object together, and of one band.
    """

    truth: dict[str, str]
    classes: tuple[str, ...]
    latest: OrderedDict[tuple[str, str], dict[str, Any]] = field(default_factory=OrderedDict)
    fused: Tally = field(default_factory=Tally)
    single: Tally = field(default_factory=Tally)

    def add(self, record: dict[str, Any]) -> None:
        """Take in one record of the output topic."""
        if record["probabilities"] is None:
            return
        self._show(record)
        if self.truth[record["object_id"]] in self.classes:
            tally = self.fused if record["band"] == ALL_BANDS else self.single
            tally.add(record, is_right=self.is_right(record))

    def _show(self, record: dict[str, Any]) -> None:
        object_id, band = record["object_id"], record["band"]
        if band == ALL_BANDS:
            for one in SURVEY_BANDS:
                self.latest.pop((object_id, one), None)
        elif (object_id, ALL_BANDS) in self.latest:
            return
        self.latest[object_id, band] = record
        self.latest.move_to_end((object_id, band))

    @property
    def counted(self) -> str:
        """What `latest` holds the last records of."""
        stars_alone = self.latest and all(band == ALL_BANDS for _, band in self.latest)
        return "objects" if stars_alone else "light curves"

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
            console.print(f"{done:,} of {total:,} alerts, {len(board.latest):,} {board.counted} scored")
            next_line += _LINE_EVERY_S

    with Live(
        console=console, refresh_per_second=8, transient=True, auto_refresh=console.is_terminal
    ) as live:
        yield refresh


def report(console: Console, board: Scoreboard, counts: Counts, seconds: float) -> None:
    """Print the last classifications, how often they were right, and what became of the alerts."""
    console.print(_table(board))
    for tally, what, where in (
        (board.fused, "all bands of a star together", "over all bands"),
        (board.single, "single bands", "in the band"),
    ):
        if tally.scored:
            console.print(
                f"{what}: how often the class was right, by number of epochs {where}", soft_wrap=True
            )
            console.print(_shares(tally))
    absent = sorted(set(board.truth.values()) - set(board.classes))
    if absent:
        console.print(f"not counted, for the model has no such class: {', '.join(absent)}", soft_wrap=True)
    rate = counts.alerts_in / seconds if seconds else 0.0
    console.print(f"{counts}\ntook {seconds:.1f} s: {rate:,.0f} alerts per second", soft_wrap=True)


def _shares(tally: Tally) -> Table:
    table = Table()
    table.add_column("epochs")
    table.add_column("scored", justify="right")
    table.add_column("unsure", justify="right")
    table.add_column("right", justify="right")
    for lowest, following in zip(EPOCH_BINS, (*EPOCH_BINS[1:], None), strict=True):
        if scored := tally.scored[lowest]:
            span = f"{lowest}+" if following is None else f"{lowest}-{following - 1}"
            unsure, right = tally.unsure[lowest], tally.right[lowest]
            share = f"{right / (scored - unsure):.1%}" if scored > unsure else "-"
            table.add_row(span, f"{scored:,}", f"{unsure / scored:.1%}", share)
    return table


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
