"""What a classifier answers about a table of features."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from schemas.model.verdict import published
from tests.training.library.waves import noisy_waves
from training import Classifier, light_curve_features
from training.data.light_curves import LightCurves, offsets_of
from training.errors import SettingsError
from training.measure.answers import answer

ROOT = Path(__file__).resolve().parents[3]


def test_answers_are_those_of_the_evaluation_for_the_same_light_curves():
    rng = np.random.default_rng(2)
    series = [*noisy_waves(rng, 12), *noisy_waves(rng, 2, 9), *noisy_waves(rng, 2, 5)]
    classifier = Classifier.load("varstream-ztf")
    convention = classifier.manifest.convention
    answers = classifier.predict(light_curve_features(series, convention=convention))
    counts = np.array([len(time) for time, _, _ in series])
    curves = LightCurves(*(np.concatenate(parts) for parts in zip(*series, strict=True)), offsets_of(counts))
    expected = answer(classifier.artifact, curves)
    assert answers.scored.tolist() == expected.scored.tolist() == [True] * 12 + [False] * 4
    given = answers[[f"p_{name}" for name in classifier.classes]].to_numpy()
    assert np.array_equal(given, published(expected.probabilities), equal_nan=True)
    assert np.array_equal(answers.probability, given.max(axis=1), equal_nan=True)
    sure = answers.probability >= classifier.manifest.abstain_below
    assert list(answers.label[sure]) == [classifier.classes[c] for c in expected.predicted[sure]]
    assert answers.label[~sure].isna().all()


def test_a_model_gives_no_label_where_its_highest_probability_is_too_low(model_folder, table, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "unsure")
    manifest = json.loads((folder / "manifest.json").read_text())
    probability = Classifier.load(folder).predict(table).probability
    middle = len(table) // 2
    manifest["abstain_below"] = between = float(np.sort(probability)[middle - 1 : middle + 1].mean())
    (folder / "manifest.json").write_text(json.dumps(manifest))
    answers = Classifier.load(folder).predict(table)
    assert answers.label.isna().tolist() == (probability < between).tolist()
    assert 0 < answers.label.isna().sum() < len(table)
    assert answers.scored.all()
    assert answers.probability.equals(probability)


def test_the_index_is_kept_and_the_order_of_rows_and_columns_is_irrelevant(waves, table):
    before = table.copy()
    answers = waves.predict(table)
    assert answers.index.equals(table.index)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(table)), rng.permutation(len(table.columns))
    shuffled = table.iloc[rows, columns].assign(note="mine")
    pd.testing.assert_frame_equal(waves.predict(shuffled), answers.iloc[rows])
    pd.testing.assert_frame_equal(table, before)
    assert len(waves.predict(table[:0])) == 0


def test_a_table_written_and_read_gives_the_same_answers(waves, table, tmp_path):
    answers = waves.predict(table)
    table.to_csv(tmp_path / "t.csv")
    table.to_parquet(tmp_path / "t.parquet")
    csv = pd.read_csv(tmp_path / "t.csv", index_col=0)
    pd.testing.assert_frame_equal(waves.predict(csv), answers, rtol=1e-5)  # text may lose the last bit
    pd.testing.assert_frame_equal(waves.predict(pd.read_parquet(tmp_path / "t.parquet")), answers)


def test_the_expected_accuracy_is_that_of_the_bin_of_epochs(waves, table):
    bins = waves.manifest.reliability
    for each in bins:
        for count in (each["n_epochs_min"], each["n_epochs_max"] or 10_000):
            answers = waves.predict(table[:1].assign(n_epochs=count))
            assert answers.expected_accuracy.iloc[0] == each["accuracy"]
    below = waves.predict(table[:1].assign(n_epochs=9))
    assert not below.scored.iloc[0]
    assert below.expected_accuracy.isna().all()


def test_features_beyond_the_training_range_are_named(waves, table):
    extreme = table[:1].assign(period=1e9, kurtosis=1e9)
    inside = waves.predict(table).out_of_range
    assert (inside == "").mean() > 0.9  # of the stars that the ranges were fitted to, and shortened versions
    assert waves.predict(extreme).out_of_range.iloc[0].split("|") == ["kurtosis", "period"]


def test_tables_that_cannot_be_read_are_told(waves, table):
    with pytest.raises(SettingsError, match=r"lacks phi21, convention: make it with light_curve_features"):
        waves.predict(table.drop(columns=["phi21", "convention"]))
    with pytest.raises(SettingsError, match="got list"):
        waves.predict([1.0])
    with pytest.raises(SettingsError, match="period twice"):
        waves.predict(pd.concat([table, table[["period"]]], axis=1))
    with pytest.raises(SettingsError, match="column period of the table must hold numbers"):
        waves.predict(table.assign(period="long"))
    with pytest.raises(SettingsError, match="n_epochs of the table must be whole"):
        waves.predict(table.assign(n_epochs=np.nan))
    with pytest.raises(SettingsError, match="status 'FINE' of the table is unknown"):
        waves.predict(table.assign(status="FINE"))


def test_features_measured_in_another_way_are_refused(waves, table, stars):
    paper = light_curve_features(stars.curves.take(np.arange(3)), convention="kim2021")
    for ask in (waves.predict, lambda other: waves.transfer(other, ["A"] * len(other))):
        with pytest.raises(SettingsError, match=r"measured with convention='kim2021'.* wants .*'robust'"):
            ask(paper)
        with pytest.raises(SettingsError, match=r"clip_sigma=3\.0, the model wants .*clip_sigma=None"):
            ask(table.assign(clip_sigma=3.0, convention="refined"))
    with pytest.raises(SettingsError, match="measured in different ways"):
        Classifier.train(pd.concat([table[:3], paper]), ["A"] * 6)


def test_asking_a_model_loads_neither_torch_nor_onnx_and_evaluating_no_pandas(model_folder):
    ask = (
        "import sys, numpy as np; from training import Classifier, light_curve_features; "
        f"t = np.arange(30.0); Classifier.load({str(model_folder)!r}).predict("
        "light_curve_features([(t, 15 + np.sin(t), 0.1 + 0 * t)])); "
        "print({'torch', 'onnx'} & set(sys.modules))"
    )
    evaluate = "import sys, training.cli.commands; print({'pandas', 'torch'} & set(sys.modules))"
    for code in (ask, evaluate):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert done.stdout.strip() == "set()"
