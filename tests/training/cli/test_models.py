"""Commands that train, transfer and export models."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from schemas.model.artifact import Artifact
from schemas.model.shipped import find_model
from tests.training.commands import class_map, fails, making
from tests.training.made_up_survey import write_few, write_survey
from training.cli.main import main
from training.stars import assign_folds


def test_the_model_folder_holds_graph_manifest_and_card(model_folder):
    manifest = Artifact.load(model_folder).manifest
    assert (manifest.name, manifest.version, manifest.min_epochs) == ("waves", "1.0.0", 10)
    assert manifest.label_maps["waves"] == {"short": "short", "long": "long", "constant": "constant"}
    assert manifest.metrics["by_survey"]["waves"]["all"]["mc"] > 0.8
    assert set(manifest.metrics["calibration"]) == {"all", "10", "20", "40", "80", "150"}
    assert manifest.reliability[0]["n_epochs_min"] == 10
    assert manifest.reliability[-1]["n_epochs_max"] is None
    assert "--cache" not in manifest.training["command"]
    card = (model_folder / "README.md").read_text()
    assert "# waves 1.0.0" in card
    assert "| constant | " in card


@pytest.mark.parametrize("mode", ["last-layer", "every-layer"])
def test_a_transferred_model_knows_its_new_classes_and_where_it_came_from(
    model_folder, survey, tmp_path, mode, capsys
):
    mapping = class_map(tmp_path, short="VAR", long="VAR", constant="NonVar")
    folder = tmp_path / "transferred"
    command = (
        f"transfer --pretrained {model_folder} --class-map {mapping} --mode {mode} --truncations 1 "
        "--training-epochs 3"
    )
    assert main(making(command, survey, folder)) == 0, capsys.readouterr().err
    manifest = Artifact.load(folder).manifest
    origin = Artifact.load(model_folder).manifest
    assert manifest.classes == ("NonVar", "VAR", "OTHER")
    assert manifest.training["pretrained"]["sha256"] == origin.sha256
    assert manifest.preprocessing == origin.preprocessing
    assert manifest.metrics["all_surveys"]["all"]["accuracy"] > 0.8
    known = {"in_folds": {"waves": 180}, "left_out": {}, "in_others": {}}
    assert manifest.training["known_from_pretraining"] == known
    for name in ("README.md", "report.html"):
        page = (folder / name).read_text(encoding="utf-8")
        assert "180 labelled light curves are of stars that the network knew" in page


def test_known_stars_whose_folds_cannot_be_kept_are_said_to_be_once(
    model_folder, survey, tmp_path, monkeypatch
):
    monkeypatch.setattr(assign_folds, "LARGEST_FOLD_SHARE", 0.0)  # no folds are even enough
    folder = tmp_path / "anew"
    command = f"transfer --pretrained {model_folder} --truncations 0 --training-epochs 2"
    assert main(making(command, survey, folder)) == 0
    training = Artifact.load(folder).manifest.training
    known = {"in_folds": {}, "left_out": {}, "in_others": {"waves": 180}}
    assert training["known_from_pretraining"] == known
    assert training["seen_in_pretraining"] == []
    assert (folder / "README.md").read_text(encoding="utf-8").count("These numbers are optimistic") == 1


def test_the_papers_recipe_makes_a_model_in_the_papers_convention(survey, tmp_path):
    folder = tmp_path / "paper"
    assert main(making("train --recipe paper --training-epochs 4", survey, folder)) == 0
    manifest = Artifact.load(folder).manifest
    assert manifest.convention == "kim2021"
    assert manifest.training["recipe"]["schedule"]["momentum"] == 0.9
    assert "prefixes" not in (folder / "README.md").read_text()


def test_a_transfer_to_few_light_curves_fits_the_last_layer_and_writes_a_page(transferred, model_folder):
    manifest, origin = Artifact.load(transferred).manifest, Artifact.load(model_folder).manifest
    assert manifest.training["light_curves"] == 180  # fewer than 800
    assert manifest.training["method"] == "transferred, last-layer"
    assert (manifest.name, manifest.version) == ("moved", "2.0.0")
    assert (transferred / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert weights_of(transferred)["fc3.weight"] == pytest.approx(weights_of(model_folder)["fc3.weight"])
    assert manifest.convention == origin.convention


def test_a_survey_is_shown_to_a_model_as_a_stream_sees_it(model_folder, survey, tmp_path, capsys):
    write_few(tmp_path / "few.npz", survey, ("short", "long", "constant"), 10)
    mapping = class_map(tmp_path, short="short", long="long", constant="NonVar")
    folder = tmp_path / "stream"
    command = f"transfer --pretrained {model_folder} --class-map {mapping} --observe-as ztf --truncations 1"
    assert main(making(command, tmp_path / "few.npz", folder)) == 0, capsys.readouterr().err
    training = Artifact.load(folder).manifest.training
    assert [each["observed_as"] for each in training["data"]] == ["ztf"]
    assert [Artifact.load(each).manifest.survey for each in (folder, model_folder)] == ["ztf", None]
    assert training["recipe"]["name"] == "stream"
    stars = training["data"][0]["stars_observed"]
    assert sum(stars.values()) == 30
    said, card = capsys.readouterr().out, (folder / "README.md").read_text(encoding="utf-8")
    for counts in (f"constant {stars['constant']}", f"folded {stars['folded']}"):
        assert counts in said
        assert counts in card
    assert (
        60 < training["light_curves"] <= 120
    )  # two copies of a star in two bands, but for what cannot be shown


def test_files_of_two_bands_are_one_survey_to_train_on(survey, tmp_path, capsys):
    for band in "gr":
        write_few(tmp_path / f"waves_{band}.npz", survey, ("short", "long"), 20)
    command = "train --training-epochs 2 --truncations 0 --without-non-variables"
    assert main(making(command, tmp_path, tmp_path / "m" / "1")) == 0, capsys.readouterr().err
    manifest = Artifact.load(tmp_path / "m" / "1").manifest
    assert [each["name"] for each in manifest.training["data"]] == ["waves_g", "waves_r"]
    assert {each["survey"] for each in manifest.training["data"]} == {"waves"}
    assert set(manifest.label_maps) == {"waves_g", "waves_r"}
    full = manifest.metrics["all_surveys"]["all"]
    assert (full["n"], full["n_stars"]) == (80, 40)
    (tmp_path / "waves.npz").write_bytes((tmp_path / "waves_g.npz").read_bytes())
    said = fails(making(command, tmp_path, tmp_path / "m" / "2"), capsys, 2)
    assert "two surveys are called 'waves'" in said


def test_a_handful_of_light_curves_is_transferred_to_as_well(model_folder, survey, tmp_path, capsys):
    write_few(tmp_path / "six.npz", survey, ("short", "long"), 3)
    command = making(f"transfer --pretrained {model_folder}", tmp_path / "six.npz", tmp_path / "m")
    assert main(command) == 0, capsys.readouterr().err
    page = (tmp_path / "m" / "report.html").read_text(encoding="utf-8")
    # four fifths of two, four and all six: no smaller share has both classes
    assert re.findall(r'"number">(\d+)</th>', page) == ["2", "3", "5"]
    assert re.search(r"\bnan\b", re.sub(r'src="data:[^"]*"', "", page)) is None


def train_on(light_curves: Path, folder: Path) -> list[str]:
    return making("train --truncations 0", light_curves, folder / "m")


def test_one_class_only_cannot_be_trained(tmp_path, capsys):
    rng = np.random.default_rng(0)
    time = [np.sort(rng.uniform(0, 100, 30)) for _ in range(60)]
    write_survey(tmp_path / "one.npz", time, [rng.normal(15, 0.1, 30) for _ in time], np.array(["A"] * 60))
    assert "only A" in fails(train_on(tmp_path / "one.npz", tmp_path), capsys, 1)


def test_light_curves_of_nan_cannot_be_trained(tmp_path, capsys):
    time = [np.arange(30.0)] * 60
    write_survey(tmp_path / "nan.npz", time, [np.full(30, np.nan)] * 60, np.array(["A", "B"] * 30))
    command = train_on(tmp_path / "nan.npz", tmp_path)
    assert "light curve star0 point 1: mag must be" in fails(command, capsys, 1)
    assert "no usable row: all 1800 are bad" in fails([*command, "--skip-bad-rows"], capsys, 1)


def weights_of(folder: Path) -> dict[str, np.ndarray]:
    """What the file of a model holds, read by onnx itself."""
    graph = onnx.load(folder / "model.onnx").graph
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def test_an_exported_model_is_renamed_and_scores_as_before(model_folder, tmp_path, capsys):
    folder, weights = tmp_path / "renamed", tmp_path / "weights.npz"
    command = (
        f"export {model_folder} --output {folder} --name other --version 3.1 --min-epochs 25 "
        f"--abstain-below 0.7 --weights {weights}"
    )
    assert main(command.split()) == 0
    before, after = Artifact.load(model_folder), Artifact.load(folder)
    changed = {"name": "other", "version": "3.1", "min_epochs": 25, "abstain_below": 0.7}
    changed["reliability"] = ()  # it was measured at the old limits
    changed["abstain_below_by_class"] = {}
    without = {name: each for name, each in before.manifest.metrics.items() if name != "in_no_class"}
    assert after.manifest.metrics.keys() == without.keys()
    changed["metrics"] = after.manifest.metrics
    assert after.manifest == replace(before.manifest, sha256=after.manifest.sha256, **changed)
    assert after.manifest.sha256 in capsys.readouterr().out
    values = np.random.default_rng(0).lognormal(size=(200, 16))
    everything = np.ones(200, bool)
    for mine, theirs in zip(before.score(values, everything), after.score(values, everything), strict=True):
        assert (mine == theirs).all()
    with np.load(weights, allow_pickle=False) as bare:
        stored = {name: bare[name] for name in bare.files}
    graph = weights_of(model_folder)
    assert stored.keys() == {name for name in graph if name.startswith(("fc", "bn"))}
    assert all((stored[name] == graph[name]).all() for name in stored)
    assert "# other 3.1" in (folder / "README.md").read_text()


def test_another_name_keeps_what_was_measured(model_folder, tmp_path):
    assert main(["export", str(model_folder), "--output", str(tmp_path / "named"), "--name", "named"]) == 0
    renamed, before = Artifact.load(tmp_path / "named").manifest, Artifact.load(model_folder).manifest
    assert renamed.reliability == before.reliability != ()
    assert renamed.metrics == before.metrics


def test_an_export_without_changes_is_the_same_model(model_folder, tmp_path):
    assert main(["export", str(model_folder), "--output", str(tmp_path / "same")]) == 0
    for name in ("model.onnx", "folds.npz"):
        assert (tmp_path / "same" / name).read_bytes() == (model_folder / name).read_bytes()
    assert Artifact.load(tmp_path / "same").manifest == Artifact.load(model_folder).manifest


def test_a_shipped_model_is_exported_by_its_name(tmp_path):
    assert main(["export", "varstream-lsst", "--output", str(tmp_path / "same")]) == 0
    shipped = find_model("varstream-lsst")
    assert (tmp_path / "same" / "model.onnx").read_bytes() == (shipped / "model.onnx").read_bytes()
    assert Artifact.load(tmp_path / "same").manifest == Artifact.load(shipped).manifest


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "varstream-lsts", "--output", "x"],
        ["evaluate", "varstream-lsts", "{survey}", "--label", "kind", "--json", "x"],
        ["transfer", "--pretrained", "varstream-lsts", "--light-curves", "{survey}", "--output", "x"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_name_that_no_shipped_model_has_is_refused_with_those_there_are(
    arguments, survey, tmp_path, capsys
):
    output = [str(tmp_path / "x") if word == "x" else word.format(survey=survey) for word in arguments]
    label = ["--label", "kind"] if arguments[0] == "transfer" else []
    said = fails([*output, *label], capsys, 2)
    assert "no model 'varstream-lsts'" in said
    assert "varstream-lsst, varstream-source, varstream-ztf" in said


def test_an_export_that_cannot_be_is_refused(model_folder, tmp_path, capsys):
    out = str(tmp_path / "out")
    own = fails(
        ["export", str(model_folder), "--output", f"{model_folder}/../{model_folder.name}"], capsys, 2
    )
    assert "own folder" in own
    command = ["export", str(model_folder), "--output", out]
    for impossible in ("1", "-0.1", "nan", "50"):
        assert "a probability under 1" in fails([*command, f"--abstain-below={impossible}"], capsys, 2)
    assert not Path(out).exists()
    assert "manifest.json is missing" in fails(["export", str(tmp_path), "--output", out], capsys, 2)
    unwritable = tmp_path / "file" / "weights.npz"
    unwritable.parent.write_text("no folder")
    said = fails([*command, "--weights", str(unwritable)], capsys, 2)
    assert f"cannot write the weights to {unwritable}" in said
    for wrong in (["--min-epochs", "0"], ["--name", ""], ["--version", " "]):
        with pytest.raises(SystemExit, match="2"):
            main([*command, *wrong])
        assert wrong[0] in capsys.readouterr().err


def test_archives_of_a_folder_whose_labels_are_not_known_are_left_out_and_named(survey, tmp_path, capsys):
    """A named file stays an error; so does a folder of nothing else."""
    folder = tmp_path / "light_curves"
    folder.mkdir()
    (folder / "waves.npz").write_bytes(survey.read_bytes())
    command = f"train --light-curves {folder} --output {tmp_path / 'model'} --cache {tmp_path / 'cache'}"
    assert "'waves' is none of the known surveys" in fails(command.split(), capsys, 2)
    with np.load(survey) as stars:
        columns = {**stars, "native_class": stars["kind"]}
    np.savez(folder / "gaia_dr3_G.npz", **columns)
    assert main(command.split()) == 1  # its labels are others
    said = capsys.readouterr().err
    assert "1 archives left out whose labels are not known without --label: waves" in said
    assert "no label in column 'native_class'" in said
