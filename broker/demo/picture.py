"""A picture of a light curve being classified while its epochs arrive, as SVG written by hand.

The core installation has no plotting library, and the few shapes that are needed need none. Colours follow
the reader's light or dark theme; the card behind them is opaque, so that either is readable on any page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.demo.svg_panel import Panel, text, ticks
from broker.state.light_curve import BandSeries
from broker.state.star_series import ALL_BANDS

Array = NDArray[np.float64]

WIDTH, HEIGHT = 960, 624
MAX_NAMED_CLASSES = 6  # classes with a colour of their own; the rest are "other"
NAMED_FROM_PROBABILITY = 0.10  # a class that never reaches this probability is among the rest
SURE_PROBABILITY = 0.9
OTHER_CLASSES = "other"

STYLE = """
  .card { fill: #ffffff; stroke: #d0d7de; }
  text { fill: #1f2328; font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
  .title { font-size: 17px; font-weight: 600; }
  .quiet { fill: #656d76; }
  .axis { stroke: #8c959f; fill: none; }
  .grid { stroke: #d8dee4; }
  .waiting { fill: #eaeef2; }
  .error { stroke-width: 1; opacity: 0.45; }
  .share { stroke: #ffffff; stroke-width: 1; }
  .inside { fill: #ffffff; font-weight: 600; }
  .sure { stroke: #ffffff; stroke-width: 1.5; stroke-dasharray: 5 4; }
  .u { fill: #7048e8; stroke: #7048e8; } .g { fill: #2b8a3e; stroke: #2b8a3e; }
  .r { fill: #d6336c; stroke: #d6336c; } .i { fill: #b35c00; stroke: #b35c00; }
  .z { fill: #1971c2; stroke: #1971c2; } .y { fill: #495057; stroke: #495057; }
  text.u, text.g, text.r, text.i, text.z, text.y { stroke: none; font-weight: 600; }
  .c0 { fill: #3b6fb6; } .c1 { fill: #c2571a; } .c2 { fill: #2c8c74; }
  .c3 { fill: #8a5ba8; } .c4 { fill: #a8801f; } .c5 { fill: #b5446e; } .other { fill: #8b949e; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #161b22; stroke: #30363d; }
    text { fill: #e6edf3; } .quiet { fill: #9198a1; }
    .axis { stroke: #6e7681; } .grid { stroke: #2a3038; } .waiting { fill: #21262d; }
    .share { stroke: #161b22; } .inside { fill: #ffffff; } .other { fill: #6e7681; }
    .u { fill: #b197fc; stroke: #b197fc; } .g { fill: #51cf66; stroke: #51cf66; }
    .r { fill: #ff7096; stroke: #ff7096; } .i { fill: #ffa94d; stroke: #ffa94d; }
    .z { fill: #74c0fc; stroke: #74c0fc; } .y { fill: #ced4da; stroke: #ced4da; }
  }
"""


def draw(
    annotations: Sequence[Mapping[str, Any]], light_curve: Sequence[BandSeries], *, title: str | None = None
) -> str:
    """Draw a light curve, the same folded with the period that was found, and what it was taken for.

    Parameters
    ----------
    annotations : sequence of mapping
        Published records of one object in one band, or in all together, in the order they were made. Those
        without a score are shown as the time of waiting.
    light_curve : sequence of BandSeries
        All epochs of the object, one series per band.
    title : str, optional
        Instead of one made of the last record.

    Returns
    -------
    str
        An SVG document.

    Raises
    ------
    ValueError
        If no annotation has a score, or they are not all of one object and band.
    """
    if len({(record["survey"], record["object_id"], record["band"]) for record in annotations}) != 1:
        raise ValueError("a picture is of one object in one band: filter the annotations first")
    scored = [record for record in annotations if record["probabilities"] is not None]
    if not scored:
        raise ValueError(f"none of the {len(annotations)} annotations has a score: nothing to draw")
    last = scored[-1]
    title = title or _title(last)
    body = [
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>',
        text(72, 36, title, "title"),
        *_light_curve(light_curve, last),
        *_probabilities(scored),
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            *body,
            "</svg>\n",
        ]
    )


def _title(last: Mapping[str, Any]) -> str:
    """Say what the last record says."""
    when = f"after {last['n_epochs']} epochs in {_where(last)}"
    if last["label"] is not None:
        return f"{last['object_id']} is {last['label']} with probability {last['probability']:.2f} {when}"
    best = max(last["probabilities"], key=last["probabilities"].__getitem__)
    return f"{last['object_id']} is unsure {when}: {best} has probability {last['probability']:.2f}"


def _where(record: Mapping[str, Any]) -> str:
    """Name the band of a record in a sentence."""
    return "all bands" if record["band"] == ALL_BANDS else str(record["band"])


def _light_curve(series: Sequence[BandSeries], last: Mapping[str, Any]) -> list[str]:
    """Draw the epochs by time, and at the right by phase, on one scale of magnitudes."""
    shown = [band for band in series if band.time.size]
    mags = np.concatenate([band.mag for band in shown])
    faintest, brightest = float(mags.max()), float(mags.min())
    margin = 0.08 * (faintest - brightest) + 0.02
    mag_range = (faintest + margin, brightest - margin)
    start = math.floor(min(float(band.time[0]) for band in shown))
    end = max(float(band.time[-1]) for band in shown) - start
    by_time = Panel(72, 78, 540, 210, (-0.02 * end, 1.02 * end), mag_range)
    by_phase = Panel(652, 78, 268, 210, (0.0, 2.0), mag_range)
    period = last["features"]["period"]
    places = ticks(mag_range[1], mag_range[0], 5)
    parts = [
        *by_time.y_axis("magnitude", places),
        *by_phase.y_axis("", places, numbers=False),
        *by_time.x_axis(f"days since MJD {start}", ticks(0.0, end, 6)),
        *by_phase.x_axis(f"phase, period {period:.6g} d", [0.0, 0.5, 1.0, 1.5, 2.0]),
    ]
    for place, band in enumerate(shown):
        phase = band.time / period % 1.0
        parts += _points(by_time, band.band, band.time - start, band)
        for cycle in (0.0, 1.0):
            parts += _points(by_phase, band.band, phase + cycle, band)
        left = by_time.left + 34 * place
        parts.append(f'<circle class="{band.band}" cx="{left + 4}" cy="63.5" r="3.5"/>')
        parts.append(text(left + 13, 68, band.band, band.band))
    return parts


def _points(panel: Panel, css: str, x: Array, series: BandSeries) -> list[str]:
    """Draw epochs with their errors, as two shapes in all."""
    known = np.where(np.isfinite(series.mag_err), series.mag_err, 0.0)
    dots, bars = [], []
    for at, mag, err in zip(x.tolist(), series.mag.tolist(), known.tolist(), strict=True):
        px = panel.x(at)
        dots.append(f"M{px - 2.2:.1f} {panel.y(mag):.1f}a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0 -4.4 0")
        bars.append(f"M{px:.1f} {panel.y(mag + err):.1f}V{panel.y(mag - err):.1f}")
    return [
        f'<path class="{css} error" d="{"".join(bars)}"/>',
        f'<path class="{css}" stroke="none" style="stroke:none" d="{"".join(dots)}"/>',
    ]


def _probabilities(scored: Sequence[Mapping[str, Any]]) -> list[str]:
    """Draw how the classes share the probability, by number of epochs."""
    n_epochs, shares = _shares(scored)
    panel = Panel(72, 362, 848, 176, (0.0, float(n_epochs[-1])), (0.0, 1.0))
    if n_epochs[0] == n_epochs[-1]:  # a single score is shown from one epoch before
        n_epochs = np.array([n_epochs[0] - 1.0, n_epochs[0]])
        shares = {name: np.repeat(share, 2) for name, share in shares.items()}
    parts = [
        f'<rect class="waiting" x="{panel.left}" y="{panel.top}" '
        f'width="{panel.x(n_epochs[0]) - panel.left:.1f}" height="{panel.height}"/>'
    ]
    if panel.x(n_epochs[0]) - panel.left > 64:
        middle = (panel.left + panel.x(n_epochs[0])) / 2
        parts += [
            text(middle, panel.top + 84, "too few", "quiet", "middle"),
            text(middle, panel.top + 101, "to say", "quiet", "middle"),
        ]
    parts += panel.y_axis("probability", [0.0, 0.5, 1.0])
    parts += panel.x_axis(f"epochs in {_where(scored[-1])} so far", ticks(0.0, float(n_epochs[-1]), 8))
    lower = np.zeros(n_epochs.size)
    names: list[str] = []
    legend_end = panel.right
    for place, (name, share) in enumerate(shares.items()):
        upper = lower + share
        css = OTHER_CLASSES if name == OTHER_CLASSES else f"c{place}"
        parts.append(_band(panel, css, n_epochs, lower, upper))
        inside = _label(panel, name, n_epochs, lower, upper)
        if inside:
            names.append(inside)
        elif name != OTHER_CLASSES:  # no room: in a line below the name of the axis, from the right
            names += _legend(legend_end, panel.bottom + 64, name, css)
            legend_end -= 9.0 * len(name) + 30.0
        lower = upper
    return parts + names + _sure_from(panel, scored)


def _shares(scored: Sequence[Mapping[str, Any]]) -> tuple[Array, dict[str, Array]]:
    """Return the probability of each class by number of epochs: the answer first, small ones put together."""
    by_count = {int(record["n_epochs"]): record["probabilities"] for record in scored}
    n_epochs = np.array(sorted(by_count), dtype=np.float64)
    table = {
        name: np.array([by_count[int(n)][name] for n in n_epochs]) for name in scored[-1]["probabilities"]
    }
    by_final = sorted(table, key=lambda name: (-table[name][-1], name))
    candidates = [name for name in table if table[name].max() >= NAMED_FROM_PROBABILITY]
    named = sorted(candidates, key=lambda name: -float(table[name].mean()))[:MAX_NAMED_CLASSES]
    shares = {name: table[name] for name in by_final if name in named}
    shares[OTHER_CLASSES] = 1.0 - np.sum(list(shares.values()), axis=0)
    return n_epochs, shares


def _band(panel: Panel, css: str, x: Array, lower: Array, upper: Array) -> str:
    """Draw the area between two curves."""
    there = [f"{panel.x(a):.1f} {panel.y(b):.1f}" for a, b in zip(x.tolist(), upper.tolist(), strict=True)]
    back = [f"{panel.x(a):.1f} {panel.y(b):.1f}" for a, b in zip(x.tolist(), lower.tolist(), strict=True)]
    return f'<path class="share {css}" d="M{"L".join(there + back[::-1])}Z"/>'


def _label(panel: Panel, name: str, x: Array, lower: Array, upper: Array) -> str:
    """Write a class's name into its area, where it is thickest over the width of the name; or nothing."""
    half = 4.2 * len(name) + 4.0
    first, last = panel.x(x[0]) + half, panel.right - half
    best, where = (0.0, 0.0), (0.0, 0.0)
    for centre in np.linspace(first, last, 61).tolist():
        span = np.linspace(centre - half, centre + half, 9)
        at = panel.x_range[0] + (span - panel.left) / panel.width * (panel.x_range[1] - panel.x_range[0])
        floor, ceiling = float(np.interp(at, x, lower).max()), float(np.interp(at, x, upper).min())
        room = (ceiling - floor) * panel.height
        merit = (min(room, 60.0), -abs(centre - (first + last) / 2))  # ample is enough: then near the middle
        if room >= 17.0 and merit > best:
            best, where = merit, (centre, panel.y((floor + ceiling) / 2))
    return text(where[0], where[1] + 4.5, name, "inside", "middle") if best[0] else ""


def _legend(right: float, y: float, name: str, css: str) -> list[str]:
    """Write a class's name up to a place, after a square of its colour."""
    left = right - 8.2 * len(name)
    square = f'<rect class="{css}" x="{left - 17:.1f}" y="{y - 10:.1f}" width="11" height="11" rx="2"/>'
    return [square, text(left, y, name, "quiet")]


def _sure_from(panel: Panel, scored: Sequence[Mapping[str, Any]]) -> list[str]:
    """Mark from when on the last answer was never doubted again."""
    answer = scored[-1]["label"]
    if answer is None:
        return []
    first = None
    for record in reversed(scored):
        if record["probabilities"][answer] < SURE_PROBABILITY:
            break
        first = record
    if first is None:
        return []
    x = panel.x(float(first["n_epochs"]))
    side = "start" if x < panel.right - 260 else "end"
    words = f"{answer} above {SURE_PROBABILITY} from {first['n_epochs']} epochs on"
    return [
        f'<path class="sure" d="M{x:.1f} {panel.top:.1f}V{panel.bottom:.1f}"/>',
        text(x, panel.top - 8, words, "quiet", side),
    ]
