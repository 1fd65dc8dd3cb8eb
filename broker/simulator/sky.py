"""A simulated sky: stars of known class, measured by a survey night after night.

`broker.simulator.stream` makes alerts of these light curves, as the surveys send them.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from broker.ingest.heliocentric import light_travel_s
from broker.simulator.cadence import SURVEYS, SimulatedSurvey, cadence, clear_nights, draw_place
from broker.simulator.stars import Star, make_star
from schemas.surveys import (
    AB_ZERO_POINT_NJY,
    DETECTION_SIGMA,
    REFERENCE_SPAN_D,
    TAI_MINUS_UTC_S,
)

Array = NDArray[np.float64]

FIRST_NIGHT = 61041.0  # 2026 January 1
MIX: Mapping[str, float] = {
    "RRL_ab": 0.22,
    "RRL_c": 0.12,
    "CEPH_F": 0.14,
    "DSCT": 0.10,
    "EB_ED": 0.08,
    "EB_ESD": 0.06,
    "EB_EC": 0.14,
    "LPV": 0.08,
    "QSO": 0.03,
    "NonVar": 0.03,
}
"""Fractions of the classes in a simulated sky: of what alerts tell of, not of all stars."""

_CONTAMINATED = (0.15, 0.40)  # share of a non-variable star's reference flux that is not its own


@dataclass(frozen=True, slots=True)
class SimulatedLightCurve:
    """What a survey measures of one star, exposure by exposure; all arrays have shape (n,).

    Attributes
    ----------
    star : Star
        The truth.
    survey : SimulatedSurvey
        Who looks.
    object_id : str
        Name that the survey gives.
    mjd : float64
        Time as the survey reports it: ZTF start of the exposure in UTC, LSST middle in TAI [d].
    band : S1
        Filter.
    depth : float64
        Five-sigma magnitude.
    template : int64
        Number of the reference image that was subtracted.
    true_mag : float64
        Magnitude of the star in the middle of the exposure.
    flux_njy, flux_err_njy : float64
        Total flux as measured; it can be negative.
    reference_mag : float64
        Magnitude of the star in the reference image, to 0.001 mag as it is published.
    """

    star: Star
    survey: SimulatedSurvey
    object_id: str
    mjd: Array
    band: NDArray[np.bytes_]
    depth: Array
    template: NDArray[np.int64]
    true_mag: Array
    flux_njy: Array
    flux_err_njy: Array
    reference_mag: Array

    @property
    def difference_njy(self) -> Array:
        """Measured flux less that of the reference image: what an alert is about."""
        return self.flux_njy - njy(self.reference_mag)

    @property
    def detected(self) -> NDArray[np.bool_]:
        """Exposures that make an alert: the difference is `DETECTION_SIGMA` errors or more."""
        return np.abs(self.difference_njy) >= DETECTION_SIGMA * self.flux_err_njy

    def chance(self, purpose: str) -> Generator:
        """Random numbers of this object for one purpose: no object's packets depend on another's."""
        return np.random.default_rng([zlib.crc32(self.object_id.encode()), zlib.crc32(purpose.encode())])


def simulate_sky(
    n_objects: int,
    seed: int,
    survey: str,
    *,
    days: int = 365,
    first_night: float = FIRST_NIGHT,
    mix: Mapping[str, float] = MIX,
) -> list[SimulatedLightCurve]:
    """Light curves of stars as a survey measures them.

    A star is the same whatever the number of stars, and the weather is the same for all.

    Parameters
    ----------
    n_objects : int
        Number of stars.
    seed : int
        The same seed gives the same sky.
    survey : str
        ``"ztf"`` or ``"lsst"``.
    days : int
        Nights from the first to the last.
    first_night : float
        MJD.
    mix : mapping of str to float
        Fraction of each class; every class of `broker.simulator.stars.CLASSES` can be named.
    """
    watcher = SURVEYS[survey]
    salt = zlib.crc32(survey.encode())
    clear = clear_nights(first_night, days, np.random.default_rng([seed, salt]))
    names, shares = list(mix), np.array(list(mix.values()))
    curves = []
    for number in range(n_objects):
        rng = np.random.default_rng([seed, salt, number + 1])
        class_name = names[rng.choice(len(names), p=shares / shares.sum())]
        ra, dec = draw_place(watcher, rng)
        star = make_star(class_name, ra=ra, dec=dec, r_mag=rng.uniform(*watcher.r_mag), rng=rng)
        curves.append(observe(star, watcher, clear=clear, object_id=_object_id(watcher, number), rng=rng))
    return curves


def observe(
    star: Star, survey: SimulatedSurvey, *, clear: Array, object_id: str, rng: Generator
) -> SimulatedLightCurve:
    """Light curve of `star` through the cadence and the noise of `survey` in its `clear` nights [MJD]."""
    facts = survey.facts
    exposures = cadence(survey, ra=star.ra, dec=star.dec, clear=clear, rng=rng)
    middle_utc = exposures["mjd"] + 0.5 * facts.exposure_s / 86400.0
    at_sun = middle_utc + light_travel_s(middle_utc, star.ra, star.dec) / 86400.0
    true_mag = np.empty(exposures.size)
    reference_mag = np.empty(exposures.size)
    # Both surveys' references exist before the stream begins; every band and field has its own.
    for band in facts.depth:
        seen = exposures["band"] == band.encode()
        true_mag[seen] = star.mag(at_sun[seen], band)
        for template in (0, 1):
            taken = clear[0] - rng.uniform(0.0, REFERENCE_SPAN_D, facts.reference_frames)
            flux = njy(star.mag(taken, band)).mean() * _contamination(star, rng)
            reference_mag[seen & (exposures["template"] == template)] = np.round(magnitude(flux), 3)

    flux_err = facts.noise.flux_error(njy(true_mag), true_mag, exposures["depth"])
    measured = true_mag > facts.saturation
    reported = exposures["mjd"] if facts.time_scale == "UTC" else middle_utc + TAI_MINUS_UTC_S / 86400.0
    return SimulatedLightCurve(
        star=star,
        survey=survey,
        object_id=object_id,
        mjd=reported[measured],
        band=exposures["band"][measured],
        depth=exposures["depth"][measured],
        template=exposures["template"][measured],
        true_mag=true_mag[measured],
        flux_njy=(njy(true_mag) + rng.normal(0.0, 1.0, true_mag.size) * flux_err)[measured],
        flux_err_njy=flux_err[measured],
        reference_mag=reference_mag[measured],
    )


def njy(mag: Array) -> Array:
    """Flux [nJy] of AB magnitudes."""
    return np.asarray(10.0 ** (0.4 * (AB_ZERO_POINT_NJY - mag)))


def magnitude(flux_njy: Array) -> Array:
    """AB magnitude of positive fluxes [nJy]."""
    return np.asarray(AB_ZERO_POINT_NJY - 2.5 * np.log10(flux_njy))


def _contamination(star: Star, rng: Generator) -> float:
    """Factor on the reference flux.

    A constant star makes alerts only when its reference image is wrong; its total magnitude is still right.
    """
    return 1.0 + rng.uniform(*_CONTAMINATED) if star.class_name == "NonVar" else 1.0


def _object_id(survey: SimulatedSurvey, number: int) -> str:
    """Name in the survey's style: ZTF18aaaaabc, or an integer beyond what a double can hold."""
    if survey.facts.name == "lsst":
        return str(313_853_517_000_000_001 + 2 * number)
    letters = ""
    for _ in range(7):
        number, letter = divmod(number, 26)
        letters = chr(ord("a") + letter) + letters
    return f"ZTF18{letters}"
