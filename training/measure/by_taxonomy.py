"""Labels of a catalogue or broker, read by a taxonomy: what they mean to a model, and which say nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import Manifest
from schemas.model.taxonomy.foreign_names import (
    CURRENT_VERSION,
    NOT_COMPARABLE,
    Scheme,
    Taxonomy,
    read_taxonomy,
)
from schemas.model.verdict import OTHER
from training.data.labels import CLASS_SEPARATOR
from training.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Reading:
    """What labels mean to a model.

    Attributes
    ----------
    label_map : mapping of str to str
        From the labels that can be held against the model's answers to its classes, joined by ``|``; to
        `OTHER`, where the model has it, from those of what is in no class.
    report : mapping
        By which taxonomy, and of how many light curves the labels name none of the model's classes, and why:
        ``other`` are in none of ours, and measured apart where the model has `OTHER`; ``not_comparable``
        leave the class open; ``without_class`` are of a class that the model does not have; and ``unknown``
        are no names of the taxonomy, by label.
    """

    label_map: dict[str, str]
    report: dict[str, Any]


def read_labels(labels: NDArray[np.str_], name: str, manifest: Manifest) -> Reading:
    """Read labels (n,) by the scheme `name`, of the version that the manifest states or of the current.

    Raises
    ------
    SettingsError
        If there is no such scheme or version, or the model has none of the classes that its names mean.
    """
    taxonomy, scheme = _scheme(name, manifest)
    if not set(manifest.classes) & set(taxonomy.classes) - {OTHER}:
        raise SettingsError(
            f"--taxonomy {name} speaks of {', '.join(taxonomy.classes)}; {manifest.name} {manifest.version} "
            f"has {', '.join(manifest.labels)}: give a map of the labels with --class-map"
        )
    label_map: dict[str, str] = {}
    silent: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        meaning = scheme.meaning(str(label))
        if meaning is None:
            unknown[str(label)] += int(count)
        elif meaning in (OTHER, NOT_COMPARABLE):
            silent["other" if meaning == OTHER else "not_comparable"] += int(count)
            if meaning == OTHER and OTHER in manifest.classes:
                label_map[str(label)] = OTHER
        elif set(meaning.split(CLASS_SEPARATOR)) <= set(manifest.classes):
            label_map[str(label)] = meaning
        else:
            silent["without_class"] += int(count)
    report = {"name": name, "version": taxonomy.version, "title": scheme.title}
    reasons = {reason: silent[reason] for reason in ("other", "not_comparable", "without_class")}
    return Reading(label_map, {**report, **reasons, "unknown": dict(unknown.most_common())})


def _scheme(name: str, manifest: Manifest) -> tuple[Taxonomy, Scheme]:
    version = CURRENT_VERSION if manifest.taxonomy is None else manifest.taxonomy["version"]
    try:
        taxonomy = read_taxonomy(version)
    except ValueError as exc:
        raise SettingsError(f"the manifest of {manifest.name} {manifest.version}: {exc}") from exc
    if name not in taxonomy.schemes:
        raise SettingsError(
            f"--taxonomy {name} is not known in version {version}: known are {', '.join(taxonomy.schemes)}"
        )
    return taxonomy, taxonomy.schemes[name]
