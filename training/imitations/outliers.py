"""Outliers: light curves of no class, at the epochs and errors of real ones.

What is trained to be told from stars: a bump (whatever brightens once), stray points on a constant star,
flux given as magnitudes, saturation. Hendrycks, Mazeika and Dietterich (2019, arXiv:1812.04606) call it
outlier exposure: a classifier that has seen some outliers is less sure about others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]

BUMP_MAG = (0.3, 4.0)
BUMP_DAYS = (3.0, 300.0)
"""Height and duration of a bump, drawn evenly in their logarithms."""

CLEAR_SIGMAS = 5.0
"""Median errors that a bump is higher than at least."""

STRAY_MAG = (0.3, 3.0)
MOST_STRAY = 3
"""Stray points, and how far off they are."""

FLUX = (4.0, 30.0)
LARGEST_FLUX = 34.0
"""Median flux in the units of a user who gave it as magnitudes: what lies above 35 is refused at once, and in
units in which it is small its variation would be that of any star."""

SATURATED_SHARE = (0.3, 0.8)
SATURATED_SCATTER = (0.01, 0.2)
"""Points brighter than the detector can tell, and the scatter of what it tells of them [mag]."""


def bump(rng: np.random.Generator, time: F8, mag: F8, err: F8) -> F8:
    """Return magnitudes (n,) that brighten once, as microlensing, flares and supernovae in galaxies do.

    A rise and a longer decline, both exponential, or as often a symmetric peak, clear of the errors (n,):
    what nobody could see is no outlier.
    """
    height = max(float(_drawn(rng, BUMP_MAG, 1)[0]), CLEAR_SIGMAS * float(np.median(err)))
    rise, decline = np.sort(_drawn(rng, BUMP_DAYS, 2))
    since = time - time[rng.integers(len(time))]
    if rng.random() < 0.5:
        shape = 1.0 / (1.0 + (since / decline) ** 2)
    else:
        shape = np.exp(np.where(since < 0.0, since / rise, -since / decline))
    brightened: F8 = mag - 2.5 * np.log10(1.0 + (10.0 ** (0.4 * height) - 1.0) * shape)
    return brightened


def stray_points(rng: np.random.Generator, mag: F8) -> F8:
    """Return magnitudes (n,) of which one to three are far off, to either side."""
    strayed = mag.copy()
    chosen = rng.choice(len(mag), min(int(rng.integers(1, MOST_STRAY + 1)), len(mag)), replace=False)
    strayed[chosen] += rng.choice((-1.0, 1.0), len(chosen)) * _drawn(rng, STRAY_MAG, len(chosen))
    return strayed


def flux_as_magnitudes(rng: np.random.Generator, mag: F8, err: F8) -> tuple[F8, F8]:
    """Return flux and its error (n,), in units of someone's choice, where magnitudes are expected."""
    flux = 10.0 ** (-0.4 * (mag - np.median(mag)))
    unit = min(float(_drawn(rng, FLUX, 1)[0]), LARGEST_FLUX / float(flux.max()))
    return unit * flux, unit * flux * err * np.log(10.0) / 2.5


def saturated(rng: np.random.Generator, mag: F8) -> F8:
    """Return magnitudes (n,) of a star that is too bright for the detector in some of its light curve."""
    limit = np.quantile(mag, rng.uniform(*SATURATED_SHARE))
    scatter = float(_drawn(rng, SATURATED_SCATTER, 1)[0])
    told: F8 = np.where(mag < limit, limit + scatter * rng.standard_normal(len(mag)), mag)
    return told


def _drawn(rng: np.random.Generator, between: tuple[float, float], count: int) -> F8:
    """Numbers (count,) that are drawn evenly in their logarithms."""
    low, high = between
    drawn: F8 = np.exp(rng.uniform(np.log(low), np.log(high), count))
    return drawn
