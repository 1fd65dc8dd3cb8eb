"""Plots of Mc against training epoch, size of the training part, number of labels and duration.

Every function ending in `_plot` writes the PNG `path`, returns `path`, and raises SettingsError if it
cannot be written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from training.measure.metrics import F8, I8
from training.report.plots import (
    COLOURS,
    FIGURE_WIDTH_INCH,
    MARKERS,
    MC_SYMBOL,
    Entry,
    add_grid,
    add_legend,
    new_figure,
    style,
    write_png,
)


def training_plot(histories: Mapping[str, F8], rate: F8, path: Path, *, best: int | None) -> Path:
    """Draw Mc by training epoch above, the learning rate below, and an arrow at the best (Fig. 5).

    Parameters
    ----------
    histories : mapping of str to (training_epochs,) float64
        Mc by name of the part, such as training and validation. The arrow points to the last one: the
        part that the training epoch was chosen by.
    rate : (training_epochs,) float64
        Learning rate, positive.
    best : int or None
        Index of the chosen training epoch, from 0; None for no arrow. The axis counts from 1.
    """
    figure = new_figure(FIGURE_WIDTH_INCH, 6.2)
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(2.2, 1.0))
    entries: list[Entry] = []
    for index, (name, mc) in enumerate(histories.items()):
        line = upper.plot(_from_one(mc), mc, color=COLOURS[index % len(COLOURS)], linewidth=1.2)[0]
        entries.append((line, name))
    if best is not None:
        chosen = list(histories.values())[-1]
        late = best > len(chosen) / 2
        upper.annotate(
            f"best {chosen[best]:.4f} at {best + 1}",
            xy=(best + 1, float(chosen[best])),
            xytext=(-14 if late else 14, -62),
            textcoords="offset points",
            ha="right" if late else "left",
            arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.4, "mutation_scale": 16},
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2.0},
        )
    lower.step(_from_one(rate), rate, where="mid", color="black", linewidth=1.2)
    lower.set_yscale("log")
    upper.set_ylabel(MC_SYMBOL)
    lower.set_ylabel("learning rate")
    lower.set_xlabel("training epoch")
    add_legend(upper, entries, loc="lower right")
    for axes in (upper, lower):
        add_grid(axes)
    return write_png(figure, path)


def paired_training_plot(pairs: Sequence[tuple[F8, F8]], path: Path) -> Path:
    """Draw validation Mc of pairs of repeats from scratch and transferred, a panel each (Fig. 10).

    Parameters
    ----------
    pairs : sequence of two (training_epochs,) float64 arrays
        Mc of the scratch and of the every-layer model; four pairs fill the figure of the paper.
    """
    n_rows = (len(pairs) + 1) // 2
    figure = new_figure(FIGURE_WIDTH_INCH, 2.3 * n_rows + 0.8)
    panels = figure.subplots(n_rows, 2, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, pair in zip(panels, pairs, strict=False):
        for index, mc in enumerate(pair):
            axes.plot(_from_one(mc), mc, color=COLOURS[index], linestyle=("--", "-")[index], linewidth=1.6)
        add_grid(axes)
    for axes in panels[len(pairs) :]:
        axes.set_axis_off()
    add_legend(
        panels[0],
        list(zip(panels[0].get_lines(), ("scratch", "every-layer"), strict=True)),
        loc="lower right",
    )
    figure.supxlabel("training epoch", fontsize=10)
    figure.supylabel(f"validation {MC_SYMBOL}", fontsize=10)
    return write_png(figure, path)


def fractions_plot(
    curves: Mapping[str, tuple[F8, F8, F8]],
    path: Path,
    *,
    base: tuple[float, float] | None,
    paper: Mapping[str, tuple[F8, F8]] | None,
) -> Path:
    """Draw Mc by share of the training part (Fig. 7).

    Parameters
    ----------
    curves : mapping of str to three (m,) float64 arrays
        By model: share of the training part in (0, 1], mean Mc and its standard error. The models are
        set a little beside each other.
    base : (float, float) or None
        Mean and standard error of the model trained from scratch on everything: a line with a band.
    paper : mapping of str to two (m,) float64 arrays, or None
        By model: share and mean Mc as published; dashed and hollow, in the colour of our model of that
        name.
    """
    figure = new_figure(FIGURE_WIDTH_INCH, 5.2)
    axes = figure.add_subplot()
    entries: list[Entry] = []
    if base is not None:
        mean, error = base
        axes.axhspan(mean - error, mean + error, color="0.85")
        entries.append((axes.axhline(mean, color="0.45", linewidth=1.2), "base"))
    names = list(dict.fromkeys([*curves, *(paper or {})]))
    for index, (name, (share, mc, sem)) in enumerate(curves.items()):
        shift = 1.02 ** (index - (len(curves) - 1) / 2)
        entries.append((axes.errorbar(100.0 * share * shift, mc, sem, capsize=3, **style(index)), name))
    shown = [share for share, _, _ in curves.values()]
    for name, (share, mc) in (paper or {}).items():
        look = style(names.index(name), line="--")
        line = axes.plot(100.0 * share, mc, markerfacecolor="white", alpha=0.7, **look)[0]
        entries.append((line, f"{name} (paper)"))
        shown.append(share)
    _log_ticks(axes, 100.0 * np.concatenate(shown))
    axes.set_xlabel("share of the training part [%]")
    axes.set_ylabel(MC_SYMBOL)
    add_grid(axes)
    add_legend(axes, entries, loc="lower right", ncols=2 if len(entries) > 4 else 1)
    return write_png(figure, path)


def duration_plot(
    mc: F8,
    counts: Sequence[int],
    durations_d: Sequence[float],
    path: Path,
    *,
    title: str,
    limits: tuple[float, float] | None = None,
) -> Path:
    """Draw Mc by duration, a line for each number of points (Fig. 12, one of its panels).

    Parameters
    ----------
    mc : (n_counts, n_durations) float64
        NaN where no light curve has so many points in so short a time: left out.
    counts : n_counts int
        Points of a light curve.
    durations_d : n_durations float
        Time between the first and the last point, at most [d].
    title : str
    limits : (float, float), optional
        Of the Mc axis: give two panels the same to compare them.
    """
    figure = new_figure(FIGURE_WIDTH_INCH, 5.0)
    axes = figure.add_subplot()
    colours = colormaps["viridis"](np.linspace(0.88, 0.0, len(counts)))
    entries = [
        (
            axes.plot(durations_d, line, color=colour, marker=MARKERS[i % len(MARKERS)], markersize=5.5)[0],
            f"n = {count}",
        )
        for i, (count, line, colour) in enumerate(zip(counts, mc, colours, strict=True))
    ]
    _log_ticks(axes, np.asarray(durations_d))
    if limits is not None:
        axes.set_ylim(*limits)
    axes.set_xlabel("duration [d]")
    axes.set_ylabel(MC_SYMBOL)
    axes.set_title(title, loc="left", parse_math=False)
    add_grid(axes)
    # Long light curves are the last entries and the highest lines: read the legend from top to bottom.
    add_legend(axes, entries[::-1], loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return write_png(figure, path)


def learning_curve_plot(
    n_stars: I8, mean: F8, sem: F8, path: Path, *, fitted: tuple[F8, F8] | None, now: int
) -> Path:
    """Draw Mc by number of labelled stars, and what more labels would give.

    Parameters
    ----------
    n_stars : (m,) int64
        Labelled stars that a model was trained on.
    mean, sem : (m,) float64
        Mc and its standard error.
    fitted : two (p,) float64 arrays, or None
        Number of stars, rising, and Mc of the curve the caller fitted; dashed beyond `now`, with the
        value at its end written out.
    now : int
        Labelled stars there are.
    """
    figure = new_figure(FIGURE_WIDTH_INCH, 5.0)
    axes = figure.add_subplot()
    axes.axvline(now, color="0.55", linestyle=":", linewidth=1.4)
    axes.annotate(
        f"now: {now:,}",
        xy=(now, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(-5, 0),
        textcoords="offset points",
        ha="right",
        color="0.3",
    )
    entries: list[Entry] = [(axes.errorbar(n_stars, mean, sem, capsize=3, **style(0, line="")), "measured")]
    ticks = n_stars.astype(np.float64)
    if fitted is not None:
        x, mc = fitted
        known, ahead = x < now, x > now
        at_now = np.interp(now, x, mc)
        entries += [
            (
                axes.plot(np.append(x[known], now), np.append(mc[known], at_now), color=COLOURS[0])[0],
                "fitted power law",
            ),
            (
                axes.plot(
                    np.append(now, x[ahead]), np.append(at_now, mc[ahead]), color=COLOURS[1], linestyle="--"
                )[0],
                "expected with more labels",
            ),
        ]
        axes.annotate(
            f"{mc[-1]:.3f} with {x[-1]:,.0f}",
            xy=(float(x[-1]), float(mc[-1])),
            xytext=(0, 8),
            textcoords="offset points",
            ha="right",
            color=COLOURS[1],
        )
        ticks = np.append(ticks, x[-1])
    _log_ticks(axes, ticks)
    axes.set_xlabel("labelled stars to train on")
    axes.set_ylabel(MC_SYMBOL)
    axes.margins(y=0.12)
    add_grid(axes)
    add_legend(axes, entries, loc="upper left")
    return write_png(figure, path)


def _from_one(values: F8) -> I8:
    return np.arange(1, len(values) + 1)


def _log_ticks(axes: Axes, values: F8 | I8) -> None:
    """Make the x axis logarithmic, with ticks at the values, from the greatest down, that leave room."""
    descending = np.unique(values)[::-1]
    room = 0.07 * np.log(descending[0] / descending[-1])
    kept = [descending[0]]
    for value in descending[1:]:
        if np.log(kept[-1] / value) >= room:
            kept.append(value)
    axes.set_xscale("log")
    ticks = kept[::-1]
    axes.set_xticks(ticks, [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in ticks])
    axes.minorticks_off()
