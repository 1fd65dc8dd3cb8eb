"""Random Forest and boosting beside the networks."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import matthews_corrcoef

from tests.training.reproduce.experiments import SOURCE_SCALE, mean_of, rows_of
from training.reproduce.paper.forests import Case, Grid, Rival, forest_mc, forests
from training.reproduce.paper.source_set import chosen_settings, run
from training.reproduce.splits import split


@pytest.mark.parametrize("rival", Rival)
def test_a_forest_is_scikit_learns_on_the_stars_of_the_networks(rival, source_bench, stars_by_period):
    target, values = stars_by_period
    settings = chosen_settings(SOURCE_SCALE)
    case = Case(target, values, settings, run(source_bench, target, values, settings))
    expected = []
    for seed in range(2):
        parts = split(target, seed=seed, test=0.2, n_curves=160, validation=0.2)
        known = np.concatenate([parts.training, parts.validation])
        peer = {Rival.FOREST: RandomForestClassifier, Rival.BOOSTING: HistGradientBoostingClassifier}[rival]
        predicted = peer(random_state=seed).fit(values[known], target.label[known]).predict(values)
        mcc = matthews_corrcoef(target.label[parts.test], predicted[parts.test])
        expected.append((1.0 + mcc) / 2.0)
    assert forest_mc(source_bench, case, rival) == pytest.approx(expected, abs=1e-12)
    assert len(list(source_bench.cache_folder.glob("forest-*.npz"))) == 1


def test_forests_stand_beside_networks_and_a_grid_is_searched_by_star(source_bench, stars_by_period):
    target, values = stars_by_period
    settings = chosen_settings(SOURCE_SCALE)
    case = Case(target, values, settings, run(source_bench, target, values, settings), is_source=True)
    grid = Grid(trees=(5, 15), features=(4,), folds=3)
    row = rows_of(forests(source_bench, [case], grid=grid))["made up"]
    assert row["paper's forest"] == "0.8963 ± 0.0008"
    assert mean_of(row["Random Forest"]) > 0.9
