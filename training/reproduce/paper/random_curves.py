"""Light curves of no class, and what a model says of them: random and shuffled ones (section 3.3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.examples.augment import Sampling
from training.examples.feature_table import Extraction, FeatureTable
from training.examples.measure_examples import feature_table
from training.network.trained_network import TrainedNetwork
from training.report.html import Section, Table
from training.reproduce.bench import Bench
from training.reproduce.labelled_sets import Target
from training.stars.folds import stratified_rank
from training.surveys.classes import NON_VARIABLE

POINTS_PER_CURVE = 500
"""The average of the paper's training set."""

DURATION_D = 2922.0
"""Eight years, as OGLE's light curves have."""

ERROR_MAG = 0.05
BRIGHTNESS_MAG = 15.0

DRAWS = ("uniform", "normal")
"""Meanings of purely random: within half a magnitude of the mean, or normal with a scatter of 0.1 mag."""

UNSCORED_ROW = "not scored"

NON_VARIABLE_ROW, LONG_PERIOD_ROW, DETACHED_ROW, OTHERS_ROW = (
    "non-variable",
    "long-period variable",
    "detached eclipsing binary",
    "any other class",
)
PAPER_SHARES = {
    NON_VARIABLE_ROW: ("0.8", "0.64"),
    LONG_PERIOD_ROW: ("0.1", "-"),
    DETACHED_ROW: ("-", "0.27"),
    OTHERS_ROW: ("0.1", "0.09"),
    UNSCORED_ROW: ("-", "-"),
}
"""About 800, 100 and 100 of 1,000 random light curves; 7,000, 3,000 and 1,000 of 11,000 shuffled ones."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A model that is asked, and the features it takes.

    Attributes
    ----------
    name : str
        As in the report.
    model : TrainedNetwork
        Answers raw features.
    classes : tuple of str
        Its classes.
    extraction : Extraction
        How its features are computed.
    min_epochs : int
        Fewest points of a light curve that it is asked about.
    """

    name: str
    model: TrainedNetwork
    classes: tuple[str, ...]
    extraction: Extraction
    min_epochs: int = 10


def random_curves(n: int, draw: str, *, seed: int) -> LabelledCurves:
    """Light curves of points that have nothing to do with each other.

    Parameters
    ----------
    n : int
        How many.
    draw : str
        One of `DRAWS`.
    seed : int
        Of the times and magnitudes.
    """
    rng = np.random.default_rng(seed)
    shape = (n, POINTS_PER_CURVE)
    time = np.sort(rng.uniform(0.0, DURATION_D, shape), axis=1)
    scatter = rng.uniform(-0.5, 0.5, shape) if draw == "uniform" else rng.normal(0.0, 0.1, shape)
    mag = BRIGHTNESS_MAG + scatter
    curves = LightCurves(
        time.ravel(),
        mag.ravel(),
        np.full(n * POINTS_PER_CURVE, ERROR_MAG),
        offsets_of(np.full(n, POINTS_PER_CURVE)),
    )
    return LabelledCurves(f"random, {draw}", curves, {})


def shuffled_curves(target: Target, n: int | None, *, seed: int) -> list[LabelledCurves]:
    """Light curves of a target whose points, magnitude with its error, are in random order.

    Parameters
    ----------
    n : int or None
        Of how many stars, with every class's share; None for all.
    seed : int
        Of the stars and the orders.

    Returns
    -------
    list of LabelledCurves
        One for each part of the target.
    """
    rng = np.random.default_rng(seed)
    rank = stratified_rank(target.star, target.label, seed=seed)
    chosen = np.zeros(len(target), bool)
    chosen[np.argsort(rank, kind="stable")[:n]] = True
    shuffled = []
    for part in target.where(chosen).parts:
        curves = part.survey.curves.take(part.curves)
        star = np.repeat(np.arange(len(curves)), curves.n_epochs)
        order = np.lexsort((rng.random(len(star)), star))
        mixed = LightCurves(curves.time, curves.mag[order], curves.err[order], curves.offsets)
        shuffled.append(LabelledCurves(f"{part.survey.name}, shuffled", mixed, {}))
    return shuffled


def predicted_classes(
    bench: Bench, asked: Asked, surveys: Sequence[LabelledCurves], *, workers: int
) -> dict[str, int]:
    """Light curves by the class the model gives them, `UNSCORED_ROW` where it may not be asked."""
    tables = [
        feature_table(
            survey,
            np.arange(len(survey.curves)),
            Sampling(),
            asked.extraction,
            cache_folder=bench.cache_folder,
            workers=workers,
            progress=bench.progress,
        )
        for survey in surveys
    ]
    table = FeatureTable.join(tables)
    scored = table.scorable(asked.min_epochs)
    best = asked.model.probabilities(table.values[scored]).argmax(axis=1)
    counts = np.bincount(best, minlength=len(asked.classes))
    return {**dict(zip(asked.classes, map(int, counts), strict=True)), UNSCORED_ROW: int((~scored).sum())}


def odd_curves(bench: Bench, models: Sequence[Asked], target: Target, *, workers: int) -> Section:
    """Classes that models give to random and to shuffled light curves.

    Parameters
    ----------
    models : sequence of Asked
        A table each.
    target : Target
        Whose light curves are shuffled: ASAS-8.
    workers : int
        Threads that compute features.
    """
    sets = {draw: [random_curves(bench.scale.random_curves, draw, seed=0)] for draw in DRAWS}
    sets["shuffled"] = shuffled_curves(target, bench.scale.shuffled_curves, seed=0)
    n_shuffled = sum(len(survey.curves) for survey in sets["shuffled"])
    tables = [
        _table(
            asked.name,
            {key: predicted_classes(bench, asked, each, workers=workers) for key, each in sets.items()},
        )
        for asked in models
    ]
    return Section(
        "Light curves of no class (section 3.3.3)",
        (
            f"{bench.scale.random_curves:,} random light curves of {POINTS_PER_CURVE} points over eight "
            f"years, with errors of {ERROR_MAG} mag: magnitudes uniform within half a magnitude of the mean, "
            "or normal with a scatter of 0.1 mag (the paper does not say how it drew them).",
            f"Shuffled are the points of {n_shuffled:,} light curves of {target.name}, each in random order; "
            "the paper's set has 10,779 light curves.",
            "The paper's network learnt from 8,050 stars of OGLE and EROS-2 that do not vary; ours from "
            "those of the surveys here, a few hundred field stars of ZTF with some tens of points.",
        ),
        tuple(tables),
    )


def _kind_of(name: str) -> str:
    """Return the row of a class: models differ in how finely they divide long-period variables."""
    if name.startswith("LPV"):
        return LONG_PERIOD_ROW
    return {NON_VARIABLE: NON_VARIABLE_ROW, "EB_ED": DETACHED_ROW, UNSCORED_ROW: UNSCORED_ROW}.get(
        name, OTHERS_ROW
    )


def _table(name: str, counts: Mapping[str, Mapping[str, int]]) -> Table:
    rows = []
    for kind, (paper_random, paper_shuffled) in PAPER_SHARES.items():
        uniform, normal, shuffled = (
            sum(count for key, count in each.items() if _kind_of(key) == kind) / sum(each.values())
            for each in counts.values()
        )
        rows.append(
            (kind, f"{uniform:.3f}", f"{normal:.3f}", paper_random, f"{shuffled:.3f}", paper_shuffled)
        )
    return Table(
        f"{name}: share of the light curves by predicted class",
        ("predicted", "random, uniform", "random, normal", "paper, random", "shuffled", "paper, shuffled"),
        tuple(rows),
        note="Most frequent classes: " + "; ".join(f"{key}: {_first(each)}" for key, each in counts.items()),
    )


def _first(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda item: -item[1])[:4]
    return ", ".join(f"{name} {count:,}" for name, count in most if count)
