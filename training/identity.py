"""By what a star is known again: its name in a survey, its name in another one, its place on the sky.

Kept as hashes, so that a model can tell the stars it learnt from without being a catalogue of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.groups import star_groups
from training.light_curves import LabelledCurves

CELL_ARCSEC = 5.0
"""Of the cells of the sky: stars within so much of each other are in one, or in two that touch."""

Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Identities:
    """What n light curves of one survey are called, and where they are.

    Attributes
    ----------
    survey : str
        Whose names they are.
    names : (n,) str
        Of the light curves.
    links : (n,) str
        Of their stars: in another survey, or without the band; '' for none.
    ra, dec : (n,) float64
        Position [deg]; NaN where it is not known.
    """

    survey: str
    names: NDArray[np.str_]
    links: NDArray[np.str_]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]

    @classmethod
    def of(
        cls, survey: LabelledCurves, name: str, *, link: str | None = None, band_suffix: str | None = None
    ) -> Identities:
        """Read them from the columns of a survey.

        Parameters
        ----------
        link : str, optional
            Column that names the same star in another survey.
        band_suffix : str, optional
            Regular expression of what ends the names of the bands of one star.
        """
        n = len(survey.curves)
        names = survey.columns["object_id"].astype(np.str_)
        links = np.full(n, "", np.str_)
        if link is not None and link in survey.columns:
            links = survey.columns[link].astype(np.str_)
        elif band_suffix is not None:
            links = np.array([re.sub(f"{band_suffix}$", "", each) for each in names.tolist()], np.str_)
        unknown = np.full(n, np.nan)
        ra, dec = (survey.columns.get(key, unknown).astype(np.float64) for key in ("ra", "dec"))
        return cls(name, names, links, ra, dec)

    def kept(self) -> Keys:
        """Keys (n, 3) under which the light curves are kept: name in the survey, bare name, cell."""
        cells = self._cells(np.zeros(1, np.int64), np.zeros(1, np.int64))
        return np.stack([_hashes(self.survey, self.names), _hashes("", self.names), cells[:, 0]], axis=1)

    def asked(self) -> tuple[Keys, Keys, Keys]:
        """Keys (n, 1), (n, 1) and (n, 9) to look for, the surest first; 0 where there is nothing to ask."""
        row, column = (each.ravel() for each in np.meshgrid((0, -1, 1), (0, -1, 1)))
        links = np.where(self.links == "", np.uint64(0), _hashes("", self.links))
        return _hashes(self.survey, self.names)[:, None], links[:, None], self._cells(row, column)

    def _cells(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> Keys:
        """Keys (n, m) of cells so many rows and columns from the light curves' own; 0 without a position."""
        known = np.isfinite(self.ra) & np.isfinite(self.dec)
        ra, dec = np.where(known, self.ra, 0.0)[:, None], np.where(known, self.dec, 0.0)[:, None]
        per_degree = 3600.0 / CELL_ARCSEC
        y = np.floor(dec * per_degree) + row
        width = np.maximum(np.cos(np.radians((y + 0.5) / per_degree)), 1e-9)
        x = np.floor(ra * per_degree * width) + column
        mixed = _mix(_mix(y.astype(np.int64).view(np.uint64)) ^ x.astype(np.int64).view(np.uint64))
        return np.where(known[:, None], mixed, np.uint64(0))


def same_stars(surveys: Sequence[Identities]) -> list[NDArray[np.int64]]:
    """Star of every light curve of every survey, found over all of them."""
    names, links = (np.concatenate([getattr(each, key) for each in surveys]) for key in ("names", "links"))
    ra, dec = (np.concatenate([getattr(each, key) for each in surveys]) for key in ("ra", "dec"))
    sizes = [len(each.names) for each in surveys]
    return np.split(star_groups([names, links], ra, dec), np.cumsum(sizes)[:-1])


def _hashes(survey: str, names: NDArray[np.str_]) -> Keys:
    digests = [
        hashlib.blake2b(f"{survey}\n{name}".encode(), digest_size=8).digest() for name in names.tolist()
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _mix(x: Keys) -> Keys:
    """Scatter 64-bit numbers one to one (the finaliser of SplitMix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Keys = x ^ (x >> np.uint64(31))
    return mixed
