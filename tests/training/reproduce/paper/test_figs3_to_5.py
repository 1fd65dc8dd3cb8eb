"""The network of the source set: Figs. 3 to 6."""

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from tests.training.reproduce.experiments import SOURCE_SCALE, is_png, rows_of
from training.reproduce.paper import best_network as best_network_module
from training.reproduce.paper.best_network import best_network
from training.reproduce.paper.fig6 import feature_importance
from training.reproduce.paper.figs3_to_5 import answers, training_run
from training.reproduce.paper.source_set import chosen_settings, run


def test_the_arrow_of_fig_5_is_at_the_highest_validation_mc(source_bench, stars_by_period):
    section = training_run(source_bench, *stars_by_period)
    rows = rows_of(section)
    assert rows["validation"]["at the chosen training epoch"] == rows["validation"]["highest"]
    assert rows["validation"]["paper's highest"] == "0.9043"
    assert is_png(section.figures[0].path)


def test_the_best_network_is_kept_with_its_constants_and_its_stars(
    source_bench, stars_by_period, monkeypatch
):
    target, values = stars_by_period
    settings = chosen_settings(SOURCE_SCALE)
    cell = run(source_bench, target, values, settings)
    best = best_network(source_bench, target, values, settings, cell)
    assert cell.validation[:, best.repeat].max() == cell.validation.max()
    rows = best.split.test
    predicted = best.network.probabilities(values[rows]).argmax(axis=1)
    mc = (1.0 + matthews_corrcoef(target.label[rows], predicted)) / 2.0
    # Alone it is trained as beside others, but for rounding.
    assert mc == pytest.approx(cell.honest[best.repeat], abs=0.05)
    monkeypatch.setattr(best_network_module, "fit_repeats", None)  # not called again
    again = best_network(source_bench, target, values, settings, cell)
    assert (again.network.probabilities(values) == best.network.probabilities(values)).all()
    section = answers(source_bench, target, values, best)
    shares = rows_of(section)
    probability = np.sort(best.network.probabilities(values[rows]), axis=1)
    assert shares["highest above 0.8"]["test stars"] == f"{(probability[:, -1] > 0.8).mean():.3f}"
    assert [figure.path.name for figure in section.figures] == ["fig3.png", "fig4.png"]
    assert sum(int(row["stars"]) for row in rows_of(section, 1).values()) == cell.confusion.sum()
    importance = rows_of(feature_importance(source_bench, target, values, best))
    assert next(iter(importance)) == "period"  # nothing else tells the classes apart
    assert importance["period"]["place in the paper"] == "1"
