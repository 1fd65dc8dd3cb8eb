"""Forests and boosting by scikit-learn, on the stars that our recipe learns from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from training.crossfit.assess.one_band import showing
from training.crossfit.recipe import TRANSFER
from training.crossfit.row_weights import kind_weights
from training.examples.augment import SIMULATED, Kind
from training.measure.metrics import confusion_matrix, scaled_mcc
from training.reproduce.bench import Bench
from training.reproduce.ours.models import FIRST_FRESH_SEED, SHOWN_EPOCHS, Ground
from training.reproduce.splits import split
from training.result_cache import cached, hash_of

F8 = NDArray[np.float64]


def forest_on_complete(bench: Bench, ground: Ground, *, n_curves: int) -> F8:
    """Mc (R,) of a Random Forest on the complete light curves of the same splits."""
    target, table, test = ground.target, ground.table, ground.test
    repeats = min(bench.scale.forest_repeats, bench.scale.recipe_repeats)
    full = np.flatnonzero((table.kind == Kind.FULL) & table.usable)
    row = np.full(len(target), -1)
    row[table.curve[full]] = full
    key = {
        "target": target.fingerprint(),
        "values": hash_of(table.values[full]),
        "n_curves": n_curves,
        "test": test,
    }

    def compute() -> dict[str, NDArray[Any]]:
        mc = np.empty(repeats)
        with bench.progress.bar(f"forests, {target.name}, {n_curves} light curves", repeats) as advance:
            for repeat in range(repeats):
                each = split(target, seed=FIRST_FRESH_SEED + repeat, test=test, n_curves=n_curves)
                learnt, asked = each.training[row[each.training] >= 0], each.test[row[each.test] >= 0]
                forest = RandomForestClassifier(random_state=repeat)
                forest.fit(table.values[row[learnt]], target.label[learnt])
                wrong = len(target.classes)
                predicted = np.full(len(target), wrong)
                predicted[asked] = forest.predict(table.values[row[asked]])
                mc[repeat] = scaled_mcc(
                    confusion_matrix(target.label[each.test], predicted[each.test], wrong + 1)
                )
                advance(1)
        return {"mc": mc}

    key["repeats"] = repeats
    return cached(bench.cache_folder, "recipe-forest", key, compute, code=__name__)["mc"]


def boosting_on_shortened(bench: Bench, ground: Ground, *, n_curves: int) -> F8:
    """Mc (s, R) of gradient boosting on complete and shortened light curves of the same splits.

    Rows are `SHOWN_EPOCHS`. Weights of the examples are those of our recipe; stars that do not vary are left
    out. The settings are scikit-learn's own: above 10,000 examples it stops when a tenth of them, versions of
    the same stars, is fitted no better.
    """
    target, table, test = ground.target, ground.table, ground.test
    repeats = min(bench.scale.forest_repeats, bench.scale.recipe_repeats)
    learnable = table.usable & (table.kind != Kind.FIRST) & ~np.isin(table.kind, SIMULATED)
    key = {
        "target": target.fingerprint(),
        "values": hash_of(table.values),
        "n_curves": n_curves,
        "test": test,
        "repeats": repeats,
        "full_weight": TRANSFER.full_weight,
    }

    def compute() -> dict[str, NDArray[Any]]:
        mc, wrong = np.empty((len(SHOWN_EPOCHS), repeats)), len(target.classes)
        with bench.progress.bar(f"boosting, {target.name}, {n_curves} light curves", repeats) as advance:
            for repeat in range(repeats):
                each = split(target, seed=FIRST_FRESH_SEED + repeat, test=test, n_curves=n_curves)
                rows = np.flatnonzero(learnable & np.isin(table.curve, each.training))
                boosting = HistGradientBoostingClassifier(random_state=repeat)
                weights = kind_weights(table.kind[rows], TRANSFER)
                boosting.fit(table.values[rows], target.label[table.curve[rows]], sample_weight=weights)
                for place, count in enumerate(SHOWN_EPOCHS):
                    asked = np.flatnonzero(np.isin(table.curve, each.test) & showing(table, count))
                    predicted = np.full(len(asked), wrong)
                    usable = table.usable[asked]
                    predicted[usable] = boosting.predict(table.values[asked[usable]])
                    truth = target.label[table.curve[asked]]
                    mc[place, repeat] = scaled_mcc(confusion_matrix(truth, predicted, wrong + 1))
                advance(1)
        return {"mc": mc}

    return cached(bench.cache_folder, "recipe-boosting", key, compute, code=__name__)["mc"]
