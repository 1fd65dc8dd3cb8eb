"""Models by our recipe and its variants on fresh splits of a target, made by `training.crossfit`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.crossfit.assess.one_band import answers_of, calibration, showing
from training.crossfit.crossfit import CrossFit, Fit, cross_fit
from training.crossfit.dataset import Dataset, imitated
from training.crossfit.recipe import TRANSFER, Recipe, transfer_layers
from training.crossfit.starting_point import FromPretrained, FromScratch
from training.data.truth import Truth
from training.examples.augment import SIMULATED, TRUNCATIONS
from training.examples.feature_table import FeatureTable
from training.measure.evaluate import measure
from training.network.batch import Batch
from training.network.layers import Layers
from training.network.networks import Networks
from training.network.one_cycle import OneCycle
from training.network.preprocess import Preprocessing, fit_preprocessing
from training.network.temperature import softmax
from training.network.trained_network import TrainedNetwork, to_arrays
from training.progress import QUIET
from training.reproduce.bench import Bench
from training.reproduce.labelled_sets import Target
from training.reproduce.splits import Split, split
from training.result_cache import cached, hash_of
from training.stars.assign_folds import LEFT_OUT, NEVER_TRAINED
from training.stars.folds import folds
from training.surveys.classes import NON_VARIABLE

F8 = NDArray[np.float64]

FIRST_FRESH_SEED = 5000
"""Of the splits: none of them was looked at when the recipe was chosen."""

SHOWN_EPOCHS = (None, 20, 40, 80, 150)
"""Numbers of first epochs that a test star is shown with; None for all."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the models of one target are made from.

    Attributes
    ----------
    target : Target
        The light curves and their classes.
    table : FeatureTable
        Their examples (`Target.examples`), those of kind `FIRST` among them.
    pretrained : TrainedNetwork
        To transfer, where a variant does.
    test : float
        Fraction of the stars for the test.
    """

    target: Target
    table: FeatureTable
    pretrained: TrainedNetwork
    test: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A way to make a model.

    Attributes
    ----------
    name : str
        As in the report.
    recipe : Recipe
        Of the fit; with no truncations only complete light curves are learnt from.
    layers : Layers or None
        Which layers of the pretrained network are fitted; None starts from random weights.
    non_variables : bool
        Learn from light curves of stars that do not vary, as a class of their own.
    calibrated : bool
        Take the temperature that is fitted.
    refitted : bool
        Put the pretrained network behind constants of the target's own, in the place of those that it was
        trained behind.
    """

    name: str
    recipe: Recipe
    layers: Layers | None
    non_variables: bool = True
    calibrated: bool = True
    refitted: bool = False

    def fit(self, pretrained: TrainedNetwork) -> Fit:
        """Return how its networks are fitted."""
        if self.layers is None:
            return FromScratch(self.recipe, QUIET)
        fit = FromPretrained.by(self.recipe, pretrained, self.layers, QUIET)
        return Refitted(fit, self.recipe.robust) if self.refitted else fit


@dataclass(frozen=True, slots=True)
class Refitted:
    """A transfer behind constants that are fitted to the target."""

    fit: FromPretrained
    robust: bool

    @property
    def input_eps(self) -> float:
        """That of the pretrained network."""
        return self.fit.input_eps

    def scale(self, values: F8, _without: int | None) -> Preprocessing:
        """Return constants fitted on these features."""
        return fit_preprocessing(values, robust=self.robust)

    def networks(
        self,
        examples: Batch,
        validation: Batch | None,
        seeds: Sequence[int],
        without: Sequence[int | None],
    ) -> Networks:
        """Transfer all the same."""
        return self.fit.networks(examples, validation, seeds, without)


def ours(n_light_curves: int) -> Variant:
    """Return the recipe that `varstream-train transfer` takes for so many labelled light curves."""
    return Variant(name="ours", recipe=TRANSFER, layers=transfer_layers(n_light_curves))


def variants_of(whole: Variant) -> list[Variant]:
    """Return the recipe and what is left of it without each of its parts."""
    recipe = whole.recipe
    from_scratch = replace(
        recipe, schedule=OneCycle(steps=600, batch=256, input_noise=0.1, label_smoothing=0.0)
    )
    large_batches = replace(recipe, schedule=replace(recipe.schedule, batch=1024))

    def complete_only(of: Recipe) -> Recipe:
        return replace(of, sampling=replace(of.sampling, truncations=0))

    scratch = replace(whole, layers=None, recipe=from_scratch)
    return [
        whole,
        replace(whole, name="without shortened light curves", recipe=complete_only(recipe)),
        replace(whole, name="without stars that do not vary", non_variables=False),
        replace(whole, name="without a temperature", calibrated=False),
        replace(whole, name="without the pretrained network's constants", refitted=True),
        replace(whole, name="without small batches: 1,024", recipe=large_batches),
        replace(scratch, name="from random weights"),
        replace(
            scratch,
            name="from random weights, scaled by the standard deviation",
            recipe=replace(from_scratch, robust=False),
        ),
        replace(
            scratch,
            name="from random weights, complete light curves only",
            recipe=complete_only(from_scratch),
        ),
    ]


@dataclass(frozen=True, slots=True)
class Scores:
    """What R repeats say about their test stars, by what they are shown: rows of `SHOWN_EPOCHS`.

    Attributes
    ----------
    mc, calibration_error, calibration_noise, sure, right : (s, R) float64
        Scaled MCC; ECE in 15 bins of equal mass; about what chance alone would make; share of the scored
        stars with a probability above 0.9; and how often those labels are right.
    """

    mc: F8
    calibration_error: F8
    calibration_noise: F8
    sure: F8
    right: F8


def scores_of(bench: Bench, ground: Ground, variant: Variant, *, n_curves: int, repeats: int) -> Scores:
    """Make a model for each of R fresh splits and measure it on the test stars; kept on disk.

    Parameters
    ----------
    n_curves : int
        How many light curves to learn from.
    """
    key: dict[str, Any] = {
        "target": ground.target.fingerprint(),
        "values": hash_of(ground.table.values),
        "pretrained": None if variant.layers is None else hash_of(*to_arrays([ground.pretrained]).values()),
        "variant": {name: value for name, value in asdict(variant).items() if name != "name"},
        "n_curves": n_curves,
        "test": ground.test,
        "repeats": repeats,
    }

    def compute() -> dict[str, NDArray[Any]]:
        result = {each.name: np.full((len(SHOWN_EPOCHS), repeats), np.nan) for each in fields(Scores)}
        what = f"{ground.target.name}, {variant.name}, {n_curves:,} light curves"
        with bench.progress.bar(what, repeats) as advance:
            for repeat in range(repeats):
                seed = FIRST_FRESH_SEED + repeat
                parts = split(ground.target, seed=seed, test=ground.test, n_curves=n_curves)
                dataset = dataset_of(ground, variant, parts, seed=seed)
                made = cross_fit(dataset, variant.recipe, variant.fit(ground.pretrained), seed=seed)
                for name, values in _scored(dataset, made, variant).items():
                    result[name][:, repeat] = values
                advance(1)
        return result

    arrays = cached(bench.cache_folder, "recipe", key, compute, code=__name__)
    return Scores(**{each.name: arrays[each.name] for each in fields(Scores)})


def dataset_of(ground: Ground, variant: Variant, parts: Split, *, seed: int) -> Dataset:
    """Return the examples of one repeat: in folds to learn from, or for the test, or left out."""
    target, table = ground.target, ground.table
    classes = (*target.classes, NON_VARIABLE) if variant.non_variables else target.classes
    fold = np.full(len(target), LEFT_OUT, np.int8)
    fold[parts.test] = NEVER_TRAINED
    learnt = parts.training
    fold[learnt] = folds(target.star[learnt], target.label[learnt], count=variant.recipe.folds, seed=seed)
    curve = table.curve
    truth = imitated(Truth.of_numbers(target.label, len(classes)).take(curve), table.kind, classes)
    shown = truth.labelled & (fold[curve] != LEFT_OUT)
    if variant.recipe.sampling.truncations == 0:
        shown &= ~np.isin(table.kind, TRUNCATIONS)
    everything = Dataset(
        classes,
        (target.name,),
        table,
        truth,
        np.zeros(len(curve), np.int64),
        target.star[curve],
        fold[curve],
        np.zeros(len(curve), bool),
        np.full(len(curve), -1),
    )
    return everything.take(np.flatnonzero(shown))


def _scored(dataset: Dataset, made: CrossFit, variant: Variant) -> dict[str, F8]:
    """Scores (s,) of the test stars of one repeat."""
    temperature = made.model.temperature if variant.calibrated else 1.0
    answers = answers_of(dataset, softmax(made.logits, temperature), variant.recipe)
    test = (dataset.fold == NEVER_TRAINED) & ~np.isin(dataset.table.kind, SIMULATED)
    rows: dict[str, list[float]] = {each.name: [] for each in fields(Scores)}
    for count in SHOWN_EPOCHS:
        shown = test & showing(dataset.table, count)
        report = measure(answers.take(shown), dataset.truth.take(shown), dataset.classes, dataset.star[shown])
        asked = shown & answers.scored
        trust = calibration(answers.take(asked), dataset.truth.take(asked))
        right = trust["confident_accuracy"]
        rows["mc"].append(report["mc"])
        rows["calibration_error"].append(trust["calibration_error"])
        rows["calibration_noise"].append(trust["calibration_noise"])
        rows["sure"].append(trust["confident_share"])
        rows["right"].append(np.nan if right is None else right)
    return {name: np.array(values) for name, values in rows.items()}
