"""The path from a table of features and labels to a model, by the same cross-fitting as from light curves.

What is missing are the shortened light curves of `training.examples.augment`, which cannot be made of
features: a table is learnt from as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from features import FEATURE_NAMES
from schemas.model.manifest import Manifest
from training.artifact.background import draw_background
from training.artifact.code_version import code_version
from training.crossfit.crossfit import Fit, cross_fit
from training.crossfit.dataset import Dataset
from training.crossfit.labelled_file import learnt_files
from training.crossfit.learnable import check_classes, check_examples
from training.crossfit.recipe import TRANSFER, Recipe, transfer_layers
from training.crossfit.starting_point import FromPretrained, FromScratch
from training.data.labels import classes_of
from training.data.truth import Truth
from training.errors import SettingsError, TrainingError
from training.examples.augment import Sampling
from training.examples.feature_table import Extraction, FeatureTable, View
from training.network.batch import Batch, oversampled
from training.network.layers import Layers
from training.network.networks import Networks
from training.network.one_cycle import OneCycle
from training.network.preprocess import Preprocessing
from training.network.trained_network import TrainedNetwork
from training.progress import QUIET
from training.release import NewModel, describe
from training.stars.folds import folds

TABLE_RECIPE = Recipe(name="table", schedule=OneCycle(label_smoothing=0.0))
"""Shows a small table often enough: the batch is an eighth of it."""

TABLE_NAME = "table"
"""What the table is called where a file of light curves would have its name."""


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """What is learnt from.

    Attributes
    ----------
    table : FeatureTable
        Features of n rows.
    labels : (n,) str
        Class of each, several joined by ``|``, or '' for none.
    star : (n,) int64
        Rows of one star are never in two folds.
    names : (n,) str
        Of the rows, for messages.
    """

    table: FeatureTable
    labels: NDArray[np.str_]
    star: NDArray[np.int64]
    names: NDArray[np.str_]

    def labelled(self) -> LabelledRows:
        """Return the rows that have a label, but for bands of a star in several that are too short alone."""
        too_short = (self.table.view == View.AT_JOINT) & ~self.table.usable
        rows = np.flatnonzero((self.labels != "") & ~too_short)
        return LabelledRows(self.table.take(rows), self.labels[rows], self.star[rows], self.names[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How a model is made of a table.

    Attributes
    ----------
    extraction : Extraction
        Of the features of the table.
    over_sample : bool
        See `OverSampled`.
    weight_classes : bool
        Weigh each example in the loss by 1 / N_class (Kim et al. 2021, eq. 12).
    seed : int
        Of folds and fit.
    command : str
        The call, for the manifest.
    code : mapping of str to str
        Version and commit of the code as the work starts, for the manifest.
    """

    extraction: Extraction
    over_sample: bool
    weight_classes: bool
    seed: int
    command: str
    code: Mapping[str, str] = field(default_factory=code_version)

    def __post_init__(self) -> None:
        """Refuse to balance the classes twice.

        Raises
        ------
        SettingsError
            If both ways are asked for.
        """
        if self.over_sample and self.weight_classes:
            raise SettingsError(
                "over_sample and weight_classes both balance the classes, together they favour rare ones: "
                "choose one"
            )

    def of(self, recipe: Recipe) -> Recipe:
        """Return the recipe for tables of these features."""
        power = 1.0 if self.weight_classes else 0.0
        return replace(recipe, extraction=self.extraction, sampling=Sampling(), class_power=power)


@dataclass(frozen=True, slots=True)
class OverSampled:
    """A fit that sees every class equally often: random examples of rare classes are repeated (Appendix).

    Only what a network learns from is resampled: scales, answers and the temperature are those of the
    table. A coarse label counts for the first of its classes.
    """

    fit: Fit

    @property
    def input_eps(self) -> float:
        """That of the fit."""
        return self.fit.input_eps

    def scale(self, values: NDArray[np.float64], without: int | None) -> Preprocessing:
        """Return the constants of the fit."""
        return self.fit.scale(values, without)

    def networks(
        self,
        examples: Batch,
        validation: Batch | None,
        seeds: Sequence[int],
        without: Sequence[int | None],
    ) -> Networks:
        """Fit to the resampled examples."""
        label = examples.allowed.numpy().argmax(axis=1)
        k = examples.allowed.shape[1]
        size = max(int(np.bincount(each).max()) for each in label)
        index = [oversampled(each, k, size, seed=seed) for each, seed in zip(label, seeds, strict=True)]
        shown = examples.pick(torch.from_numpy(np.stack(index)))
        weights = shown.weights / shown.weights.mean(dim=1, keepdim=True)
        return self.fit.networks(Batch(shown.scores, shown.allowed, weights), validation, seeds, without)


def train_rows(rows: LabelledRows, making: Making) -> NewModel:
    """Train a network of random weights; see `training.build.train`."""
    recipe = making.of(TABLE_RECIPE)
    fit = FromScratch(recipe, QUIET)
    return _fit(rows, recipe, fit, making, {"method": "trained from scratch on a table of features"})


def transfer_rows(
    rows: LabelledRows, pretrained: TrainedNetwork, origin: Manifest, layers: str | None, making: Making
) -> NewModel:
    """Fit a pretrained network to the classes of a table; see `training.build.transfer`.

    Raises
    ------
    SettingsError
        If `layers` is neither ``"every-layer"`` nor ``"last-layer"``.
    """
    if layers is None:
        layers = transfer_layers(len(rows.labelled().labels)).value
    if layers not in [each.value for each in Layers]:
        choices = " or ".join(repr(each.value) for each in Layers)
        raise SettingsError(f"layers must be {choices}, got {layers!r}")
    recipe = making.of(TRANSFER)
    fit = FromPretrained.by(recipe, pretrained, Layers(layers), QUIET)
    method = {
        "method": f"transferred, {layers}, to a table of features",
        "pretrained": {"name": origin.name, "version": origin.version, "sha256": origin.sha256},
        "files_of_pretraining": sorted(learnt_files(origin)),
    }
    return _fit(rows, recipe, fit, making, method)


def _fit(rows: LabelledRows, recipe: Recipe, fit: Fit, making: Making, method: Mapping[str, Any]) -> NewModel:
    chosen = rows.labelled()
    dataset = _dataset(chosen, recipe, making.seed)
    with _one_thread():
        made = cross_fit(dataset, recipe, OverSampled(fit) if making.over_sample else fit, seed=making.seed)
    unlabelled = int((rows.labels == "").sum())
    data = {
        "name": TABLE_NAME,
        "sha256": _hash(chosen),
        "label": "labels",
        "used_for": f"training, validation and test; {unlabelled} rows without a label left out",
        "references": [],
    }
    manifest = describe(
        dataset,
        made,
        recipe,
        name="custom",
        version="1.0.0",
        label_maps={TABLE_NAME: {label: label for label in np.unique(chosen.labels).tolist()}},
        training={
            **method,
            "command": making.command,
            **making.code,
            "seed": making.seed,
            "over_sample": making.over_sample,
            "unlabelled": unlabelled,
            "data": [data],
        },
    )
    drawn = draw_background(dataset.table.values, dataset.truth, dataset.trainable, seed=making.seed)
    return NewModel(made.model, manifest, drawn)


def _dataset(rows: LabelledRows, recipe: Recipe, seed: int) -> Dataset:
    """Share the rows out to folds, once it is sure that a classifier can be made of them."""
    _check_rows(rows)
    label_map = {label: label for label in np.unique(rows.labels).tolist()}
    classes = classes_of({TABLE_NAME: label_map})
    truth = Truth.of(rows.labels, label_map, classes)
    check_classes(
        truth,
        classes,
        rows.star,
        rows.star.astype(np.str_),
        rows.table.n_epochs,
        min_epochs=recipe.sampling.min_epochs,
        where="the table",
    )
    check_examples(truth, classes)
    n = len(truth)
    fold = folds(rows.star, truth.first, count=recipe.folds, seed=seed)
    return Dataset(
        classes,
        (TABLE_NAME,),
        rows.table,
        truth,
        np.zeros(n, np.int64),
        rows.star,
        fold,
        np.zeros(n, bool),
        np.full(n, -1, np.int64),
    )


def _check_rows(rows: LabelledRows) -> None:
    """Refuse labelled rows that no network can be shown."""
    bad = ~rows.table.usable
    if bad.any():
        row = int(bad.argmax())
        values = rows.table.values[row]
        lacking = [name for name, value in zip(FEATURE_NAMES, values, strict=True) if not np.isfinite(value)]
        why = f"no {lacking[0]}" if lacking else f"{rows.table.n_epochs[row]} epochs"
        raise TrainingError(
            f"{bad.sum()} labelled rows cannot be learnt from, the first, {rows.names[row]}, has {why}: "
            "leave out the rows whose features are missing (table.period.isna()), or take their labels away"
        )


def _hash(rows: LabelledRows) -> str:
    digest = hashlib.sha256(rows.table.values.tobytes())
    digest.update("\n".join(rows.labels.tolist()).encode())
    return digest.hexdigest()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Take the same sums in the same order on any machine, and leave the caller's threads as they were."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
