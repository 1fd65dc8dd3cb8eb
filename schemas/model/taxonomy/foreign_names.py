"""The foreign names of our classes: what a catalogue or a broker calls them, by versioned files beside this.

A name means one of our classes, several joined by ``|`` where it is coarser, or `OTHER`, where it says that
the object is in none of them. It is not comparable where it leaves that open: a kind that some of our classes
would hold and others not, a candidate, what says no more than that something varies. Versions are never
changed: whoever evaluated by one can be understood later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from schemas.model.taxonomy.variability_types import meaning_of_type
from schemas.read_json import read_json

CURRENT_VERSION = "1"

NOT_COMPARABLE = ""
"""Meaning of a name that leaves the class open."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """The names of one catalogue, broker or challenge.

    Attributes
    ----------
    title : str
        Whose they are.
    sources : tuple of str
        Papers and pages that define them.
    meanings : mapping of str to str
        By name: classes joined by ``|``, or `NOT_COMPARABLE`.
    subtypes : frozenset of str or None
        Of names that are put together as those of VSX are, what may follow a ``/`` without changing the class
        (`schemas.model.taxonomy.variability_types`); None where a name is always whole.
    """

    title: str
    sources: tuple[str, ...]
    meanings: Mapping[str, str]
    subtypes: frozenset[str] | None

    def meaning(self, name: str) -> str | None:
        """Return what a name means, spaces around it apart; None where it is no name of the scheme."""
        if self.subtypes is None:
            return self.meanings.get(name.strip())
        return meaning_of_type(name, self.meanings, self.subtypes)


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """One version of the names.

    Attributes
    ----------
    version, sha256 : str
        Of the file, and its hash in hexadecimal.
    classes : tuple of str
        That the names mean; `schemas.model.verdict.OTHER` is the last.
    schemes : mapping of str to Scheme
        By short name, as ``vsx``.
    """

    version: str
    sha256: str
    classes: tuple[str, ...]
    schemes: Mapping[str, Scheme]

    @property
    def stated(self) -> dict[str, str]:
        """What a manifest states of it."""
        return {"version": self.version, "sha256": self.sha256}


@cache
def read_taxonomy(version: str = CURRENT_VERSION) -> Taxonomy:
    """Read a version of the names.

    Raises
    ------
    ValueError
        If there is none of that version here.
    """
    known = versions()
    if version not in known:
        raise ValueError(f"there is no taxonomy of version {version!r}: known are {', '.join(known)}")
    path = _folder() / f"{version}.json"
    raw: Mapping[str, Any] = read_json(path)
    schemes = {
        name: Scheme(
            title=each["title"],
            sources=tuple(each["sources"]),
            meanings={
                **{name: meaning for meaning, names in each["names"].items() for name in names},
                **dict.fromkeys(each["not_comparable"], NOT_COMPARABLE),
            },
            subtypes=frozenset(each["subtypes"]) if "subtypes" in each else None,
        )
        for name, each in raw["schemes"].items()
    }
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Taxonomy(raw["version"], digest, tuple(raw["classes"]), schemes)


def versions() -> list[str]:
    """Return the versions there are, the oldest first."""
    return sorted((path.stem for path in _folder().glob("*.json")), key=int)


def _folder() -> Path:
    return Path(str(files("schemas.model.taxonomy")))
