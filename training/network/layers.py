"""The layers of a network that a fit may change."""

from __future__ import annotations

from enum import StrEnum


class Layers(StrEnum):
    """Which layers are fitted (section 4.1)."""

    EVERY = "every-layer"
    LAST = "last-layer"
    """The last fully connected one; the normalisations go on following the data, as in the published code."""
