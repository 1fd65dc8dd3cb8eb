"""The search for light curves that are of the same star, over all surveys.

The same star comes in two bands, in two surveys, and under two names.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from training.data.places import MATCH_RADIUS_ARCSEC
from training.stars.identity import Identities


def same_stars(surveys: Sequence[Identities]) -> list[NDArray[np.int64]]:
    """Star of every light curve of every survey, found over all of them."""
    names, links = (np.concatenate([getattr(each, key) for each in surveys]) for key in ("names", "links"))
    ra, dec = (np.concatenate([getattr(each, key) for each in surveys]) for key in ("ra", "dec"))
    sizes = [len(each.names) for each in surveys]
    return np.split(connected_stars([names, links], ra, dec), np.cumsum(sizes)[:-1])


def stars_also_in(surveys: Sequence[Identities], others: Sequence[Identities]) -> list[NDArray[np.bool_]]:
    """Whether the star of every light curve of every survey is in one of the other surveys as well."""
    star = same_stars([*surveys, *others])
    there = np.concatenate(star[len(surveys) :])
    return [np.isin(each, there) for each in star[: len(surveys)]]


def connected_stars(
    ids: Sequence[NDArray[np.str_]], ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Find which of n light curves are of the same star.

    Two are of one star if they share an id in any of the columns, or lie within 5 arcsec;
    and so are all that such steps connect. An id that two surveys share by accident only keeps two stars
    on the same side of a split.

    Parameters
    ----------
    ids : sequence of (n,) str
        Object ids and links to other catalogues; an empty string is none.
    ra, dec : (n,) float64
        Position [deg]; NaN where it is not known.

    Returns
    -------
    (n,) int64
        Number of the star of each light curve.
    """
    n = len(ra)
    nodes, names = [np.empty(0, np.int64)], [np.empty(0, np.str_)]
    for column in ids:
        named = np.flatnonzero(column != "")
        nodes.append(named)
        names.append(column[named])
    _, name = np.unique(np.concatenate(names), return_inverse=True)
    pairs = _close_pairs(ra, dec)
    left = np.concatenate([*nodes, pairs[:, 0]])
    right = np.concatenate([n + name, pairs[:, 1]])  # every name is a node beyond the light curves
    size = n + (int(name.max()) + 1 if name.size else 0)
    edges = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(size, size))
    _, component = connected_components(edges, directed=False)
    return np.unique(component[:n], return_inverse=True)[1].astype(np.int64)


def _close_pairs(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.int64]:
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    alpha, delta = np.radians(ra[known]), np.radians(dec[known])
    unit = np.stack([np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)], axis=1)
    if not len(known):
        return np.empty((0, 2), np.int64)
    places, first, place = np.unique(unit, axis=0, return_index=True, return_inverse=True)
    pairs = cKDTree(places).query_pairs(np.radians(MATCH_RADIUS_ARCSEC / 3600.0), output_type="ndarray")
    same = np.stack([np.arange(len(known)), first[place]], axis=1)  # n equal places are n pairs, not n**2
    result: NDArray[np.int64] = known[np.concatenate([first[pairs], same])].astype(np.int64)
    return result
