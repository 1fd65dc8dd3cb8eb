"""Classifiers that are transferred, trained, saved and loaded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features import FEATURE_NAMES
from schemas.explanation.background import read_background
from schemas.model.taxonomy.foreign_names import read_taxonomy
from tests.training.library.waves import noisy_waves
from training import Classifier, light_curve_features
from training import build_from_table as fit_table
from training.errors import SettingsError, TrainingError


def test_a_transferred_model_knows_its_classes_and_is_asked_as_it_will_be_served(
    target, waves, table, tmp_path
):
    assert target.classes == ("NonVar", "VAR")
    assert target.manifest.training["pretrained"]["sha256"] == waves.manifest.sha256
    assert target.manifest.preprocessing == waves.manifest.preprocessing
    target.save(tmp_path / "m", name="two", version="2.1")
    loaded = Classifier.load(tmp_path / "m")
    assert (loaded.manifest.name, loaded.manifest.version) == ("two", "2.1")
    assert "# two 2.1" in (tmp_path / "m" / "README.md").read_text()
    pd.testing.assert_frame_equal(loaded.predict(table), target.predict(table))


def test_the_same_seed_saves_the_same_bytes_and_another_does_not(waves, table, labels, monkeypatch, tmp_path):
    short = replace(fit_table.TRANSFER.schedule, steps=30)
    monkeypatch.setattr(fit_table, "TRANSFER", replace(fit_table.TRANSFER, schedule=short))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        waves.transfer(table, labels, seed=seed).save(tmp_path / name)
    written = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert written == ["README.md", "background.npz", "manifest.json", "model.onnx"]
    a, b, c = ([(tmp_path / name / file).read_bytes() for file in written] for name in "abc")
    assert a == b
    assert a[3] != c[3]


def test_a_model_is_transferred_from_memory_as_from_its_folder(target, table, labels, tmp_path):
    target.save(tmp_path / "m")
    from_folder = Classifier.load(tmp_path / "m").transfer(table, labels, layers="last-layer")
    from_memory = target.transfer(table, labels, layers="last-layer")
    assert from_memory.classes == ("constant", "long", "short")
    assert from_memory.manifest.sha256 == from_folder.manifest.sha256


def test_only_a_model_of_the_classes_of_the_taxonomy_states_it(target, waves, table, labels, tmp_path):
    assert target.manifest.taxonomy is None
    kinds = np.select([labels == "short", labels == "long"], ["RRL_c", "LPV"], "NonVar")
    named = waves.transfer(table, kinds, layers="last-layer")
    assert named.manifest.taxonomy == read_taxonomy().stated
    named.save(tmp_path / "m")
    assert Classifier.load(tmp_path / "m").manifest.taxonomy == read_taxonomy().stated


def test_a_saved_model_can_be_asked_why(target, table, tmp_path):
    target.save(tmp_path / "m")
    background = read_background(tmp_path / "m", Classifier.load(tmp_path / "m").manifest)
    learnt = table[[*FEATURE_NAMES]].to_numpy()
    assert background.shape == (100, len(FEATURE_NAMES))
    assert all((learnt == row).all(axis=1).any() for row in background)


def test_rows_without_a_label_are_left_out_and_counted(waves, table, labels):
    some = pd.Series(labels, index=table.index).astype(object)
    some.iloc[[0, 70]], some.iloc[[1, 130]], some.iloc[2] = None, np.nan, " "
    model = waves.transfer(table, some, layers="last-layer")
    assert model.manifest.training["unlabelled"] == 5
    assert model.manifest.training["light_curves"] == 175
    assert "5 rows without a label left out" in repr(model)
    kept = some.isin(["short", "long", "constant"])
    alone = waves.transfer(table[kept], some[kept], layers="last-layer")
    assert alone.manifest.sha256 == model.manifest.sha256


def test_a_coarse_label_allows_each_of_its_classes(waves, table, labels):
    coarse = labels.astype(object)
    coarse[np.flatnonzero(labels == "short")[:20]] = "short|long"
    model = waves.transfer(table, coarse, layers="last-layer")
    assert model.classes == ("constant", "long", "short")
    assert model.manifest.metrics["all_surveys"]["all"]["accuracy"] > 0.9


SHAPES = {
    "saw": lambda phase: 0.5 - phase,
    "sine": lambda phase: 0.5 * np.sin(2 * np.pi * phase),
    "dip": lambda phase: np.exp(-0.5 * ((phase - 0.5) / 0.06) ** 2),
}


def noisy_shapes(rng, n_stars: int, convention: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Features of faint stars of three shapes, a third each."""
    kinds = np.array(list(SHAPES))[np.arange(n_stars) % 3]
    series = []
    for kind in kinds:
        time = np.sort(rng.uniform(0.0, 400.0, 60))
        phase = (time / rng.uniform(0.2, 0.9) + rng.random()) % 1.0
        series.append((time, 15.0 + 0.3 * SHAPES[kind](phase) + rng.normal(0.0, 0.1, 60), np.full(60, 0.1)))
    return light_curve_features(series, convention=convention), kinds


def test_with_few_labels_transfer_beats_a_start_from_scratch():
    rng = np.random.default_rng(0)
    pretrained = Classifier.load("varstream-ztf")
    convention = pretrained.manifest.convention
    few, kinds = noisy_shapes(rng, 36, convention)
    many, truth = noisy_shapes(rng, 300, convention)

    def right(model: Classifier) -> float:
        answers = model.predict(many)[[f"p_{name}" for name in model.classes]].to_numpy()
        return float((np.array(model.classes)[answers.argmax(axis=1)] == truth).mean())

    transferred = right(pretrained.transfer(few, kinds, layers="last-layer"))
    assert transferred > right(Classifier.train(few, kinds)) + 0.03  # measured: 0.09


def test_rows_of_one_star_are_never_in_two_folds():
    """Labels drawn by lot can only be known of a star that was seen: else Mc is 0.5 +- 0.06 of 80 stars."""
    rng = np.random.default_rng(0)
    one_each = light_curve_features(noisy_waves(rng, 80))
    many = pd.concat([one_each] * 4)
    lots = np.tile(rng.choice(["heads", "tails"], 80), 4)

    def mc(table):
        return Classifier.train(table, lots).manifest.metrics["all_surveys"]["all"]["mc"]

    assert mc(many) < 0.75
    assert mc(many.assign(star=many.index).reset_index(drop=True)) < 0.75
    assert mc(many.reset_index(drop=True)) > 0.9  # each row taken for a star of its own


def test_rare_classes_are_found_more_often_when_they_are_repeated_or_weigh_more(table):
    """Of normal distributions 1.5 sigma apart, 25 to 1: recall 8 % at best, 77 % with equal classes."""
    rng = np.random.default_rng(6)
    rows = pd.concat([table[:1]] * 520, ignore_index=True)
    labels = np.where(np.arange(520) < 20, "rare", "common")
    rows["skewness"] = rng.normal(np.where(labels == "rare", 1.5, 0.0), 1.0)

    def recall(**how) -> float:
        per_class = Classifier.train(rows, labels, **how).manifest.metrics["all_surveys"]["per_class"]
        return per_class["rare"]["recall"]

    assert recall() < 0.3
    assert recall(over_sample=True) > 0.5
    assert recall(weight_classes=True) > 0.5
    with pytest.raises(SettingsError, match="choose one"):
        recall(over_sample=True, weight_classes=True)


def test_labels_that_make_no_classifier_are_told(waves, table, labels):
    def fails(expected, table, labels, error=TrainingError):
        with pytest.raises(error, match=expected):
            waves.transfer(table, labels, layers="last-layer")

    fails("179 labels for 180 rows", table, labels[1:], SettingsError)
    fails("another index than the table", table, pd.Series(labels), SettingsError)
    fails("labels must be text, got 3", table, [3] * 180, SettingsError)
    fails("found only A", table, ["A"] * 180)
    fails("found only none", table, [None] * 180)
    fails("class 'B' has a single star", table, ["B"] + ["A"] * 179)
    fails("at least 32 examples with a class, got 20", table[50:70], labels[50:70])
    fails(r"2 labelled rows .* first, star0, has no r21", holed(table, "r21"), labels)
    fails(r"first, star0, has 7 epochs", table.assign(n_epochs=[7] + [60] * 179), labels)
    fails("row 0 of the table has no star", table.assign(star=[None] + ["s"] * 179), labels)
    with pytest.raises(SettingsError, match="layers must be 'every-layer' or 'last-layer', got 'all'"):
        waves.transfer(table, labels, layers="all")
    assert not waves.predict(holed(table, "r21")).scored[:2].any()


def holed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    result = table.copy()
    result.iloc[:2, result.columns.get_loc(name)] = np.nan
    return result


def test_what_cannot_be_loaded_or_saved_is_told(waves, target, model_folder, tmp_path):
    with pytest.raises(SettingsError, match=r"manifest\.json is missing"):
        Classifier.load(tmp_path)
    with pytest.raises(SettingsError, match=f"already in {model_folder}"):
        waves.save(tmp_path / "m")
    with pytest.raises(SettingsError, match="needs a name and a version"):
        target.save(tmp_path / "m", name="")
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot write the model"):
        target.save(tmp_path / "file")
