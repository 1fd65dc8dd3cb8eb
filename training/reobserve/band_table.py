"""The table of bands: how a star of some class differs from band to band, where only one band of it is known.

Amplitude over that in g, lag of the shape behind g, and colours, in u g r i z y. Measured are

- RR Lyrae stars in u g r i z, of the Stripe 82 sample (403 stars; Sesar et al. 2010, ApJ 708, 717). Their r/g
  is 0.697 for 310 RRab (16 and 84 %: 0.675, 0.716) and 0.708 for 78 RRc (0.693, 0.727), g - r 0.23 and 0.12,
  the lag of the first harmonic 0.017 and 0.005 cycles in r.
- Cepheids in two bands of EROS-2 (331 stars; Kim et al. 2014, A&A 566, A43): amplitude ratio 0.72 (0.70 to
  0.75), lag 0.014 cycles (0.006 to 0.023).
- ZTF, r/g: RR Lyrae stars 0.69 (0.61 to 0.73), RRc 0.68 (0.64 to 0.72), detached binaries 1.04 (0.88 to
  1.19), DSCT 0.72, contact binaries 0.90, type II Cepheids 0.79, RS CVn stars 0.85.

All else is taken for typical: every y, the colours of all but RR Lyrae stars, how colours go together along
the locus of stars, and how much stars are reddened. Reddening is that of Schlafly & Finkbeiner (2011), ApJ
737, 103, Table 6, R_V = 3.1, for the filters of LSST.

The light that an outburst of a cataclysmic variable adds is that of a steady disc between its inner and its
outer temperature, of flux density as the cube root of the frequency (Lynden-Bell 1969, Nature 223, 690;
Pringle 1981, ARA&A 19, 137): nearly white, g - r = -0.09, at the mean wavelengths of LSST's filters. One
eclipsing dwarf nova of a ZTF data release has -0.02 (0.22) near maximum; its quiescence is redder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.data.labels import CLASS_SEPARATOR

F8 = NDArray[np.float64]

RATIO_SCATTER = 0.05
"""Scatter of each ratio from star to star, in its logarithm."""

LOCUS = np.array([1.5, 1.0, 0.4, 0.2, 0.1])
"""What u-g, g-r, r-i, i-z and z-y change by along the locus of stars where g - r changes by one."""

EXTINCTION = np.array([4.145, 3.237, 2.273, 1.684, 1.323, 1.088])
"""In u g r i z y over E(B - V)."""

MEAN_REDDENING = 0.08
"""E(B - V) [mag] in the mean, drawn from an exponential distribution."""

R = 2
"""Number of the band whose mean magnitude a star is moved to."""

WAVELENGTHS_NM = np.array([367.0, 483.0, 622.0, 755.0, 869.0, 971.0])
"""About the means of LSST's filters u g r i z y."""

STEADY_DISC = 2.5 / 3.0 * np.log10(WAVELENGTHS_NM / WAVELENGTHS_NM[R])
"""Magnitudes (AB) less that in r of a flux density that goes as the cube root of the frequency."""


class Drawn(NamedTuple):
    """What one copy of a star is like in u g r i z y.

    Attributes
    ----------
    scatter : (6,) float64
        Factors on the amplitude ratios of the table.
    colour : (6,) float64
        Mean magnitude less that in r [mag].
    outburst : (6,) float64
        The same of the light that an outburst adds, less that of the star without reddening; what is red in
        quiescence brightens most in blue bands.
    """

    scatter: F8
    colour: F8
    outburst: F8 = np.zeros(6)

    def outburst_colour(self, number: int, place: float) -> float:
        """By how many magnitudes an outburst is fainter in a band, against the star, than at a place."""
        return float(self.outburst[number] - np.interp(place, np.arange(6), self.outburst))


@dataclass(frozen=True, slots=True)
class BandTable:
    """The table of one class.

    Attributes
    ----------
    ratio, lag : (6,) float64
        Amplitude over that in g, and lag behind g [cycles], in u g r i z y.
    colours : (5,) float64
        u-g, g-r, r-i, i-z, z-y [mag].
    scatter : float
        Of g - r, from star to star [mag].
    """

    ratio: F8
    lag: F8
    colours: F8
    scatter: float

    def amplitude(self, place: float) -> float:
        """Amplitude over that in g, at a place between the bands: 1.5 is midway from g to r."""
        return float(np.exp(np.interp(place, np.arange(6), np.log(self.ratio))))

    def delay(self, place: float) -> float:
        """Lag behind g [cycles] at such a place."""
        return float(np.interp(place, np.arange(6), self.lag))

    def draw(self, rng: Generator) -> Drawn:
        """Draw one star: its ratios, one colour and one reddening."""
        factors = np.exp(rng.normal(0.0, RATIO_SCATTER, 6))
        steps = self.colours + LOCUS * rng.normal(0.0, self.scatter)
        own = _from_steps(steps)
        mag = own + EXTINCTION * rng.exponential(MEAN_REDDENING)
        return Drawn(factors, mag - mag[R], STEADY_DISC - (own - own[R]))


def _from_steps(steps: F8) -> F8:
    """Magnitudes in u g r i z y, u at 0, from u-g, g-r, r-i, i-z and z-y."""
    return -np.concatenate([[0.0], np.cumsum(steps)])


def _table(
    rizy: tuple[float, ...], u: float, lag: tuple[float, ...], colours: tuple[float, ...], scatter: float
) -> BandTable:
    """Table of a class: amplitudes in r i z y and u over g, lags in u r i z y."""
    ratio = np.array([u, 1.0, *rizy])
    return BandTable(ratio, np.array([lag[0], 0.0, *lag[1:]]), np.array(colours), scatter)


TOGETHER = (0.0, 0.0, 0.0, 0.0, 0.0)
_RRAB = _table(
    (0.69, 0.54, 0.48, 0.47), 0.95, (-0.010, 0.017, 0.035, 0.048, 0.05), (1.2, 0.23, 0.08, 0.02, 0.0), 0.05
)
_RRC = _table(
    (0.71, 0.55, 0.48, 0.47), 0.89, (-0.010, 0.005, 0.012, 0.022, 0.022), (1.2, 0.11, 0.01, 0.0, 0.0), 0.05
)
_CEPHEID_LAG = (-0.015, 0.020, 0.036, 0.045, 0.05)
_CEPHEID = _table((0.72, 0.56, 0.50, 0.47), 1.2, _CEPHEID_LAG, (1.6, 0.50, 0.20, 0.09, 0.05), 0.12)
_BINARY = _table((1.0, 1.0, 1.0, 1.0), 1.0, TOGETHER, (1.5, 0.50, 0.20, 0.10, 0.06), 0.25)

TABLES: Mapping[str, BandTable] = {
    "RRL_ab": _RRAB,
    "RRL_c": _RRC,
    "RRL_d": _RRC,
    "CEPH_F": _CEPHEID,
    "CEPH_1O": _CEPHEID,
    "T2CEPH": _table((0.75, 0.62, 0.56, 0.53), 1.15, _CEPHEID_LAG, (1.5, 0.50, 0.22, 0.10, 0.06), 0.15),
    "CV": _table((0.95, 0.90, 0.85, 0.82), 1.05, TOGETHER, (0.1, 0.25, 0.20, 0.15, 0.08), 0.25),
    "DSCT": _table(
        (0.70, 0.56, 0.49, 0.46),
        0.9,
        (-0.005, 0.004, 0.008, 0.01, 0.01),
        (1.1, 0.08, -0.02, -0.03, -0.02),
        0.12,
    ),
    "EB_EC": _BINARY,
    "EB_ED": _BINARY,
    "EB_ESD": _BINARY,
    "LPV": _table(
        (0.85, 0.55, 0.45, 0.42), 1.1, (0.0, 0.01, 0.03, 0.05, 0.06), (2.6, 1.5, 1.6, 0.8, 0.45), 0.25
    ),
    "ROT": _table((0.85, 0.75, 0.70, 0.68), 1.1, TOGETHER, (1.9, 0.75, 0.30, 0.17, 0.10), 0.30),
    "QSO": _table((0.88, 0.80, 0.74, 0.70), 1.13, TOGETHER, (0.2, 0.2, 0.1, 0.08, 0.02), 0.15),
}
"""By class of `training.surveys.public`."""

UNKNOWN_CLASS = _table((0.82, 0.72, 0.67, 0.66), 0.97, TOGETHER, (1.5, 0.50, 0.20, 0.10, 0.06), 0.30)
"""Of other classes, stars that do not vary among them: between pulsating stars and binaries."""

PLACES: Mapping[str, float] = {
    **{name: float(number) for number, name in enumerate("ugrizy")},
    "U": 0.0,
    "B": 1.0,
    "V": 1.5,
    "R": 2.0,
    "I": 3.0,
    "BP": 1.0,
    "G": 2.0,
    "RP": 3.0,
    "Hp": 1.5,
    "c": 1.5,
    "o": 2.5,
    "w": 2.0,
    "EROS-1 blue": 1.0,
    "EROS-1 red": 2.0,
    "EROS-2 B_E": 1.0,
    "EROS-2 R_E": 2.0,
}
"""Where other filters lie among u g r i z y, by number: for amplitudes these are near enough."""

UNKNOWN_PLACE = PLACES["V"]
"""Of a band without a name, or of one that is not known: that of most old surveys."""


def table_of(meaning: str) -> BandTable:
    """Return the table of a class, or of the first of several that are joined by ``|``."""
    return TABLES.get(meaning.partition(CLASS_SEPARATOR)[0], UNKNOWN_CLASS)
