"""The epochs of a copy: which exposures of a star come to be in its light curve, and what they measure.

A stream knows a star by its alerts, by the forced photometry that their packets bring for other exposures,
or its archive has every exposure in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from schemas.surveys import MAG_PER_RELATIVE_FLUX, ForcedPhotometry
from training.reobserve.cadence import Cadence, Visits
from training.reobserve.noise import flux_of, measured_flux

F8 = NDArray[np.float64]
Bools = NDArray[np.bool_]

TOTAL_SIGMA = 5.0
"""An epoch of a data release, or of forced photometry, has at least this ratio of flux to error."""


class CopyKind(StrEnum):
    """Which epochs a copy of a star has."""

    ALERTS = "alerts"
    FORCED = "alerts and forced"
    """As a stream whose packets bring forced photometry."""
    ARCHIVE = "archive"
    """Every exposure, as a data release measures it."""


@dataclass(frozen=True, slots=True)
class Chances:
    """What is drawn for each of n exposures, whatever the magnitude of the star.

    Attributes
    ----------
    noise : (n,) float64
        What the measurements are off by, in units of one sigma.
    alert, forced : (n,) float64
        In [0, 1), held against the chances of an alert and of a forced measurement.
    """

    noise: F8
    alert: F8
    forced: F8

    @classmethod
    def draw(cls, rng: Generator, n: int) -> Self:
        """Draw them for n exposures."""
        return cls(rng.normal(0.0, 1.0, n), rng.random(n), rng.random(n))


@dataclass(frozen=True, slots=True)
class Epochs:
    """What n exposures measure.

    Attributes
    ----------
    flux, flux_err : (n,) float64
        As `training.reobserve.noise.flux_of` has them.
    kept : (n,) bool
        Exposures in the light curve.
    alert : (n,) bool
        Exposures that made an alert.
    """

    flux: F8
    flux_err: F8
    kept: Bools
    alert: Bools


def measure(
    truth: F8, reference: F8, visits: Visits, *, cadence: Cadence, chances: Chances, kind: CopyKind
) -> Epochs:
    """Expose a star.

    Parameters
    ----------
    truth : (n,) float64
        Magnitudes without noise.
    reference : (n,) float64
        Fluxes in the reference image of the exposure's band.
    visits : Visits
        The n exposures.
    cadence : Cadence
        Of the survey.
    chances : Chances
        What is drawn.
    kind : CopyKind
        Which epochs are wanted.
    """
    survey = cadence.survey
    flux, flux_err = measured_flux(truth, visits.depth, survey.noise, chances.noise)
    difference = np.abs(flux - reference)
    unsaturated = truth > survey.saturation
    seen = unsaturated & (flux > 0.0)
    chance = survey.alert_chance.at(difference / flux_err, difference / reference)
    alert = (chances.alert < chance) & seen
    if kind is CopyKind.ARCHIVE:
        depth = visits.depth - cadence.archive_loss
        flux, flux_err = measured_flux(truth, depth, cadence.archive_noise, chances.noise)
        kept = unsaturated & (flux >= TOTAL_SIGMA * flux_err)
        return Epochs(flux, flux_err, kept, alert)
    detected = flux, _with_floor(flux, flux_err, survey.detection_floor_mag)
    if kind is CopyKind.ALERTS:
        return Epochs(*detected, alert, alert)
    forced_err = _with_floor(flux_of(truth), flux_err, survey.forced.floor_mag)
    forced_flux = flux_of(truth) + chances.noise * forced_err
    there = brought(visits.time, alert, chances.forced, survey.forced)
    there &= unsaturated & (forced_flux >= TOTAL_SIGMA * forced_err)
    if not survey.forced.replaces_detections:
        there &= ~alert
    flux, flux_err = (
        np.where(there, forced, plain)
        for forced, plain in zip((forced_flux, forced_err), detected, strict=True)
    )
    return Epochs(flux, flux_err, there | alert, alert)


def brought(time: F8, alert: Bools, chance: F8, forced: ForcedPhotometry) -> Bools:
    """Exposures (n,) whose forced measurement the packet of an alert brings.

    Parameters
    ----------
    time : (n,) float64
        Rising [d].
    alert : (n,) bool
        Which of them made an alert.
    chance : (n,) float64
        In [0, 1), held against the share of exposures that are there.
    forced : ForcedPhotometry
        Of the survey.
    """
    alerts = time[alert]
    if not alerts.size:
        return np.zeros(time.size, np.bool_)
    following = np.searchsorted(alerts, time + forced.shortest_d)
    wait = alerts[np.minimum(following, alerts.size - 1)] - time
    within = (following < alerts.size) & (wait <= forced.reach_d)
    known = np.searchsorted(alerts, time, side="right") >= forced.needs_alerts
    result: Bools = within & known & (chance < forced.share)
    return result


def _with_floor(flux: F8, flux_err: F8, floor_mag: float) -> F8:
    return np.hypot(flux_err, flux * floor_mag / MAG_PER_RELATIVE_FLUX)
