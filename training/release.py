"""The release of a model: its manifest with what the folds say about it, its folder and its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import FEATURE_NAMES
from schemas.explanation.background import BACKGROUND_FILE, BACKGROUND_SHA256, read_background
from schemas.model.manifest import Manifest, ManifestError
from schemas.model.shipped import find_model
from schemas.model.taxonomy.foreign_names import read_taxonomy
from training.artifact.background import write_background
from training.artifact.export import read_model, write_model
from training.artifact.fold_networks import FOLDS_FILE, read_fold_networks
from training.crossfit.assess.fused import assess_fused, fused_terms
from training.crossfit.assess.no_class import assess_no_class
from training.crossfit.assess.one_band import assess, reliability, without_limits
from training.crossfit.assess.stream_mix import assess_stream_mix
from training.crossfit.crossfit import CrossFit
from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.crossfit.terms import novelty_of_folds, terms_of_bands, terms_of_fused
from training.errors import SettingsError
from training.network.trained_network import TrainedNetwork
from training.report.model_card import write_card
from training.report.tests_in_card import TESTS

LICENCE = "weights: MIT; the surveys' teams ask that their papers are cited, see training.data"


def describe(
    dataset: Dataset,
    made: CrossFit,
    recipe: Recipe,
    *,
    name: str,
    version: str,
    label_maps: Mapping[str, Mapping[str, str]],
    training: Mapping[str, Any],
    metrics: Mapping[str, Any] | None = None,
) -> Manifest:
    """Return the manifest of a new model with what the folds say about it.

    Parameters
    ----------
    name, version, label_maps
        See `schemas.model.manifest.Manifest`.
    training : mapping
        Method, command, seed and data; recipe, temperature and numbers are added.
    metrics : mapping, optional
        What else was measured.
    """
    said, novelty = made.probabilities, novelty_of_folds(dataset, made)
    metrics = {**assess(dataset, said, recipe, novelty), **(metrics or {})}
    metrics["in_no_class"] = assess_no_class(dataset, said, recipe, novelty)
    terms = terms_of_bands(dataset, made, recipe)
    if mix := assess_stream_mix(dataset, said, recipe, novelty, terms["priors"]):
        metrics["stream_mix"] = mix
    taxonomy = read_taxonomy()
    fused: dict[str, Any] | None = None
    if made.fused_temperature is not None:
        metrics["fused"] = assess_fused(dataset, said, recipe, made.fused_temperature, novelty)
        fused = {
            **fused_terms(dataset, said, recipe, made.fused_temperature, novelty),
            **terms_of_fused(dataset, made, recipe),
        }
    return Manifest(
        name=name,
        version=version,
        sha256="",
        classes=dataset.classes,
        features=FEATURE_NAMES,
        convention=recipe.extraction.convention,
        clip_sigma=recipe.extraction.clip_sigma,
        min_epochs=recipe.sampling.min_epochs,
        abstain_below=recipe.abstain_below,
        **terms,
        label_maps=label_maps,
        training={
            **training,
            "recipe": asdict(recipe),
            "temperature": made.model.temperature,
            "temperature_fitted_on": _fitted_on(made.fitted_on),
            **({} if fused is None else {"fused_temperature_fitted_on": _fitted_on(made.fused_fitted_on)}),
            "examples": len(np.unique(dataset.table.example[dataset.trainable])),
            "light_curves": dataset.n_light_curves,
        },
        metrics=metrics,
        fused=fused,
        reliability=reliability(dataset, said, recipe, novelty),
        taxonomy=taxonomy.stated if set(dataset.classes) <= set(taxonomy.classes) else None,
        licence=LICENCE if any(each["references"] for each in training["data"]) else "",
    )


def _fitted_on(n_epochs: NDArray[np.int64]) -> dict[str, int]:
    """Say of how many examples, of how many epochs, a temperature was fitted to."""
    return {
        "examples": len(n_epochs),
        "n_epochs_min": int(n_epochs.min()),
        "n_epochs_max": int(n_epochs.max()),
    }


@dataclass(frozen=True, slots=True)
class NewModel:
    """A model that is not in a folder yet.

    Attributes
    ----------
    network : TrainedNetwork
        Of all stars.
    manifest : Manifest
        What it is, how it was made and what was measured.
    background : (100, 16) float64
        Rows to explain its answers against, see `training.artifact.background`.
    """

    network: TrainedNetwork
    manifest: Manifest
    background: NDArray[np.float64]

    def write(self, folder: Path) -> Manifest:
        """Write a model folder with its background and its card.

        Returns
        -------
        Manifest
            As written.

        Raises
        ------
        TrainingError
            If the folder cannot be written.
        """
        background = {BACKGROUND_SHA256: write_background(folder, self.background)}
        training = {**self.manifest.training, **background}
        written = write_model(folder, self.network, replace(self.manifest, training=training))
        write_card(folder, written)
        return written


def release_again(
    model: Path,
    output: Path,
    changes: Mapping[str, Any],
    *,
    fused: Mapping[str, Any] | None = None,
    weights_file: Path | None = None,
) -> Manifest:
    """Write a model again, under another name or with other limits, checked like a new one.

    With other limits its reliability by number of epochs, how often imitations are labelled wrongly, and what
    becomes of what is in no class, are left out: they were measured at the old ones. A limit for labels is
    then that of all classes. Those of fused answers are limits of their own.

    Parameters
    ----------
    model : Path
        Its folder, or its name where it is shipped.
    changes : mapping of str to value
        Fields of the manifest: `name`, `version`, `min_epochs`, `abstain_below`.
    fused : mapping of str to value, optional
        Changes of what the manifest states of fused answers: `min_epochs`, `abstain_below`.
    weights_file : Path, optional
        Where to write the bare weights, as a NumPy archive.

    Raises
    ------
    SettingsError, TrainingError
        If there is no such model, a value is impossible, or the folder cannot be written.
    """
    for option, limits in (("--abstain-below", changes), ("--fused-abstain-below", fused or {})):
        if not 0.0 <= limits.get("abstain_below", 0.0) < 1.0:
            raise SettingsError(f"{option} must be a probability under 1, got {limits['abstain_below']}")
    try:
        folder = find_model(model)
        network, manifest = read_model(folder)
        if BACKGROUND_SHA256 in manifest.training:
            read_background(folder, manifest)  # checks that it is the model's own
    except ManifestError as exc:
        raise SettingsError(str(exc)) from exc
    if output.resolve() == folder.resolve():
        raise SettingsError(f"--output is the model's own folder {folder}: give another one")
    if changes.keys() & {"min_epochs", "abstain_below"}:
        changes = {**changes, "reliability": (), "metrics": without_limits(manifest.metrics)}
        if "abstain_below" in changes:
            changes = {**changes, "abstain_below_by_class": {}}
    if fused:
        changes = {**changes, **_with_other_fused(manifest, changes.get("metrics", manifest.metrics), fused)}
    read_fold_networks(folder, manifest)  # checks that they are the model's own
    written = write_model(output, network, replace(manifest, **changes))
    if "folds_sha256" in manifest.training:
        _copy(folder / FOLDS_FILE, output / FOLDS_FILE)
    if BACKGROUND_SHA256 in manifest.training:
        _copy(folder / BACKGROUND_FILE, output / BACKGROUND_FILE)
    if "how" in manifest.metrics:
        write_card(output, written)
    if weights_file is not None:
        _write_weights(weights_file, network)
    return written


def _with_other_fused(
    manifest: Manifest, metrics: Mapping[str, Any], fused: Mapping[str, Any]
) -> dict[str, Any]:
    """Fields of the manifest, of which these are the metrics, with other limits of fused answers."""
    if manifest.fused is None:
        raise SettingsError(
            f"{manifest.name} {manifest.version} gives no fused answers: it has no limits of them to change"
        )
    measured = {"fused": without_limits(metrics["fused"])} if "fused" in metrics else {}
    stated = {**manifest.fused, **fused, "reliability": ()}
    if "abstain_below" in fused:
        stated.pop("abstain_below_by_class", None)
    kept = {name: each for name, each in metrics.items() if name != TESTS}
    return {"fused": stated, "metrics": {**kept, **measured}}


def _copy(original: Path, target: Path) -> None:
    try:
        copyfile(original, target)
    except OSError as exc:
        raise SettingsError(f"cannot write {target}: {exc.strerror or exc}") from exc


def _write_weights(path: Path, model: TrainedNetwork) -> None:
    try:
        with path.open("wb") as file:  # by its name NumPy would add a suffix
            np.savez(file, **model.weights)  # type: ignore[arg-type] # names that are not its options
    except OSError as exc:
        raise SettingsError(f"cannot write the weights to {path}: {exc.strerror or exc}") from exc
