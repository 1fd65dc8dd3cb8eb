"""Plots of a classifier's answers, and how every plot is drawn and written.

Every function ending in `_plot` writes the PNG `path`, returns `path`, and raises SettingsError if it
cannot be written. Figures are made as objects on the Agg canvas: no window, no global state. Names of
classes and curves are drawn as they are, never as mathematics. Plots against training epoch, size of the
training part, number of labels and duration are in `training.report.curve_plots`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from training.errors import SettingsError
from training.measure.metrics import F8, I8

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's palette without its yellow, which is too pale on white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MC_SYMBOL = "$M_c$"
DPI = 130
FIGURE_WIDTH_INCH = 8.0
"""Of an ordinary figure: 1040 pixels, so that a page shows it at 100 %."""

Entry = tuple[Any, str]
"""Of a legend: what matplotlib drew, and its name."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure [inch] on the Agg canvas."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_png(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, in a new folder if need be; the same figure gives the same bytes.

    Raises
    ------
    SettingsError
        If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
    except OSError as exc:
        raise SettingsError(f"cannot write the figure {path}: {exc.strerror or exc}") from exc
    return path


def style(index: int, *, line: str = "-") -> dict[str, Any]:
    """Colour, marker and line of the index-th curve; colour and marker repeat after seven."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": line,
        "linewidth": 1.6,
        "markersize": 5.5,
    }


def add_legend(axes: Axes, entries: Sequence[Entry], **place: Any) -> None:
    """Add a legend; its names are drawn as they are."""
    legend = axes.legend([artist for artist, _ in entries], [name for _, name in entries], **place)
    for text in legend.get_texts():
        text.set_parse_math(False)


def add_grid(axes: Axes) -> None:
    """Add a faint grid behind the data, and leave the frame open."""
    axes.grid(visible=True, color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def confusion_plot(confusion: I8, classes: Sequence[str], path: Path, *, title: str) -> Path:
    """Draw the confusion matrix divided by rows: recall is on the diagonal (Figs. 4, 8, 9, 11).

    Values from 0.01 on are written out. The rows of classes without stars are grey. The number of stars
    of each class is on the right.

    Parameters
    ----------
    confusion : (k, k) int64
        Counts: rows are true classes, columns predicted ones.
    classes : k names
    title : str
    """
    n_true, k = confusion.sum(axis=1), len(classes)
    recall = np.full((k, k), np.nan)
    np.divide(confusion, n_true[:, None], out=recall, where=n_true[:, None] > 0)
    side = max(2.7 + 0.29 * k, 5.0)
    figure = new_figure(side + 0.3, side)
    axes = figure.add_subplot()
    axes.set_facecolor("0.88")
    axes.imshow(recall, cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest")
    small = 7.2 if k > 14 else 9.0
    for true, predicted in zip(*np.nonzero(recall >= 0.01), strict=True):
        value = recall[true, predicted]
        colour = "white" if value > 0.55 else "black"
        axes.text(predicted, true, f"{value:.2f}", ha="center", va="center", fontsize=small, color=colour)
    name_size = small + 1.2
    axes.set_xticks(range(k), classes, rotation=90, fontsize=name_size, parse_math=False)
    axes.set_yticks(range(k), classes, fontsize=name_size, parse_math=False)
    axes.set_xticks(np.arange(1, k) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, k) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color="0.92", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    counts = axes.secondary_yaxis("right")
    counts.set_yticks(range(k), [f"{n:,}" for n in n_true], fontsize=name_size)
    counts.tick_params(length=0)
    counts.set_ylabel("stars of the true class")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class", labelpad=8)
    axes.set_title(title, loc="left", parse_math=False)
    return write_png(figure, path)


def probabilities_plot(first: F8, second: F8, path: Path) -> Path:
    """Draw histograms of the highest and second highest probability, and of their difference (Fig. 3).

    Parameters
    ----------
    first, second : (n,) float64
        Between 0 and 1, of n light curves.
    """
    edges = np.linspace(0.0, 1.0, 51)
    figure = new_figure(FIGURE_WIDTH_INCH, 6.4)
    upper, lower = figure.subplots(2, sharex=True)
    entries: list[Entry] = []
    for index, (name, values) in enumerate((("highest", first), ("second highest", second))):
        counts = np.histogram(values, edges)[0]
        entries.append((upper.stairs(counts, edges, fill=True, alpha=0.65, color=COLOURS[index]), name))
    lower.stairs(np.histogram(first - second, edges)[0], edges, fill=True, color=COLOURS[2], alpha=0.8)
    add_legend(upper, entries, loc="upper center")
    upper.set_xlabel("probability")
    lower.set_xlabel("highest minus second highest probability")
    for axes in (upper, lower):
        axes.tick_params(labelbottom=True)
        axes.set_xlim(0.0, 1.0)
        axes.set_ylabel("light curves per 0.02")
        add_grid(axes)
    return write_png(figure, path)


def importance_plot(importance: F8, features: Sequence[str], classes: Sequence[str], path: Path) -> Path:
    """Draw what each feature contributes, as bars stacked over the classes, the greatest on top (Fig. 6).

    Parameters
    ----------
    importance : (n_features, k) float64
        Mean absolute SHAP value, not negative.
    features : n_features names
    classes : k names
    """
    order = np.argsort(importance.sum(axis=1), kind="stable")
    figure = new_figure(FIGURE_WIDTH_INCH + 1.0, max(0.33 * len(features) + 1.1, 0.25 * len(classes) + 1.1))
    axes = figure.add_subplot()
    left = np.zeros(len(features))
    entries: list[Entry] = []
    for index, name in enumerate(classes):
        # More classes than colours: the hatch tells the second seven from the first, and so on.
        look: dict[str, Any] = {
            "facecolor": COLOURS[index % len(COLOURS)],
            "hatch": ("", "////", "....")[index // len(COLOURS) % 3],
            "edgecolor": "white",
            "linewidth": 0.4,
        }
        axes.barh(range(len(features)), importance[order, index], left=left, height=0.78, **look)
        entries.append((Patch(**look), name))
        left += importance[order, index]
    axes.set_yticks(range(len(features)), [features[i] for i in order], parse_math=False)
    axes.set_ylim(-0.6, len(features) - 0.4)
    axes.set_xlabel("mean |SHAP value|, summed over classes")
    add_grid(axes)
    axes.grid(visible=False, axis="y")
    add_legend(axes, entries, loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=8.5, frameon=False)
    return write_png(figure, path)


def reliability_plot(
    curves: Mapping[str, tuple[F8, F8, F8 | I8]], path: Path, *, ece: Mapping[str, float] | None = None
) -> Path:
    """Draw how often answers are right against how sure they are.

    Parameters
    ----------
    curves : mapping of str to three (b,) arrays
        By name: mean confidence, accuracy and number of stars of b bins. The marker's area grows with the
        number.
    ece : mapping of str to float, optional
        Expected calibration error by name, for the legend.
    """
    figure = new_figure(6.2, 6.2)
    axes = figure.add_subplot()
    axes.plot([0.0, 1.0], [0.0, 1.0], color="0.55", linestyle=":", linewidth=1.4)
    axes.text(0.03, 0.055, "as often right as sure", rotation=45, color="0.4", fontsize=9)
    most = max(float(n.max()) for _, _, n in curves.values())
    entries: list[Entry] = []
    for index, (name, (confidence, accuracy, n)) in enumerate(curves.items()):
        look = style(index)
        axes.plot(confidence, accuracy, color=look["color"], linewidth=1.2, alpha=0.8)
        axes.scatter(
            confidence, accuracy, s=170.0 * n / most, color=look["color"], marker=look["marker"], alpha=0.75
        )
        entries.append((Line2D([], [], **look), name if ece is None else f"{name} (ECE {ece[name]:.3f})"))
    axes.set_xlim(0.0, 1.02)
    axes.set_ylim(0.0, 1.02)
    axes.set_aspect("equal")
    axes.set_xlabel("mean probability of the label given")
    axes.set_ylabel("fraction of labels that are right")
    add_grid(axes)
    add_legend(axes, entries, loc="upper left")
    return write_png(figure, path)
