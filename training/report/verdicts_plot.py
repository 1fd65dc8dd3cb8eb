"""Plot of what becomes of light curves: novel, without a label, with a wrong one, or with the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.patches import Patch

from training.report.plots import FIGURE_WIDTH_INCH, Entry, add_grid, new_figure, write_png

PARTS = (
    ("labelled rightly", "#009E73", ""),
    ("novel", "#0072B2", ""),
    ("no label", "#56B4E9", ""),
    ("labelled wrongly", "#E69F00", ""),
    ("wrongly, above .9", "#D55E00", "////"),
)
"""In this order from the left: name, colour and hatch."""


def verdicts_plot(said: Sequence[tuple[str, Mapping[str, Any]]], path: Path, *, title: str) -> Path:
    """Draw one bar a group of light curves, the first on top, divided by what the model made of them.

    Parameters
    ----------
    said : sequence of (str, mapping)
        Name of the group, and its shares as of `training.crossfit.assess.no_class.judged`.
    """
    shares = np.array([_shares(each) for _, each in said])
    figure = new_figure(FIGURE_WIDTH_INCH, 0.32 * len(said) + 1.3)
    axes = figure.add_subplot()
    place = np.arange(len(said))[::-1]
    left = np.zeros(len(said))
    entries: list[Entry] = []
    for number, (name, colour, hatch) in enumerate(PARTS):
        if not shares[:, number].any():
            continue
        look: dict[str, Any] = {"facecolor": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.4}
        axes.barh(place, 100.0 * shares[:, number], left=left, height=0.74, **look)
        entries.append((Patch(**look), name))
        left += 100.0 * shares[:, number]
    names = [f"{name} ({each['n_light_curves']:,})" for name, each in said]
    axes.set_yticks(place, names, parse_math=False)
    axes.set_xlim(0.0, 100.0)
    axes.set_xlabel("of the light curves that were scored [%]")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, parse_math=False)
    add_grid(axes)
    axes.grid(visible=False, axis="y")
    legend = figure.legend(*zip(*entries, strict=True), loc="outside lower center", ncols=5, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return write_png(figure, path)


def _shares(said: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the shares of `PARTS`."""
    wrong, sure = said["labelled_wrongly"], said["confident_wrongly"]
    unlabelled = said["novel_or_unlabelled"] - said["novel"]
    return said["labelled_rightly"], said["novel"], unlabelled, wrong - sure, sure
