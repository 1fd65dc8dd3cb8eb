"""Models by our recipe and its variants, on fresh splits of a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.crossfit.crossfit import kind_weights
from training.crossfit.recipe import TRANSFER
from training.examples.augment import SIMULATED, Kind
from training.examples.feature_table import FeatureTable
from training.measure.metrics import calibration_error, calibration_noise, confusion_matrix, scaled_mcc
from training.network.batch import Examples
from training.network.networks import Networks, as_scores, predict
from training.network.new_head import PENALTY, transfer_networks
from training.network.one_cycle import OneCycle, fit_one_cycle
from training.network.paper_sgd import Layers
from training.network.preprocess import Preprocessing, fit_preprocessing
from training.network.temperature import ENOUGH, EPOCHS, fit_temperature, fitted_to, softmax
from training.reproduce.cell import fingerprint
from training.reproduce.labelled_sets import Target
from training.reproduce.ours.pretraining import Start
from training.reproduce.paper.figs7_to_11 import Bench
from training.reproduce.result_cache import hash_of_values, kept
from training.reproduce.splits import Split, split

F8 = NDArray[np.float64]
Rows = NDArray[np.int64]

CONFIDENT = 0.9
CALIBRATION_FOLDS = 5
"""Parts of the training stars; networks that have not seen a part say how bold they are about it."""

MANY = 1000
"""Training stars of which one part is enough for a temperature."""

NON_VARIABLE = (Kind.SHUFFLED, Kind.CONSTANT)


@dataclass(frozen=True, slots=True)
class Ground:
    """What the models of one target are made from.

    Attributes
    ----------
    target : Target
        The stars.
    table : FeatureTable
        Their examples (`Target.examples`), those of kind `FIRST` among them.
    start : Start
        Network to transfer, where a variant does.
    test : float
        Fraction of the stars for the test.
    """

    target: Target
    table: FeatureTable
    start: Start
    test: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A way to make a model.

    Attributes
    ----------
    name : str
        As in the report.
    layers : Layers or None
        Which layers of the pretrained network are fitted; None starts from random weights.
    schedule : OneCycle
        Of the fit.
    shortened : bool
        Learn from shortened light curves too.
    non_variables : bool
        Learn from light curves of stars that do not vary, as a class of their own.
    calibrated : bool
        Fit a temperature.
    refitted : bool
        Put the pretrained network behind constants of the target's own, in the place of those that it was
        trained behind.
    robust : bool
        Scale by deciles, see `training.network.preprocess`, where constants are fitted.
    """

    name: str
    layers: Layers | None
    schedule: OneCycle
    shortened: bool = True
    non_variables: bool = True
    calibrated: bool = True
    refitted: bool = False
    robust: bool = TRANSFER.robust


@dataclass(frozen=True, slots=True)
class Scores:
    """What R repeats say about their test stars, by what they are shown: rows of `SHOWN`.

    Attributes
    ----------
    mc, calibration_error, calibration_noise, sure, right : (s, R) float64
        Scaled MCC; ECE in 15 bins of equal mass; about what chance alone would make; share of the stars with
        a probability above 0.9; and how often those labels are right.
    """

    mc: F8
    calibration_error: F8
    calibration_noise: F8
    sure: F8
    right: F8


SHOWN = (None, 20, 40, 80, 150)
"""Number of first epochs that a test star is shown with; None for all."""


def measure(bench: Bench, ground: Ground, variant: Variant, *, stars: int, repeats: int) -> Scores:
    """Make a model for each of R fresh splits and measure it on the test stars; kept on disk.

    Parameters
    ----------
    stars : int
        How many stars to learn from.
    """
    key: dict[str, Any] = {
        "target": ground.target.fingerprint(),
        "values": hash_of_values(ground.table.values),
        "start": None if variant.layers is None else fingerprint(ground.start.weights),
        "variant": {name: value for name, value in asdict(variant).items() if name != "name"},
        "calibrated_on": ["first", "brier", EPOCHS, ENOUGH] if variant.shortened else ["complete", "brier"],
        "weights": [TRANSFER.full_weight, TRANSFER.simulated_weight, CALIBRATION_FOLDS, MANY],
        "penalty": PENALTY,
        "stars": stars,
        "test": ground.test,
        "repeats": repeats,
        "scores": [each.name for each in fields(Scores)],
    }

    def compute() -> dict[str, NDArray[Any]]:
        seeds = range(FRESH, FRESH + repeats)
        splits = [split(ground.target, seed=seed, test=ground.test, stars=stars) for seed in seeds]
        made = _make(bench, ground, variant, [each.training for each in splits])
        temperatures = np.ones(repeats)
        if variant.calibrated:
            temperatures = _temperatures(bench, ground, variant, splits)
        return dict(_scores(ground, made, temperatures, splits))

    arrays = kept(bench.cache_folder, "recipe", key, compute)
    return Scores(**{each.name: arrays[each.name] for each in fields(Scores)})


FRESH = 5000
"""First seed of the splits: none of them was looked at when the recipe was chosen."""


@dataclass(frozen=True, slots=True)
class Made:
    """R networks, each with its constants."""

    networks: Networks
    scales: Sequence[Preprocessing]

    def logits(self, repeat: int, values: F8) -> F8:
        """Answers (n, k) of one network to raw features (n, 16)."""
        scores = as_scores(self.scales[repeat].transform(values)[0])
        result: F8 = predict(self.networks.part(slice(repeat, repeat + 1)), scores)[0]
        return result


def _make(bench: Bench, ground: Ground, variant: Variant, stars: Sequence[Rows]) -> Made:
    """Train a network for each set of stars, all at once."""
    table, start = ground.table, ground.start
    rows = [_training_rows(table, variant, each, seed) for seed, each in enumerate(stars)]
    if variant.layers is None or variant.refitted:
        scales = [fit_preprocessing(table.values[each], robust=variant.robust) for each in rows]
    else:
        scales = [start.preprocessing] * len(rows)
    examples = Examples.stack(
        [scale.transform(table.values[each])[0] for each, scale in zip(rows, scales, strict=True)],
        [_truth(ground, variant, each) for each in rows],
        [kind_weights(table.kind[each], TRANSFER) for each in rows],
    )
    seeds = list(range(len(rows)))
    what = f"{ground.target.name}, {variant.name}, {len(stars[0]):,} stars"
    if variant.layers is not None:
        networks = transfer_networks(
            [start.weights] * len(rows),
            examples,
            input_eps=1e-5,
            layers=variant.layers,
            settings=variant.schedule,
            seeds=seeds,
            progress=bench.progress,
            what=what,
        )
    else:
        networks = Networks.random(examples.allowed.shape[1], seeds)
        fit_one_cycle(networks, examples, variant.schedule, seeds=seeds, progress=bench.progress, what=what)
    return Made(networks, scales)


def _temperatures(bench: Bench, ground: Ground, variant: Variant, splits: Sequence[Split]) -> F8:
    """Fit a temperature in each repeat, on training stars that other networks have not seen.

    On all of them, as `training.crossfit.crossfit` does, where they are few; on a fifth of many.
    """
    table = ground.table
    few = len(splits[0].training) < MANY
    logits: list[list[F8]] = [[] for _ in splits]
    rows: list[list[Rows]] = [[] for _ in splits]
    for fold in range(CALIBRATION_FOLDS if few else 1):
        aside = [_part(ground.target, each.training, fold) for each in splits]
        seen = [np.setdiff1d(each.training, left) for each, left in zip(splits, aside, strict=True)]
        made = _make(bench, ground, variant, seen)
        for repeat, left in enumerate(aside):
            rows[repeat].append(np.flatnonzero(table.usable & np.isin(table.star, left)))
            logits[repeat].append(made.logits(repeat, table.values[rows[repeat][-1]]))
    result = []
    for repeat in range(len(splits)):
        asked = np.concatenate(rows[repeat])
        chosen = fitted_to(table.kind[asked], table.n_epochs[asked], shortened=variant.shortened)
        allowed = _truth(ground, variant, asked[chosen])
        result.append(fit_temperature(np.concatenate(logits[repeat])[chosen], allowed))
    return np.array(result)


def _part(target: Target, training: Rows, number: int) -> Rows:
    """One in `CALIBRATION_FOLDS` of the training stars, with all their light curves."""
    star, first, place = np.unique(target.group[training], return_index=True, return_inverse=True)
    turn = np.empty(len(star), np.int64)
    turn[np.argsort(first)] = np.arange(len(star)) % CALIBRATION_FOLDS
    part: Rows = training[turn[place] == number]
    return part


def _training_rows(table: FeatureTable, variant: Variant, stars: Rows, seed: int) -> Rows:
    kinds = {Kind.FULL}
    if variant.shortened:
        kinds |= {Kind.PREFIX, Kind.WINDOW, Kind.THINNED}
    if variant.non_variables:
        kinds |= set(NON_VARIABLE)
    chosen = table.usable & np.isin(table.kind, list(kinds)) & np.isin(table.star, stars)
    return np.random.default_rng(seed).permutation(np.flatnonzero(chosen))


def _truth(ground: Ground, variant: Variant, rows: Rows) -> NDArray[np.bool_]:
    """Class of each example; one more than the target has for stars that do not vary."""
    target, table = ground.target, ground.table
    k = len(target.classes) + variant.non_variables
    label = np.where(
        np.isin(table.kind[rows], SIMULATED), len(target.classes), target.label[table.star[rows]]
    )
    truth: NDArray[np.bool_] = label[:, None] == np.arange(k)
    return truth


def _scores(ground: Ground, made: Made, temperatures: F8, splits: Sequence[Split]) -> dict[str, F8]:
    target, table = ground.target, ground.table
    result = {each.name: np.full((len(SHOWN), len(splits)), np.nan) for each in fields(Scores)}
    wrong = len(target.classes) + 1  # what a star without features is called
    for repeat, each in enumerate(splits):
        of_test = np.isin(table.star, each.test)
        for place, count in enumerate(SHOWN):
            rows = np.flatnonzero(of_test & examples_shown(table, count))
            usable = table.usable[rows]
            predicted, confidence = np.full(len(rows), wrong), np.zeros(len(rows))
            logits = made.logits(repeat, table.values[rows[usable]])
            probability = softmax(logits, temperatures[repeat])
            predicted[usable], confidence[usable] = probability.argmax(axis=1), probability.max(axis=1)
            truth = target.label[table.star[rows]]
            right, sure = predicted == truth, confidence > CONFIDENT
            result["mc"][place, repeat] = scaled_mcc(confusion_matrix(truth, predicted, wrong + 1))
            result["calibration_error"][place, repeat] = calibration_error(confidence, right)
            result["calibration_noise"][place, repeat] = calibration_noise(confidence)
            result["sure"][place, repeat] = sure.mean()
            result["right"][place, repeat] = right[sure].mean() if sure.any() else np.nan
    return result


def examples_shown(table: FeatureTable, count: int | None) -> NDArray[np.bool_]:
    """Examples that show the first `count` epochs, or all where a star has no more."""
    full: NDArray[np.bool_] = table.kind == Kind.FULL
    if count is None:
        return full
    first = (table.kind == Kind.FIRST) & (table.n_epochs == count)
    shown: NDArray[np.bool_] = first | (full & (table.n_epochs <= count))
    return shown
