"""The stars that a model learnt from, each with its fold, known by hashes of their names and places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.stars.identity import Keys

UNKNOWN_FOLD = -1
"""Fold of a star that was not learnt from."""


@dataclass(frozen=True, slots=True)
class KnownStars:
    """Which stars were learnt from, and in which fold each was.

    Attributes
    ----------
    key : (p,) uint64
        Of `training.stars.identity.Identities.kept`, ascending; several for a star.
    fold : (p,) int8
        Of each.
    """

    key: Keys
    fold: NDArray[np.int8]

    @classmethod
    def of(cls, keys: Keys, fold: NDArray[np.int8]) -> KnownStars:
        """Return the stars of light curves with these keys (n, m), 0 for none, and folds (n,).

        Two stars in one cell of the sky are kept under it as the first of them.
        """
        each, folds = keys.ravel(), np.repeat(fold, keys.shape[1])
        key, first = np.unique(each, return_index=True)
        there = key != 0
        return cls(key[there], folds[first[there]])

    @classmethod
    def none(cls) -> KnownStars:
        """No star at all."""
        return cls(np.empty(0, np.uint64), np.empty(0, np.int8))

    def folds_of(self, keys: Keys) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Lowest and highest fold (n,) that any of the keys (n, m) was in; `UNKNOWN_FOLD` for none."""
        if not len(self.key):
            return np.full(len(keys), UNKNOWN_FOLD, np.int8), np.full(len(keys), UNKNOWN_FOLD, np.int8)
        place = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        there = self.key[place] == keys
        highest = np.where(there, self.fold[place], UNKNOWN_FOLD).max(axis=1)
        lowest = np.where(there, self.fold[place], np.iinfo(np.int8).max).min(axis=1)
        return np.where(highest == UNKNOWN_FOLD, UNKNOWN_FOLD, lowest).astype(np.int8), highest.astype(
            np.int8
        )
