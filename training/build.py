"""The path from light curves to a model folder: the one of `train` and `transfer`. Read this first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from schemas.model.manifest import Manifest, ManifestError, sha256_of
from schemas.model.shipped import find_model
from schemas.model.verdict import OTHER
from training.artifact.background import draw_background
from training.artifact.code_version import code_version
from training.artifact.export import check_folder, read_model
from training.artifact.fold_networks import (
    FoldNetworks,
    read_fold_networks,
    write_fold_networks,
)
from training.crossfit.assess.surveys_left_out import assess_surveys_left_out
from training.crossfit.crossfit import CrossFit, cross_fit
from training.crossfit.dataset import Dataset, build_dataset
from training.crossfit.labelled_file import LabelledFile, learnt_files, provenance
from training.crossfit.learnable import check_examples
from training.crossfit.learning_curve import learning_curve
from training.crossfit.recipe import Recipe, transfer_layers
from training.crossfit.starting_point import FromPretrained, FromScratch
from training.data.labels import classes_of
from training.data.light_curves import survey_name
from training.errors import SettingsError
from training.network.layers import Layers
from training.progress import Bars
from training.release import NewModel, describe
from training.report.model_page import write_page
from training.stars.known_stars import KnownStars
from training.surveys.classes import NON_VARIABLE

TRAINING_EPOCHS_LEFT_OUT = 4
"""Of the networks that are trained without one survey each: there is one for each."""

MAX_KNOWN_SHARE = 0.1
"""Share of light curves of known stars from which on a learning curve would flatter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Where a model comes from and where it goes.

    Attributes
    ----------
    files : sequence of LabelledFile
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
        Threads that compute features.
    non_variables : bool
        Add the class `NonVar` where the labels lack it: simulated stars that do not vary are its examples.
    code : mapping of str to str
        Version and commit of the code as the work starts, for the manifest.
    """

    files: Sequence[LabelledFile]
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
        left_out = _surveys_left_out(job, dataset, made.model.temperature, progress)
    folds = write_fold_networks(job.output, FoldNetworks(made.of_folds, dataset.learnt_stars))
    method = {"method": "trained from scratch", "folds_sha256": folds}
    return _release(job, dataset, made, method, {"surveys_left_out": left_out} if left_out else {})


def _surveys_left_out(job: Job, dataset: Dataset, temperature: float, progress: Bars) -> dict[str, Any]:
    """Ask about each survey without it; not where the fit would need stars aside to choose its epoch on."""
    if job.recipe.chooses_epoch:
        return {}
    short = job.recipe.with_training_epochs(TRAINING_EPOCHS_LEFT_OUT)
    fit = FromScratch(short, progress)
    return assess_surveys_left_out(dataset, short, fit, temperature, seed=job.seed)


def transfer(job: Job, model: Path, layers: Layers | None = None) -> Manifest:
    """Fit a pretrained model to new classes and write it as a model folder with a one-page report.

    Convention, outlier cut and preprocessing are the pretrained model's; how many layers are fitted depends
    on the number of labelled light curves, unless it is said. Stars that the pretrained network learnt from
    are asked of networks that started from those of its folds, see `training.artifact.fold_networks`.

    Parameters
    ----------
    model : Path
        Folder of the pretrained model, or its name where it is shipped.

    Raises
    ------
    SettingsError, TrainingError
        If the pretrained model, the data or the settings cannot make a classifier.
    """
    check_folder(job.output)
    try:
        pretrained_folder = find_model(model)
        pretrained, origin = read_model(pretrained_folder)
    except ManifestError as exc:
        raise SettingsError(str(exc)) from exc
    torch.set_num_threads(1)  # the same sums in the same order on any machine
    extraction = replace(job.recipe.extraction, convention=origin.convention, clip_sigma=origin.clip_sigma)
    job = replace(job, recipe=replace(job.recipe, extraction=extraction))
    pretraining = read_fold_networks(pretrained_folder, origin)
    if pretraining is not None:
        job = replace(job, recipe=replace(job.recipe, folds=len(pretraining.networks)))
    with Bars() as progress:
        dataset = _dataset(job, progress, None if pretraining is None else pretraining.stars)
        layers = layers or transfer_layers(dataset.n_light_curves)
        of_folds = pretraining.networks if pretraining is not None and dataset.met_again.in_folds else ()
        fit = FromPretrained.by(job.recipe, pretrained, layers, progress, of_folds)
        made = cross_fit(dataset, job.recipe, fit, seed=job.seed)
        learnt = learnt_files(origin)
        told_apart = {*dataset.met_again.in_folds, *dataset.met_again.in_others}
        seen = [name for name in _seen(job.files, learnt) if name not in told_apart]
        few_known = not seen and dataset.met_again.n < MAX_KNOWN_SHARE * dataset.n_light_curves
        curve = learning_curve(dataset, job.recipe, fit, seed=job.seed) if few_known else None
    method = {
        "method": f"transferred, {layers.value}",
        "pretrained": {"name": origin.name, "version": origin.version, "sha256": origin.sha256},
        "files_of_pretraining": sorted(learnt),
        "known_from_pretraining": asdict(dataset.met_again),
        "seen_in_pretraining": seen,
    }
    manifest = _release(job, dataset, made, method)
    write_page(job.output, manifest, curve)
    return manifest


def _seen(files: Sequence[LabelledFile], learnt: set[str]) -> list[str]:
    """Files that were learnt from before: what is measured on their stars is optimistic."""
    return [
        file.name
        for file in files
        if not file.test_only and any(sha256_of(path) in learnt for path in file.paths)
    ]


def _dataset(job: Job, progress: Bars, known: KnownStars | None = None) -> Dataset:
    sampling = job.recipe.sampling
    made = [NON_VARIABLE] if job.non_variables and (sampling.shuffled or sampling.constant) else []
    made += [OTHER] if sampling.outlying else []
    classes = classes_of(
        {**{file.name: file.label_map for file in job.files}, "": {name: name for name in made}}
    )
    dataset = build_dataset(
        job.files,
        classes,
        job.recipe,
        seed=job.seed,
        cache_folder=job.cache_folder,
        workers=job.workers,
        progress=progress,
        known=known,
    )
    check_examples(dataset.truth.take(dataset.trainable), classes)
    return dataset


def _release(
    job: Job,
    dataset: Dataset,
    made: CrossFit,
    method: Mapping[str, Any],
    metrics: Mapping[str, Any] | None = None,
) -> Manifest:
    """Write the model with what the folds say about it, its background, and its card."""
    manifest = describe(
        dataset,
        made,
        job.recipe,
        name=job.name,
        version=job.version,
        label_maps={survey_name(path): file.label_map for file in job.files for path in file.paths},
        training={
            **method,
            "command": job.command,
            **job.code,
            "seed": job.seed,
            "data": provenance(job.files, dataset.outcomes),
        },
        metrics=metrics,
    )
    background = draw_background(dataset.table.values, dataset.truth, dataset.trainable, seed=job.seed)
    return NewModel(made.model, manifest, background).write(job.output)
