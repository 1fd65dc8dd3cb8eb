"""Labelled light curves of several files, their labels settled, before a feature of them is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features import count_used
from schemas.model.verdict import OTHER
from training.crossfit.labelled_file import LabelledFile, Reading
from training.crossfit.learnable import check_classes
from training.data.light_curves import LabelledCurves, LightCurves
from training.data.truth import Truth
from training.errors import SettingsError, TrainingError
from training.progress import Bars
from training.stars.identity import Identities


@dataclass(frozen=True, slots=True)
class Labelled:
    """The light curves of a file, and what they may be.

    Attributes
    ----------
    file : LabelledFile
        Where they are from.
    reading : Reading
        What was read.
    truth : Truth
        Of the n light curves; some have a label that maps to no class.
    identities : Identities
        By what their stars are known again.
    """

    file: LabelledFile
    reading: Reading
    truth: Truth
    identities: Identities

    @property
    def curves(self) -> LabelledCurves:
        """The light curves with their columns."""
        return self.reading.survey

    def outlier_kinds(self) -> NDArray[np.str_]:
        """Return the kind of each light curve (n,) whose label is of no class; '' for the others."""
        labels = self.curves.labels(self.file.label_key)
        meant = [label for label, meaning in self.file.label_map.items() if meaning == OTHER]
        kinds = {label: self.file.kinds.get(label, label) for label in meant}
        return np.array([kinds.get(label, "") for label in labels.tolist()], np.str_)


def read_labelled(
    files: Sequence[LabelledFile], classes: tuple[str, ...], progress: Bars, *, workers: int
) -> list[Labelled]:
    """Read light curves and settle their labels; `workers` is of `LabelledFile.read`.

    Raises
    ------
    SettingsError, TrainingError
        If a file cannot be used, or none of its labels maps to a class.
    """
    surveys = []
    for file in files:
        reading = file.read(progress, workers=workers)
        labels = reading.survey.labels(file.label_key)
        truth = Truth.of(labels, file.label_map, classes)
        if not truth.labelled.any():
            raise TrainingError(
                f"no label in column {file.label_key!r} of {file.path} maps to a class; "
                f"it has {', '.join(map(str, np.unique(labels)[:8]))}"
            )
        surveys.append(Labelled(file, reading, truth, file.identities(reading.survey)))
    return surveys


def check_learnable(
    surveys: Sequence[Labelled],
    star: Sequence[NDArray[np.int64]],
    classes: tuple[str, ...],
    *,
    min_epochs: int,
    clip_sigma: float | None,
) -> None:
    """Make sure that the classes can be learnt, before their features are computed.

    Parameters
    ----------
    star : sequence of (n,) int64
        Of each survey, the star of each light curve.
    min_epochs : int
        Fewest points of a light curve that is trained on, as they are used with the cut `clip_sigma`.

    Raises
    ------
    SettingsError, TrainingError
        If nothing is trained on, or a class has too few stars to learn from and to test on.
    """
    trained = [
        (each, its_star) for each, its_star in zip(surveys, star, strict=True) if not each.file.test_only
    ]
    if not trained:
        raise SettingsError("every one of the surveys is for testing only: give light curves to train on")
    check_classes(
        Truth.join([each.truth for each, _ in trained]),
        classes,
        np.concatenate([its_star for _, its_star in trained]),
        np.concatenate([each.identities.names for each, _ in trained]),
        np.concatenate([_used(each.curves.curves, clip_sigma) for each, _ in trained]),
        min_epochs=min_epochs,
        where=", ".join(str(each.file.path) for each, _ in trained),
    )


def _used(curves: LightCurves, clip_sigma: float | None) -> NDArray[np.int64]:
    return count_used(curves.time, curves.mag, curves.err, curves.offsets, clip_sigma=clip_sigma)
