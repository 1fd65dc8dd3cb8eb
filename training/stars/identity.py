"""Identities of stars: the name in a survey, the name in another one, the place on the sky.

They are kept as hashes, so that a model can tell the stars it learnt from without being a catalogue of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.data.light_curves import LabelledCurves
from training.surveys.public import SURVEYS

CELL_ARCSEC = 5.0
"""Side of the cells that the sphere lies in: stars within so much are in one, or in two that touch."""

KEY_SCHEME = 1
"""Of the keys: those of another number cannot be compared."""

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
    catalogues : tuple of str
        What the survey's names are kept and looked for under, its own name by default: where a survey is
        several files, one a band, each of these, so that a star is known from any of them.
    """

    survey: str
    names: NDArray[np.str_]
    links: NDArray[np.str_]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    catalogues: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        survey: LabelledCurves,
        name: str,
        *,
        link: str | None = None,
        band_suffix: str | None = None,
        catalogues: tuple[str, ...] = (),
    ) -> Identities:
        """Read them from the columns of a survey.

        Parameters
        ----------
        link : str, optional
            Column that names the same star in another survey.
        band_suffix : str, optional
            Regular expression of what ends the names of the bands of one star.
        catalogues : tuple of str
            Names of the survey's files, where these are several.
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
        return cls(name, names, links, ra, dec, catalogues)

    def take(self, curves: NDArray[np.int64]) -> Identities:
        """Copy those of some of the light curves."""
        each = {name: getattr(self, name)[curves] for name in ("names", "links", "ra", "dec")}
        return replace(self, **each)

    def kept(self) -> Keys:
        """Keys (n, m) under which the light curves are kept: name in the survey, bare name, link, cell."""
        names, links = _hashes("", self.names), self._linked()
        cell = self._cells(np.zeros((1, 3), np.int64))
        return np.column_stack([self._named(), names, links, cell])

    def asked(self) -> tuple[Keys, Keys, Keys]:
        """Keys (n, k), (n, 1) and (n, 27) to look for, the surest first; 0 where there is nothing to ask."""
        near = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)
        return self._named(), self._linked()[:, None], self._cells(near)

    def _named(self) -> Keys:
        """Keys (n, k) of the names in the survey, or in each of its files."""
        return np.column_stack([_hashes(name, self.names) for name in self.catalogues or (self.survey,)])

    def _linked(self) -> Keys:
        return np.where(self.links == "", np.uint64(0), _hashes("", self.links))

    def _cells(self, steps: NDArray[np.int64]) -> Keys:
        """Keys (n, m) of the cells so many steps (m, 3) from the light curves' own; 0 without a position.

        The cells are cubes, and the sphere has a radius of one: there is no pole and no seam.
        """
        known = np.isfinite(self.ra) & np.isfinite(self.dec)
        ra, dec = (np.radians(np.where(known, each, 0.0)) for each in (self.ra, self.dec))
        unit = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
        cube = np.floor(unit / np.radians(CELL_ARCSEC / 3600.0)).astype(np.int64)[:, None, :] + steps
        key = np.full(cube.shape[:2], 1, np.uint64)
        for axis in range(3):
            key = _mix(key ^ cube[..., axis].astype(np.uint64))
        return np.where(known[:, None], key, np.uint64(0))


def known_identities(survey: LabelledCurves) -> Identities:
    """Identities in a survey, by its links and bands where this package knows it by its file name."""
    known = SURVEYS.get(survey.name)
    link, suffix = (None, None) if known is None else (known.link, known.band_suffix)
    return Identities.of(survey, survey.name, link=link, band_suffix=suffix)


def joined_keys(parts: Sequence[Keys]) -> Keys:
    """Put keys of several surveys one below the other, with 0 where one has fewer for each light curve."""
    width = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts])


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
