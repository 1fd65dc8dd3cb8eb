"""Light-travel time between the Earth and the Sun along the line of sight to a star."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

LIGHT_TIME_OF_AU_S = 499.004784  # astronomical unit over the speed of light (IAU 2012 B2)
OBLIQUITY_J2000 = np.deg2rad(23.4392911)
MJD_J2000 = 51544.5


def light_travel_s(mjd: ArrayLike, ra_deg: ArrayLike, dec_deg: ArrayLike) -> NDArray[np.float64]:
    r"""Seconds to add to a time observed on the Earth to have the time at the Sun (HJD - JD).

    .. math:: \Delta t = -\frac{\mathrm{au}}{c} \, \mathbf{r}_\odot \cdot \mathbf{n}

    with :math:`\mathbf{r}_\odot` the geocentric Sun in astronomical units and :math:`\mathbf{n}` the
    direction to the star. Positive when the star and the Earth are on the same side of the Sun.

    Parameters
    ----------
    mjd : (...) array_like
        Modified Julian date [d]; UTC, TAI and TDB differ by 8 ms in the result.
    ra_deg, dec_deg : (...) array_like
        ICRS (J2000) direction of the star [deg]; broadcast against `mjd`.

    Returns
    -------
    (...) float64
        At most 508 in absolute value; within 0.3 s of the JPL ephemerides from 1950 to 2050.

    References
    ----------
    Sun: "Low-precision formulas for the Sun's coordinates", The Astronomical Almanac, page C5 (0.01 deg
    in longitude, which is 0.09 s here). Longitude is carried from the equinox of date to J2000 with the
    general precession, 5029.0966 arcsec per century (Lieske et al. 1977, A&A 58, 1): left out, it would
    cost 3 s by 2026.
    """
    days = np.asarray(mjd, dtype=np.float64) - MJD_J2000
    mean_longitude = np.deg2rad(280.460 + 0.9856474 * days)
    anomaly = np.deg2rad(357.528 + 0.9856003 * days)
    precession = np.deg2rad(5029.0966 / 3600.0 * days / 36525.0)
    equation_of_centre = np.deg2rad(1.915 * np.sin(anomaly) + 0.020 * np.sin(2.0 * anomaly))
    longitude = mean_longitude + equation_of_centre - precession
    distance_au = 1.00014 - 0.01671 * np.cos(anomaly) - 0.00014 * np.cos(2.0 * anomaly)

    ra, dec = np.deg2rad(ra_deg), np.deg2rad(dec_deg)
    along_equinox = np.cos(longitude) * np.cos(dec) * np.cos(ra)
    across = np.sin(longitude) * (
        np.cos(OBLIQUITY_J2000) * np.cos(dec) * np.sin(ra) + np.sin(OBLIQUITY_J2000) * np.sin(dec)
    )
    return np.asarray(-LIGHT_TIME_OF_AU_S * distance_au * (along_equinox + across))
