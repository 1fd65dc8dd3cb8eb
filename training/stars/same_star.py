"""Which light curves are of one star, and a split that never cuts through a star.

The same star comes in two bands, in two surveys, and under two names. If one of its light curves is
trained on and another tested, the test measures memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

MATCH_RADIUS_ARCSEC = 5.0


def star_groups(
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


def positions(group: NDArray[np.int64], stratum: NDArray[np.int64], *, seed: int) -> NDArray[np.float64]:
    """Place of each star in a random order that passes through every stratum evenly.

    The stars below 0.2, say, are a fifth of the stars of every class; those below 0.02 are a subset of
    them, and as balanced as their number allows.

    Parameters
    ----------
    group : (n,) int64
        Star of each light curve.
    stratum : (n,) int64
        Class of each light curve; a star counts where its first light curve does.
    seed : int
        Of the draw.

    Returns
    -------
    (n,) float64
        Within [0, 1), the same for all light curves of a star.
    """
    stars, first = np.unique(group, return_index=True)
    rng = np.random.default_rng(seed)
    place = np.zeros(len(stars))
    for value in np.unique(stratum[first]):
        members = rng.permutation(np.flatnonzero(stratum[first] == value))
        place[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return place[np.searchsorted(stars, group)]


def folds(group: NDArray[np.int64], stratum: NDArray[np.int64], *, count: int, seed: int) -> NDArray[np.int8]:
    """Share stars out to `count` folds, the same fractions of every stratum in each.

    Returns
    -------
    (n,) int8
        Fold of each light curve, 0 to count - 1, the same for all light curves of a star.
    """
    return (count * positions(group, stratum, seed=seed)).astype(np.int8)


def folds_beside(
    group: NDArray[np.int64],
    stratum: NDArray[np.int64],
    given: NDArray[np.int8],
    *,
    count: int,
    seed: int,
) -> NDArray[np.int8]:
    """Share out the stars that have no fold yet, each to where its stratum has the fewest.

    Parameters
    ----------
    group, stratum
        See `positions`.
    given : (n,) int8
        Fold of each light curve, the same for all of a star; -1 where it has none.

    Returns
    -------
    (n,) int8
        Fold of each light curve, as given or found.
    """
    _, first, place = np.unique(group, return_index=True, return_inverse=True)
    rng = np.random.default_rng(seed)
    fold = given[first].astype(np.int64)
    for value in np.unique(stratum[first]):
        members = np.flatnonzero(stratum[first] == value)
        free = rng.permutation(members[fold[members] < 0])
        sizes = np.bincount(fold[members[fold[members] >= 0]], minlength=count)
        order = rng.permutation(count)  # or every small stratum would begin with the same fold
        for star in free:
            emptiest = order[sizes[order].argmin()]
            fold[star] = emptiest
            sizes[emptiest] += 1
    return fold[place].astype(np.int8)
