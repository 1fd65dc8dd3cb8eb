"""The cadence of two surveys as a single star sees it: when it is observed, in which band, and how deep."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from schemas.surveys import LSST, ZTF, SurveyFacts

Array = NDArray[np.float64]

SURVEY_NAMES = (ZTF.name, LSST.name)
MJD_NEW_MOON, SYNODIC_MONTH_D = 51549.76, 29.530589  # 2000 January 6
TWILIGHT_DEG, LOWEST_STAR_DEG = -18.0, 30.0
SHORTEST_WINDOW_D = 0.03
SEEING_MAG = 0.2  # scatter of the depth from night to night, one sigma

EXPOSURE = np.dtype([("mjd", "<f8"), ("band", "S1"), ("depth", "<f8"), ("template", "<i8")])
"""One exposure: its start (UTC) [d], band, magnitude at five sigma, and number of the reference image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSurvey:
    """A survey, as far as one star notices.

    Attributes
    ----------
    facts : SurveyFacts
        What is known of it.
    longitude_deg, latitude_deg : float
        Of the telescope, east and north positive.
    moonlight : mapping of str to float
        By band: magnitudes of depth lost under a full Moon.
    median_loss : mapping of str to float
        By band: magnitudes of depth lost to the Moon in the median of the exposures, so that their median
        depth is that of the facts.
    r_mag : pair of float
        Mean magnitudes of the stars that are simulated, from brightest to faintest.
    visits : callable
        Draws which bands are exposed in a night, and how long after its beginning [d].
    fields : tuple of (ra, dec, radius), or None
        Where the stars are [deg]; None: anywhere above the telescope.
    revisit_d : pair of int
        Nights from one visit to the next, fewest and most.
    """

    facts: SurveyFacts
    longitude_deg: float
    latitude_deg: float
    moonlight: Mapping[str, float]
    median_loss: Mapping[str, float]
    r_mag: tuple[float, float]
    visits: Callable[[Generator, float], list[tuple[str, float]]]
    fields: tuple[tuple[float, float, float], ...] | None
    revisit_d: tuple[int, int]

    def depth(self, band: str, moon: float) -> float:
        """Five-sigma magnitude of an exposure in ordinary seeing, by the lit fraction of the Moon's disc."""
        return self.facts.depth[band] + self.median_loss[band] - self.moonlight[band] * moon**2


def cadence(
    survey: SimulatedSurvey, *, ra: float, dec: float, clear: Array, rng: Generator
) -> NDArray[np.void]:
    """Exposures of one place on the sky.

    Parameters
    ----------
    survey : SimulatedSurvey
        Whose.
    ra, dec : float
        The place, ICRS [deg].
    clear : (n,) float64
        Nights without clouds, each named by the MJD at whose beginning it is that date in Greenwich.
    rng : Generator
        Source of the chances of scheduling and seeing.

    Returns
    -------
    (m,) EXPOSURE
        By time. Every exposure is in astronomical night with the star higher than 30 deg.
    """
    opens, closes = observing_windows(survey, ra, dec, clear)
    two_fields = rng.random() < 0.2  # where fields overlap, the star has two reference images
    exposures = []
    next_night = -math.inf
    for night, start, stop in zip(clear, opens, closes, strict=True):
        if night < next_night or stop - start < SHORTEST_WINDOW_D:
            continue
        next_night = night + rng.integers(*survey.revisit_d, endpoint=True)
        moon = moon_illumination(start)
        begin = rng.uniform(start, stop)
        template = int(two_fields and rng.random() < 0.4)
        seeing = rng.normal(0.0, SEEING_MAG)
        for band, later in survey.visits(rng, moon):
            if begin + later < stop:
                exposures.append((begin + later, band.encode(), survey.depth(band, moon) + seeing, template))
    return np.array(exposures, dtype=EXPOSURE)


def observing_windows(survey: SimulatedSurvey, ra: float, dec: float, nights: Array) -> tuple[Array, Array]:
    """Time from which and until which a place can be observed in each night (UTC) [MJD].

    The window is empty (its end before its beginning) where the star is not up in the night: this makes the
    gap between seasons. Spherical astronomy to a few minutes: mean Sun, no refraction.
    """
    midnight = nights + (-survey.longitude_deg / 360.0) % 1.0
    sun_longitude = np.deg2rad(280.46 + 0.9856474 * (midnight - 51544.5))
    sun_dec = np.rad2deg(np.arcsin(math.sin(math.radians(23.44)) * np.sin(sun_longitude)))
    half_night = (180.0 - _hour_angle(TWILIGHT_DEG, sun_dec, survey.latitude_deg)) / 360.0
    sidereal = 280.46061837 + 360.98564736629 * (midnight - 51544.5) + survey.longitude_deg
    until_transit = ((ra - sidereal + 180.0) % 360.0 - 180.0) / 360.98564736629
    half_up = _hour_angle(LOWEST_STAR_DEG, np.full_like(nights, dec), survey.latitude_deg) / 360.98564736629
    opens = midnight + np.maximum(-half_night, until_transit - half_up)
    closes = midnight + np.minimum(half_night, until_transit + half_up)
    return opens, closes


def clear_nights(first_night: float, n_nights: int, rng: Generator) -> Array:
    """Nights without clouds, each the likelier if the one before was: 70 % in all, gaps of several days."""
    clear, nights = True, []
    for night in range(n_nights):
        clear = rng.random() < (0.83 if clear else 0.40)
        if clear:
            nights.append(first_night + night)
    return np.array(nights, dtype=np.float64)


def moon_illumination(mjd: float) -> float:
    """Lit fraction of the Moon's disc, from its mean motion."""
    return 0.5 * (1.0 - math.cos(2.0 * math.pi * (mjd - MJD_NEW_MOON) / SYNODIC_MONTH_D))


def draw_place(survey: SimulatedSurvey, rng: Generator) -> tuple[float, float]:
    """Right ascension and declination [deg] of a star that the survey observes."""
    if survey.fields is None:
        return rng.uniform(0.0, 360.0), math.degrees(math.asin(rng.uniform(-0.35, 0.95)))
    ra, dec, radius = survey.fields[rng.integers(len(survey.fields))]
    distance, angle = radius * math.sqrt(rng.random()), rng.uniform(0.0, 2.0 * math.pi)
    return ra + distance * math.cos(angle) / math.cos(math.radians(dec)), dec + distance * math.sin(angle)


def _hour_angle(altitude_deg: float, dec_deg: Array, latitude_deg: float) -> Array:
    """Hour angle at which a declination has an altitude [deg]: 0 if it is never so high, 180 if always."""
    latitude, dec = math.radians(latitude_deg), np.deg2rad(dec_deg)
    cosine = (math.sin(math.radians(altitude_deg)) - math.sin(latitude) * np.sin(dec)) / (
        math.cos(latitude) * np.cos(dec)
    )
    return np.asarray(np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))))


def _ztf_night(rng: Generator, _: float) -> list[tuple[str, float]]:
    """One g and one r, at least half an hour apart, as the public survey; sometimes only one of them."""
    bands = ["g", "r"] if rng.random() < 0.5 else ["r", "g"]
    if rng.random() < 0.15:
        bands = bands[:1]
    return [(band, number * rng.uniform(0.021, 0.06)) for number, band in enumerate(bands)]


def _lsst_night(rng: Generator, moon: float) -> list[tuple[str, float]]:
    """Clump as in a deep field: three neighbouring bands twice each; u only without Moon, y only with it."""
    available = "ugriz" if moon < 0.4 else "grizy"
    first = int(rng.integers(0, 3))
    exposure_d, change_d = LSST.repeat_minutes[0] / 1440.0, 150.0 / 86400.0
    return [
        (band, 2 * number * exposure_d + number * change_d + again * exposure_d)
        for number, band in enumerate(available[first : first + 3])
        for again in range(2)
    ]


SURVEYS: Mapping[str, SimulatedSurvey] = {
    ZTF.name: SimulatedSurvey(
        facts=ZTF,
        longitude_deg=-116.863,
        latitude_deg=33.356,
        moonlight={"g": 1.1, "r": 0.7},
        median_loss={"g": 0.33, "r": 0.23},
        r_mag=(14.2, 18.0),
        visits=_ztf_night,
        fields=None,
        revisit_d=(2, 3),
    ),
    LSST.name: SimulatedSurvey(
        facts=LSST,
        longitude_deg=-70.749,
        latitude_deg=-30.245,
        moonlight={"u": 1.4, "g": 1.1, "r": 0.7, "i": 0.4, "z": 0.2, "y": 0.1},
        median_loss={"u": 0.05, "g": 0.19, "r": 0.18, "i": 0.17, "z": 0.09, "y": 0.06},
        r_mag=(17.0, 20.5),
        visits=_lsst_night,
        # The deep drilling fields COSMOS, XMM-LSS, Extended Chandra and ELAIS S1
        fields=((150.10, 2.18, 1.6), (35.57, -4.82, 1.6), (52.98, -28.12, 1.6), (9.45, -44.02, 1.6)),
        revisit_d=(3, 6),
    ),
}
