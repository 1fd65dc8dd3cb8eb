"""Our recipe on fresh splits, and what each of its parts gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from training.build import FromScratch
from training.calibrate import fit_temperature, softmax
from training.crossfit import fit_all
from training.dataset import build_dataset, known_source
from training.examples import Examples
from training.feature_table import Extraction, FeatureTable
from training.fit import OneCycle, fit_one_cycle
from training.labels import classes_of
from training.metrics import calibration_error, confusion_matrix, scaled_mcc
from training.networks import Networks, Weights, as_scores, predict
from training.plateau import Layers
from training.preprocess import Preprocessing, fit_preprocessing
from training.recipe import EXAMPLES, RECIPES, transfer_recipe
from training.report import Section, Table
from training.reproduce.cells import fingerprint, summary
from training.reproduce.kept import hash_of_values, kept
from training.reproduce.repeats import Split, split
from training.reproduce.targets import Target, asas_8, css_12, hipparcos_20
from training.reproduce.transfer_figures import Bench
from training.sampling import SIMULATED, Kind
from training.surveys import SURVEYS
from training.transfer import transfer_networks

F8 = NDArray[np.float64]
Rows = NDArray[np.int64]

CONFIDENT = 0.9
CALIBRATION = 0.2
"""Share of the training stars that the temperature is fitted on, by networks that have not seen them."""

NON_VARIABLE = (Kind.SHUFFLED, Kind.CONSTANT)


@dataclass(frozen=True, slots=True)
class Start:
    """A pretrained network with the constants it was trained behind."""

    name: str
    weights: Weights
    preprocessing: Preprocessing


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
    full_weight : float
        Of a complete light curve in the loss.
    """

    name: str
    layers: Layers | None
    schedule: OneCycle
    shortened: bool = True
    non_variables: bool = True
    calibrated: bool = True
    full_weight: float = 3.0


@dataclass(frozen=True, slots=True)
class Scores:
    """What R repeats say about their test stars, by what they are shown: rows of `SHOWN`.

    Attributes
    ----------
    mc, calibration_error, sure, right : (s, R) float64
        Scaled MCC; ECE in 15 bins of equal mass; share of the stars with a probability above 0.9; and how often
        those labels are right.
    """

    mc: F8
    calibration_error: F8
    sure: F8
    right: F8


SHOWN = (None, 20, 40, 80, 150)
"""Number of first epochs that a test star is shown with; None for all."""


def measure(
    bench: Bench,
    target: Target,
    table: FeatureTable,
    variant: Variant,
    start: Start | None,
    *,
    stars: int | None,
    test: float,
    repeats: int,
) -> Scores:
    """Make a model for each of R fresh splits and measure it on the test stars; kept on disk.

    Parameters
    ----------
    table : FeatureTable
        Examples of the target's stars (`Target.examples`), those of kind `FIRST` among them.
    start : Start or None
        Network to transfer, where the variant does.
    stars : int or None
        How many stars to learn from; None for all but the test stars.
    """
    key: dict[str, Any] = {
        "target": target.name,
        "values": hash_of_values(table.values),
        "start": None
        if start is None or variant.layers is None
        else fingerprint(start.weights),
        "variant": {name: value for name, value in asdict(variant).items() if name != "name"},
        "stars": stars,
        "test": test,
        "repeats": repeats,
    }

    def compute() -> dict[str, NDArray[Any]]:
        splits = [split(target, seed=seed, test=test, stars=stars) for seed in range(FRESH, FRESH + repeats)]
        made = _make(bench, target, table, variant, start, [each.training for each in splits])
        temperatures = np.ones(repeats)
        if variant.calibrated:
            temperatures = _temperatures(bench, target, table, variant, start, splits)
        return {
            name: value for name, value in _scores(target, table, variant, made, temperatures, splits).items()
        }

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


def _make(
    bench: Bench,
    target: Target,
    table: FeatureTable,
    variant: Variant,
    start: Start | None,
    stars: Sequence[Rows],
) -> Made:
    """Train a network for each set of stars, all at once."""
    rows = [_training_rows(table, variant, each, seed) for seed, each in enumerate(stars)]
    if variant.layers is not None and start is not None:
        scales = [start.preprocessing] * len(rows)
    else:
        scales = [fit_preprocessing(table.values[each]) for each in rows]
    examples = Examples.stack(
        [scale.transform(table.values[each])[0] for each, scale in zip(rows, scales, strict=True)],
        [_truth(target, table, variant, each) for each in rows],
        [np.where(table.kind[each] == Kind.FULL, variant.full_weight, 1.0) for each in rows],
    )
    seeds = list(range(len(rows)))
    if variant.layers is not None and start is not None:
        networks = transfer_networks(
            start.weights,
            examples,
            input_eps=1e-5,
            layers=variant.layers,
            settings=variant.schedule,
            seeds=seeds,
            progress=bench.progress,
        )
    else:
        networks = Networks.random(examples.allowed.shape[1], seeds)
        fit_one_cycle(networks, examples, variant.schedule, seeds=seeds, progress=bench.progress)
    return Made(networks, scales)


def _temperatures(
    bench: Bench,
    target: Target,
    table: FeatureTable,
    variant: Variant,
    start: Start | None,
    splits: Sequence[Split],
) -> F8:
    """Fit a temperature in each repeat, on training stars that a second network has not seen."""
    aside = [each.training[: round(CALIBRATION * len(each.training))] for each in splits]
    seen = [np.setdiff1d(each.training, left) for each, left in zip(splits, aside, strict=True)]
    made = _make(bench, target, table, variant, start, seen)
    result = []
    for repeat, left in enumerate(aside):
        rows = _training_rows(table, variant, left, repeat)
        allowed = _truth(target, table, variant, rows)
        result.append(fit_temperature(made.logits(repeat, table.values[rows]), allowed, np.ones(len(rows))))
    return np.array(result)


def _training_rows(table: FeatureTable, variant: Variant, stars: Rows, seed: int) -> Rows:
    kinds = {Kind.FULL}
    if variant.shortened:
        kinds |= {Kind.PREFIX, Kind.WINDOW, Kind.THINNED}
    if variant.non_variables:
        kinds |= set(NON_VARIABLE)
    chosen = table.usable & np.isin(table.kind, list(kinds)) & np.isin(table.star, stars)
    return np.random.default_rng(seed).permutation(np.flatnonzero(chosen))


def _truth(target: Target, table: FeatureTable, variant: Variant, rows: Rows) -> NDArray[np.bool_]:
    """Class of each example; one more than the target has for stars that do not vary."""
    k = len(target.classes) + variant.non_variables
    label = np.where(
        np.isin(table.kind[rows], SIMULATED), len(target.classes), target.label[table.star[rows]]
    )
    truth: NDArray[np.bool_] = label[:, None] == np.arange(k)
    return truth


def _scores(
    target: Target,
    table: FeatureTable,
    variant: Variant,
    made: Made,
    temperatures: F8,
    splits: Sequence[Split],
) -> dict[str, F8]:
    result = {each.name: np.full((len(SHOWN), len(splits)), np.nan) for each in fields(Scores)}
    wrong = len(target.classes) + 1  # what a star without features is called
    for repeat, each in enumerate(splits):
        of_test = np.isin(table.star, each.test)
        for place, count in enumerate(SHOWN):
            rows = np.flatnonzero(of_test & _shown(table, count))
            usable = table.usable[rows]
            predicted, confidence = np.full(len(rows), wrong), np.zeros(len(rows))
            logits = made.logits(repeat, table.values[rows[usable]])
            probability = softmax(logits, temperatures[repeat])
            predicted[usable], confidence[usable] = probability.argmax(axis=1), probability.max(axis=1)
            truth = target.label[table.star[rows]]
            right, sure = predicted == truth, confidence > CONFIDENT
            result["mc"][place, repeat] = scaled_mcc(confusion_matrix(truth, predicted, wrong + 1))
            result["calibration_error"][place, repeat] = calibration_error(confidence, right)
            result["sure"][place, repeat] = sure.mean()
            result["right"][place, repeat] = right[sure].mean() if sure.any() else np.nan
    return result


def _shown(table: FeatureTable, count: int | None) -> NDArray[np.bool_]:
    """Examples that show the first `count` epochs, or all where a star has no more."""
    full: NDArray[np.bool_] = table.kind == Kind.FULL
    if count is None:
        return full
    first = (table.kind == Kind.FIRST) & (table.n_epochs == count)
    shown: NDArray[np.bool_] = first | (full & (table.n_epochs <= count))
    return shown


def pretrain(folder: Path, target: Target, bench: Bench, *, workers: int) -> Start:
    """Train our source network on all surveys but the target's, as `varstream-train train` does."""
    files = [folder / f"{name}.npz" for name, survey in SURVEYS.items() if survey.training]
    sources = [known_source(path) for path in files if path.stem not in target.surveys]
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
    rows = np.flatnonzero(dataset.trainable)
    key = {"values": hash_of_values(dataset.table.values[rows]), "recipe": asdict(recipe)}

    def compute() -> dict[str, NDArray[Any]]:
        networks, scale = fit_all(dataset, recipe, FromScratch(recipe, bench.progress), seed=0)
        constants = {each.name: getattr(scale, each.name) for each in fields(Preprocessing)}
        return {**networks.weights(), **constants}

    arrays = kept(bench.cache_folder, "pretrained", key, compute)
    weights = {name: array for name, array in arrays.items() if name.startswith(("fc", "bn"))}
    scale = Preprocessing(**{each.name: arrays[each.name] for each in fields(Preprocessing)})
    return Start(f"all surveys but {target.name}", weights, scale)


def recipes(bench: Bench, folder: Path, *, workers: int) -> Section:
    """Measure our recipe on three targets, beside a forest on the same splits, and without each of its parts."""
    targets = {"ASAS-8": asas_8(folder), "Hipparcos-20": hipparcos_20(folder), "CSS-12": css_12(folder)}
    tables = {
        name: target.examples(
            EXAMPLES,
            Extraction(),
            cache_folder=bench.cache_folder,
            workers=workers,
            progress=bench.progress,
        )
        for name, target in targets.items()
    }
    starts = {name: pretrain(folder, target, bench, workers=workers) for name, target in targets.items()}
    repeats = bench.scale.recipe_repeats

    def scores(name: str, variant: Variant, stars: int) -> Scores:
        test = TESTS[name]
        return measure(
            bench, targets[name], tables[name], variant, starts[name], stars=stars, test=test, repeats=repeats
        )

    headline, early, ablation = [], [], []
    for name, stars in SIZES:
        stars = min(stars, round((1.0 - TESTS[name]) * len(targets[name])))
        ours = scores(name, ours_for(stars), stars)
        forest = _forest(bench, targets[name], tables[name], stars=stars, test=TESTS[name])
        difference = ours.mc[0, : len(forest)] - forest
        headline.append(
            (
                name,
                str(stars),
                mean_and_error(ours.mc[0]),
                mean_and_error(forest),
                mean_and_error(difference),
                f"{ours.calibration_error[0].mean():.3f}",
            )
        )
        early += [
            (
                name,
                str(stars),
                "all" if count is None else str(count),
                mean_and_error(ours.mc[place]),
                f"{ours.calibration_error[place].mean():.3f}",
                f"{np.nanmean(ours.right[place]):.3f}",
                f"{ours.sure[place].mean():.2f}",
            )
            for place, count in enumerate(SHOWN)
        ]
    for stars in ABLATED:
        for variant in variants_of(ours_for(stars)):
            each = scores("ASAS-8", variant, stars)
            ablation.append(
                (
                    str(stars),
                    variant.name,
                    *(mean_and_error(each.mc[SHOWN.index(count)]) for count in (None, 20, 80)),
                    *(f"{each.calibration_error[SHOWN.index(count)].mean():.3f}" for count in (None, 20)),
                )
            )
    return Section(
        "Our recipe",
        (
            f"Mean of {repeats} fresh splits by star, and its standard error. Networks are pretrained on all "
            "surveys but the target's, on complete and on shortened light curves, then fitted to the target's "
            "stars, shortened and not, and stars that do not vary. No training epoch is chosen: the schedule "
            "is fixed. The temperature is fitted on training stars that a second network has not seen. The "
            "forest is scikit-learn's own, on the complete light curves of the same training stars.",
        ),
        (
            Table(
                "Mc of complete light curves",
                ("target", "training stars", "ours", "forest", "ours - forest, paired", "ECE"),
                tuple(headline),
            ),
            Table(
                "By number of first epochs: right and sure are of stars with a probability above 0.9",
                ("target", "training stars", "epochs", "Mc", "ECE", "right", "sure"),
                tuple(early),
            ),
            Table(
                "ASAS-8, the recipe without each of its parts",
                ("training stars", "variant", "Mc", "Mc, first 20", "Mc, first 80", "ECE", "ECE, first 20"),
                tuple(ablation),
            ),
        ),
    )


SIZES = (
    ("ASAS-8", 263),
    ("ASAS-8", 877),
    ("ASAS-8", 1755),
    ("ASAS-8", 7000),
    ("Hipparcos-20", 434),
    ("CSS-12", 8000),
)
TESTS = {"ASAS-8": 0.2, "Hipparcos-20": 0.5, "CSS-12": 0.2}
ABLATED = (263, 877)


def ours_for(stars: int) -> Variant:
    """Return the recipe that `varstream-train transfer` takes for so many stars."""
    recipe, layers = transfer_recipe(stars)
    schedule = recipe.schedule
    if not isinstance(schedule, OneCycle):
        raise TypeError(f"the transfer recipe has the schedule {schedule}")
    return Variant(name="ours", layers=layers, schedule=schedule, full_weight=recipe.full_weight)


def variants_of(ours: Variant) -> list[Variant]:
    """Return the recipe and what is left of it without each of its parts."""
    from_scratch = OneCycle(steps=1500, batch=256, input_noise=0.2, label_smoothing=0.0)
    return [
        ours,
        replace(ours, name="without shortened light curves", shortened=False),
        replace(ours, name="without stars that do not vary", non_variables=False),
        replace(ours, name="without a temperature", calibrated=False),
        replace(ours, name="from random weights", layers=None, schedule=from_scratch),
        replace(ours, name="from random weights, complete light curves only", layers=None, schedule=from_scratch, shortened=False),
    ]


def _forest(bench: Bench, target: Target, table: FeatureTable, *, stars: int, test: float) -> F8:
    """Mc (R,) of scikit-learn's forest on the complete light curves of the same splits."""
    repeats = min(bench.scale.forest_repeats, bench.scale.recipe_repeats)
    full = np.flatnonzero((table.kind == Kind.FULL) & table.usable)
    row = np.full(len(target), -1)
    row[table.star[full]] = full
    key = {"target": target.name, "values": hash_of_values(table.values[full]), "stars": stars, "test": test}

    def compute() -> dict[str, NDArray[Any]]:
        bar = bench.progress.add_task(f"forests, {target.name}, {stars} stars", total=repeats)
        mc = np.empty(repeats)
        for repeat in range(repeats):
            each = split(target, seed=FRESH + repeat, test=test, stars=stars)
            learnt, asked = each.training[row[each.training] >= 0], each.test[row[each.test] >= 0]
            forest = RandomForestClassifier(random_state=repeat)
            forest.fit(table.values[row[learnt]], target.label[learnt])
            wrong = len(target.classes)
            predicted = np.full(len(target), wrong)
            predicted[asked] = forest.predict(table.values[row[asked]])
            mc[repeat] = scaled_mcc(confusion_matrix(target.label[each.test], predicted[each.test], wrong + 1))
            bench.progress.advance(bar)
        return {"mc": mc}

    return kept(bench.cache_folder, "recipe-forest", {**key, "repeats": repeats}, compute)["mc"]


def mean_and_error(values: F8) -> str:
    """Return mean and standard error of repeats as text."""
    mean, error = summary(values)
    return f"{mean:.4f} ± {error:.4f}"
