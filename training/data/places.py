"""Places of stars whose every row has its own: one place, the mean on the sphere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MATCH_RADIUS_ARCSEC = 5.0
"""Places within this of each other are of one star."""

F8 = NDArray[np.float64]


def mean_places(ra: F8, dec: F8, star: NDArray[np.int64]) -> tuple[F8, F8, F8]:
    """Mean place of each star, and how far from it every row is.

    Parameters
    ----------
    ra, dec : (n,) float64
        Of every row [deg]; NaN where it is not known.
    star : (n,) int64
        Number of the star of every row.

    Returns
    -------
    ra, dec : (n_stars,) float64
        In degrees, ra in [0, 360); NaN for a star without any. A star of one place has that place, to
        the last digit.
    distance : (n,) float64
        In arc seconds; 0 for rows without a place.
    """
    n_stars = int(star.max()) + 1 if len(star) else 0
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    alpha, delta = np.radians(ra[known]), np.radians(dec[known])
    unit = np.stack([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)])
    mean = np.stack([np.bincount(star[known], axis, minlength=n_stars) for axis in unit])
    length = np.sqrt((mean**2).sum(axis=0))
    with np.errstate(invalid="ignore"):
        mean = mean / length
    distance = np.zeros(len(ra))
    chord = np.sqrt(((unit - mean[:, star[known]]) ** 2).sum(axis=0))
    chord = np.where(np.isfinite(chord), chord, 2.0)  # places that cancel have no mean
    distance[known] = np.degrees(2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0))) * 3600.0
    mean_ra = np.degrees(np.arctan2(mean[1], mean[0])) % 360.0
    mean_dec = np.degrees(np.arctan2(mean[2], np.hypot(mean[0], mean[1])))
    first = np.full(n_stars, -1)
    first[star[known][::-1]] = known[::-1]
    there = first >= 0
    steady = np.ones(n_stars, np.bool_)
    moved = (ra[known] != ra[first[star[known]]]) | (dec[known] != dec[first[star[known]]])
    steady[star[known][moved]] = False
    kept = there & steady
    mean_ra[kept], mean_dec[kept] = ra[first[kept]], dec[first[kept]]
    mean_ra[~there], mean_dec[~there] = np.nan, np.nan
    return mean_ra, mean_dec, distance
