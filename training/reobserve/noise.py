"""Noisy fluxes: what a survey measures of a star of some magnitude."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.surveys import Noise

Array = NDArray[np.float64]


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
    flux_err = noise.flux_error(flux_of(truth), truth, depth)
    return flux_of(truth) + chance * flux_err, flux_err
