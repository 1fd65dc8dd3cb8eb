"""An explanation in the terminal: a line a feature, with a bar to the right where it speaks for the class."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from broker.explain.explain_object import Why
from broker.explain.words import CLIPPED, balance, heading, lines, period, precision

BAR_WIDTH = 14
"""Characters of the longest bar; two such columns and the numbers fit in 80."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def show(console: Console, why: Why) -> None:
    """Print an explanation."""
    answer = why.answer
    said = lines(why)
    console.print(f"[bold]{escape(heading(why))}[/]", soft_wrap=True)
    console.print(f"{period(why)}; {escape(why.model)}", soft_wrap=True)
    if answer["status"]:
        console.print(f"status: {escape(', '.join(answer['status']))}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("feature", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("log-odds", justify="right", no_wrap=True)
    table.add_column("against", justify="right", min_width=BAR_WIDTH, no_wrap=True)
    table.add_column("for", min_width=BAR_WIDTH, no_wrap=True)
    longest = max(abs(line.added) for line in said) or 1.0
    for line in said:
        drawn = bar(abs(line.added) / longest)
        table.add_row(
            line.feature,
            line.measured,
            f"{line.added:+.2f}",
            Text("█" * len(drawn) if line.added < 0.0 else "", style="red"),
            Text(drawn if line.added > 0.0 else "", style="green"),
        )
    console.print(table)
    if any(line.clipped for line in said):
        console.print(CLIPPED)
    console.print(escape(balance(why)), soft_wrap=True)
    console.print(precision(why))


def bar(share: float) -> str:
    """Return a bar of a share of `BAR_WIDTH`, to an eighth of a character and of one eighth at least."""
    eighths = max(round(share * BAR_WIDTH * 8), 1) if share > 0.0 else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")
