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

LSST. Ivezic et al. (2019), ApJ 873, 111; Bianco et al. (2022), ApJS 258, 1.

- Errors: Ivezic et al. (2019), equations 4 and 5. The depths of g, r, i and z are those that reproduce the
  errors of the science fluxes in five alert packets of 2025 (0.0139 at g = 21.07, 0.0156 at r = 20.99, 0.0190
  at i = 21.03, 0.0253 at z = 20.84); u and y are in Table 2, less the loss at an airmass of 1.2.
- Deep drilling: in the same packets exposures are 0.67 to 1.25 minutes apart.

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
    """

    name: SurveyName
    time_scale: TimeScale
    exposure_s: float
    repeat_minutes: tuple[float, float]
    depth: Mapping[str, float]
    noise: Noise
    saturation: float
    reference_frames: int


ZTF = SurveyFacts(
    name="ztf",
    time_scale="UTC",
    exposure_s=30.0,
    repeat_minutes=(0.7, 1.3),
    depth={"g": 20.5, "r": 20.4},
    noise=Noise(floor=0.004, gamma=0.022),
    saturation=12.5,
    reference_frames=15,
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
)
