"""Variable stars made up after the literature: class, period, amplitude and shape of the light curve.

They are lifelike enough to exercise the whole path from packet to class, and they are no model of the Galaxy:
use them to see that something works, never to say how well it does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from broker.simulator.shapes import Array, Binary, CosineSeries, Shape, pulsation


@dataclass(frozen=True, slots=True)
class Star:
    """A star that can be looked at.

    Attributes
    ----------
    class_name : str
        One of `CLASSES`.
    ra, dec : float
        ICRS [deg].
    period_d : float
        Of the pulsation or the orbit, NaN where there is none.
    mean_mag, amplitude : mapping of str to float
        By band: mean (of a binary: out of eclipse), and what `shape` is multiplied by [mag].
    shape : Shape
        Variation with unit amplitude; of binaries in magnitudes, the same in all bands.
    """

    class_name: str
    ra: float
    dec: float
    period_d: float
    mean_mag: Mapping[str, float]
    amplitude: Mapping[str, float]
    shape: Shape

    def mag(self, time_d: Array, band: str) -> Array:
        """Magnitude at heliocentric times [d]."""
        return self.mean_mag[band] + self.amplitude[band] * self.shape(time_d)


@dataclass(frozen=True, slots=True)
class Variation:
    """What a class's recipe draws: period [d], amplitude in g [mag], shape of unit amplitude."""

    period_d: float
    amplitude: float
    shape: Shape


# Amplitudes relative to g. RR Lyrae stars: Sesar et al. (2010), ApJ 708, 717. Cepheids: Klagyivik & Szabados
# (2009), A&A 504, 959. Long-period variables: Iwanek et al. (2021), ApJS 257, 23. Quasars: MacLeod et al.
# (2010), ApJ 721, 1014. Eclipses hardly depend on colour.
_RATIOS = {
    "RRL_ab": {"u": 0.95, "g": 1.0, "r": 0.71, "i": 0.56, "z": 0.52, "y": 0.50},
    "CEPH_F": {"u": 1.35, "g": 1.0, "r": 0.68, "i": 0.53, "z": 0.47, "y": 0.43},
    "DSCT": {"u": 0.95, "g": 1.0, "r": 0.72, "i": 0.57, "z": 0.52, "y": 0.50},
    "LPV": {"u": 1.0, "g": 1.0, "r": 0.85, "i": 0.60, "z": 0.47, "y": 0.42},
    "QSO": {"u": 1.12, "g": 1.0, "r": 0.88, "i": 0.80, "z": 0.76, "y": 0.72},
    "EB": dict.fromkeys("ugrizy", 1.0),
}
# Mean magnitudes relative to r, of the usual spectral types.
_COLOURS = {
    "A": {"u": 1.2, "g": 0.15, "r": 0.0, "i": -0.05, "z": -0.05, "y": -0.05},
    "G": {"u": 2.0, "g": 0.5, "r": 0.0, "i": -0.18, "z": -0.25, "y": -0.28},
    "M": {"u": 4.0, "g": 1.6, "r": 0.0, "i": -1.3, "z": -2.1, "y": -2.6},
    "quasar": {"u": 0.4, "g": 0.2, "r": 0.0, "i": -0.1, "z": -0.15, "y": -0.2},
}


def make_star(class_name: str, *, ra: float, dec: float, r_mag: float, rng: Generator) -> Star:
    """Draw a star of a class.

    Parameters
    ----------
    class_name : str
        One of `CLASSES`.
    ra, dec : float
        Its place, ICRS [deg].
    r_mag : float
        Its mean magnitude in r.
    rng : Generator
        Source of everything else.

    Raises
    ------
    KeyError
        If there is no such class.
    """
    draw, ratios, colours = _RECIPES[class_name]
    variation = draw(rng)
    return Star(
        class_name=class_name,
        ra=ra,
        dec=dec,
        period_d=variation.period_d,
        mean_mag={band: r_mag + offset for band, offset in _COLOURS[colours].items()},
        amplitude={band: variation.amplitude * ratio for band, ratio in _RATIOS[ratios].items()},
        shape=variation.shape,
    )


def _rr_lyrae_ab(rng: Generator) -> Variation:
    """Sawtooth, the flatter the longer the period.

    Amplitudes follow the locus of Oosterhoff I, Cacciari et al. (2005), AJ 129, 267, from B to g; Fourier
    parameters are those of Stripe 82 in g, Sesar et al. (2010).
    """
    period = _normal(rng, 0.56, 0.07, 0.42, 0.80)
    log_period = math.log10(period)
    amplitude = 0.85 * (-3.123 - 26.331 * log_period - 35.853 * log_period**2) + rng.normal(0.0, 0.12)
    ratios = np.array([0.45, 0.32, 0.19, 0.12, 0.07]) * rng.normal(1.0, 0.06, 5)
    phases = np.array([3.90, 1.85, 6.15, 4.15, 2.15]) + rng.normal(0.0, 0.1, 5)
    return Variation(period, float(np.clip(amplitude, 0.3, 1.4)), pulsation(period, ratios, phases, rng))


def _rr_lyrae_c(rng: Generator) -> Variation:
    """Nearly a sinusoid, Soszynski et al. (2009), Acta Astron. 59, 1."""
    period = _normal(rng, 0.32, 0.035, 0.22, 0.42)
    ratios = np.array([0.14, 0.07]) * rng.normal(1.0, 0.2, 2)
    phases = np.array([4.7, 2.9]) + rng.normal(0.0, 0.25, 2)
    return Variation(period, _normal(rng, 0.48, 0.07, 0.25, 0.65), pulsation(period, ratios, phases, rng))


def _cepheid(rng: Generator) -> Variation:
    """Fundamental mode, with the Hertzsprung progression of shapes.

    After Soszynski et al. (2008), Acta Astron. 58, 163. Columns: log P, amplitude in I [mag], R21, phi21,
    R31, phi31.
    """
    progression = np.array(
        [
            [0.28, 0.47, 0.45, 4.30, 0.25, 2.50],
            [0.42, 0.46, 0.44, 4.48, 0.23, 2.72],
            [0.57, 0.46, 0.42, 4.60, 0.21, 2.96],
            [0.72, 0.45, 0.41, 4.80, 0.16, 3.32],
            [0.88, 0.38, 0.30, 5.28, 0.13, 3.74],
            [1.02, 0.39, 0.15, 5.70, 0.12, 5.30],
            [1.17, 0.56, 0.19, 4.97, 0.13, 8.40],
            [1.33, 0.55, 0.25, 5.00, 0.14, 9.42],
            [1.48, 0.58, 0.35, 4.97, 0.20, 9.80],
        ]
    )
    log_period = _normal(rng, 0.62, 0.22, 0.30, 1.48)
    amplitude, r21, phi21, r31, phi31 = (
        float(np.interp(log_period, progression[:, 0], column)) for column in progression.T[1:]
    )
    shape = pulsation(10.0**log_period, np.array([r21, r31]), np.array([phi21, phi31]), rng)
    in_g = amplitude / _RATIOS["CEPH_F"]["i"] * rng.normal(1.0, 0.15)
    return Variation(10.0**log_period, float(np.clip(in_g, 0.3, 1.4)), shape)


def _delta_scuti(rng: Generator) -> Variation:
    """High-amplitude ones, the kind that alerts tell of: Pietrukowicz et al. (2020), Acta Astron. 70, 241."""
    period = 10.0 ** _normal(rng, math.log10(0.085), 0.13, math.log10(0.045), math.log10(0.19))
    amplitude = 10.0 ** _normal(rng, math.log10(0.30), 0.2, -1.0, -0.15)
    ratios = np.array([0.30, 0.12]) * rng.normal(1.0, 0.15, 2)
    return Variation(period, amplitude, pulsation(period, ratios, np.array([4.0, 2.0]), rng))


def _mira(rng: Generator) -> Variation:
    """Long period, magnitudes of amplitude, no two cycles alike, Iwanek et al. (2021)."""
    period = 10.0 ** _normal(rng, 2.43, 0.11, math.log10(150.0), math.log10(450.0))
    cycle = pulsation(period, np.array([0.20]), np.array([4.4]), rng)
    beat = 1.0 / (period * rng.uniform(4.0, 8.0))  # side lobes: the amplitude changes from cycle to cycle
    lobes = CosineSeries(
        np.concatenate([cycle.frequencies, cycle.frequencies[0] + beat * np.array([-1.0, 1.0])]),
        np.concatenate([cycle.amplitudes, cycle.amplitudes[0] * rng.uniform(0.05, 0.12, 2)]),
        np.concatenate([cycle.phases, rng.uniform(0.0, 2.0 * math.pi, 2)]),
    )
    return Variation(period, rng.uniform(2.5, 5.0), lobes)


def _detached(rng: Generator) -> Variation:
    """Narrow eclipses and hardly anything between them."""
    period = 10.0 ** _normal(rng, 0.35, 0.25, -0.1, 1.0)
    depth = rng.uniform(0.30, 0.60)
    depths = (depth, depth * rng.uniform(0.3, 1.0))
    return _binary(rng, period, depths, width=0.040 * period**-0.3, ellipsoidal=rng.uniform(0.0, 0.03))


def _semi_detached(rng: Generator) -> Variation:
    """Algol and beta Lyrae stars: unequal minima, one star filling its Roche lobe."""
    period = 10.0 ** _normal(rng, 0.0, 0.15, -0.35, 0.5)
    depth = rng.uniform(0.30, 0.50)
    depths = (depth, depth * rng.uniform(0.2, 0.5))
    return _binary(rng, period, depths, width=rng.uniform(0.05, 0.07), ellipsoidal=rng.uniform(0.08, 0.18))


def _contact(rng: Generator) -> Variation:
    """W Ursae Majoris stars: never constant, minima nearly equal, periods about 0.36 d.

    Rucinski (2007), MNRAS 382, 393.
    """
    period = _normal(rng, 0.36, 0.06, 0.23, 0.70)
    depth = rng.uniform(0.06, 0.20)
    depths = (depth, depth * rng.uniform(0.7, 1.0))
    return _binary(rng, period, depths, width=rng.uniform(0.05, 0.08), ellipsoidal=rng.uniform(0.15, 0.38))


def _binary(
    rng: Generator, period_d: float, depths: tuple[float, float], *, width: float, ellipsoidal: float
) -> Variation:
    primary, secondary = depths
    return Variation(period_d, 1.0, Binary(period_d, rng.uniform(), primary, secondary, width, ellipsoidal))


def _quasar(rng: Generator) -> Variation:
    """Damped random walk as a sum of cosines with its power spectrum, MacLeod et al. (2010)."""
    tau_d = 10.0 ** rng.normal(2.5, 0.2)
    sigma = float(np.clip(10.0 ** rng.normal(-0.65, 0.15), 0.1, 0.6))
    edges = np.geomspace(0.02 / tau_d, 0.5, 121)
    frequencies = rng.uniform(edges[:-1], edges[1:])
    power = 4.0 * tau_d / (1.0 + (2.0 * math.pi * tau_d * frequencies) ** 2)
    amplitudes = np.sqrt(power * np.diff(edges)) * rng.rayleigh(1.0, frequencies.size)
    phases = rng.uniform(0.0, 2.0 * math.pi, frequencies.size)
    return Variation(math.nan, sigma, CosineSeries(frequencies, amplitudes, phases))


def _constant(_: Generator) -> Variation:
    return Variation(math.nan, 0.0, CosineSeries(np.zeros(0), np.zeros(0), np.zeros(0)))


def _normal(rng: Generator, mean: float, sigma: float, low: float, high: float) -> float:
    """Draw from a normal distribution cut at `low` and `high`."""
    while True:
        value = float(rng.normal(mean, sigma))
        if low <= value <= high:
            return value


_RECIPES: Mapping[str, tuple[Callable[[Generator], Variation], str, str]] = {
    "RRL_ab": (_rr_lyrae_ab, "RRL_ab", "A"),
    "RRL_c": (_rr_lyrae_c, "RRL_ab", "A"),
    "CEPH_F": (_cepheid, "CEPH_F", "G"),
    "DSCT": (_delta_scuti, "DSCT", "A"),
    "EB_ED": (_detached, "EB", "G"),
    "EB_ESD": (_semi_detached, "EB", "A"),
    "EB_EC": (_contact, "EB", "G"),
    "LPV": (_mira, "LPV", "M"),
    "QSO": (_quasar, "QSO", "quasar"),
    "NonVar": (_constant, "EB", "G"),
}
CLASSES = tuple(_RECIPES)
