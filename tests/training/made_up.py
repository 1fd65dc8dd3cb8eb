"""Examples that no light curve stands behind: their features, lengths and folds are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.crossfit.starting_point import FromScratch
from training.data.truth import Truth
from training.examples.augment import Kind
from training.examples.feature_table import FeatureTable
from training.network.batch import Batch
from training.network.networks import BATCH_NORM_EPS, Networks
from training.network.preprocess import Preprocessing
from training.progress import QUIET

AS_THEY_ARE = Preprocessing(
    logged=np.zeros(16, bool),
    shift=np.zeros(16),
    floor=np.ones(16),
    center=np.zeros(16),
    scale=np.ones(16),
    low=np.full(16, -np.inf),
    high=np.full(16, np.inf),
)
"""Constants under which a standard score is the raw feature."""


def made_up_dataset(
    values: np.ndarray,
    label: np.ndarray,
    fold: np.ndarray,
    *,
    classes: Sequence[str] = ("A", "B"),
    **columns: np.ndarray,
) -> Dataset:
    """A dataset of m examples, each a complete light curve of a star of its own where nothing else is said.

    Further columns: curve, kind, n_epochs, n_shown, survey, star, spared, status. A star has one light curve
    where no star is given.
    """
    m = len(values)
    given = {
        "curve": np.arange(m),
        "kind": np.full(m, Kind.FULL),
        "n_epochs": np.full(m, 60),
        "survey": np.zeros(m, np.int64),
        "spared": np.zeros(m, bool),
        "outlier": np.full(m, -1),
        "status": np.zeros(m, np.uint32),
    } | columns
    table = FeatureTable.of_one_band(
        np.asarray(values, np.float64),
        given["status"],
        given["curve"].astype(np.int64),
        given["kind"].astype(np.int8),
        n_epochs=given["n_epochs"].astype(np.int64),
        n_shown=given.get("n_shown", given["n_epochs"]).astype(np.int64),
    )
    return Dataset(
        tuple(classes),
        tuple(f"survey{number}" for number in np.unique(given["survey"])),
        table,
        Truth.of_numbers(np.asarray(label), len(classes)),
        given["survey"],
        given.get("star", given["curve"] + 10_000 * given["survey"]),
        np.asarray(fold, np.int8),
        given["spared"],
        given["outlier"],
    )


def marked(stars: np.ndarray) -> np.ndarray:
    """Features (n, 16) whose first is the number of the star."""
    values = np.zeros((len(stars), 16))
    values[:, 0] = stars
    return values


def values_apart(rng: np.random.Generator, label: np.ndarray, shift: float) -> np.ndarray:
    """Features (n, 16) of normal noise, in each of which class k is moved by k times `shift` sigma."""
    return rng.normal(size=(len(label), 16)) + shift * label[:, None]


def from_scratch(recipe: Recipe) -> FromScratch:
    return FromScratch(recipe, QUIET)


@dataclass
class Recorder:
    """A way to fit that only notes what it is shown: see `marked`.

    Attributes
    ----------
    shown, watched : list of list of (n,) arrays
        For each call and repeat, the stars that are learnt from and those that the epoch is chosen on.
    weights : list of list of (n,) arrays
        Of the examples that are learnt from.
    """

    input_eps: float = BATCH_NORM_EPS
    shown: list[list[np.ndarray]] = field(default_factory=list)
    watched: list[list[np.ndarray]] = field(default_factory=list)
    weights: list[list[np.ndarray]] = field(default_factory=list)

    def scale(self, values: np.ndarray, _without: int | None) -> Preprocessing:
        assert np.isfinite(values).all()
        return AS_THEY_ARE

    def networks(
        self,
        examples: Batch,
        validation: Batch | None,
        seeds: Sequence[int],
        _without: Sequence[int | None],
    ) -> Networks:
        self.shown.append([each.numpy() for each in examples.scores[:, 0]])
        self.weights.append([each.numpy() for each in examples.weights])
        self.watched.append([] if validation is None else [each.numpy() for each in validation.scores[:, 0]])
        return Networks.random(examples.allowed.shape[1], seeds)
