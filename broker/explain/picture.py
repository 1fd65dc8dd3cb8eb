"""An explanation as a picture: a bar a feature, to the right where it speaks for the class. SVG by hand.

Colours follow the reader's light or dark theme, on an opaque card. What a bar says is also in its direction
and its number, and all of it in words in the description, which is read to who sees no picture.
"""

from __future__ import annotations

from html import escape

from broker.demo.svg_panel import Panel, text, ticks
from broker.explain.explain_object import Why
from broker.explain.words import CLIPPED, Line, balance, heading, lines, period, precision

WIDTH = 860
ROW = 24  # of a feature [px]
TOP = 92
LEFT, RIGHT = 280, 790  # of the bars
MARGIN = 62  # for the numbers beside the longest bars

STYLE = """
  .card { fill: #ffffff; stroke: #d0d7de; }
  text { fill: #1f2328; font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
  .title { font-size: 17px; font-weight: 600; }
  .quiet { fill: #656d76; }
  .axis { stroke: #8c959f; fill: none; }
  .grid { stroke: #d8dee4; }
  .for { fill: #2b8a3e; } .against { fill: #c2255c; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #161b22; stroke: #30363d; }
    text { fill: #e6edf3; } .quiet { fill: #9198a1; }
    .axis { stroke: #6e7681; } .grid { stroke: #2a3038; }
    .for { fill: #51cf66; } .against { fill: #ff7096; }
  }
"""


def draw(why: Why) -> str:
    """Draw an explanation, as an SVG document."""
    said = lines(why)
    notes = [balance(why), precision(why), *([CLIPPED] if any(line.clipped for line in said) else [])]
    height = TOP + ROW * len(said) + 76 + 20 * len(notes)
    panel = _panel(said)
    places = ticks(*panel.x_range, 6)
    grid = [
        f'<path class="{"axis" if place == 0.0 else "grid"}" '
        f'd="M{panel.x(place):.1f} {panel.top:.1f}V{panel.bottom:.1f}"/>'
        for place in places
    ]
    body = [
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>',
        text(24, 36, heading(why), "title"),
        text(24, 60, f"{period(why)}; {why.model}", "quiet"),
        text(panel.x(0.0) - 8, TOP - 10, "against", "quiet", "end"),
        text(panel.x(0.0) + 8, TOP - 10, "for", "quiet"),
        *grid,
        *panel.x_axis(f"what each feature adds to the log-odds of {why.best}", places),
    ]
    for place, line in enumerate(said):
        body += _bar(panel, line, TOP + ROW * place)
    body += [text(24, panel.bottom + 72 + 20 * place, note, "quiet") for place, note in enumerate(notes)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(heading(why))}</title>',
            f'<desc id="description">{escape(_description(why, said))}</desc>',
            f"<style>{STYLE}</style>",
            *body,
            "</svg>\n",
        ]
    )


def _panel(said: list[Line]) -> Panel:
    """Return the place of the bars, with zero in it and room for the numbers at their ends."""
    low, high = min(0.0, *(line.added for line in said)), max(0.0, *(line.added for line in said))
    room = (high - low or 1.0) * MARGIN / (RIGHT - LEFT - 2 * MARGIN)
    return Panel(LEFT, TOP, RIGHT - LEFT, ROW * len(said), (low - room, high + room), (0.0, 1.0))


def _bar(panel: Panel, line: Line, top: float) -> list[str]:
    zero, width = panel.x(0.0), max(abs(panel.x(line.added) - panel.x(0.0)), 0.5)
    speaks_for = line.added >= 0.0
    css, left = ("for", zero) if speaks_for else ("against", zero - width)
    at, anchor = (left + width + 6, "start") if speaks_for else (left - 6, "end")
    return [
        text(24, top + 17, line.feature, ""),
        text(LEFT - 12, top + 17, line.measured, "quiet", "end"),
        f'<rect class="{css}" x="{left:.1f}" y="{top + 4:.1f}" width="{width:.1f}" height="{ROW - 8}" '
        'rx="2"/>',
        text(at, top + 17, f"{line.added:+.2f}", "quiet", anchor),
    ]


def _description(why: Why, said: list[Line]) -> str:
    """Say in words what the picture shows."""
    parts = [f"{line.feature} of {line.measured} adds {line.added:+.2f}" for line in said]
    return f"{period(why)}; {why.model}. {balance(why)}; {precision(why)}. {'; '.join(parts)}."
