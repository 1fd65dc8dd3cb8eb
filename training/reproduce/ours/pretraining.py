"""A pretrained network that has seen no star of the target it is transferred to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.crossfit.crossfit import fit_all
from training.crossfit.dataset import build_dataset
from training.crossfit.labelled_file import groups_of, known_source
from training.crossfit.recipe import RECIPES
from training.crossfit.starting_point import FromScratch
from training.data.labels import classes_of
from training.data.public_surveys import SURVEYS
from training.network.networks import Weights
from training.network.preprocess import Preprocessing
from training.reproduce.labelled_sets import Target
from training.reproduce.paper.figs7_to_11 import Bench
from training.reproduce.result_cache import hash_of_values, kept


@dataclass(frozen=True, slots=True)
class Start:
    """A pretrained network with the constants it was trained behind."""

    name: str
    weights: Weights
    preprocessing: Preprocessing


def pretrain(folder: Path, target: Target, bench: Bench, *, workers: int) -> Start:
    """Train our source network on all surveys but the target's, as `varstream-train train` does.

    Stars of the target's surveys that other surveys have as well are left out.
    """
    files = [folder / f"{name}.npz" for name, survey in SURVEYS.items() if survey.training]
    sources = [known_source(path) for path in files if path.stem not in target.surveys]
    targets = [known_source(folder / f"{name}.npz") for name in target.surveys]
    groups = groups_of([each.read().survey for each in (*sources, *targets)], [*sources, *targets])
    known = np.concatenate(groups[len(sources) :])
    recipe = RECIPES["standard"]
    dataset = build_dataset(
        sources,
        classes_of({source.path.stem: source.label_map for source in sources}),
        recipe,
        seed=0,
        cache_folder=bench.cache_folder,
        workers=workers,
        progress=bench.progress,
    )
    unseen = [~np.isin(group, known) for group in groups[: len(sources)]]
    kept_rows = [
        unseen[survey][star] for survey, star in zip(dataset.survey, dataset.table.star, strict=True)
    ]
    dataset = dataset.take(np.flatnonzero(kept_rows))
    rows = np.flatnonzero(dataset.trainable)
    key = {
        "values": hash_of_values(dataset.table.values[rows]),
        "allowed": hash_of_values(dataset.allowed[rows].astype(np.float64)),
        "recipe": asdict(recipe),
    }

    def compute() -> dict[str, NDArray[Any]]:
        networks, scale = fit_all(dataset, recipe, FromScratch(recipe, bench.progress), seed=0)
        constants = {each.name: getattr(scale, each.name) for each in fields(Preprocessing)}
        return {**networks.weights(), **constants}

    arrays = kept(bench.cache_folder, "pretrained", key, compute)
    weights = {name: array for name, array in arrays.items() if name.startswith(("fc", "bn"))}
    scale = Preprocessing(**{each.name: arrays[each.name] for each in fields(Preprocessing)})
    return Start(f"all surveys but {target.name}", weights, scale)
