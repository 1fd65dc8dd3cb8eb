"""Labels that are read as a catalogue's names: what they mean to a model, and what is left out, and why."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from schemas.model.artifact import Artifact
from schemas.model.shipped import find_model
from schemas.model.taxonomy.foreign_names import read_taxonomy
from tests.training.commands import class_map, fails
from training.cli.main import main
from training.errors import SettingsError
from training.measure.by_taxonomy import read_labels


@pytest.fixture(scope="module")
def manifest():
    """Of the shipped model, had it neither CV nor OTHER."""
    shipped = Artifact.load(find_model("varstream-ztf")).manifest
    return replace(shipped, classes=tuple(name for name in shipped.classes if name not in ("CV", "OTHER")))


def test_labels_are_read_and_those_that_say_nothing_are_counted(manifest):
    labels = np.array(["RRAB/BL", "EA|EB", "EA", "EA", "UG", "SN Ia", "SN Ia", "M:", "ELL", "WD: x", "WD: x"])
    reading = read_labels(labels, "vsx", manifest)
    assert reading.label_map == {"RRAB/BL": "RRL_ab", "EA|EB": "EB_ED|EB_ESD", "EA": "EB_ED"}
    report = {name: reading.report[name] for name in ("name", "version", "other", "not_comparable")}
    assert report == {"name": "vsx", "version": "1", "other": 2, "not_comparable": 2}
    assert (reading.report["without_class"], reading.report["unknown"]) == (1, {"WD: x": 2})


def test_a_class_that_the_model_has_is_held_against_it(manifest):
    with_cv = replace(manifest, classes=("CV", *manifest.classes, "OTHER"))
    reading = read_labels(np.array(["UG", "SN Ia"]), "vsx", with_cv)
    assert reading.label_map == {"UG": "CV", "SN Ia": "OTHER"}
    assert reading.report["other"] == 1


def test_the_version_is_the_one_that_the_model_states(manifest):
    stated = replace(manifest, taxonomy=read_taxonomy("1").stated)
    assert read_labels(np.array(["EA"]), "vsx", stated).report["version"] == "1"
    with pytest.raises(SettingsError, match=r"varstream-ztf 3\.0\.0: there is no taxonomy of version '999'"):
        read_labels(np.array(["EA"]), "vsx", replace(manifest, taxonomy={"version": "999", "sha256": "ab"}))


def test_names_that_are_not_known_are_refused_with_those_that_are(manifest):
    message = "--taxonomy gcvs is not known in version 1: known are alerce, elasticc, gaia_dr3, simbad, tdtax"
    with pytest.raises(SettingsError, match=message):
        read_labels(np.array(["EA"]), "gcvs", manifest)


def test_a_model_of_other_classes_needs_a_map(model_folder, survey, tmp_path, capsys):
    arguments = ["evaluate", str(model_folder), str(survey), "--label", "kind", "--taxonomy", "vsx"]
    error = fails([*arguments, "--json", str(tmp_path / "r.json")], capsys, 2)
    assert "waves 1.0.0 has constant, long, short: give a map of the labels with --class-map" in error
    mapping = class_map(tmp_path, short="short")
    error = fails([*arguments, "--json", "r.json", "--class-map", str(mapping)], capsys, 2)
    assert "--class-map and --taxonomy both say what the labels mean: give one of them" in error


def test_real_stars_of_ztf_are_evaluated_by_their_types_in_vsx(shared_data, tmp_path):
    """86 of the 111 have a type that names or narrows a class; most others have names of other catalogues."""
    path = shared_data / "lightcurves" / "ztf_dr_labelled_g.npz"
    output = tmp_path / "report.json"
    command = f"evaluate varstream-ztf {path} --label native_class --taxonomy vsx --json {output} --workers 1"
    assert main(command.split()) == 0
    report = json.loads(output.read_text())
    with np.load(path) as file:
        labels = file["native_class"].astype(str)
    assert (report["n"], report["n_left_out"]) == (86, labels.size - 86)
    called_so = report["per_class"]["EB_ED"]["n"] - sum(label in ("EA", "EA/WD") for label in labels)
    assert called_so in {0, 1}  # UGSU+E is right as a CV and as one of the eclipsing
    assert report["n_coarse"] == sum(label in ("RR", "UGSU+E") for label in labels)
    reasons = report["taxonomy"]
    assert reasons["without_class"] + reasons["not_comparable"] + sum(reasons["unknown"].values()) == 25
    assert report["accuracy"] > 0.7
