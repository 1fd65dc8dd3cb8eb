"""Shapes of light curves: sums of cosines, and eclipses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Shape(Protocol):
    """How a star varies, in units of its amplitude."""

    def __call__(self, time_d: Array) -> Array:
        """Magnitude at heliocentric times [d], relative to the mean and to the amplitude."""
        ...


@dataclass(frozen=True, slots=True)
class CosineSeries:
    r"""A sum of cosines, :math:`\sum_k a_k \cos(2 \pi f_k t + \varphi_k)`.

    Multiples of one frequency make a pulsating star, many unrelated ones a quasar.

    Attributes
    ----------
    frequencies : (k,) float64
        [1/d].
    amplitudes : (k,) float64
        In units of the star's amplitude.
    phases : (k,) float64
        [rad].
    """

    frequencies: Array
    amplitudes: Array
    phases: Array

    def __call__(self, time_d: Array) -> Array:
        """See `Shape`."""
        angle = 2.0 * math.pi * np.multiply.outer(time_d, self.frequencies) + self.phases
        return np.asarray((np.cos(angle) * self.amplitudes).sum(axis=-1))


@dataclass(frozen=True, slots=True)
class Binary:
    """Two Gaussian eclipses on the ellipsoidal variation of tidally distorted stars, in magnitudes.

    Attributes
    ----------
    period_d : float
        Of the orbit: two eclipses each.
    phase : float
        Phase of the orbit at time zero; the primary eclipse is at phase 0, the secondary at 0.5.
    primary, secondary : float
        Fraction of the light that is lost in the middle of each eclipse.
    width : float
        Standard deviation of an eclipse, in phase.
    ellipsoidal : float
        Light lost at either conjunction because the stars are seen end-on.

    References
    ----------
    The two-Gaussian model of Mowlavi et al. (2017), A&A 606, A92.
    """

    period_d: float
    phase: float
    primary: float
    secondary: float
    width: float
    ellipsoidal: float

    def __call__(self, time_d: Array) -> Array:
        """See `Shape`."""
        phase = time_d / self.period_d + self.phase
        light = (
            1.0
            - self.primary * self._eclipse(phase)
            - self.secondary * self._eclipse(phase - 0.5)
            - self.ellipsoidal * 0.5 * (1.0 + np.cos(4.0 * math.pi * phase))
        )
        return np.asarray(-2.5 * np.log10(light))

    def _eclipse(self, phase: Array) -> Array:
        distance = phase - np.round(phase)
        return np.asarray(np.exp(-0.5 * (distance / self.width) ** 2))


def pulsation(period_d: float, ratios: Array, phases: Array, rng: Generator) -> CosineSeries:
    """Series of harmonics with peak-to-peak range 1, from Fourier parameters of the light curve.

    Parameters
    ----------
    period_d : float
        [d].
    ratios : (k,) float64
        Amplitudes of the harmonics over the first, R21, R31, ...
    phases : (k,) float64
        Phase differences phi21 = phi2 - 2 phi1, phi31, ... of a series of cosines in magnitudes [rad].
    """
    order = np.arange(1, ratios.size + 2)
    amplitudes = np.concatenate([[1.0], ratios])
    # Phases are relative: any phase of the first harmonic makes the same curve at another time.
    phases = np.concatenate([[0.0], phases]) + order * rng.uniform(0.0, 2.0 * math.pi)
    series = CosineSeries(order / period_d, amplitudes, phases)
    cycle = series(np.linspace(0.0, period_d, 512))
    return CosineSeries(series.frequencies, amplitudes / np.ptp(cycle), phases)
