import csv
import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from schemas.artifact import Artifact
from training.cli import main
from training.light_curves import read_light_curves

from .conftest import write_survey


def evaluate(model_folder, survey, tmp_path, *more: str) -> dict:
    report = tmp_path / "report.json"
    arguments = ["evaluate", str(model_folder), str(survey), "--label", "kind", "--json", str(report), *more]
    assert main(arguments) == 0
    return json.loads(report.read_text())


def test_a_trained_model_tells_waves_from_noise(model_folder, survey, tmp_path, capsys):
    report = evaluate(model_folder, survey, tmp_path)
    assert report["accuracy"] > 0.9
    assert "180 stars, 0 of them unscored, 0 left out" in capsys.readouterr().out


def test_the_reports_numbers_belong_together(model_folder, survey, tmp_path):
    report = evaluate(model_folder, survey, tmp_path)
    confusion = np.array(report["confusion"])
    assert report["classes"] == ["constant", "long", "short", "unscored"]
    assert report["n"] == confusion.sum() == 180
    assert report["accuracy"] == pytest.approx(np.trace(confusion) / 180)
    assert report["mc"] == pytest.approx((1 + report["mcc"]) / 2)
    assert {name: score["n"] for name, score in report["per_class"].items()} == {
        "constant": 60,
        "long": 60,
        "short": 60,
    }
    assert report["n_left_out"] == 0


def test_stars_that_cannot_be_scored_are_wrong_and_labels_without_a_class_left_out(
    model_folder, survey, tmp_path
):
    mapping = tmp_path / "map.json"
    mapping.write_text(json.dumps({"short": "short", "long": "long"}))
    report = evaluate(
        model_folder, survey, tmp_path, "--class-map", str(mapping), "--first-epochs", "9"
    )  # one fewer than the model's minimum
    assert (report["n"], report["n_left_out"], report["n_unscored"]) == (120, 60, 120)
    assert report["accuracy"] == 0.0
    assert report["per_class"]["short"]["recall"] == 0.0


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
    mapping = tmp_path / "map.json"
    mapping.write_text(json.dumps({"short": "VAR", "long": "VAR", "constant": "NonVar"}))
    folder = tmp_path / "transferred"
    command = (
        f"transfer --pretrained {model_folder} --light-curves {survey} --label kind --class-map {mapping} "
        f"--mode {mode} --output {folder} --truncations 1 --training-epochs 3 --workers 1 "
        f"--cache {tmp_path / 'cache'}"
    )
    assert main(command.split()) == 0, capsys.readouterr().err
    manifest = Artifact.load(folder).manifest
    origin = Artifact.load(model_folder).manifest
    assert manifest.classes == ("NonVar", "VAR")
    assert manifest.training["pretrained"]["sha256"] == origin.sha256
    assert manifest.preprocessing == origin.preprocessing
    assert manifest.metrics["all_surveys"]["all"]["accuracy"] > 0.8


def test_the_papers_recipe_makes_a_model_in_the_papers_convention(survey, tmp_path):
    folder = tmp_path / "paper"
    command = (
        f"train --recipe paper --light-curves {survey} --label kind --output {folder} --training-epochs 4 "
        f"--workers 1 --cache {tmp_path / 'cache'}"
    )
    assert main(command.split()) == 0
    manifest = Artifact.load(folder).manifest
    assert manifest.convention == "kim2021"
    assert manifest.training["recipe"]["schedule"]["momentum"] == 0.9
    assert "prefixes" not in (folder / "README.md").read_text()


def test_a_transfer_to_few_light_curves_fits_the_last_layer_and_writes_a_page(transferred, model_folder):
    manifest, origin = Artifact.load(transferred).manifest, Artifact.load(model_folder).manifest
    assert manifest.training["light_curves"] == 180  # fewer than 1,500
    assert manifest.training["method"] == "transferred, last-layer"
    assert (manifest.name, manifest.version) == ("moved", "2.0.0")
    assert (transferred / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert weights_of(transferred)["fc3.weight"] == pytest.approx(weights_of(model_folder)["fc3.weight"])
    assert manifest.convention == origin.convention


def test_a_survey_is_shown_to_a_model_as_a_stream_sees_it(model_folder, survey, tmp_path, capsys):
    stars = read_light_curves(survey)
    few = np.concatenate([np.flatnonzero(stars.columns["kind"] == kind)[:10] for kind in ("short", "long")])
    few = np.concatenate([few, np.flatnonzero(stars.columns["kind"] == "constant")[:10]])
    curves = [stars.curves.pick(star) for star in few]
    labels = stars.columns["kind"][few].astype(np.str_)
    write_survey(tmp_path / "few.npz", [each[0] for each in curves], [each[1] for each in curves], labels)
    mapping = tmp_path / "map.json"
    mapping.write_text(json.dumps({"short": "short", "long": "long", "constant": "NonVar"}))
    folder = tmp_path / "stream"
    command = (
        f"transfer --pretrained {model_folder} --light-curves {tmp_path / 'few.npz'} --label kind "
        f"--class-map {mapping} --observe-as ztf --output {folder} --truncations 1 --workers 1 "
        f"--cache {tmp_path / 'cache'}"
    )
    assert main(command.split()) == 0, capsys.readouterr().err
    training = Artifact.load(folder).manifest.training
    assert [each["observed_as"] for each in training["data"]] == ["ztf"]
    assert training["recipe"]["name"] == "stream"
    assert 30 < training["light_curves"] <= 60  # two copies of a star, but for those that cannot be shown


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
    assert (tmp_path / "same" / "model.onnx").read_bytes() == (model_folder / "model.onnx").read_bytes()
    assert Artifact.load(tmp_path / "same").manifest == Artifact.load(model_folder).manifest


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


def test_a_handful_of_light_curves_is_transferred_to_as_well(model_folder, survey, tmp_path, capsys):
    stars = read_light_curves(survey)
    few = np.concatenate([np.flatnonzero(stars.columns["kind"] == kind)[:3] for kind in ("short", "long")])
    curves = [stars.curves.pick(star) for star in few]
    labels = stars.columns["kind"][few].astype(np.str_)
    write_survey(tmp_path / "six.npz", [each[0] for each in curves], [each[1] for each in curves], labels)
    command = (
        f"transfer --pretrained {model_folder} --light-curves {tmp_path / 'six.npz'} --label kind "
        f"--output {tmp_path / 'm'} --workers 1 --cache {tmp_path / 'cache'}"
    )
    assert main(command.split()) == 0, capsys.readouterr().err
    page = (tmp_path / "m" / "report.html").read_text(encoding="utf-8")
    # four fifths of two, four and all six: no smaller share has both classes
    assert re.findall(r'"number">(\d+)</th>', page) == ["2", "3", "5"]
    assert re.search(r"\bnan\b", re.sub(r'src="data:[^"]*"', "", page)) is None


def fails(arguments: list[str], capsys, code: int) -> str:
    assert main(arguments) == code
    output = capsys.readouterr().err
    assert "Traceback" not in output
    error = output.strip().splitlines()[-1]  # above it there may be a progress bar
    assert error.startswith("varstream-train: ")
    return error


def test_wrong_arguments_are_answered_in_one_line(model_folder, survey, tmp_path, capsys):
    out = ["--json", str(tmp_path / "r.json")]
    for making in ("train", "transfer --pretrained none"):
        nowhere = f"{making} --light-curves {survey} --label kind --output {survey}/m"
        assert f"{survey} is no folder that we may write in" in fails(nowhere.split(), capsys, 2)
    missing = fails(["evaluate", str(model_folder), "none.npz", "--label", "kind", *out], capsys, 2)
    assert "none.npz" in missing
    no_model = fails(["evaluate", str(tmp_path), str(survey), "--label", "kind", *out], capsys, 2)
    assert "manifest.json is missing" in no_model
    no_column = fails(["evaluate", str(model_folder), str(survey), "--label", "type", *out], capsys, 2)
    assert "'type'" in no_column
    no_label = fails(["evaluate", str(model_folder), str(survey), *out], capsys, 2)
    assert "--label" in no_label
    mapping = tmp_path / "map.json"
    mapping.write_text(json.dumps({"short": "RRL"}))
    arguments = ["evaluate", str(model_folder), str(survey), "--label", "kind", *out]
    assert "'RRL'" in fails([*arguments, "--class-map", str(mapping)], capsys, 2)
    mapping.write_text(json.dumps({"nobody": "short"}))
    assert "no star" in fails([*arguments, "--class-map", str(mapping)], capsys, 1)
    unwritable = str(tmp_path / "none" / "r.json")
    assert "cannot write" in fails([*arguments[:-1], unwritable], capsys, 2)
    train = ["train", "--output", str(tmp_path / "m"), "--light-curves"]
    assert "name its labels with --label" in fails([*train, str(survey)], capsys, 2)
    assert "no *.npz, *.csv, *.csv.gz, *.parquet, *.avro" in fails([*train, str(tmp_path)], capsys, 2)


def train_on(path, tmp_path) -> list[str]:
    return (
        f"train --light-curves {path} --label kind --output {tmp_path / 'm'} --truncations 0 --workers 1 "
        f"--cache {tmp_path / 'cache'}"
    ).split()


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


@pytest.fixture
def table(survey, tmp_path):
    """The made-up survey as a CSV with names of its own, and one row that is no measurement."""
    stars = read_light_curves(survey)
    path = tmp_path / "waves.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["star", "hjd", "vmag", "e_v", "type"])
        for i in range(len(stars.curves)):
            names = stars.columns["object_id"][i], stars.columns["kind"][i]
            writer.writerows(
                [names[0], *point, names[1]] for point in zip(*stars.curves.pick(i), strict=True)
            )
        writer.writerow(["star179", 500.0, 99.999, 0.02, "constant"])
    return path


COLUMNS = ["--columns", "object_id=star,time=hjd,mag=vmag,err=e_v,label=type"]


def test_a_table_is_measured_like_the_npz_of_the_same_stars(model_folder, survey, table, tmp_path, capsys):
    expected = evaluate(model_folder, survey, tmp_path)
    report = tmp_path / "table.json"
    command = ["evaluate", str(model_folder), str(table), *COLUMNS, "--json", str(report)]
    assert "line 10802: vmag must be" in fails(command, capsys, 1)
    assert main([*command, "--skip-bad-rows"]) == 0
    assert "1 of 10801 rows left out, the first at line 10802" in capsys.readouterr().err
    assert json.loads(report.read_text()) == {**expected, "label": "type"}


def test_a_model_is_trained_on_a_table_without_naming_its_labels_twice(table, tmp_path, capsys):
    command = (
        f"train --light-curves {table.parent} --output {tmp_path / 'm'} --truncations 0 --training-epochs 3 "
        f"--workers 1 --cache {tmp_path / 'cache'} --skip-bad-rows"
    ).split()
    assert main([*command, *COLUMNS]) == 0, capsys.readouterr().err
    manifest = Artifact.load(tmp_path / "m").manifest
    assert manifest.label_maps == {"waves": {"short": "short", "long": "long", "constant": "constant"}}
    assert "no column object_id, time, mag, err" in fails(command, capsys, 2)


def test_two_files_of_one_name_are_refused(survey, table, tmp_path, capsys):
    command = ["train", "--output", str(tmp_path / "m"), "--light-curves", str(survey), str(table)]
    assert "two files of light curves are called 'waves'" in fails(command, capsys, 2)


def test_what_the_parser_refuses_is_told_by_it(tmp_path, capsys):
    command = ["features", "stars.csv", "--output", str(tmp_path / "table.csv")]
    for wrong in (
        ["--clip-sigma", "0"],
        ["--clip-sigma", "nan"],
        ["--first-epochs", "0"],
        ["--convention", "x"],
    ):
        with pytest.raises(SystemExit, match="2"):
            main([*command, *wrong])
        assert wrong[0] in capsys.readouterr().err
    assert "'date' is not known" in fails([*command, "--columns", "date=hjd"], capsys, 2)


def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch, capsys, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    arguments = ["import-upsilont", "--weights", str(tmp_path), "--output", str(tmp_path)]
    assert "pip install 'varstream[training]'" in fails(arguments, capsys, 2)


def test_tables_without_pyarrow_are_answered_in_one_line(monkeypatch, capsys, model_folder, table, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else found(name))
    evaluation = ["evaluate", str(model_folder), str(table), "--json", str(tmp_path / "r.json")]
    for command in (evaluation, ["features", str(table), "--output", str(tmp_path / "features.csv")]):
        assert "pyarrow" in (said := fails(command, capsys, 2))
        assert "pip install 'varstream[training]'" in said


def test_evaluate_needs_neither_torch_nor_onnx_nor_pyarrow():
    code = "import sys, training.commands; print({'torch', 'onnx', 'pyarrow'} & set(sys.modules))"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "set()"
