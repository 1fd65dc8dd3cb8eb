"""Random Forest and gradient boosting on the stars and raw features of the networks (section 3.3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import make_scorer, matthews_corrcoef
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

from training.measure.metrics import confusion_matrix, scaled_mcc
from training.report.html import Section, Table
from training.reproduce.bench import Bench
from training.reproduce.cell import VALIDATION_SHARE, Cell, CellSettings, mean_and_error
from training.reproduce.labelled_sets import Target
from training.reproduce.paper.source_set import F8
from training.reproduce.splits import split
from training.result_cache import cached, hash_of

PAPER_FOREST = "0.8963 ± 0.0008"
PAPER_NETWORK = "0.9015 ± 0.0002"


class Rival(StrEnum):
    """What the networks are held against."""

    FOREST = "Random Forest"
    BOOSTING = "gradient boosting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Choices of a forest's search by cross-validation on the training stars; the paper's by default.

    Attributes
    ----------
    trees : tuple of int
        Numbers of trees, t in the paper.
    features : tuple of int
        Features drawn at each node, m in the paper.
    folds : int
        Parts of the cross-validation.
    """

    trees: tuple[int, ...] = (100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200)
    features: tuple[int, ...] = (4, 6, 8, 10, 12, 14)
    folds: int = 10


@dataclass(frozen=True, slots=True)
class Case:
    """Networks that forests are compared with.

    Attributes
    ----------
    target : Target
        The stars.
    values : (n, 16) float64
        Their raw features, all finite.
    settings : CellSettings
        Of the networks: says which stars are learnt from and which are the test.
    cell : Cell
        What the networks did.
    is_source : bool
        Whether the paper has a number for it.
    """

    target: Target
    values: F8
    settings: CellSettings
    cell: Cell
    is_source: bool = False


def forest_mc(
    bench: Bench,
    case: Case,
    rival: Rival,
    *,
    grid: Grid | None = None,
    workers: int = 1,
) -> F8:
    """Mc (R,) of the test stars of the networks' first R repeats, computed or read from the cache.

    There is no training epoch to choose: the stars that the networks are validated on are learnt from.

    Parameters
    ----------
    rival : Rival
        Settings are scikit-learn's own.
    grid : Grid, optional
        Search the forest's settings, no star in two folds: 720 forests a repeat with the paper's choices.
    workers : int
        Processor cores.
    """
    repeats = min(bench.scale.forest_repeats, case.settings.repeats)
    key = {
        "target": case.target.fingerprint(),
        "values": hash_of(case.values),
        "n_curves": case.settings.n_curves,
        "test": case.settings.test,
        "seed": case.settings.first_seed,
        "repeats": repeats,
        "rival": rival,
        "grid": None if grid is None else asdict(grid),
    }

    def compute() -> dict[str, NDArray[Any]]:
        scores = np.empty(repeats)
        with bench.progress.bar(f"{rival}, {case.target.name}", repeats) as advance:
            for number in range(repeats):
                scores[number] = _one(case, rival, case.settings.first_seed + number, grid, workers)
                advance(1)
        return {"mc": scores}

    return cached(bench.cache_folder, "forest", key, compute, code=__name__)["mc"]


def forests(bench: Bench, cases: Sequence[Case], *, grid: Grid | None = None, workers: int = 1) -> Section:
    """Forests, boosting and networks on the same splits.

    Parameters
    ----------
    cases : sequence of Case
        A row each.
    grid : Grid, optional
        Search the forests' settings, as the paper did.
    workers : int
        Processor cores.
    """
    rows = []
    for case in cases:
        found = {rival: forest_mc(bench, case, rival, grid=grid, workers=workers) for rival in Rival}
        networks = case.cell.honest[: len(found[Rival.FOREST])]
        rows.append(
            (
                case.target.name,
                mean_and_error(networks),
                *(mean_and_error(mc) for mc in found.values()),
                mean_and_error(networks - found[Rival.FOREST]),
                PAPER_NETWORK if case.is_source else "-",
                PAPER_FOREST if case.is_source else "-",
            )
        )
    searched = "scikit-learn's own settings" if grid is None else "settings found by cross-validation"
    return Section(
        "Forests and boosting (section 3.3.3)",
        (
            f"The same test stars and raw features; forests with {searched}, the paper's with a grid search. "
            "Networks choose their training epoch on validation stars, which forests learn from. The paper "
            "compares on 144,823 light curves of OGLE and EROS-2 only, and quotes the networks where they "
            "are best.",
        ),
        (
            Table(
                f"Test Mc, mean of the first {min(bench.scale.forest_repeats, bench.scale.repeats)} repeats",
                (
                    "stars",
                    "network from scratch",
                    *map(str, Rival),
                    "network minus forest, by repeat",
                    "paper's network",
                    "paper's forest",
                ),
                tuple(rows),
            ),
        ),
    )


def _one(case: Case, rival: Rival, seed: int, grid: Grid | None, workers: int) -> float:
    settings, target = case.settings, case.target
    parts = split(
        target, seed=seed, test=settings.test, n_curves=settings.n_curves, validation=VALIDATION_SHARE
    )
    known = np.concatenate([parts.training, parts.validation])
    shown, truth = case.values[known], target.label[known]
    model: RandomForestClassifier | GridSearchCV | HistGradientBoostingClassifier
    if rival is Rival.BOOSTING:
        model = HistGradientBoostingClassifier(random_state=seed)
    else:
        model = RandomForestClassifier(random_state=seed, n_jobs=workers)
        if grid is not None:
            folds = StratifiedGroupKFold(grid.folds, shuffle=True, random_state=seed)
            model = GridSearchCV(
                model,
                {"n_estimators": grid.trees, "max_features": grid.features},
                scoring=make_scorer(matthews_corrcoef),
                cv=list(folds.split(shown, truth, target.star[known])),
            )
    predicted = model.fit(shown, truth).predict(case.values[parts.test]).astype(np.int64)
    return scaled_mcc(confusion_matrix(target.label[parts.test], predicted, len(target.classes)))
