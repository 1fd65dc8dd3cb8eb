"""One star as a survey sees it: a curve without noise, looked at when and as well as the survey does.

The star is moved to a magnitude that the survey can see. A copy with too few epochs or without an alert is
left out: a star comes into a stream only by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from schemas.surveys import DETECTION_SIGMA, MAG_PER_RELATIVE_FLUX, REFERENCE_SPAN_D
from training.reobserve.cadence import Cadence, Visits
from training.reobserve.choose_model import Model
from training.reobserve.noise import flux_of, measured_flux
from training.reobserve.random_walk_model import RandomWalkModel

F8 = NDArray[np.float64]

ARCHIVE_SIGMA = 5.0
"""An epoch of a data release has at least this ratio of flux to error."""
MAGNITUDE_TRIES = 4
SHIFT_TRIES = 12
GOOD_SHIFT_SHARE = 0.6
"""A shift of time is taken at once if this part of the visits finds the star known."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One light curve.

    Attributes
    ----------
    time, mag, err : (n,) float64
        In days and magnitudes.
    truth : (n,) float64
        Magnitudes without noise.
    """

    time: F8
    mag: F8
    err: F8
    truth: F8
    band: str
    detections_only: bool
    mean_mag: float
    reference_mag: float


def observe(
    model: Model,
    cadence: Cadence,
    *,
    rng: Generator,
    fewest_epochs: int,
    detections_share: float,
    needs_alert: bool = True,
) -> Copy | None:
    """Return one light curve of a star, or None if the survey sees too little of it.

    A star that makes no alert is made brighter, up to three times, before it is given up.

    Parameters
    ----------
    model : tuple of PeriodicModel, or RandomWalkModel
        The star without noise.
    cadence : Cadence
        Of the survey.
    rng : Generator
        Draws visits, phase, magnitude and noise.
    fewest_epochs : int
        Of the light curve.
    detections_share : float
        Chance that the light curve is of the epochs with an alert only.
    needs_alert : bool
        Whether the survey knows the star only by an alert.
    """
    visits = cadence.draw_visits(rng)
    shape, reference_shape, visits = _looked_at(model, visits, cadence, rng)
    if shape.size < fewest_epochs:
        return None
    level = float(shape.mean())
    detections_only = needs_alert and bool(rng.random() < detections_share)
    chance = rng.normal(0.0, 1.0, shape.size)
    mean_mag = math.inf
    for _ in range(MAGNITUDE_TRIES):
        drawn = cadence.draw_mean_mag(rng)
        mean_mag = drawn if drawn < mean_mag else rng.uniform(cadence.magnitudes[0], mean_mag)
        truth = shape - level + mean_mag
        reference = float(flux_of(reference_shape - level + mean_mag).mean())
        flux, flux_err, kept, alert = _epochs(
            truth, reference, visits.depth, cadence, chance, detections_only=detections_only
        )
        if kept.sum() >= fewest_epochs and (alert.any() or not needs_alert):
            return Copy(
                time=visits.time[kept],
                mag=-2.5 * np.log10(flux[kept]),
                err=MAG_PER_RELATIVE_FLUX * flux_err[kept] / flux[kept],
                truth=truth[kept],
                band=visits.band,
                detections_only=detections_only,
                mean_mag=mean_mag,
                reference_mag=-2.5 * math.log10(reference),
            )
    return None


def _epochs(
    truth: F8, reference: float, depth: F8, cadence: Cadence, chance: F8, *, detections_only: bool
) -> tuple[F8, F8, NDArray[np.bool_], NDArray[np.bool_]]:
    """Fluxes, their errors, whether they are in the light curve, and whether they make an alert (n,)."""
    flux, flux_err = measured_flux(truth, depth, cadence.survey.noise, chance)
    alert = kept = np.abs(flux - reference) >= DETECTION_SIGMA * flux_err
    if not detections_only:
        # An archive has other errors than the alerts, from which the survey knows of the star all the same.
        flux, flux_err = measured_flux(truth, depth - cadence.archive_loss, cadence.archive_noise, chance)
        kept = flux >= ARCHIVE_SIGMA * flux_err
    measured = (truth > cadence.survey.saturation) & (flux > 0.0)
    return flux, flux_err, kept & measured, alert & measured


def _looked_at(model: Model, visits: Visits, cadence: Cadence, rng: Generator) -> tuple[F8, F8, Visits]:
    """Magnitudes at the visits, magnitudes in the reference image's frames, and the visits left."""
    if isinstance(model, RandomWalkModel):
        return _shifted(model, visits, cadence, rng)
    before = visits.time[:1] - rng.uniform(0.0, REFERENCE_SPAN_D, cadence.survey.reference_frames)
    shape, reference = np.zeros(visits.time.size), np.zeros(before.size)
    for curve in model:
        phase = rng.random()
        shape += curve.mag(visits.time, phase)
        reference += curve.mag(before, phase)
    return shape, reference, visits


def _shifted(
    model: RandomWalkModel, visits: Visits, cadence: Cadence, rng: Generator
) -> tuple[F8, F8, Visits]:
    """Look at a light curve where it is known, at a random time that keeps many of the visits."""
    start, end = model.time[0], model.time[-1]
    duration = float(np.ptp(visits.time))
    most, shape, seen, when = -1, np.empty(0), np.zeros(0, np.bool_), visits.time
    for _ in range(SHIFT_TRIES):
        slack = (end - start) - duration
        time = visits.time - visits.time[0] + start + rng.uniform(min(0.0, slack), max(0.0, slack))
        mag, known = model.mag_at(time)
        known &= (time >= start) & (time <= end)
        if known.sum() > most:
            most, shape, seen, when = int(known.sum()), mag, known, time
        if most > GOOD_SHIFT_SHARE * time.size:
            break
    n_frames = min(cadence.survey.reference_frames, model.time.size)
    frames = np.sort(rng.choice(model.time, n_frames, replace=False))
    reference, _ = model.mag_at(frames)
    kept = Visits(when[seen], visits.depth[seen], visits.band)
    return shape[seen], reference, kept
