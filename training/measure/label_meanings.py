"""Labels of light curves that a model is measured on, and what they mean where nobody says it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import Manifest
from training.data.labels import CLASS_SEPARATOR
from training.data.light_curves import LabelledCurves
from training.errors import SettingsError
from training.surveys.public import SURVEYS


def labels_of(survey: LabelledCurves, key: str, table: Path | None) -> NDArray[np.str_]:
    """Native labels (n,) of light curves: a column of theirs, or of a table of stars.

    Raises
    ------
    SettingsError, TrainingError
        If there is no such column, or the table cannot be used.
    """
    if table is None:
        return survey.labels(key)
    from training.data.label_table import labels_from_table  # noqa: PLC0415 - needs pyarrow

    return labels_from_table(table, key, survey.labels("object_id"))


def default_map(manifest: Manifest, name: str, labels: NDArray[np.str_]) -> dict[str, str]:
    """Return the manifest's map for a file of this name, or that of the survey which is known by it.

    A label that is itself a class means that class where the survey is not known.

    Raises
    ------
    SettingsError
        If the manifest has no map for the file and no label is a class.
    """
    same = {label: label for label in manifest.classes}
    if name not in manifest.label_maps and name in SURVEYS:
        return {
            label: meaning
            for label, meaning in SURVEYS[name].label_map.items()
            if {*meaning.split(CLASS_SEPARATOR)} <= {*manifest.classes}
        }
    if name not in manifest.label_maps and not np.isin(labels, manifest.classes).any():
        raise SettingsError(
            f"the model has no map for {name!r} (it has {', '.join(sorted(manifest.label_maps)) or 'none'}) "
            "and no label is the name of a class: give one with --class-map"
        )
    return {**same, **manifest.label_maps.get(name, {})}
