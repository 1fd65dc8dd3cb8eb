"""The library: an astronomer's arrays and tables in, answers and models out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from broker.score import shipped_model
from features import FEATURE_NAMES, extract
from training import Classifier, fit_table, light_curve_features
from training.errors import SettingsError, TrainingError
from training.evaluate import judge
from training.fit_table import balanced
from training.light_curves import LightCurves, offsets_of, read_light_curves

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def stars(survey):
    return read_light_curves(survey)


@pytest.fixture(scope="module")
def table(stars) -> pd.DataFrame:
    return light_curve_features(stars)


@pytest.fixture(scope="module")
def labels(stars) -> np.ndarray:
    return stars.labels("kind")


@pytest.fixture(scope="module")
def waves(model_folder) -> Classifier:
    return Classifier.load(model_folder)


@pytest.fixture(scope="module")
def target(waves, table, labels) -> Classifier:
    """The model of three classes, transferred to two."""
    return waves.transfer(table, np.where(labels == "constant", "NonVar", "VAR"), layers="last-layer")


def curves_of(stars: LightCurves, count: int) -> list[tuple[np.ndarray, ...]]:
    return [stars.pick(number) for number in range(count)]


def noisy_waves(rng, n_stars: int, n_epochs: int = 60):
    """Light curves of sines of one period a star, within a year."""
    for _ in range(n_stars):
        time = np.sort(rng.uniform(0.0, 400.0, n_epochs))
        mag = 15.0 + 0.4 * np.sin(2 * np.pi * time / rng.uniform(0.3, 0.9)) + rng.normal(0.0, 0.02, n_epochs)
        yield time, mag, np.full(n_epochs, 0.02)


# --- features


def test_the_table_holds_what_the_feature_code_gives_for_each_light_curve(stars, table):
    time, mag, err = stars.curves.pick(7)
    values, _ = extract(time, mag, err, [0, len(time)])
    assert tuple(table.columns[:16]) == FEATURE_NAMES
    assert np.array_equal(table.iloc[7][list(FEATURE_NAMES)].to_numpy(float), values[0])
    assert table.index[7] == "star7"
    assert (table.n_epochs == 60).all()
    assert (table.dtypes[[*FEATURE_NAMES]] == np.float64).all()


def test_arrays_names_and_files_give_the_same_numbers(stars, table):
    some = curves_of(stars.curves, 5)
    listed = light_curve_features(iter(some))
    named = light_curve_features({f"V{number}": curve for number, curve in enumerate(some)})
    concatenated = light_curve_features(stars.curves.take(np.arange(5)))
    assert list(listed.index) == list(concatenated.index) == [0, 1, 2, 3, 4]
    assert list(named.index) == ["V0", "V1", "V2", "V3", "V4"]
    for made in (listed, named, concatenated):
        pd.testing.assert_frame_equal(made.reset_index(drop=True), table[:5].reset_index(drop=True))


def test_numbers_of_any_type_and_order_are_read_as_they_are(stars):
    time, mag, err = stars.curves.pick(0)
    mag, err = mag.astype(np.float32), err.astype(np.float32)
    expected = light_curve_features([(time, mag, err)])
    order = np.random.default_rng(0).permutation(len(time))
    fits = time[order].astype(">f8"), mag[order].astype(">f4"), list(err[order])
    pd.testing.assert_frame_equal(light_curve_features([fits]), expected)


def test_points_that_are_masked_or_nan_are_left_out_and_not_counted(stars):
    time, mag, err = stars.curves.pick(0)
    expected = light_curve_features([(time[2:], mag[2:], err[2:])])
    holes = mag.copy()
    holes[:2] = np.nan, np.inf
    masked = np.ma.masked_array(mag, mask=np.arange(60) < 2)
    made = light_curve_features([(time, holes, err), (time, masked, err)])
    assert list(made.n_epochs) == [58, 58]
    for row in (0, 1):
        pd.testing.assert_frame_equal(made[row : row + 1].reset_index(drop=True), expected)


def test_light_curves_without_features_say_why_and_none_give_an_empty_table():
    short, night = np.arange(5.0), np.linspace(0.0, 0.5, 30)
    made = light_curve_features(
        [(short, short + 15.0, short + 0.1), (night, 15.0 + night, night + 0.1), ([], [], [])]
    )
    assert list(made.status) == ["TOO_FEW", "NO_BASELINE", "TOO_FEW"]
    assert made[list(FEATURE_NAMES)].isna().all(axis=None)
    assert len(light_curve_features([])) == 0


def test_light_curves_that_are_none_are_told():
    time = np.arange(30.0)
    with pytest.raises(SettingsError, match=r"light curve 0 must be three arrays .* goes in a list"):
        light_curve_features((time, time, time))
    with pytest.raises(SettingsError, match=r"light curve 'V1': .* of one length, got \(30,\), \(29,\)"):
        light_curve_features({"V1": (time, time[1:], time)})
    with pytest.raises(SettingsError, match=r"light curve 0 must be three arrays of numbers"):
        light_curve_features([(time, ["faint"] * 30, time)])
    with pytest.raises(TrainingError, match=r"light curve 0: magnitude 99\.999 of point 4 is no measurement"):
        light_curve_features([(time, np.where(time == 4, 99.999, 15.0), time)])
    with pytest.raises(SettingsError, match="one of kim2021, refined, got 'mine'"):
        light_curve_features([], convention="mine")
    with pytest.raises(SettingsError, match="clip_sigma"):
        light_curve_features([], clip_sigma=0.0)


# --- predict


def test_answers_are_those_of_the_evaluation_for_the_same_light_curves():
    rng = np.random.default_rng(2)
    series = [*noisy_waves(rng, 12), *noisy_waves(rng, 2, 9), *noisy_waves(rng, 2, 5)]
    classifier = Classifier.load(shipped_model())
    answers = classifier.predict(light_curve_features(series))
    counts = np.array([len(time) for time, _, _ in series])
    curves = LightCurves(*(np.concatenate(parts) for parts in zip(*series, strict=True)), offsets_of(counts))
    expected = judge(classifier.artifact, curves)
    assert answers.scored.tolist() == expected.scored.tolist() == [True] * 12 + [False] * 4
    given = answers[[f"p_{name}" for name in classifier.classes]].to_numpy()
    assert np.array_equal(given, expected.probabilities, equal_nan=True)
    assert np.array_equal(answers.probability, expected.probabilities.max(axis=1), equal_nan=True)
    sure = answers.probability >= classifier.manifest.abstain_below
    assert list(answers.label[sure]) == [classifier.classes[c] for c in expected.predicted[sure]]
    assert answers.label[~sure].isna().all()


def test_a_model_gives_no_label_where_its_highest_probability_is_too_low(model_folder, table, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "unsure")
    manifest = json.loads((folder / "manifest.json").read_text())
    probability = Classifier.load(folder).predict(table).probability
    manifest["abstain_below"] = between = float(np.median(probability)) - 1e-9
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
        with pytest.raises(SettingsError, match=r"measured with convention='kim2021'.* wants .*'refined'"):
            ask(paper)
        with pytest.raises(SettingsError, match=r"clip_sigma=3\.0, the model wants .*clip_sigma=None"):
            ask(table.assign(clip_sigma=3.0))
    with pytest.raises(SettingsError, match="measured in different ways"):
        Classifier.train(pd.concat([table[:3], paper]), ["A"] * 6)


# --- transfer, train


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
    assert written == ["README.md", "manifest.json", "model.onnx"]
    a, b, c = ([(tmp_path / name / file).read_bytes() for file in written] for name in "abc")
    assert a == b
    assert a[2] != c[2]


def test_a_model_is_transferred_from_memory_as_from_its_folder(target, table, labels, tmp_path):
    target.save(tmp_path / "m")
    from_folder = Classifier.load(tmp_path / "m").transfer(table, labels, layers="last-layer")
    from_memory = target.transfer(table, labels, layers="last-layer")
    assert from_memory.classes == ("constant", "long", "short")
    assert from_memory.manifest.sha256 == from_folder.manifest.sha256


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


def noisy_shapes(rng, n_stars: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Features of faint stars of three shapes, a third each."""
    kinds = np.array(list(SHAPES))[np.arange(n_stars) % 3]
    series = []
    for kind in kinds:
        time = np.sort(rng.uniform(0.0, 400.0, 60))
        phase = (time / rng.uniform(0.2, 0.9) + rng.random()) % 1.0
        series.append((time, 15.0 + 0.3 * SHAPES[kind](phase) + rng.normal(0.0, 0.1, 60), np.full(60, 0.1)))
    return light_curve_features(series), kinds


def test_with_few_labels_transfer_beats_a_start_from_scratch():
    rng = np.random.default_rng(0)
    (few, kinds), (many, truth) = noisy_shapes(rng, 36), noisy_shapes(rng, 300)

    def right(model: Classifier) -> float:
        answers = model.predict(many)[[f"p_{name}" for name in model.classes]].to_numpy()
        return float((np.array(model.classes)[answers.argmax(axis=1)] == truth).mean())

    pretrained = Classifier.load(shipped_model())
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


def test_over_sampling_keeps_every_example_and_makes_the_classes_equal():
    label = np.array([0] * 40 + [1] * 20 + [2] * 3)
    index = balanced(label, 3, 40, seed=1)
    assert np.bincount(label[index]).tolist() == [40, 40, 40]
    assert set(index) == set(range(63))
    assert np.bincount(balanced(label, 4, 40, seed=1)).sum() == 160  # a class without an example
    assert not np.array_equal(index, balanced(label, 3, 40, seed=2))


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


def test_asking_a_model_loads_neither_torch_nor_onnx_and_evaluating_no_pandas(model_folder):
    ask = (
        "import sys, numpy as np; from training import Classifier, light_curve_features; "
        f"t = np.arange(30.0); Classifier.load({str(model_folder)!r}).predict("
        "light_curve_features([(t, 15 + np.sin(t), 0.1 + 0 * t)])); "
        "print({'torch', 'onnx'} & set(sys.modules))"
    )
    evaluate = "import sys, training.commands; print({'pandas', 'torch'} & set(sys.modules))"
    for code in (ask, evaluate):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert done.stdout.strip() == "set()"
