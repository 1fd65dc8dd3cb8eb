"""Measure a shipped model on labelled light curves, with the pipeline that serves it.

Raw light curves go through `features.extract`, the gates of the scorer and the ONNX graph, exactly as
alerts do; nothing of the training code and no torch is involved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import CONVENTIONS, FEATURE_NAMES, extract, scorable
from schemas.model.artifact import Artifact
from schemas.model.manifest import Manifest, ManifestError
from training.data.labels import membership, names_one, settle
from training.data.light_curves import Columns, LabelledCurves, LightCurves
from training.data.public_surveys import SURVEYS
from training.data.read import read_light_curves
from training.errors import SettingsError, TrainingError
from training.measure.metrics import (
    accuracy,
    bootstrap_error,
    calibration_error,
    class_scores,
    confusion_matrix,
    mcc,
    scaled_mcc,
)
from training.progress import Bars
from training.stars.identity import Identities, same_stars

UNSCORED = "unscored"
"""Predicted class of a light curve the model may not judge: always a wrong answer."""

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Answers:
    """What the model said about n labelled light curves.

    Attributes
    ----------
    probabilities : (n, k) float64
        NaN where not scored.
    scored : (n,) bool
        Whether the model judged the light curve.
    """

    probabilities: NDArray[np.float64]
    scored: NDArray[np.bool_]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Index of the most probable class (n,); k where not scored."""
        best = np.where(self.scored[:, None], self.probabilities, 0.0).argmax(axis=1)
        predicted: NDArray[np.int64] = np.where(self.scored, best, self.probabilities.shape[1])
        return predicted


def evaluate(
    model: Path,
    light_curves: Path,
    *,
    label_key: str,
    class_map: Mapping[str, str] | None = None,
    first_epochs: int | None = None,
    columns: Columns | None = None,
    skip_bad_rows: bool = False,
) -> dict[str, Any]:
    """Measure the model in a folder on one file of light curves.

    Parameters
    ----------
    model : Path
        Model folder.
    light_curves : Path
        A file for `training.data.read.read_light_curves`.
    label_key : str
        Column of the native labels.
    class_map : mapping of str to str, optional
        From native labels to the model's classes, several joined by ``|``. By default the manifest's map
        of this file's name; a label that is itself a class then means that class.
    first_epochs : int, optional
        Show the model only the first epochs in time of each star.
    columns, skip_bad_rows
        See `training.data.read.read_light_curves`.

    Returns
    -------
    dict
        What `varstream-train evaluate` writes; ready for JSON.

    Raises
    ------
    SettingsError, TrainingError
        If the model, the light curves, the label column or the map cannot be used, or no star has a label
        that maps to a class.
    """
    artifact = load_artifact(model)
    survey = read_light_curves(light_curves, columns, skip_bad_rows=skip_bad_rows)
    labels = survey.labels(label_key)
    label_map = class_map if class_map is not None else default_map(artifact.manifest, survey.name, labels)
    allowed = membership(labels, label_map, artifact.manifest.classes)
    labelled = allowed.any(axis=1)
    if not labelled.any():
        raise TrainingError(
            f"no star of {light_curves} has a label in {label_key!r} that maps to a class; its labels are "
            f"{_some(labels)}; the map knows {_some(np.array(sorted(label_map)))}: give one with --class-map"
        )
    answers = ask(artifact, survey, np.flatnonzero(labelled), first_epochs)
    star = _stars(survey)[labelled]
    report = measure(answers, allowed[labelled], artifact.manifest.classes, star)
    return {
        **report,
        **_labels_given(answers, allowed[labelled], artifact.manifest.abstain_below),
        "n_left_out": int((~labelled).sum()),
        "first_epochs": first_epochs,
        "light_curves": survey.name,
        "label": label_key,
        "model": {key: getattr(artifact.manifest, key) for key in ("name", "version", "sha256")},
    }


def load_artifact(folder: Path) -> Artifact:
    """Load a model this version can serve.

    Raises
    ------
    SettingsError
        If there is none in the folder, or it was made for other features.
    """
    try:
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


def ask(
    artifact: Artifact, survey: LabelledCurves, stars: NDArray[np.int64], first_epochs: int | None
) -> Answers:
    """Ask the model about some of the light curves, with a progress bar."""
    probabilities, scored = [], []
    with Bars() as progress, progress.bar(f"evaluating {survey.name}", len(stars)) as advance:
        for start in range(0, len(stars), CHUNK):
            chunk = stars[start : start + CHUNK]
            curves = survey.curves.take(chunk)
            shown = curves if first_epochs is None else curves.first_epochs(first_epochs)
            answers = judge(artifact, shown)
            probabilities.append(answers.probabilities)
            scored.append(answers.scored)
            advance(len(chunk))
    return Answers(np.concatenate(probabilities), np.concatenate(scored))


def judge(artifact: Artifact, curves: LightCurves) -> Answers:
    """Features, gates and graph, by the rules of the streaming scorer."""
    manifest = artifact.manifest
    values, status = extract(
        curves.time,
        curves.mag,
        curves.err,
        curves.offsets,
        convention=manifest.convention,
        clip_sigma=manifest.clip_sigma,
    )
    scored = scorable(values, status, curves.n_epochs, manifest.min_epochs)
    probabilities, _ = artifact.score(values, scored)
    return Answers(probabilities.astype(np.float64), scored)


def measure(
    answers: Answers, allowed: NDArray[np.bool_], classes: tuple[str, ...], star: NDArray[np.int64]
) -> dict[str, Any]:
    """Metrics of answers against the classes each light curve may be; see `training.data.labels.settle`.

    Parameters
    ----------
    allowed : (n, k) bool
        Classes of each light curve.
    star : (n,) int64
        Its star: the error is from resampling stars, with all their light curves.
    """
    predicted = answers.predicted
    truth = settle(allowed, predicted)
    names = (*classes, UNSCORED)
    confusion = confusion_matrix(truth, predicted, len(names))
    confidence = np.where(answers.scored, answers.probabilities.max(axis=1), 0.0)
    return {
        "mc": scaled_mcc(confusion),
        "mc_error": bootstrap_error(truth, predicted, len(names), star=star),
        "mcc": mcc(confusion),
        "accuracy": accuracy(confusion),
        "calibration_error": _calibration_error(
            confidence, predicted == truth, answers.scored & names_one(allowed)
        ),
        "n": len(truth),
        "n_stars": len(np.unique(star)),
        "n_unscored": int((~answers.scored).sum()),
        "n_coarse": int((allowed.sum(axis=1) > 1).sum()),
        "per_class": {
            name: asdict(score) for name, score in zip(classes, class_scores(confusion), strict=False)
        },
        "confusion": confusion.tolist(),
        "classes": list(names),
    }


def _stars(survey: LabelledCurves) -> NDArray[np.int64]:
    """Star (n,) of each light curve, as far as names and positions tell."""
    known = SURVEYS.get(survey.name)
    link, suffix = (None, None) if known is None else (known.link, known.band_suffix)
    return same_stars([Identities.of(survey, survey.name, link=link, band_suffix=suffix)])[0]


def _labels_given(answers: Answers, allowed: NDArray[np.bool_], abstain_below: float) -> dict[str, Any]:
    """How often the model gives a label as it is served, and how often those are right."""
    predicted = answers.predicted
    confidence = np.where(answers.scored, answers.probabilities.max(axis=1), 0.0)
    given = answers.scored & (confidence >= abstain_below)
    right = settle(allowed, predicted) == predicted
    return {
        "abstain_below": abstain_below,
        "labelled": float(given.mean()),
        "accuracy_of_labels": float(right[given].mean()) if given.any() else None,
    }


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
        raise SettingsError(f"cannot write {path}: {exc.strerror}") from exc


def _some(values: NDArray[np.str_]) -> str:
    distinct = np.unique(values)
    return ", ".join(map(str, distinct[:8])) + (", ..." if len(distinct) > 8 else "")
