"""How well a survey measures a star of some magnitude."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PER_MAGNITUDE = 2.5 / math.log(10.0)
"""Magnitude error of a relative flux error of one, 1.0857."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    r"""Error of a magnitude.

    .. math:: \sigma^2 = \sigma_\mathrm{sys}^2 + (0.04 - \gamma) x + \gamma x^2,
              \quad x = 10^{0.4 (m - m_5)}

    Attributes
    ----------
    floor : float
        Error of bright stars [mag].
    gamma : float
        Part of the sky: 0.04 if it is all there is, less where photons of the star count.

    References
    ----------
    Ivezic et al. (2019), ApJ 873, 111, equations 4 and 5.
    """

    floor: float
    gamma: float

    def error(self, mag: Array, depth: Array) -> Array:
        """One-sigma error [mag] (n,) at magnitudes `mag` (n,) in exposures of five-sigma `depth` (n,)."""
        x = 10.0 ** (0.4 * (mag - depth))
        return np.asarray(np.sqrt(self.floor**2 + (0.04 - self.gamma) * x + self.gamma * x**2))


def flux_of(mag: Array) -> Array:
    """Fluxes (n,) of magnitudes (n,), in units of a star of magnitude 0."""
    return np.asarray(10.0 ** (-0.4 * mag))


def measured_flux(truth: Array, depth: Array, noise: Noise, chance: Array) -> tuple[Array, Array]:
    """Return fluxes and their one-sigma errors (n,), as `flux_of` has them.

    Parameters
    ----------
    truth, depth : (n,) float64
        Magnitudes of the star, and five-sigma magnitudes of the exposures.
    noise : Noise
        Of these exposures.
    chance : (n,) float64
        What the measurements are off by, in units of one sigma.
    """
    flux_err = flux_of(truth) * noise.error(truth, depth) / PER_MAGNITUDE
    return flux_of(truth) + chance * flux_err, flux_err
