"""Cells of the tables: many repeats of one way to train."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, matthews_corrcoef

from tests.training.reproduce.experiments import random_network
from training.network.paper_sgd import Plateau
from training.network.trained_network import TrainedNetwork
from training.progress import QUIET
from training.reproduce import cell as cells_module
from training.reproduce.cell import (
    Cell,
    CellSettings,
    Way,
    fit_repeats,
    run_cell,
    summary,
)


def cell_of(set_of_stars, pretrained, folder: Path, way: Way = Way.SCRATCH, **more) -> Cell:
    settings = CellSettings(way=way, repeats=3, schedule=Plateau(training_epochs=6, batch=32), **more)
    return run_cell(*set_of_stars, pretrained, settings, cache_folder=folder, progress=QUIET)


@pytest.mark.parametrize("way", Way)
def test_an_honest_choice_of_the_training_epoch_is_never_better_than_the_papers(
    stars, pretrained, tmp_path, way
):
    cell = cell_of(stars, pretrained, tmp_path, way, follow_training=True)
    assert cell.test.shape == cell.validation.shape == cell.training.shape == cell.rate.shape == (6, 3)
    assert (cell.honest <= cell.paper).all()
    for repeat in range(3):
        chosen = int(np.argmax(cell.validation[:, repeat]))
        assert cell.honest[repeat] == cell.test[chosen, repeat]
        assert cell.paper[repeat] == max(cell.test[:, repeat])
    assert np.isfinite(cell.training).all()


def test_the_confusion_matrix_is_of_the_networks_that_validation_chose(stars, pretrained, tmp_path):
    target, values = stars
    settings = CellSettings(way=Way.EVERY_LAYER, repeats=2, schedule=Plateau(training_epochs=5, batch=32))
    fitted = fit_repeats(target, values, pretrained, settings, progress=QUIET)
    cell = run_cell(target, values, pretrained, settings, cache_folder=tmp_path, progress=QUIET)
    expected = np.zeros((3, 3), int)
    for repeat, (each, scale) in enumerate(zip(fitted.splits, fitted.scales, strict=True)):
        model = TrainedNetwork(fitted.networks.weights(repeat), 1e-5, scale)
        said = model.probabilities(values[each.test]).argmax(axis=1)
        expected += confusion_matrix(target.label[each.test], said, labels=[0, 1, 2])
        mc = (1.0 + matthews_corrcoef(target.label[each.test], said)) / 2.0
        assert mc == pytest.approx(cell.honest[repeat], abs=0.02)  # two stars of 36 may be cut off the stack
    assert np.abs(cell.confusion - expected).sum() <= 4
    assert cell.n_training == min(len(each.training) for each in fitted.splits)
    assert np.isnan(cell.training).all()  # was not asked for


def test_a_last_layer_model_keeps_the_pretrained_layers(stars, pretrained):
    target, values = stars
    settings = CellSettings(way=Way.LAST_LAYER, repeats=2, schedule=Plateau(training_epochs=2, batch=32))
    made = fit_repeats(target, values, pretrained, settings, progress=QUIET).networks.weights(1)
    assert (made["fc2.weight"] == pretrained.weights["fc2.weight"]).all()
    assert made["fc4.weight"].shape == (3, 256)


def test_features_that_are_left_out_are_not_seen(stars):
    target, values = stars
    settings = CellSettings(
        way=Way.SCRATCH, repeats=2, schedule=Plateau(training_epochs=2, batch=32), left_out=(0, 5)
    )
    changed = values.copy()
    changed[:, [0, 5]] = np.random.default_rng(0).normal(size=(180, 2))
    made = [fit_repeats(target, each, None, settings, progress=QUIET) for each in (values, changed)]
    assert made[0].networks.weights()["fc1.weight"].shape == (64, 14)
    assert (made[0].history.mc["test"] == made[1].history.mc["test"]).all()


def test_a_cell_is_computed_once_and_read_back_as_it_was(stars, pretrained, tmp_path, monkeypatch):
    cell = cell_of(stars, pretrained, tmp_path, Way.EVERY_LAYER)
    monkeypatch.setattr(cells_module, "fit_repeats", None)  # not called again
    again = cell_of(stars, pretrained, tmp_path, Way.EVERY_LAYER)
    for name in ("rate", "training", "validation", "test", "confusion"):
        assert np.array_equal(getattr(cell, name), getattr(again, name), equal_nan=True)
    assert (again.n_training, type(again.n_training)) == (cell.n_training, int)


@pytest.mark.parametrize("changed", ["n_curves", "seed", "values", "pretrained", "way"])
def test_what_a_cell_depends_on_is_computed_anew(stars, pretrained, tmp_path, monkeypatch, changed):
    target, values = stars
    cell_of(stars, pretrained, tmp_path, Way.EVERY_LAYER)
    monkeypatch.setattr(cells_module, "fit_repeats", None)
    more: dict = {"n_curves": {"n_curves": 50}, "seed": {"first_seed": 1}}.get(changed, {})
    way = Way.LAST_LAYER if changed == "way" else Way.EVERY_LAYER
    if changed == "values":
        values = values.copy()
        values[3, 3] += 1e-9
    if changed == "pretrained":
        pretrained = random_network(5, 10)
    with pytest.raises(TypeError, match="not callable"):
        cell_of((target, values), pretrained, tmp_path, way, **more)


def test_a_summary_is_the_mean_and_its_standard_error():
    assert summary(np.array([0.7, 0.8, 0.9])) == (pytest.approx(0.8), pytest.approx(0.1 / math.sqrt(3)))


def test_over_sampling_makes_classes_equal_and_loses_no_star(stars_by_period):
    target, _ = stars_by_period
    shown = cells_module._balanced(np.arange(0, 240, 3), target, 0)
    assert np.bincount(target.label[shown]).tolist() == [40, 40, 40]
    assert set(shown) == set(range(0, 240, 3))
