"""A rectangle of an SVG picture with coordinates, axes and words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle of the picture with its own coordinates.

    Attributes
    ----------
    left, top, width, height : float
        Where it is [px].
    x_range, y_range : pair of float
        Values at its left and right, and at its bottom and top: magnitudes run downwards.
    """

    left: float
    top: float
    width: float
    height: float
    x_range: Pair
    y_range: Pair

    @property
    def right(self) -> float:
        """Its right edge [px]."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge [px]."""
        return self.top + self.height

    def x(self, value: float) -> float:
        """Return where a value is from left to right [px]."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * self.width

    def y(self, value: float) -> float:
        """Return where a value is from top to bottom [px]."""
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * self.height

    def x_axis(self, label: str, places: Sequence[float]) -> list[str]:
        """Return ticks and the name of the horizontal axis."""
        marks = [text(self.x(v), self.bottom + 18, number(v), "quiet", "middle") for v in places]
        line = f'<path class="axis" d="M{self.left:.1f} {self.bottom:.1f}H{self.right:.1f}"/>'
        name = text((self.left + self.right) / 2, self.bottom + 38, label, "quiet", "middle")
        return [line, *marks, name]

    def y_axis(self, label: str, places: Sequence[float], *, numbers: bool = True) -> list[str]:
        """Return grid lines, ticks and the name of the vertical axis."""
        grid = [f'<path class="grid" d="M{self.left:.1f} {self.y(v):.1f}H{self.right:.1f}"/>' for v in places]
        if not numbers:
            return grid
        marks = [text(self.left - 8, self.y(v) + 4, number(v), "quiet", "end") for v in places]
        x, y = self.left - 46, (self.top + self.bottom) / 2
        name = (
            f'<text class="quiet" text-anchor="middle" transform="translate({x:.1f} {y:.1f}) rotate(-90)">'
            f"{escape(label)}</text>"
        )
        return [*grid, *marks, name]


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round values from `low` to `high`, `about` as many as asked for."""
    raw = (high - low) / max(about, 1)
    if raw <= 0.0:
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1.0, 2.0, 2.5, 5.0, 10.0) if power * m >= raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def number(value: float) -> str:
    """Write a number without noise digits."""
    return f"{value:.10g}"


def text(x: float, y: float, words: str, css: str, anchor: str = "start") -> str:
    """Return words at a place [px], from it (``start``), around it (``middle``) or up to it (``end``)."""
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
