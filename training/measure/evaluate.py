"""The evaluation of a model folder on labelled light curves, with the pipeline that serves it.

Raw light curves go through `features.extract`, the gates of the worker and the ONNX graph, exactly as
alerts do; nothing of the training code and no torch is involved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import CONVENTIONS, FEATURE_NAMES
from schemas.model.artifact import Artifact
from schemas.model.manifest import Manifest, ManifestError
from schemas.model.shipped import find_model
from schemas.model.verdict import OTHER
from training.data.join_bands import join_bands
from training.data.light_curves import Columns, LabelledCurves, survey_name
from training.data.read import read_light_curves
from training.data.truth import Truth
from training.errors import SettingsError, TrainingError
from training.measure.answers import Answers
from training.measure.asked import Asked, ask
from training.measure.by_days import by_days
from training.measure.by_taxonomy import read_labels
from training.measure.labels_given import labels_given
from training.measure.metrics import (
    accuracy,
    bootstrap_error,
    calibration_error,
    class_scores,
    confusion_matrix,
    mcc,
    scaled_mcc,
)
from training.stars.identity import known_identities
from training.stars.same_star import same_stars

UNSCORED = "unscored"
"""Predicted class of a light curve that the model may not be asked about: always a wrong answer."""


def evaluate(
    model: Path,
    light_curves: Path,
    *,
    label_key: str,
    bands: Sequence[Path] = (),
    class_map: Mapping[str, str] | None = None,
    taxonomy: str | None = None,
    first_epochs: int | None = None,
    label_table: Path | None = None,
    days: bool = False,
    columns: Columns | None = None,
    skip_bad_rows: bool = False,
    workers: int = 1,
) -> dict[str, Any]:
    """Measure a model on one file of light curves.

    Parameters
    ----------
    model : Path
        Model folder.
    light_curves : Path
        A file for `training.data.read.read_light_curves`.
    label_key : str
        Column of the native labels.
    bands : sequence of Path
        Files of the same survey in other bands, see `training.data.join_bands`.
    class_map : mapping of str to str, optional
        From native labels to the model's classes, several joined by ``|``. By default the manifest's map
        of this file's name; a label that is itself a class then means that class.
    taxonomy : str, optional
        Read the labels by these names of `schemas.model.taxonomy` instead, as ``vsx``. Labels that leave the
        class open are left out.
    first_epochs : int, optional
        Show the model only the first epochs in time of each star.
    label_table : Path, optional
        Take the labels from this table of stars, see `training.data.label_table`.
    days : bool
        Measure by the days since a star's first epoch as well, see `training.measure.by_days`.
    columns, skip_bad_rows
        See `training.data.read.read_light_curves`.
    workers : int
        Threads; the report does not depend on it.

    Returns
    -------
    dict
        What `varstream-train evaluate` writes; ready for JSON. What is in no class is measured apart.

    Raises
    ------
    SettingsError, TrainingError
        If the model, the light curves, the label column or the map cannot be used, or no star has a label
        that maps to a class.
    """
    artifact = load_artifact(model)
    manifest = artifact.manifest
    paths = [light_curves, *bands]
    each = [read_light_curves(path, columns, skip_bad_rows=skip_bad_rows) for path in paths]
    survey = join_bands(paths, each, None if label_table else label_key) if bands else each[0]
    labels = labels_of(survey, label_key, label_table)
    by_taxonomy: dict[str, Any] = {}
    if taxonomy is not None:
        reading = read_labels(labels, taxonomy, manifest)
        label_map: Mapping[str, str] = reading.label_map
        by_taxonomy = {"taxonomy": reading.report}
    elif class_map is not None:
        label_map = class_map
    else:
        label_map = default_map(manifest, survey_name(light_curves), labels)
    truth = truth_of_all = Truth.of(labels, label_map, manifest.classes)
    in_class = np.any(truth.allowed[:, [name != OTHER for name in manifest.classes]], axis=1)
    if not in_class.any():
        raise TrainingError(
            f"no star of {light_curves} has a label in {label_key!r} that maps to a class; its labels are "
            f"{_some(labels)}; the map knows {_some(np.array(sorted(label_map)))}: "
            "give a map of those labels with --class-map, or the names that they are with --taxonomy"
        )
    chosen = np.flatnonzero(truth.labelled)
    asked = ask(artifact, survey.take(chosen), first_epochs, workers=workers)
    (star,) = same_stars([known_identities(survey)])
    known, other = in_class[chosen], ~in_class[chosen]
    truth, star = truth.take(chosen), star[chosen]
    return {
        **measure(asked.answers.take(known), truth.take(known), manifest.classes, star[known]),
        **labels_given(asked.answers.take(known), truth.take(known), manifest),
        **_together(asked, truth, star, manifest, chosen=known),
        **by_taxonomy,
        **({"by_days": by_days(artifact, survey, truth_of_all, workers=workers)} if days else {}),
        **({"in_no_class": _in_no_class(asked, truth, star, manifest, chosen=other)} if other.any() else {}),
        "n_left_out": int((~truth_of_all.labelled).sum()),
        "first_epochs": first_epochs,
        "light_curves": survey.name,
        "label": label_key,
        "model": {key: getattr(manifest, key) for key in ("name", "version", "sha256")},
    }


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


def load_artifact(named: str | Path) -> Artifact:
    """Load a model this version can serve, by its folder or the name of a shipped one.

    Raises
    ------
    SettingsError
        If there is no such model, or it was made for other features.
    """
    try:
        folder = find_model(named)
        artifact = Artifact.load(folder)
    except ManifestError as exc:
        raise SettingsError(str(exc)) from exc
    if artifact.manifest.features != FEATURE_NAMES or artifact.manifest.convention not in CONVENTIONS:
        raise SettingsError(
            f"the model in {folder} takes other features ({artifact.manifest.convention}: "
            f"{', '.join(artifact.manifest.features)}) than this version computes"
        )
    return artifact


def default_map(manifest: Manifest, name: str, labels: NDArray[np.str_]) -> dict[str, str]:
    """Return the manifest's map for a file of this name; a label that is itself a class means that class.

    Raises
    ------
    SettingsError
        If the manifest has no map for the file and no label is a class.
    """
    same = {label: label for label in manifest.classes}
    if name not in manifest.label_maps and not np.isin(labels, manifest.classes).any():
        raise SettingsError(
            f"the model has no map for {name!r} (it has {', '.join(sorted(manifest.label_maps)) or 'none'}) "
            "and no label is the name of a class: give one with --class-map"
        )
    return {**same, **manifest.label_maps.get(name, {})}


def measure(
    answers: Answers, truth: Truth, classes: tuple[str, ...], star: NDArray[np.int64]
) -> dict[str, Any]:
    """Metrics of answers against the classes that each light curve may be.

    Parameters
    ----------
    truth : Truth
        Of the light curves, none of which is `OTHER`.
    star : (n,) int64
        Its star: the error is from resampling stars, with all their light curves.
    """
    predicted = answers.predicted
    settled = truth.settled(predicted)
    names = (*(name for name in classes if name != OTHER), UNSCORED)
    all_names = (*classes, UNSCORED)
    kept = [all_names.index(name) for name in names]
    confusion = confusion_matrix(settled, predicted, len(all_names))[np.ix_(kept, kept)]
    return {
        "mc": scaled_mcc(confusion),
        "mc_error": bootstrap_error(settled, predicted, len(all_names), star=star),
        "mcc": mcc(confusion),
        "accuracy": accuracy(confusion),
        "calibration_error": _calibration_error(
            answers.confidence, predicted == settled, answers.scored & truth.names_one
        ),
        "n": len(truth),
        "n_stars": len(np.unique(star)),
        "n_unscored": int((~answers.scored).sum()),
        "n_coarse": int((~truth.names_one).sum()),
        "per_class": {
            name: asdict(score) for name, score in zip(names[:-1], class_scores(confusion), strict=False)
        },
        "confusion": confusion.tolist(),
        "classes": list(names),
    }


def _together(
    asked: Asked,
    truth: Truth,
    star: NDArray[np.int64],
    manifest: Manifest,
    *,
    chosen: NDArray[np.bool_],
) -> dict[str, Any]:
    """Metrics of the answers fused from all bands of a star, and beside them of its best band by itself."""
    several = chosen[asked.first]
    if manifest.fused is None or not several.any():
        return {}
    rows = asked.first[several]
    truth, star = truth.take(rows), star[rows]
    fused, best_band = (
        measure(each.take(several), truth, manifest.classes, star) for each in (asked.fused, asked.best_band)
    )
    labels = labels_given(asked.fused.take(several), truth, manifest, fused=True)
    return {"fused": {**fused, **labels, "best_band": best_band}}


def _in_no_class(
    asked: Asked,
    truth: Truth,
    star: NDArray[np.int64],
    manifest: Manifest,
    *,
    chosen: NDArray[np.bool_],
) -> dict[str, Any]:
    """Say what becomes of what is in no class: any label of it is wrong."""
    said = labels_given(asked.answers.take(chosen), truth.take(chosen), manifest)
    return {"n": int(chosen.sum()), "n_stars": len(np.unique(star[chosen])), **said}


def _calibration_error(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], chosen: NDArray[np.bool_]
) -> float | None:
    """ECE of what was scored and has a label of one class; None where nothing is."""
    return calibration_error(confidence[chosen], right[chosen]) if chosen.any() else None


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report as JSON.

    Raises
    ------
    SettingsError
        If the file cannot be written.
    """
    try:
        path.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as exc:
        raise SettingsError(f"cannot write {path}: {exc.strerror or exc}") from exc


def _some(values: NDArray[np.str_]) -> str:
    distinct = np.unique(values)
    return ", ".join(map(str, distinct[:8])) + (", ..." if len(distinct) > 8 else "")
