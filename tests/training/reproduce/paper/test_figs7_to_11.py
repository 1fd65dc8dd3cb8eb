"""Transfer beside the paper's: Figs. 7 to 10, Tables 6 and 8."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.reproduce.experiments import is_png, mean_of, random_network, rows_of
from training.reproduce.bench import Bench
from training.reproduce.cell import Cell, CellSettings, Way, summary
from training.reproduce.paper.figs7_to_11 import (
    PAPER_TABLE_6,
    first_training_epochs,
    learning_curves,
    three_ways,
)


def test_fig_7_has_a_row_for_every_share_and_a_column_for_every_way(bench, stars, pretrained):
    target, values = stars
    section = learning_curves(bench, target, values, pretrained)
    honest, paper = rows_of(section, 0), rows_of(section, 1)
    assert list(honest) == list(paper) == ["20%", "100%"]
    for share, stars_used in (("20%", 0.2), ("100%", 1.0)):
        fitted = int(honest[share]["stars fitted"])
        assert fitted == pytest.approx(0.8 * 0.8 * 180 * stars_used, abs=4)  # a fifth chooses the epoch
        for way in Way:
            assert 0.0 <= mean_of(honest[share][way]) <= mean_of(paper[share][way]) <= 1.0
    assert [figure.path.name for figure in section.figures] == ["fig7.png", "fig8.png"]
    assert all(is_png(figure.path) for figure in section.figures)
    assert "0.9501 ± 0.0018" in section.paragraphs[1]
    settings = CellSettings(way=Way.LAST_LAYER, n_curves=round(0.2 * 0.8 * 180))
    mean, error = summary(bench.cell(target, values, pretrained, settings).honest)
    assert honest["20%"]["last-layer"] == f"{mean:.4f} ± {error:.4f}"
    assert len(list(bench.cache_folder.glob("cell-*.npz"))) == 7  # and none more for this last


def test_the_three_ways_stand_beside_the_papers(bench, stars, pretrained):
    target, values = stars
    section = three_ways(
        bench,
        target,
        values,
        pretrained,
        test=0.5,
        paper=PAPER_TABLE_6,
        names=("Table 6", "Fig. 9"),
        differs="These are made up.",
    )
    rows = rows_of(section)
    assert list(rows) == ["scratch", "every-layer", "last-layer"]
    assert [row["paper"] for row in rows.values()] == list(PAPER_TABLE_6.values())
    for row in rows.values():
        assert mean_of(row["chosen on validation"]) <= mean_of(row["chosen on the test stars"])
    best = max(rows, key=lambda name: mean_of(rows[name]["chosen on validation"]))
    assert best in section.figures[0].caption
    assert section.figures[0].path.name == "fig9.png"
    assert is_png(section.figures[0].path)
    assert "50% of the stars are the test. These are made up." in section.paragraphs[0]


def test_fig_10_counts_the_training_epochs_until_a_network_is_good(bench, stars, monkeypatch):
    scratch = np.array([[0.5, 0.5], [0.6, 0.6], [0.9, 0.7], [0.9, 0.7]])
    every = np.array([[0.95, 0.5], [0.96, 0.95], [0.96, 0.95], [0.96, 0.95]])
    confusion = np.eye(3, dtype=np.int64)
    given = [Cell(each, each, each, each, confusion, 10) for each in (scratch, every)]
    monkeypatch.setattr(Bench, "cell", lambda *_arguments: given.pop(0))
    section = first_training_epochs(bench, *stars, random_network(5, 0))
    # 99 % of (0.9 + 0.7) / 2: reached in the third epoch or never, of four; in the first and the second
    assert "A mean of 3.5 training epochs from scratch and of 1.5 from" in section.paragraphs[0]
    assert "Mc = 0.792" in section.paragraphs[0]
    assert "in the first 4 training epochs" in section.paragraphs[0]
    assert section.figures[0].path.name == "fig10.png"
    assert is_png(section.figures[0].path)


def test_fig_10_is_of_the_cells_of_table_8(bench, stars, pretrained):
    target, values = stars
    section = first_training_epochs(bench, target, values, pretrained)
    assert "in the first 3 training epochs" in section.paragraphs[0]
    assert len(list(bench.cache_folder.glob("cell-*.npz"))) == 2
