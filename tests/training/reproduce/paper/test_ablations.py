"""Networks without the period, and with classes made equal."""

from dataclasses import replace

import numpy as np

from tests.training.reproduce.experiments import SOURCE_SCALE, mean_of, rows_of
from training.reproduce.paper.ablations import imbalance, without_period
from training.reproduce.paper.source_set import chosen_settings, run


def test_without_the_period_nothing_is_left_where_only_the_period_tells(source_bench, stars_by_period):
    longer = replace(source_bench, scale=replace(SOURCE_SCALE, training_epochs=30))
    rows = rows_of(without_period(longer, *stars_by_period))
    mean = [mean_of(row["chosen on validation"]) for row in rows.values()]
    assert [row["paper"] for row in rows.values()] == ["0.90", "0.87", "0.82"]
    assert mean[0] > max(mean[1:]) + 0.1
    assert max(mean[1:]) < 0.65  # 0.5 is chance


def test_the_mean_recall_counts_every_class_alike(source_bench, stars_by_period):
    section = imbalance(source_bench, *stars_by_period)
    rows = rows_of(section)
    assert list(rows) == ["as they are", "rare classes over-sampled", "weighted loss (eq. 12)"]
    assert "3 times" in section.paragraphs[0]  # 120 of A and 40 of C
    confusion = run(source_bench, *stars_by_period, chosen_settings(SOURCE_SCALE)).confusion
    recall = np.diag(confusion) / confusion.sum(axis=1)
    assert rows["as they are"]["mean recall of the classes"] == f"{recall.mean():.4f}"
    assert rows["as they are"]["lowest recall"] == f"{recall.min():.4f}"
