"""One star as a survey sees it: a curve without noise, looked at when and as well as the survey does.

The star is moved to a magnitude that the survey can see, with colours of its class; one with outbursts so far
that they do not saturate. A copy with too few epochs or without an alert is left out: a star comes into a
stream only by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from schemas.surveys import MAG_PER_RELATIVE_FLUX, REFERENCE_SPAN_D
from training.reobserve.aperiodic.choose_curve import KnownCurve
from training.reobserve.aperiodic.outburst_model import OutburstModel
from training.reobserve.band_table import Drawn
from training.reobserve.cadence import Cadence, Visits
from training.reobserve.epochs import Chances, CopyKind, measure
from training.reobserve.noise import flux_of
from training.reobserve.star_in_bands import StarInBands

F8 = NDArray[np.float64]

MAGNITUDE_TRIES = 4
SHIFT_TRIES = 12
GOOD_SHIFT_SHARE = 0.6
"""A shift of time is taken at once if this part of the visits finds the star known."""
N_BANDS = 6


@dataclass(frozen=True, slots=True)
class Copy:
    """One star in all bands.

    Attributes
    ----------
    time, mag, err : (n,) float64
        Rising days, magnitudes.
    band : (n,) int8
        Number in `training.data.filters.UGRIZY`.
    truth : (n,) float64
        Magnitudes without noise.
    alert : (n,) bool
        Epochs that made an alert.
    kind : CopyKind
        Which epochs it has.
    mean_mag, reference_mag : (6,) float64
        Mean magnitude in each band, and that in the reference image.
    """

    time: F8
    mag: F8
    err: F8
    band: NDArray[np.int8]
    truth: F8
    alert: NDArray[np.bool_]
    kind: CopyKind
    mean_mag: F8
    reference_mag: F8


def observe(
    star: StarInBands,
    cadence: Cadence,
    *,
    rng: Generator,
    fewest_epochs: int,
    shares: tuple[float, float],
    needs_alert: bool = True,
) -> Copy | None:
    """Return one copy of a star, or None if the survey sees too little of it.

    A star that makes no alert is made brighter, up to three times, before it is given up.

    Parameters
    ----------
    star : StarInBands
        Without noise.
    cadence : Cadence
        Of the survey.
    rng : Generator
        Draws visits, phase, colour, magnitude and noise.
    fewest_epochs : int
        Of the copy, in all bands together.
    shares : (float, float)
        Chance that the copy is of alerts only, and that it is of alerts and forced photometry.
    needs_alert : bool
        Whether the survey knows the star only by an alert; of the others, it has every visit.
    """
    visits = cadence.draw_visits(rng)
    if visits.time.size < fewest_epochs:
        return None
    drawn = star.table.draw(rng)
    shape, reference_shape, visits = _looked_at(
        star, visits, drawn, rng=rng, frames=cadence.survey.reference_frames
    )
    if shape.size < fewest_epochs:
        return None
    kind = _kind(shares, rng) if needs_alert else CopyKind.ARCHIVE
    chances = Chances.draw(rng, shape.size)
    brightest = _brightest(star, cadence)
    mean_mag = math.inf
    for _ in range(MAGNITUDE_TRIES):
        fresh = max(brightest, cadence.draw_mean_mag(rng))
        mean_mag = fresh if fresh < mean_mag else rng.uniform(brightest, mean_mag)
        level = mean_mag + drawn.colour
        truth = shape + level[visits.band]
        reference = flux_of(reference_shape + level[:, None]).mean(axis=1)
        seen = measure(truth, reference[visits.band], visits, cadence=cadence, chances=chances, kind=kind)
        if seen.kept.sum() >= fewest_epochs and (seen.alert.any() or not needs_alert):
            flux, flux_err = seen.flux[seen.kept], seen.flux_err[seen.kept]
            return Copy(
                time=visits.time[seen.kept],
                mag=-2.5 * np.log10(flux),
                err=MAG_PER_RELATIVE_FLUX * flux_err / flux,
                band=visits.band[seen.kept],
                truth=truth[seen.kept],
                alert=seen.alert[seen.kept],
                kind=kind,
                mean_mag=level,
                reference_mag=-2.5 * np.log10(reference),
            )
    return None


def _kind(shares: tuple[float, float], rng: Generator) -> CopyKind:
    chance = float(rng.random())
    if chance < shares[0]:
        return CopyKind.ALERTS
    return CopyKind.FORCED if chance < shares[0] + shares[1] else CopyKind.ARCHIVE


def _brightest(star: StarInBands, cadence: Cadence) -> float:
    """Mean magnitude at which all that is known of the star can be measured, or the survey's faintest."""
    bright, *_, faint = cadence.magnitudes
    if star.outbursts is None:
        return bright
    model = star.outbursts[1]
    peak = float(model.heights[-1]) - (model.level - model.mean)
    return min(max(bright, cadence.survey.saturation + peak), faint)


def _looked_at(
    star: StarInBands, visits: Visits, drawn: Drawn, *, rng: Generator, frames: int
) -> tuple[F8, F8, Visits]:
    """Magnitudes about the mean at the visits, those in the frames of each band's reference, visits left."""
    if star.walk is not None:
        return _shifted(star, *star.walk, visits, drawn, rng=rng, frames=frames)
    before = visits.time[:1] - rng.uniform(0.0, REFERENCE_SPAN_D, N_BANDS * frames)
    of_frame = np.repeat(np.arange(N_BANDS, dtype=np.int8), before.size // N_BANDS)
    if star.outbursts is not None:
        time, band = np.concatenate([before, visits.time]), np.concatenate([of_frame, visits.band])
        mag = _simulated(star, star.outbursts[1], time, band, drawn, rng=rng)
        return mag[before.size :], mag[: before.size].reshape(N_BANDS, -1), visits
    phases = rng.random(len(star.modes)).tolist()
    shape = star.periodic(visits.time, visits.band, phases, drawn)
    reference = star.periodic(before, of_frame, phases, drawn)
    return shape, reference.reshape(N_BANDS, -1), visits


def _simulated(
    star: StarInBands, model: OutburstModel, time: F8, band: NDArray[np.int8], drawn: Drawn, *, rng: Generator
) -> F8:
    """Magnitudes (n,) about the mean of one history of a star with outbursts, at times in any order."""
    order = np.argsort(time, kind="stable")
    height, quiescent = model.simulate(time[order], rng)
    mag = np.empty(time.size)
    mag[order] = star.in_outburst(height, quiescent, band[order], drawn)
    return mag + (model.level - model.mean)


def _shifted(
    star: StarInBands,
    place: float,
    model: KnownCurve,
    visits: Visits,
    drawn: Drawn,
    *,
    rng: Generator,
    frames: int,
) -> tuple[F8, F8, Visits]:
    """Look at a light curve where it is known, at a random time that keeps many of the visits."""
    start, end = model.time[0], model.time[-1]
    duration = float(np.ptp(visits.time))
    most, mag, seen, when = -1, np.empty(0), np.zeros(0, np.bool_), visits.time
    for _ in range(SHIFT_TRIES):
        slack = (end - start) - duration
        time = visits.time - visits.time[0] + start + rng.uniform(min(0.0, slack), max(0.0, slack))
        curve, known = model.mag_at(time)
        known &= (time >= start) & (time <= end)
        if known.sum() > most:
            most, mag, seen, when = int(known.sum()), curve, known, time
        if most > GOOD_SHIFT_SHARE * time.size:
            break
    n_frames = min(frames, model.time.size)
    in_frames, _ = model.mag_at(np.sort(rng.choice(model.time, n_frames, replace=False)))
    size = np.array([star.ratio(number, place, drawn) for number in range(N_BANDS)])
    middle = float(mag[seen].mean()) if seen.any() else model.level
    shape = size[visits.band] * (mag - middle)
    kept = Visits(when[seen], visits.depth[seen], visits.band[seen])
    return shape[seen], size[:, None] * (in_frames - middle), kept
