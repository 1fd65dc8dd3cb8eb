"""From light curves to a model folder: the one path of `train` and `transfer`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from features import FEATURE_NAMES
from schemas.artifact import Artifact
from schemas.manifest import Manifest, ManifestError
from training.assess import assess
from training.calibrate import fit_temperature
from training.card import write_card
from training.dataset import Dataset, Source, build_dataset, provenance
from training.errors import SettingsError, TrainingError
from training.export import Model, read_model, write_model
from training.fit import OneCycle, check_examples, class_weights, fit_one_cycle
from training.groups import Part
from training.labels import classes_of
from training.network import Network, predict
from training.plateau import Examples, Plateau, fit_plateau
from training.preprocess import Preprocessing, fit_preprocessing
from training.progress import progress_bar
from training.recipe import Recipe
from training.sampling import Kind
from training.transfer import Mode, transfer_network

LICENCE = "weights: MIT; the surveys' teams ask that their papers are cited, see training.data"


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
        Of split, examples and fit.
    cache_folder : Path or None
        For feature tables.
    workers : int
        Processes that compute features.
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


def train(job: Job) -> Manifest:
    """Train a network from scratch and write it as a model folder with manifest and model card.

    Raises
    ------
    SettingsError, TrainingError
        If the data or the settings cannot make a classifier.
    """
    torch.set_num_threads(1)  # the same sums in the same order on any machine
    with progress_bar() as progress:
        dataset = _dataset(job, progress)
        rows = dataset.rows(Part.TRAIN)
        preprocessing = fit_preprocessing(dataset.table.values[rows])
        network = _fit(job, dataset, preprocessing, progress)
    model = _calibrated(network, 1e-5, preprocessing, dataset)
    return _release(job, dataset, model, {"method": "trained from scratch"})


def transfer(job: Job, pretrained_folder: Path, mode: Mode) -> Manifest:
    """Fit a pretrained model to new classes and write it as a model folder.

    Convention, outlier cut and preprocessing are the pretrained model's.

    Raises
    ------
    SettingsError, TrainingError
        If the pretrained model, the data or the settings cannot make a classifier.
    """
    try:
        pretrained, origin = read_model(pretrained_folder)
    except ManifestError as exc:
        raise SettingsError(str(exc)) from exc
    schedule = job.recipe.schedule
    if not isinstance(schedule, OneCycle):
        raise SettingsError(f"recipe {job.recipe.name!r} trains from scratch only")
    torch.set_num_threads(1)  # the same sums in the same order on any machine
    extraction = replace(job.recipe.extraction, convention=origin.convention, clip_sigma=origin.clip_sigma)
    job = replace(job, recipe=replace(job.recipe, extraction=extraction))
    with progress_bar() as progress:
        dataset = _dataset(job, progress)
        rows = dataset.rows(Part.TRAIN)
        network = transfer_network(
            pretrained,
            pretrained.preprocessing.transform(dataset.table.values[rows])[0],
            dataset.allowed[rows],
            _weights(dataset, rows, job.recipe),
            mode=mode,
            settings=schedule,
            seed=job.seed,
            progress=progress,
        )
    model = _calibrated(network, pretrained.input_eps, pretrained.preprocessing, dataset)
    source = {"name": origin.name, "version": origin.version, "sha256": origin.sha256}
    return _release(job, dataset, model, {"method": f"transferred, {mode.value}", "pretrained": source})


def _dataset(job: Job, progress: Progress) -> Dataset:
    classes = classes_of({source.path.stem: source.label_map for source in job.sources})
    dataset = build_dataset(
        job.sources,
        classes,
        job.recipe,
        seed=job.seed,
        cache_folder=job.cache_folder,
        workers=job.workers,
        progress=progress,
    )
    check_examples(dataset.allowed[dataset.rows(Part.TRAIN)], classes)
    for part in (Part.VALIDATION, Part.TEST):
        if not len(dataset.rows(part)):
            raise TrainingError(
                f"no usable light curve is left for {part.name.lower()}: give more stars or a larger fraction"
            )
    return dataset


def _fit(job: Job, dataset: Dataset, preprocessing: Preprocessing, progress: Progress) -> Network:
    rows, recipe = dataset.rows(Part.TRAIN), job.recipe
    scores = preprocessing.transform(dataset.table.values[rows])[0]
    torch.manual_seed(job.seed)
    if isinstance(recipe.schedule, Plateau):
        held_out = dataset.rows(Part.VALIDATION)
        validation = Examples(
            preprocessing.transform(dataset.table.values[held_out])[0], dataset.allowed[held_out]
        )
        network, _ = fit_plateau(
            Network(len(dataset.classes)),
            Examples(scores, dataset.allowed[rows]),
            validation,
            recipe.schedule,
            seed=job.seed,
            progress=progress,
        )
        return network
    return fit_one_cycle(
        Network(len(dataset.classes), dropout=recipe.schedule.dropout),
        scores,
        dataset.allowed[rows],
        _weights(dataset, rows, recipe),
        recipe.schedule,
        seed=job.seed,
        progress=progress,
    )


def _weights(dataset: Dataset, rows: NDArray[np.int64], recipe: Recipe) -> NDArray[np.float64]:
    full = np.where(dataset.table.kind[rows] == Kind.FULL, recipe.full_weight, 1.0)
    return full * class_weights(dataset.allowed[rows], recipe.class_power)


def _calibrated(network: Network, input_eps: float, preprocessing: Preprocessing, dataset: Dataset) -> Model:
    """Add the temperature that the validation examples ask for, truncated ones among them."""
    rows = dataset.rows(Part.VALIDATION)
    logits = predict(network, preprocessing.transform(dataset.table.values[rows])[0])
    temperature = fit_temperature(logits, dataset.allowed[rows], np.ones(len(rows)))
    return Model(network.weights(), input_eps, preprocessing, temperature)


def _release(job: Job, dataset: Dataset, model: Model, method: dict[str, Any]) -> Manifest:
    """Write the model, measure it through the graph just written, and add manifest and model card."""
    recipe = job.recipe
    counts = {part.name.lower(): int((dataset.part == part).sum()) for part in Part}
    manifest = Manifest(
        name=job.name,
        version=job.version,
        sha256="",
        classes=dataset.classes,
        features=FEATURE_NAMES,
        convention=recipe.extraction.convention,
        clip_sigma=recipe.extraction.clip_sigma,
        min_epochs=recipe.sampling.min_epochs,
        label_maps={source.path.stem: source.label_map for source in job.sources},
        training={
            **method,
            "command": job.command,
            "seed": job.seed,
            "recipe": asdict(recipe),
            "temperature": model.temperature,
            "examples": counts,
            "data": provenance(job.sources),
        },
        licence=LICENCE,
    )
    written = write_model(job.output, model, manifest)
    measured = replace(written, metrics=assess(Artifact.load(job.output), dataset))
    measured.save(job.output)
    write_card(job.output, measured)
    return measured
