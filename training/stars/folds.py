"""Folds that never cut through a star, with the same share of every class in each.

If one light curve of a star is trained on and another tested, the test measures memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stratified_rank(star: NDArray[np.int64], stratum: NDArray[np.int64], *, seed: int) -> NDArray[np.float64]:
    """Rank of each star in a random order that passes through every stratum evenly.

    The stars below 0.2, say, are a fifth of the stars of every class; those below 0.02 are a subset of
    them, and as balanced as their number allows.

    Parameters
    ----------
    star : (n,) int64
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
    stars, first = np.unique(star, return_index=True)
    rng = np.random.default_rng(seed)
    rank = np.zeros(len(stars))
    for value in np.unique(stratum[first]):
        members = rng.permutation(np.flatnonzero(stratum[first] == value))
        rank[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return rank[np.searchsorted(stars, star)]


def folds(star: NDArray[np.int64], stratum: NDArray[np.int64], *, count: int, seed: int) -> NDArray[np.int8]:
    """Share stars out to `count` folds, the same fractions of every stratum in each.

    Returns
    -------
    (n,) int8
        Fold of each light curve, 0 to count - 1, the same for all light curves of a star.
    """
    return (count * stratified_rank(star, stratum, seed=seed)).astype(np.int8)


def folds_beside(
    star: NDArray[np.int64],
    stratum: NDArray[np.int64],
    given: NDArray[np.int8],
    *,
    count: int,
    seed: int,
) -> NDArray[np.int8]:
    """Share out the stars that have no fold yet, each to where its stratum has the fewest.

    Parameters
    ----------
    star, stratum
        See `stratified_rank`.
    given : (n,) int8
        Fold of each light curve, the same for all of a star; -1 where it has none.

    Returns
    -------
    (n,) int8
        Fold of each light curve, as given or found.
    """
    _, first, number = np.unique(star, return_index=True, return_inverse=True)
    rng = np.random.default_rng(seed)
    fold = given[first].astype(np.int64)
    for value in np.unique(stratum[first]):
        members = np.flatnonzero(stratum[first] == value)
        free = rng.permutation(members[fold[members] < 0])
        sizes = np.bincount(fold[members[fold[members] >= 0]], minlength=count)
        order = rng.permutation(count)  # or every small stratum would begin with the same fold
        for each in free:
            emptiest = order[sizes[order].argmin()]
            fold[each] = emptiest
            sizes[emptiest] += 1
    return fold[number].astype(np.int8)
