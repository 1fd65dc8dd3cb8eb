"""Stars in several bands from arrays and files to one answer: library, commands, card."""

import csv
import json
import re

import numpy as np
import pandas as pd
import pytest

from schemas.model.fusion import fuse
from schemas.model.manifest import load_manifest
from tests.training.commands import class_map, fails, making
from training import Classifier, light_curve_features
from training.cli.main import main
from training.data.read import read_light_curves
from training.errors import SettingsError
from training.report.model_card import card
from training.report.model_page import write_page


@pytest.fixture(scope="module")
def classifier(fused_folder) -> Classifier:
    return Classifier.load(fused_folder)


@pytest.fixture(scope="module")
def seen(in_bands):
    return read_light_curves(in_bands)


@pytest.fixture(scope="module")
def stars(seen):
    """Six stars as four arrays, the bands mixed."""
    mixed = {}
    for number in range(6):
        bands = [seen.curves.pick(2 * number + each) for each in (0, 1)]
        order = np.random.default_rng(number).permutation(sum(len(time) for time, _, _ in bands))
        letters = np.repeat(["g", "r"], [len(time) for time, _, _ in bands])
        series = (np.concatenate(each) for each in zip(*bands, strict=True))
        mixed[f"star{number}"] = (*(each[order] for each in series), letters[order])
    return mixed


@pytest.fixture(scope="module")
def table(stars) -> pd.DataFrame:
    return light_curve_features(stars)


def test_arrays_with_bands_and_a_file_give_the_same_rows(seen, table):
    of_file = light_curve_features(seen.__class__(seen.name, *parts_of(seen, 12)))
    pd.testing.assert_frame_equal(table.drop(columns="example"), of_file.drop(columns="example"))
    assert list(table.view[:5]) == ["own", "own", "merged", "at joint period", "at joint period"]
    assert list(table.band[:5]) == ["g", "r", "all", "g", "r"]
    assert (table.index == np.repeat([f"star{i}" for i in range(6)], 5)).all()
    apart = light_curve_features(seen.__class__(seen.name, *parts_of(seen, 12)), together=False)
    own = table[table.view == "own"]
    pd.testing.assert_frame_equal(apart.drop(columns="example"), own.drop(columns="example"))


def test_a_table_has_the_same_columns_whatever_the_stars(stars, table):
    time, mag, err, band = stars["star0"]
    in_g = tuple(each[band == "g"] for each in stars["star0"])
    for some in ([], [(time, mag, err)], {"V": in_g}, {"V": (time[:5], mag[:5], err[:5])}):
        made = light_curve_features(some)
        assert list(made.columns) == list(table.columns)
    (in_one_band,) = light_curve_features({"V": in_g}).to_dict("records")
    assert (in_one_band["band"], in_one_band["view"], in_one_band["n_bands"]) == ("g", "own", 1)
    (without_a_name,) = light_curve_features([(time, mag, err)]).to_dict("records")
    assert (without_a_name["band"], without_a_name["view"]) == ("", "own")
    assert np.isnan([without_a_name["level"], without_a_name["amplitude_ratio"]]).all()


def parts_of(seen, count: int):
    """Light curves and columns of the first."""
    some = seen.take(np.arange(count))
    return some.curves, some.columns


def test_the_answer_to_all_bands_is_fused_from_those_of_the_network(classifier, table):
    answers = classifier.predict(table)
    names = [f"p_{name}" for name in classifier.classes]
    merged = (table.view == "merged").to_numpy()
    assert answers.scored.all()
    artifact = classifier.artifact
    features = table[list(artifact.manifest.features)].to_numpy()
    said = artifact.score(features, np.ones(len(table), bool)).probabilities
    bands = said[(table.view == "at joint period").to_numpy()].reshape(6, 2, -1)
    temperature = classifier.manifest.fused["temperature"]
    expected = fuse(said[merged], bands, np.zeros(6, bool), temperature=temperature)
    assert answers[names].to_numpy()[merged] == pytest.approx(expected, abs=1e-6)
    bins = classifier.manifest.fused["reliability"]
    assert set(answers.expected_accuracy[merged]) == {bins[-1]["accuracy"]}
    alone = classifier.predict(light_curve_features({"one": tuple(each for each in first_band(table))}))
    assert len(alone) == 1


def first_band(table):
    time = np.linspace(0.0, 100.0, 40) + np.random.default_rng(0).uniform(-0.4, 0.4, 40)
    return time, 15.0 + 0.3 * np.sin(time), np.full(40, 0.02), np.full(40, "g")


def test_rows_may_come_in_any_order_and_from_a_file_but_not_in_part(classifier, table, tmp_path):
    answers = classifier.predict(table)
    order = np.random.default_rng(1).permutation(len(table))
    pd.testing.assert_frame_equal(classifier.predict(table.iloc[order]), answers.iloc[order])
    table.to_csv(tmp_path / "table.csv")
    read = pd.read_csv(tmp_path / "table.csv", index_col=0)
    pd.testing.assert_frame_equal(classifier.predict(read), answers, rtol=1e-5)
    with pytest.raises(SettingsError, match=r"star 'star0' has 1 merged curves and 1 bands .* not 1 and 2"):
        classifier.predict(table.iloc[:4])
    with pytest.raises(SettingsError, match="'star0' has 2 merged curves"):
        classifier.predict(pd.concat([table, table]))
    with pytest.raises(SettingsError, match="view 'both' of the table is unknown"):
        classifier.predict(table.assign(view="both"))
    bands_only = table[table.view == "own"]
    pd.testing.assert_frame_equal(classifier.predict(bands_only), answers[table.view == "own"])


def test_bands_that_are_not_told_are_refused(stars):
    time, mag, err, band = stars["star0"]
    with pytest.raises(SettingsError, match=r"must name the band of each of its 70 points"):
        light_curve_features({"V": (time, mag, err, band[:-1])})
    with pytest.raises(SettingsError, match="with 1 empty"):
        light_curve_features({"V": (time, mag, err, np.where(np.arange(70) == 3, "", band))})
    with pytest.raises(SettingsError, match="'V': the band 'All' stands for all bands"):
        light_curve_features({"V": (time, mag, err, np.where(np.arange(70) == 3, "All", band))})


def test_a_model_that_gives_no_fused_answers_says_nothing_of_all_bands(model_folder, table):
    answers = Classifier.load(model_folder).predict(table)
    assert answers.scored.to_numpy().tolist() == (table.view == "own").to_numpy().tolist()


def test_a_table_of_stars_in_bands_makes_a_model_that_answers_them(classifier, stars, seen):
    whole = light_curve_features(seen)
    labels = pd.Series(seen.labels("kind"), index=seen.columns["object_id"].astype(str))
    labels = labels[~labels.index.duplicated()].reindex(whole.index)
    made = classifier.transfer(whole, labels, layers="last-layer")
    assert made.manifest.fused is not None
    assert made.manifest.metrics["fused"]["by_epochs"]["all"]["fused"]["n"] == 75
    assert made.manifest.metrics["all_surveys"]["all"]["n"] == 150


def test_the_command_writes_a_row_of_all_bands_after_those_of_the_star(
    in_bands, classifier, seen, tmp_path, capsys
):
    fused_folder = classifier.folder
    output = tmp_path / "said.csv"
    command = f"predict {fused_folder} {in_bands} --output {output} --workers 1 --cache {tmp_path / 'cache'}"
    assert main(command.split()) == 0
    assert capsys.readouterr().out.startswith("150 light curves and 75 stars in all their bands: ")
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["band"] for row in rows] == ["g", "r", "all"] * 75
    answers = classifier.predict(light_curve_features(seen))
    told = light_curve_features(seen).view != "at joint period"
    assert [float(row["probability"]) for row in rows] == answers.probability[told.to_numpy()].tolist()
    table = tmp_path / "features.csv"
    for together, count in (("none", 150), ("all", 225), ("bands", 375)):
        command = f"features {in_bands} --output {table} --cache {tmp_path / 'cache'} --together {together}"
        assert main(command.split()) == 0
        assert len(pd.read_csv(table)) == count
    refused = f"features {in_bands} --output {table} --clip-sigma 3"
    assert "decides on outliers by itself" in fails(refused.split(), capsys, 2)


def test_evaluation_puts_all_bands_beside_the_best_one(fused_folder, in_bands, tmp_path):
    path = tmp_path / "report.json"
    command = f"evaluate {fused_folder} {in_bands} --label kind --first-epochs 16 --json {path} --workers 1"
    assert main(command.split()) == 0
    report = json.loads(path.read_text())
    assert (report["n"], report["fused"]["n"], report["fused"]["best_band"]["n"]) == (150, 75, 75)
    assert report["fused"]["n_unscored"] == 0  # sixteen epochs of all bands
    assert report["fused"]["best_band"]["n_unscored"] > 0  # of eight to ten of one
    assert report["fused"]["accuracy"] > report["fused"]["best_band"]["accuracy"]


def test_card_and_page_tell_of_all_bands(fused_folder, tmp_path):
    manifest = load_manifest(fused_folder)
    text = card(manifest)
    assert text == (fused_folder / "README.md").read_text(encoding="utf-8")
    by_epochs = manifest.metrics["fused"]["by_epochs"]
    for count in ("20", "40"):
        both = by_epochs[count]
        cells = [f"{both[side]['accuracy']:.3f}" for side in ("fused", "best_band")]
        assert re.search(rf"\| {count} \| 75 \| .* \| {cells[0]} \| .* \| {cells[1]} \|", text)
    page = write_page(tmp_path, manifest, None).read_text(encoding="utf-8")
    assert "What all bands together say" in page
    assert page.count("<section") == 4


def test_a_model_of_former_features_is_transferred_as_before(in_bands, seen, tmp_path):
    """By its own convention, and without fused answers."""
    old, new = tmp_path / "old" / "1.0.0", tmp_path / "new" / "1.0.0"
    command = "train --name waves --training-epochs 2 --truncations 1 --convention refined"
    assert main(making(f"{command} --without-non-variables", in_bands, old)) == 0
    mapping = class_map(tmp_path, short="VAR", long="VAR", constant="NonVar")
    again = f"transfer --pretrained {old} --class-map {mapping} --truncations 1 --training-epochs 2"
    assert main(making(again, in_bands, new)) == 0
    manifest = load_manifest(new)
    assert (manifest.convention, manifest.fused) == ("refined", None)
    assert "fused" not in manifest.metrics


def test_limits_of_fused_answers_are_changed_by_themselves(fused_folder, model_folder, tmp_path, capsys):
    output = tmp_path / "again"
    command = f"export {fused_folder} --output {output} --fused-min-epochs 20 --fused-abstain-below 0.6"
    assert main(command.split()) == 0
    before, after = load_manifest(fused_folder), load_manifest(output)
    assert (after.fused["min_epochs"], after.fused["abstain_below"]) == (20, 0.6)
    assert (after.fused["reliability"], after.reliability) == ((), before.reliability)
    assert after.fused["temperature"] == before.fused["temperature"]
    command = f"export {model_folder} --output {output} --fused-min-epochs 20"
    assert "gives no fused answers" in fails(command.split(), capsys, 2)
