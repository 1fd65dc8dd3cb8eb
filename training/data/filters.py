"""Filters: what bands are called, which names mean the same, and the number that each has.

The six of LSST come first, as stars in several bands are measured in them; others have numbers of their own,
and are never taken for one of the six: B is not g.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

UGRIZY = ("u", "g", "r", "i", "z", "y")
"""By their numbers, 0 to 5."""

ALL_BANDS = "all"
"""What stands for the band where all of a star are measured together; no band of a file is called so."""

OTHER_FILTERS = ("U", "B", "V", "R", "I", "J", "H", "K", "G", "BP", "RP", "Hp", "c", "o", "w")
"""From number 6 on: Johnson and Cousins, Gaia, Hipparcos, ATLAS, Pan-STARRS."""

FILTERS = (*UGRIZY, *OTHER_FILTERS)


def filter_of(band: str) -> str:
    """Return the filter that a band is called after, ``g`` for ``ZTF g``, else the name as it is.

    What stands behind a comma or in brackets says more about it: ``V (CSS unfiltered)`` is V. Capitals count.
    """
    plain = re.split(r"[(,]", band)[0].split()
    return plain[-1] if plain and plain[-1] in FILTERS else band


def stand_for_all(bands: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Which of the bands (n,) would be taken for `ALL_BANDS`, whatever their capitals and white space."""
    return np.asarray(np.char.lower(np.char.strip(bands)) == ALL_BANDS, np.bool_)


def numbered(bands: NDArray[np.str_]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Numbers (n,) of bands (n,), -1 for '', and the names by number.

    Bands that are called after none of `FILTERS` follow these in alphabetical order.
    """
    names, place = np.unique(bands, return_inverse=True)
    filters = [filter_of(name) for name in names.tolist()]
    known = (*FILTERS, *sorted({*filters} - {"", *FILTERS}))
    number = np.array([known.index(name) if name else -1 for name in filters], np.int64)
    return number[place], known
