"""From light curves to a model folder: the one path of `train` and `transfer`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import torch

from features import FEATURE_NAMES
from schemas.model.manifest import Manifest, ManifestError, sha256_of
from training.artifact.code_version import code_version
from training.artifact.export import Model, check_folder, read_model, write_model
from training.artifact.fold_networks import (
    FOLDS_FILE,
    FoldNetworks,
    KnownStars,
    read_fold_networks,
    write_fold_networks,
)
from training.crossfit.assessment import assess, reliability, without_limits
from training.crossfit.crossfit import CrossFit, cross_fit
from training.crossfit.dataset import Dataset, build_dataset
from training.crossfit.labelled_file import NON_VARIABLE, Source, learnt_files, provenance
from training.crossfit.learning_curve import learning_curve
from training.crossfit.recipe import Recipe, transfer_layers
from training.crossfit.starting_point import FromPretrained, FromScratch
from training.data.labels import classes_of
from training.data.light_curves import survey_name
from training.errors import SettingsError
from training.network.one_cycle import check_examples
from training.network.paper_sgd import Layers
from training.progress import Bars
from training.report.model_card import write_card
from training.report.model_page import write_page

LICENCE = "weights: MIT; the surveys' teams ask that their papers are cited, see training.data"

MANY_KNOWN = 0.1
"""Share of light curves of known stars from which on a learning curve would flatter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Where a model comes from and where it goes.

    Attributes
    ----------
    sources : sequence of Source
        Light curves and the meaning of their labels.
    recipe : Recipe
        How.
    name, version : str
        Of the model.
    output : Path
        Model folder.
    command : str
        That makes the model, for the manifest.
    seed : int
        Of folds, examples and fit.
    cache_folder : Path or None
        For feature tables.
    workers : int
        Processes that compute features.
    non_variables : bool
        Add the class `NonVar` where the labels lack it: simulated stars that do not vary are its examples.
    code : mapping of str to str
        Version and commit of the code as the work starts, for the manifest.
    """

    sources: Sequence[Source]
    recipe: Recipe
    name: str
    version: str
    output: Path
    command: str
    seed: int = 0
    cache_folder: Path | None = None
    workers: int = 1
    non_variables: bool = True
    code: Mapping[str, str] = field(default_factory=code_version)


def train(job: Job) -> Manifest:
    """Train a network from scratch and write it as a model folder with manifest and model card.

    Raises
    ------
    SettingsError, TrainingError
        If the data or the settings cannot make a classifier.
    """
    check_folder(job.output)
    torch.set_num_threads(1)  # the same sums in the same order on any machine
    with Bars() as progress:
        dataset = _dataset(job, progress)
        made = cross_fit(dataset, job.recipe, FromScratch(job.recipe, progress), seed=job.seed)
    folds = write_fold_networks(job.output, FoldNetworks(made.of_folds, dataset.kept))
    return _release(job, dataset, made, {"method": "trained from scratch", "folds_sha256": folds})


def transfer(job: Job, pretrained_folder: Path, layers: Layers | None = None) -> Manifest:
    """Fit a pretrained model to new classes and write it as a model folder with a one-page report.

    Convention, outlier cut and preprocessing are the pretrained model's; how many layers are fitted depends
    on the number of labelled light curves, unless it is said. Stars that the pretrained network learnt from
    are judged by networks that started from those of its folds, see `training.artifact.fold_networks`.

    Raises
    ------
    SettingsError, TrainingError
        If the pretrained model, the data or the settings cannot make a classifier.
    """
    check_folder(job.output)
    try:
        pretrained, origin = read_model(pretrained_folder)
    except ManifestError as exc:
        raise SettingsError(str(exc)) from exc
    torch.set_num_threads(1)  # the same sums in the same order on any machine
    extraction = replace(job.recipe.extraction, convention=origin.convention, clip_sigma=origin.clip_sigma)
    job = replace(job, recipe=replace(job.recipe, extraction=extraction))
    pretraining = read_fold_networks(pretrained_folder, origin)
    if pretraining is not None:
        job = replace(job, recipe=replace(job.recipe, folds=len(pretraining.models)))
    with Bars() as progress:
        dataset = _dataset(job, progress, None if pretraining is None else pretraining.stars)
        layers = layers or transfer_layers(dataset.n_light_curves)
        of_folds = pretraining.models if pretraining is not None and dataset.known.in_folds else ()
        fit = FromPretrained.by(job.recipe, pretrained, layers, progress, of_folds)
        made = cross_fit(dataset, job.recipe, fit, seed=job.seed)
        learnt = learnt_files(origin)
        told_apart = {*dataset.known.in_folds, *dataset.known.in_others}
        seen = [name for name in _seen(job.sources, learnt) if name not in told_apart]
        few_known = not seen and dataset.known.n < MANY_KNOWN * dataset.n_light_curves
        curve = learning_curve(dataset, job.recipe, fit, seed=job.seed) if few_known else None
    method = {
        "method": f"transferred, {layers.value}",
        "pretrained": {"name": origin.name, "version": origin.version, "sha256": origin.sha256},
        "files_of_pretraining": sorted(learnt),
        "known_from_pretraining": asdict(dataset.known),
        "seen_in_pretraining": seen,
    }
    manifest = _release(job, dataset, made, method)
    write_page(job.output, manifest, curve)
    return manifest


def _seen(sources: Sequence[Source], learnt: set[str]) -> list[str]:
    """Files that were learnt from before: what is measured on their stars is optimistic."""
    return [
        survey_name(source.path)
        for source in sources
        if not source.test_only and sha256_of(source.path) in learnt
    ]


def export(
    folder: Path, output: Path, changes: Mapping[str, Any], *, weights_file: Path | None = None
) -> Manifest:
    """Write a model again, under another name or with other limits, checked like a new one.

    With other limits its reliability by number of epochs, and how often imitations are labelled wrongly, are
    left out: they were measured at the old ones.

    Parameters
    ----------
    changes : mapping of str to value
        Fields of the manifest: `name`, `version`, `min_epochs`, `abstain_below`.
    weights_file : Path, optional
        Where to write the bare weights, as a NumPy archive.

    Raises
    ------
    SettingsError, TrainingError
        If there is no such model, a value is impossible, or the folder cannot be written.
    """
    if output.resolve() == folder.resolve():
        raise SettingsError(f"--output is the model's own folder {folder}: give another one")
    if not 0.0 <= changes.get("abstain_below", 0.0) < 1.0:
        raise SettingsError(f"--abstain-below must be a probability under 1, got {changes['abstain_below']}")
    try:
        model, manifest = read_model(folder)
    except ManifestError as exc:
        raise SettingsError(str(exc)) from exc
    if changes.keys() & {"min_epochs", "abstain_below"}:
        changes = {**changes, "reliability": (), "metrics": without_limits(manifest.metrics)}
    read_fold_networks(folder, manifest)  # checks that they are the model's own
    written = write_model(output, model, replace(manifest, **changes))
    if "folds_sha256" in manifest.training:
        _copy(folder / FOLDS_FILE, output / FOLDS_FILE)
    if "how" in manifest.metrics:
        write_card(output, written)
    if weights_file is not None:
        _write_weights(weights_file, model)
    return written


def _copy(source: Path, target: Path) -> None:
    try:
        copyfile(source, target)
    except OSError as exc:
        raise SettingsError(f"cannot write {target}: {exc.strerror}") from exc


def _write_weights(path: Path, model: Model) -> None:
    try:
        with path.open("wb") as file:  # by its name NumPy would add a suffix
            np.savez(file, **model.weights)  # type: ignore[arg-type] # names that are not its options
    except OSError as exc:
        raise SettingsError(f"cannot write the weights to {path}: {exc.strerror}") from exc


def _dataset(job: Job, progress: Bars, known: KnownStars | None = None) -> Dataset:
    classes = classes_of({survey_name(source.path): source.label_map for source in job.sources})
    sampling = job.recipe.sampling
    if job.non_variables and (sampling.shuffled or sampling.constant):
        classes = tuple(sorted({*classes, NON_VARIABLE}))
    dataset = build_dataset(
        job.sources,
        classes,
        job.recipe,
        seed=job.seed,
        cache_folder=job.cache_folder,
        workers=job.workers,
        progress=progress,
        known=known,
    )
    check_examples(dataset.allowed[dataset.trainable], classes)
    return dataset


def describe(
    dataset: Dataset,
    made: CrossFit,
    recipe: Recipe,
    *,
    name: str,
    version: str,
    label_maps: Mapping[str, Mapping[str, str]],
    training: Mapping[str, Any],
) -> Manifest:
    """Return the manifest of a new model with what the folds say about it.

    Parameters
    ----------
    name, version, label_maps
        See `schemas.model.manifest.Manifest`.
    training : mapping
        Method, command, seed and data; recipe, temperature and numbers are added.
    """
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
        label_maps=label_maps,
        training={
            **training,
            "recipe": asdict(recipe),
            "temperature": made.model.temperature,
            "temperature_fitted_on": {
                "examples": len(made.fitted_on),
                "n_epochs_min": int(made.fitted_on.min()),
                "n_epochs_max": int(made.fitted_on.max()),
            },
            "examples": int(dataset.trainable.sum()),
            "light_curves": dataset.n_light_curves,
        },
        metrics=assess(dataset, made.probabilities, recipe),
        reliability=reliability(dataset, made.probabilities, recipe),
        licence=LICENCE if any(each["references"] for each in training["data"]) else "",
    )


def write_release(folder: Path, model: Model, manifest: Manifest) -> Manifest:
    """Write a model folder with its card, and return the manifest as written."""
    written = write_model(folder, model, manifest)
    write_card(folder, written)
    return written


def _release(job: Job, dataset: Dataset, made: CrossFit, method: Mapping[str, Any]) -> Manifest:
    """Write the model with what the folds say about it, and its card."""
    manifest = describe(
        dataset,
        made,
        job.recipe,
        name=job.name,
        version=job.version,
        label_maps={survey_name(source.path): source.label_map for source in job.sources},
        training={
            **method,
            "command": job.command,
            **job.code,
            "seed": job.seed,
            "data": provenance(job.sources, dataset.outcomes),
        },
    )
    return write_release(job.output, made.model, manifest)
