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
from schemas.model.manifest import Manifest, ManifestError, sha256_of
from schemas.model.shipped import find_model
from schemas.model.verdict import OTHER
from training.data.join_bands import join_bands
from training.data.light_curves import Columns, survey_name
from training.data.read import read_light_curves
from training.data.truth import Truth
from training.errors import SettingsError, TrainingError
from training.measure.answers import Answers
from training.measure.asked import Asked, ask
from training.measure.by_days import by_days
from training.measure.by_taxonomy import read_labels
from training.measure.label_meanings import default_map, labels_of
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
    truth = Truth.of(labels, label_map, manifest.classes)
    if not truth.labelled.any():
        raise TrainingError(
            f"no star of {light_curves} has a label in {label_key!r} that maps to a class; its labels are "
            f"{_some(labels)}; the map knows {_some(np.array(sorted(label_map)))}: "
            "give a map of those labels with --class-map, or the names that they are with --taxonomy"
        )
    chosen = np.flatnonzero(truth.labelled)
    (star,) = same_stars([known_identities(survey)])
    survey, truth, star = survey.take(chosen), truth.take(chosen), star[chosen]
    asked = ask(artifact, survey, first_epochs, workers=workers)
    in_class = np.any(truth.allowed[:, [name != OTHER for name in manifest.classes]], axis=1)
    report: dict[str, Any] = {}
    if in_class.any():
        report = _in_a_class(asked, truth, star, manifest, chosen=in_class)
    if not in_class.all():
        report["in_no_class"] = _labels_of(asked, truth, star, manifest, chosen=~in_class)
    if days:
        report["by_days"] = by_days(artifact, survey, truth, workers=workers)
    return {
        **report,
        **by_taxonomy,
        "n_left_out": len(labels) - len(chosen),
        "first_epochs": first_epochs,
        "light_curves": survey.name,
        "data": {path.name: sha256_of(path) for path in (*paths, *([label_table] if label_table else []))},
        "label": label_key,
        "model": {key: getattr(manifest, key) for key in ("name", "version", "sha256")},
    }


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


def _in_a_class(
    asked: Asked, truth: Truth, star: NDArray[np.int64], manifest: Manifest, *, chosen: NDArray[np.bool_]
) -> dict[str, Any]:
    """Metrics and labels of what is in a class; of stars in several bands, beside them of their best band."""
    of = truth.take(chosen), manifest.classes, star[chosen]
    report = {
        **measure(asked.answers.take(chosen), *of),
        **_labels_of(asked, truth, star, manifest, chosen=chosen),
    }
    if "fused" in report:
        several = chosen[asked.first]
        rows = asked.first[several]
        of = truth.take(rows), manifest.classes, star[rows]
        fused, best_band = (measure(each.take(several), *of) for each in (asked.fused, asked.best_band))
        report["fused"] = {**fused, **report["fused"], "best_band": best_band}
    return report


def _labels_of(
    asked: Asked, truth: Truth, star: NDArray[np.int64], manifest: Manifest, *, chosen: NDArray[np.bool_]
) -> dict[str, Any]:
    """Labels that are given of some light curves, and of all bands of their stars where there are several."""
    answers = asked.answers.take(chosen)
    report = {
        "n": len(answers.scored),
        "n_stars": len(np.unique(star[chosen])),
        "n_unscored": int((~answers.scored).sum()),
        **labels_given(answers, truth.take(chosen), manifest),
    }
    several = chosen[asked.first]
    if manifest.fused is None or not several.any():
        return report
    rows, answers = asked.first[several], asked.fused.take(several)
    of_fused = labels_given(answers, truth.take(rows), manifest, fused=~asked.one_band[several])
    counts = {
        "n": len(rows),
        "n_stars": len(np.unique(star[rows])),
        "n_unscored": int((~answers.scored).sum()),
    }
    return {**report, "fused": {**counts, **of_fused}}


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
