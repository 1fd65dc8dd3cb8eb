"""Survey facts: what holds for ZTF and LSST wherever their data are read, simulated or re-observed.

All are published, or measured on public data, but for what is named as assumed.

ZTF. Bellm et al. (2019), PASP 131, 018002; Masci et al. (2019), PASP 131, 018003.

- Errors of alerts, of the difference over all the light, for 706 alerts whose reference source is stellar and
  within 1 arcsec: 0.006 at magnitude 13.2, 0.010 at 14.8, 0.017 at 16.2, 0.030 at 17.2, 0.048 at 18.2, 0.091
  at 19.2, 0.118 at 19.8; at a given magnitude 10 % and 90 % are factors 0.64 and 1.65 from the median. The
  noise and the depth in g are fits to these, within 22 % of every value. The error of the reference's own
  magnitude is not in them; it is 0.017, the median of 1632 references.
- A reference image has 15 frames (median; 95 %: 31).
- A fifth of the light curves of forced photometry hold a few nights with dozens of exposures 0.7 to 1.3
  minutes apart.
- Alerts are far rarer than differences of five errors: of 188 such exposures of 23 stars, known by the forced
  photometry in packets, 4 % made an alert where the star differed from the reference by less than 3 % of its
  flux, 10 % at 3 to 6 %, 30 % at 6 to 10 %, 87 % at 10 to 20 %. `AlertChance` is the fit to these.
- Forced photometry in packets reaches 30 days back, never to the night of the alert, and has 56 % of the
  exposures; which are missing depends on the exposure and not on the star.
- Errors of total fluxes, with those of the reference image, are not below 0.015: the forced magnitudes of an
  RR Lyrae star then scatter by 1.1 to 1.2 of their errors.

LSST. Ivezic et al. (2019), ApJ 873, 111; Bianco et al. (2022), ApJS 258, 1.

- Errors: Ivezic et al. (2019), equations 4 and 5. The depths of g, r, i and z are those that reproduce the
  errors of the science fluxes in five alert packets of 2025 (0.0139 at g = 21.07, 0.0156 at r = 20.99, 0.0190
  at i = 21.03, 0.0253 at z = 20.84); u and y are in Table 2, less the loss at an airmass of 1.2.
- Deep drilling: in the same packets exposures are 0.67 to 1.25 minutes apart.
- Alerts: of the exposures with a forced measurement 0 to 4 % made one where the difference was below 4
  errors, 20 to 70 % at 5 to 6 errors, 90 to 98 % above 7.
- Forced photometry begins with the second detection of an object, has every exposure from then on, and
  reaches 12 months back from an alert. Beside its stated errors, exposures within two minutes scatter by
  0.005 to 0.008 at magnitudes 18 to 19.

Assumed: the time over which a reference image is taken; that those of LSST have as many frames as ZTF's; and
the magnitudes of saturation, round numbers for a median night.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SurveyName = Literal["ztf", "lsst"]
TimeScale = Literal["UTC", "TAI"]

AB_ZERO_POINT_NJY = 31.4
"""AB magnitude of 1 nJy."""

MAG_PER_RELATIVE_FLUX = 2.5 / math.log(10.0)
"""Magnitude error of a relative flux error of one, 1.0857."""

TAI_MINUS_UTC_S = 37.0
"""Since 2017 [s]."""

DETECTION_SIGMA = 5.0
"""An alert is a difference from the reference image of at least this many errors."""

BRIGHTEST_MAG, FAINTEST_MAG = -5.0, 35.0
"""No star is measured beyond these [mag]: 99.999, 88.888, 50 and -9.99 stand for none."""

UNINFORMATIVE_ERR_MAG = 1.0
"""An error of so much says nothing about a star: it is that of a limit, or of a difference of noise [mag]."""

REFERENCE_SPAN_D = 500.0
"""Time over which the frames of a reference image are taken [d]; assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    r"""Error of a magnitude.

    .. math:: \sigma^2 = \sigma_\mathrm{floor}^2 + (0.04 - \gamma) x + \gamma x^2,
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

    def flux_error(self, flux: Array, mag: Array, depth: Array) -> Array:
        """One-sigma error (n,) of fluxes (n,) of these magnitudes, in the unit of the fluxes."""
        return np.asarray(flux * self.error(mag, depth) / MAG_PER_RELATIVE_FLUX)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChance:
    r"""Chance that an exposure in which a star differs from the reference image makes an alert.

    .. math:: p = c(s) \left/ \left(1 + (x_{1/2} / x)^{1/w}\right)\right.

    with s the difference over its error, and x the difference over the flux in the reference image.

    Attributes
    ----------
    by_significance : tuple of (float, float)
        s, rising, and c: straight lines between, constant beyond; none below `DETECTION_SIGMA`.
    half_difference : float
        x at which half of c is left; 0 where bright stars make alerts as readily as faint ones.
    width : float
        w: scale of the fall in ln x.
    """

    by_significance: tuple[tuple[float, float], ...]
    half_difference: float = 0.0
    width: float = 1.0

    def at(self, significance: Array, difference: Array) -> Array:
        """Chance (n,) of differences, over their errors (n,) and over the reference (n,); both positive."""
        steps = np.array(self.by_significance)
        plain = np.interp(significance, steps[:, 0], steps[:, 1])
        missed = (self.half_difference / np.maximum(difference, 1e-9)) ** (1.0 / self.width)
        return np.where(significance >= DETECTION_SIGMA, plain / (1.0 + missed), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedPhotometry:
    """Measurements in packets, at the place of a star, of exposures that may have made no alert.

    Attributes
    ----------
    reach_d : float
        Longest time from an exposure to the alert whose packet brings it [d].
    shortest_d : float
        Shortest such time [d]; 0 if the exposure of the alert itself is there.
    share : float
        Of the exposures within reach.
    needs_alerts : int
        Exposures before so many alerts are not measured; 0 where alerts bring what was before all of them.
    floor_mag : float
        What measurements of bright stars scatter by beside their photon noise [mag].
    replaces_detections : bool
        Of an exposure that made an alert as well, the forced measurement is the better one: a detection's
        place is its own, which noise moves.
    """

    reach_d: float
    shortest_d: float
    share: float
    needs_alerts: int
    floor_mag: float
    replaces_detections: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyFacts:
    """A survey.

    Attributes
    ----------
    name : str
        As in records and settings.
    time_scale : str
        Of the times in its alerts.
    exposure_s : float
        Length of an exposure.
    repeat_minutes : (float, float)
        Shortest and longest time from one exposure to the next where a field is exposed over and over.
    depth : mapping of str to float
        By band: median five-sigma magnitude of an exposure, over Moon, seeing and airmass.
    noise : Noise
        Of alerts and forced photometry at this depth.
    saturation : float
        Brighter stars are not measured [mag]; assumed.
    reference_frames : int
        Exposures in a reference image; for LSST assumed.
    alert_chance : AlertChance
        Of an exposure that differs.
    forced : ForcedPhotometry
        In the packets of alerts.
    detection_floor_mag : float
        What the error of a detection's total magnitude has beside `noise`: that of the reference image [mag].
    """

    name: SurveyName
    time_scale: TimeScale
    exposure_s: float
    repeat_minutes: tuple[float, float]
    depth: Mapping[str, float]
    noise: Noise
    saturation: float
    reference_frames: int
    alert_chance: AlertChance
    forced: ForcedPhotometry
    detection_floor_mag: float


ZTF = SurveyFacts(
    name="ztf",
    time_scale="UTC",
    exposure_s=30.0,
    repeat_minutes=(0.7, 1.3),
    depth={"g": 20.5, "r": 20.4},
    noise=Noise(floor=0.004, gamma=0.022),
    saturation=12.5,
    reference_frames=15,
    alert_chance=AlertChance(by_significance=((DETECTION_SIGMA, 0.97),), half_difference=0.081, width=0.26),
    forced=ForcedPhotometry(
        reach_d=30.0,
        shortest_d=0.5,
        share=0.56,
        needs_alerts=0,
        floor_mag=0.015,
        replaces_detections=False,
    ),
    detection_floor_mag=0.015,
)
LSST = SurveyFacts(
    name="lsst",
    time_scale="TAI",
    exposure_s=30.0,
    repeat_minutes=(0.66, 1.3),
    depth={"u": 23.57, "g": 24.15, "r": 23.93, "i": 23.72, "z": 23.18, "y": 22.32},
    noise=Noise(floor=0.005, gamma=0.039),
    saturation=16.0,
    reference_frames=15,
    alert_chance=AlertChance(by_significance=((DETECTION_SIGMA, 0.2), (6.0, 0.7), (7.0, 0.95))),
    forced=ForcedPhotometry(
        reach_d=365.25,
        shortest_d=0.0,
        share=1.0,
        needs_alerts=2,
        floor_mag=0.006,
        replaces_detections=True,
    ),
    detection_floor_mag=0.0,
)
