"""The pretrained network that has seen no star of the target it is transferred to."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.crossfit.crossfit import fit_all
from training.crossfit.dataset import Dataset, build_dataset
from training.crossfit.labelled_file import LabelledFile, known_file
from training.crossfit.recipe import IN_CLASSES, RECIPES
from training.crossfit.starting_point import FromScratch
from training.data.labels import classes_of
from training.network.networks import BATCH_NORM_EPS
from training.network.trained_network import TrainedNetwork, from_arrays, to_arrays
from training.progress import QUIET
from training.reproduce.bench import Bench
from training.reproduce.labelled_sets import Target
from training.result_cache import cached, hash_of
from training.stars.same_star import stars_also_in
from training.surveys.variable_stars import VARIABLE_STARS


def pretrain(folder: Path, target: Target, bench: Bench, *, workers: int) -> TrainedNetwork:
    """Train our source network on all surveys but the target's, as `varstream-train train` does.

    Stars of the target's surveys that other surveys have as well are left out.
    """
    paths = [folder / f"{name}.npz" for name, survey in VARIABLE_STARS.items() if survey.training]
    others = [known_file(path) for path in paths if path.stem not in target.surveys]
    recipe = replace(RECIPES["standard"], sampling=IN_CLASSES)
    dataset = build_dataset(
        others,
        classes_of({file.path.stem: file.label_map for file in others}),
        recipe,
        seed=0,
        cache_folder=bench.cache_folder,
        workers=workers,
        progress=bench.progress,
    )
    dataset = _without(dataset, others, [known_file(folder / f"{name}.npz") for name in target.surveys])
    rows = np.flatnonzero(dataset.trainable)
    key: dict[str, Any] = {
        "values": hash_of(dataset.table.values[rows]),
        "truth": hash_of(dataset.truth.allowed[rows]),
        "recipe": asdict(recipe),
    }

    def compute() -> dict[str, NDArray[Any]]:
        networks, scale = fit_all(dataset, recipe, FromScratch(recipe, bench.progress), seed=0)
        return to_arrays([TrainedNetwork(networks.weights(), BATCH_NORM_EPS, scale)])

    (network,) = from_arrays(cached(bench.cache_folder, "pretrained", key, compute, code=__name__))
    return network


def _without(dataset: Dataset, files: list[LabelledFile], targets: list[LabelledFile]) -> Dataset:
    """Leave out the stars of the files that the target's surveys have as well."""
    identities = [file.identities(file.read(QUIET).survey) for file in (*files, *targets)]
    seen = stars_also_in(identities[: len(files)], identities[len(files) :])
    rows = [
        row
        for row, (survey, curve) in enumerate(zip(dataset.survey, dataset.table.curve, strict=True))
        if not seen[survey][curve]
    ]
    return dataset.take(np.array(rows, np.int64))
