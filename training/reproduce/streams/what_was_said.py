"""What was made of light curves, as rows of tables and as pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.report.html import Figure
from training.report.verdicts_plot import verdicts_plot
from training.reproduce.bench import Bench

SHARES = ("novel", "novel_or_unlabelled", "labelled_wrongly", "confident_wrongly")
HEADER = (
    *("kind", "epochs", "objects", "light curves"),
    *("novel", "novel or no label", "labelled wrongly", "of it above .9"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What was made of some light curves.

    Attributes
    ----------
    name : str
        Kind or class.
    length : str
        Number of first epochs, or "all".
    shares : mapping
        As of `training.crossfit.assess.no_class.judged`.
    """

    name: str
    length: str
    shares: Mapping[str, Any]


def figure_of(bench: Bench, name: str, said: Sequence[Said], title: str) -> tuple[Figure, ...]:
    """Draw what becomes of complete light curves; nothing where none was scored."""
    whole = [(each.name, each.shares) for each in _whole(said)]
    if not whole:
        return ()
    path = verdicts_plot(whole, bench.figures / f"trust_{name}.png", title=f"{title}, all epochs")
    return (Figure(path, f"{title}: what becomes of their light curves."),)


def _whole(said: Sequence[Said]) -> list[Said]:
    """Of complete light curves that were scored."""
    return [each for each in said if each.length == "all" and each.shares["n_light_curves"]]


def row_of(said: Said) -> tuple[str, ...]:
    """Return the row of a table."""
    shares = said.shares
    numbers = (f"{shares['n_stars']:,}", f"{shares['n_light_curves']:,}")
    return said.name, said.length, *numbers, *_written(shares[share] for share in SHARES)


def mean_row(said: Sequence[Said]) -> tuple[str, ...]:
    """Return the row of the mean of all kinds, of complete light curves; each counts alike."""
    whole = _whole(said)
    means = (np.mean([each.shares[share] for each in whole]) if whole else None for share in SHARES)
    return "mean of the kinds", "all", "", "", *_written(means)


def _written(shares: Iterable[float | None]) -> tuple[str, ...]:
    return tuple("" if share is None else f"{share:.1%}" for share in shares)
