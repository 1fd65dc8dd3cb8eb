"""`evaluate` with labels of a table, on files of bands, by days, and into the card of the model."""

import json
from dataclasses import replace
from shutil import copytree

import numpy as np
import pytest

from schemas.model.manifest import load_manifest, sha256_of
from schemas.model.shipped import find_model
from tests.training.commands import class_map, fails
from tests.training.made_up_survey import write_others
from training.cli.main import main


@pytest.fixture
def own_model(model_folder, tmp_path):
    """The trained model in a folder that may be changed."""
    return copytree(model_folder, tmp_path / "model")


@pytest.fixture
def others(survey, tmp_path):
    """Stars that the model has not learnt from."""
    return write_others(tmp_path / "others.npz", survey)


def test_labels_of_a_table_say_what_those_of_the_file_do(model_folder, survey, tmp_path):
    with np.load(survey) as archive:
        names, labels = archive["object_id"], archive["kind"]
    table = tmp_path / "labels.csv"
    table.write_text("object_id,type\n" + "".join(f"{a},{b}\n" for a, b in zip(names, labels, strict=True)))
    reports = []
    for given in (["--label", "kind"], ["--labels", str(table), "--label", "type"]):
        report = tmp_path / "report.json"
        assert main(["evaluate", str(model_folder), str(survey), *given, "--json", str(report)]) == 0
        reports.append(json.loads(report.read_text()) | {"label": "", "data": {}})
    assert reports[0] == reports[1]


def test_a_test_is_stated_in_the_card_and_in_the_manifest(own_model, others, tmp_path):
    before = load_manifest(own_model)
    given = ["--label", "kind", "--json", str(tmp_path / "r.json"), "--card", "Waves of 2026"]
    assert main(["evaluate", str(own_model), str(others), *given]) == 0
    after = load_manifest(own_model)
    test = after.metrics["tests"]["Waves of 2026"]
    report = json.loads((tmp_path / "r.json").read_text())
    assert (test["n"], test["light_curves"]) == (180, "others")
    assert test["data"] == {"others.npz": sha256_of(others)}
    assert test["accuracy"] == pytest.approx(report["accuracy"], abs=5e-5)
    assert after.metrics["all_surveys"] == before.metrics["all_surveys"]
    card = (own_model / "README.md").read_text()
    (row,) = [line for line in card.splitlines() if line.startswith("| Waves of 2026 |")]
    assert "| all | each band | 180 | 180 | 180 |" in row
    other = ["--card", "Others", "--json", str(tmp_path / "r.json"), "--label", "kind"]
    assert main(["evaluate", str(own_model), str(others), *other]) == 0
    assert [*load_manifest(own_model).metrics["tests"]] == ["Waves of 2026", "Others"]


def test_a_card_states_no_test_that_it_should_not_and_says_so_before_the_work(
    own_model, survey, others, tmp_path, capsys
):
    given = ["--label", "kind", "--json", str(tmp_path / "r.json")]
    before = (own_model / "manifest.json").read_bytes()
    for light_curves, name, message in (
        (survey, "Waves", f"waves learnt from {survey}: a card states tests on other stars"),
        (others, "A|B", "a test of a card is named in a table, which 'A|B' would break"),
    ):
        arguments = ["evaluate", str(own_model), str(light_curves), *given, "--card", name]
        assert message in fails(arguments, capsys, 2)
    arguments = ["evaluate", "no-model", str(others), *given, "--card", "Waves"]
    assert "no model 'no-model': no such folder" in fails(arguments, capsys, 2)
    assert (own_model / "manifest.json").read_bytes() == before
    assert not (tmp_path / "r.json").exists()


def test_other_limits_leave_out_tests_that_were_made_at_those_of_before(own_model, others, tmp_path):
    given = ["--label", "kind", "--json", str(tmp_path / "r.json"), "--card", "Waves"]
    assert main(["evaluate", str(own_model), str(others), *given]) == 0
    renamed, bolder = tmp_path / "renamed", tmp_path / "bolder"
    assert main(["export", str(own_model), "--output", str(renamed), "--name", "other"]) == 0
    assert "tests" in load_manifest(renamed).metrics
    assert main(["export", str(own_model), "--output", str(bolder), "--abstain-below", "0.1"]) == 0
    assert "tests" not in load_manifest(bolder).metrics


def test_files_of_the_bands_of_a_survey_are_one_and_others_are_refused(
    fused_folder, in_bands, survey, tmp_path, capsys
):
    with np.load(in_bands) as archive:
        arrays = dict(archive)
    paths = []
    for band in "gr":
        curves = np.flatnonzero(arrays["band"] == band)
        counts = np.diff(arrays["offsets"])
        points = np.isin(np.repeat(np.arange(len(counts)), counts), curves)
        each = {
            key: values[points] if len(values) == counts.sum() else values[curves]
            for key, values in arrays.items()
            if key != "offsets"
        }
        paths.append(tmp_path / f"bands_{band}.npz")
        np.savez(paths[-1], offsets=np.concatenate([[0], np.cumsum(counts[curves])]), **each)
    report = tmp_path / "report.json"
    given = ["--label", "kind", "--json", str(report)]
    assert main(["evaluate", str(fused_folder), str(in_bands), *given]) == 0
    whole = json.loads(report.read_text())
    assert main(["evaluate", str(fused_folder), *map(str, paths), *given]) == 0
    parts = json.loads(report.read_text())
    assert parts["fused"]["accuracy"] == whole["fused"]["accuracy"]
    assert (parts["n"], parts["mc"]) == (whole["n"], pytest.approx(whole["mc"]))
    error = fails(["evaluate", str(fused_folder), str(paths[0]), str(survey), *given], capsys, 2)
    assert "are 2 surveys: give the bands of one" in error


def test_by_days_needs_classes_of_ours(model_folder, survey, tmp_path):
    """Waves are in none of the groups: nothing is said of them."""
    report = tmp_path / "report.json"
    mapping = class_map(tmp_path, short="short", long="long")
    given = ["--label", "kind", "--class-map", str(mapping), "--by-days", "--json", str(report)]
    assert main(["evaluate", str(model_folder), str(survey), *given]) == 0
    assert json.loads(report.read_text())["by_days"] == {}


def test_what_says_the_same_twice_or_half_is_refused(model_folder, survey, tmp_path, capsys):
    arguments = ["evaluate", str(model_folder), str(survey), "--json", str(tmp_path / "r.json")]
    error = fails([*arguments, "--label", "kind", "--by-days", "--first-epochs", "20"], capsys, 2)
    assert "--by-days and --first-epochs both say how much is shown" in error
    error = fails([*arguments, "--labels", "types.csv"], capsys, 2)
    assert "name the column of types.csv that holds the labels with --label" in error


def transients(folder, name: str, labels: list[str]):
    """Write light curves that brighten once, in a file that is called as a public survey."""
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(0.0, 100.0, (len(labels), 30)), axis=1)
    mag = 20.0 - 2.0 * np.exp(-0.5 * ((time - 50.0) / 12.0) ** 2) + rng.normal(0.0, 0.05, time.shape)
    path = folder / f"{name}.npz"
    np.savez(
        path,
        time=time.ravel(),
        mag=mag.ravel(),
        err=np.full(time.size, 0.05),
        offsets=np.arange(0, time.size + 1, 30),
        object_id=np.array([f"SN{number}" for number in range(len(labels))]),
        native_class=np.array(labels),
    )
    return path


def test_a_file_of_what_is_in_no_class_is_measured_without_classes(tmp_path, capsys):
    path = transients(tmp_path, "ztf_sne_alerce_g", ["SN Ia", "SN II", "SN Ia", "nothing known"])
    report = tmp_path / "r.json"
    assert main(["evaluate", "varstream-source", str(path), "--json", str(report)]) == 0
    said = json.loads(report.read_text())
    assert "mc" not in said
    assert (said["in_no_class"]["n"], said["n_left_out"]) == (3, 1)
    assert said["in_no_class"]["labelled"] == said["in_no_class"]["labelled_wrongly"]
    assert "3 light curves of 3 objects in no class" in capsys.readouterr().out


def test_a_survey_that_a_model_was_made_before_is_read_by_todays_map(tmp_path):
    path = transients(tmp_path, "ztf_dr_labelled_g", ["EA", "UGSU+E", "RR", "RR", "nothing known"])
    report = tmp_path / "r.json"
    before = copytree(find_model("varstream-source"), tmp_path / "before")
    manifest = load_manifest(before)
    maps = {name: each for name, each in manifest.label_maps.items() if name != "ztf_dr_labelled_g"}
    replace(manifest, label_maps=maps).save(before)
    assert main(["evaluate", str(before), str(path), "--json", str(report)]) == 0
    said = json.loads(report.read_text())
    assert (said["n"], said["n_left_out"]) == (4, 1)
    assert {name: each["n"] for name, each in said["per_class"].items() if each["n"]} == {
        "CV": 1,
        "EB_ED": 1,
        "RRL_ab": 2,
    }
