"""A star that pulsates, and its explanation by the shipped network."""

from __future__ import annotations

import numpy as np

from broker.explain.explain_object import Why, explain_object
from broker.explain.find_object import Found
from broker.state.light_curve import LightCurve
from tests.broker.epochs import epoch
from tests.broker.explaining import explainer
from tests.broker.streams import fusing

PERIOD_D = 0.61


def star(n: int = 60, bands: str = "gr") -> Found:
    """So many epochs, in these bands in turn."""
    rng = np.random.default_rng(4)
    days = np.arange(n) + rng.uniform(-0.3, 0.3, n)
    mags = 15.0 + 0.4 * np.sin(2.0 * np.pi * days / PERIOD_D) + rng.normal(0.0, 0.02, n)
    rows = [
        epoch(number + 1, mjd=59_000.0 + day, mag=mag, mag_err=0.02, band=bands[number % len(bands)])
        for number, (day, mag) in enumerate(zip(days.tolist(), mags.tolist(), strict=True))
    ]
    return Found("ztf", "ZTF18abcdefg", LightCurve(np.concatenate(rows)))


def why(found: Found | None = None, *, band: str | None = None, model=None) -> Why:
    judge = model or fusing()
    return explain_object(found or star(), judge, explainer(judge), band=band)
