"""Commands that measure models, tables as their input, and wrong arguments."""

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from features.compilation.machine_code import KernelError
from schemas.model.artifact import Artifact
from tests.training.commands import class_map, fails
from training.cli.main import main
from training.data.read import read_light_curves
from training.examples import feature_file
from training.examples.cached_pool import compute_chunks, default_workers
from training.measure import asked as evaluation


def evaluate(model_folder, survey, tmp_path, *more: str) -> dict:
    report = tmp_path / "report.json"
    arguments = ["evaluate", str(model_folder), str(survey), "--label", "kind", "--json", str(report), *more]
    assert main(arguments) == 0
    return json.loads(report.read_text())


def test_a_trained_model_tells_waves_from_noise(model_folder, survey, tmp_path, capsys):
    report = evaluate(model_folder, survey, tmp_path)
    assert report["accuracy"] > 0.9
    assert "180 light curves of 180 stars, 0 light curves unscored, 0 left out" in capsys.readouterr().out


def test_a_report_does_not_depend_on_cores_and_chunks(model_folder, survey, tmp_path, monkeypatch):
    whole = evaluate(model_folder, survey, tmp_path, "--workers", "1", "--first-epochs", "30")
    for workers, chunk in (("1", 50), ("2", 50), ("3", 7), ("2", 1000)):
        monkeypatch.setattr(evaluation, "LIGHT_CURVES_A_TASK", chunk)
        assert evaluate(model_folder, survey, tmp_path, "--workers", workers, "--first-epochs", "30") == whole


def test_a_model_is_evaluated_on_all_cores(model_folder, survey, tmp_path, monkeypatch):
    asked = []

    def compute(*arguments, workers, **named):
        asked.append(workers)
        return compute_chunks(*arguments, workers=workers, **named)

    monkeypatch.setattr(evaluation, "compute_chunks", compute)
    evaluate(model_folder, survey, tmp_path)
    assert asked == [default_workers()]


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
    mapping = class_map(tmp_path, short="short", long="long")
    report = evaluate(
        model_folder, survey, tmp_path, "--class-map", str(mapping), "--first-epochs", "9"
    )  # one fewer than the model's minimum
    assert (report["n"], report["n_left_out"], report["n_unscored"]) == (120, 60, 120)
    assert report["accuracy"] == 0.0
    assert report["per_class"]["short"]["recall"] == 0.0


def test_a_map_that_knows_none_of_the_labels_is_told_with_the_labels(model_folder, survey, tmp_path, capsys):
    mapping = tmp_path / "other.json"
    mapping.write_text('{"RRAB": "short"}')
    out = ["--json", str(tmp_path / "r.json")]
    given = ["--label", "kind", "--class-map", str(mapping)]
    assert main(["evaluate", str(model_folder), str(survey), *out, *given]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "its labels are constant, long, short; the map knows RRAB: give a map of those labels with" in line


def test_where_the_labels_of_a_known_survey_are_need_not_be_said(model_folder, survey, tmp_path):
    known = tmp_path / "css_sss_V.npz"
    with np.load(survey) as archive:
        arrays = dict(archive)
    arrays["native_class"] = arrays.pop("kind")
    np.savez(known, **arrays)
    report = tmp_path / "report.json"
    arguments = ["evaluate", str(model_folder), str(known), "--json", str(report)]
    assert main([*arguments, "--class-map", str(class_map(tmp_path, short="short", long="long"))]) == 0
    assert json.loads(report.read_text())["n"] == 120


def test_wrong_arguments_are_answered_in_one_line(model_folder, survey, tmp_path, capsys):
    out = ["--json", str(tmp_path / "r.json")]
    for making in ("train", "transfer --pretrained none"):
        nowhere = f"{making} --light-curves {survey} --label kind --output {survey}/m"
        assert f"{survey} is no folder that we may write in" in fails(nowhere.split(), capsys, 2)
    for label in ([], ["--label", "kind"]):
        missing = fails(["evaluate", str(model_folder), "none.npz", *label, *out], capsys, 2)
        assert "none.npz: the file does not exist" in missing
    no_model = fails(["evaluate", str(tmp_path), str(survey), "--label", "kind", *out], capsys, 2)
    assert "manifest.json is missing" in no_model
    no_column = fails(["evaluate", str(model_folder), str(survey), "--label", "type", *out], capsys, 2)
    assert "'type'" in no_column
    no_label = fails(["evaluate", str(model_folder), str(survey), *out], capsys, 2)
    assert "--label" in no_label
    mapping = class_map(tmp_path, short="RRL")
    arguments = ["evaluate", str(model_folder), str(survey), "--label", "kind", *out]
    assert "'RRL'" in fails([*arguments, "--class-map", str(mapping)], capsys, 2)
    class_map(tmp_path, nobody="short")
    assert "no star" in fails([*arguments, "--class-map", str(mapping)], capsys, 1)
    unwritable = str(tmp_path / "none" / "r.json")
    assert "cannot write" in fails([*arguments[:-1], unwritable], capsys, 2)
    train = ["train", "--output", str(tmp_path / "m"), "--light-curves"]
    assert "name its labels with --label" in fails([*train, str(survey)], capsys, 2)
    assert "no *.npz, *.csv, *.csv.gz, *.parquet, *.avro" in fails([*train, str(tmp_path)], capsys, 2)


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
    found = json.loads(report.read_text())
    assert {**found, "data": {}} == {**expected, "data": {}, "label": "type"}


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
    code = "import sys, training.cli.commands; print({'torch', 'onnx', 'pyarrow'} & set(sys.modules))"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "set()"


def test_kernels_that_cannot_be_compiled_are_told_in_one_line(survey, tmp_path, capsys, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise KernelError("cannot compile the kernel x: MemoryError")

    monkeypatch.setattr(feature_file, "compute_chunks", refuse)
    assert main(["features", str(survey), "--output", str(tmp_path / "table.csv")]) == 1
    assert capsys.readouterr().err == "varstream-train: cannot compile the kernel x: MemoryError\n"
