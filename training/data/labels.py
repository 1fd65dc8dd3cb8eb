"""Native labels: the map to classes, several where a label is coarser, and draws of some of each label."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.model.verdict import OTHER
from schemas.read_json import read_json
from training.errors import SettingsError

CLASS_SEPARATOR = "|"
"""Joins the classes a coarse label stands for."""

MISSING_TEXTS = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>", "nat", "-", "--", "---", "\\n"})
"""What programs write where a name or a label is missing, in small letters; \\N is of databases."""


def without_missing(texts: NDArray[np.str_]) -> NDArray[np.str_]:
    """Trim texts (n,), such as labels or names; those that stand for "missing" become ''."""
    trimmed = np.char.strip(texts)
    missing = np.isin(np.char.lower(trimmed), sorted(MISSING_TEXTS))
    return np.where(missing, "", trimmed).astype(np.str_)


def classes_of(label_maps: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Every class that any map names, in alphabetical order, `OTHER` after all."""
    meanings = {meaning for label_map in label_maps.values() for meaning in label_map.values()}
    names = {name for meaning in meanings for name in meaning.split(CLASS_SEPARATOR)}
    return tuple(sorted(names, key=lambda name: (name == OTHER, name)))


def at_most(
    labels: NDArray[np.str_],
    limit: int | None,
    rng: np.random.Generator,
    *,
    order: Sequence[str] | None = None,
) -> NDArray[np.bool_]:
    """Choose at random, of n light curves, at most `limit` of each label (n,); None for all.

    Parameters
    ----------
    order : sequence of str, optional
        Labels to draw from, one after the other; every label in alphabetical order by default.
    """
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels) if order is None else order:
        chosen[rng.permutation(np.flatnonzero(labels == label))[:limit]] = True
    return chosen


def read_class_map(path: Path) -> dict[str, str]:
    """Read a JSON object of native label to class.

    Raises
    ------
    SettingsError
        If it cannot be read or is not such an object.
    """
    try:
        raw = read_json(path)
    except FileNotFoundError:
        raise SettingsError(f"no class map at {path}: the file does not exist") from None
    except (OSError, ValueError) as exc:
        raise SettingsError(f"cannot read the class map {path}: {exc}") from exc
    if not isinstance(raw, dict) or not raw or not all(isinstance(value, str) for value in raw.values()):
        raise SettingsError(
            f'{path} must be a JSON object such as {{"RRab": "RRL_ab"}}, got {reprlib.repr(raw)}'
        )
    return raw
