"""What a manifest states about reliability is found by number of epochs; the impossible is not loaded."""

from __future__ import annotations

import json
import shutil

import pytest

from schemas.model.manifest import ManifestError, expected_reliability, load_manifest
from schemas.model.shipped import find_model, shipped_models
from tests.broker.streams import reliability_bin

SHIPPED = [folder for versions in shipped_models().values() for folder in versions.values()]
BINS = [reliability_bin(10, 19), reliability_bin(20, 39), reliability_bin(40, None)]


@pytest.fixture
def load(tmp_path):
    """Load the shipped model's manifest with other fields, as written to disk."""

    def load(**changes):
        folder = tmp_path / "model"
        shutil.copytree(find_model("varstream-ztf"), folder, dirs_exist_ok=True)
        text = json.loads((folder / "manifest.json").read_text())
        stated = ("reliability", "abstain_below", "fused", "taxonomy")
        fresh = {key: value for key, value in text.items() if key not in stated}
        (folder / "manifest.json").write_text(json.dumps({**fresh, **changes}))
        return load_manifest(folder)

    return load


@pytest.mark.parametrize(
    ("n_epochs", "starts"),
    [(1, None), (9, None), (10, 10), (19, 10), (20, 20), (39, 20), (40, 40), (100_000, 40)],
)
def test_the_bin_that_holds_a_number_of_epochs_is_found_up_to_its_edges(load, n_epochs, starts):
    found = expected_reliability(load(reliability=BINS), n_epochs)
    assert found == next((each for each in BINS if each["n_epochs_min"] == starts), None)


def test_a_manifest_without_the_fields_states_nothing_and_never_abstains(load):
    manifest = load()
    assert (manifest.reliability, manifest.abstain_below) == ((), 0.0)
    assert expected_reliability(manifest, 50) is None


def test_a_manifest_that_is_saved_again_states_the_same(load, tmp_path):
    manifest = load(reliability=BINS, abstain_below=0.4)
    manifest.save(tmp_path / "model")
    assert load_manifest(tmp_path / "model") == manifest
    assert json.loads((tmp_path / "model" / "manifest.json").read_text())["reliability"] == BINS


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.parent.name)
def test_a_shipped_manifest_that_is_saved_again_keeps_its_bytes(folder, tmp_path):
    load_manifest(folder).save(tmp_path)
    assert (tmp_path / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ({"10": 0.5}, "reliability cannot be {'10': 0.5}"),
        ([0.5], r"reliability\[0\] is not a JSON object"),
        (
            [{key: value for key, value in BINS[2].items() if key != "mc"} | {"n": 3}],
            r"reliability\[0\] has other fields than it must: missing mc; unknown n",
        ),
        ([BINS[0], BINS[2] | {"n_epochs_min": 20.0}], r"reliability\[1\]: n_epochs_min cannot be 20.0"),
        ([BINS[2] | {"n_epochs_min": True}], "n_epochs_min cannot be True"),
        ([BINS[2] | {"n_epochs_min": 0}], "n_epochs_min cannot be 0"),
        ([BINS[2] | {"n_epochs_max": "all"}], "n_epochs_max cannot be 'all'"),
        ([BINS[2] | {"n_stars": 0}], "n_stars cannot be 0"),
        ([BINS[2] | {"n_light_curves": -1}], "n_light_curves cannot be -1"),
        ([BINS[2] | {"accuracy": 1.2}], "accuracy cannot be 1.2"),
        ([BINS[2] | {"accuracy": None}], "accuracy cannot be None"),
        ([BINS[2] | {"accuracy_error": -0.1}], "accuracy_error cannot be -0.1"),
        ([BINS[2] | {"mc": float("nan")}], "mc cannot be nan"),
        ([BINS[2] | {"mc_error": "0.1"}], "mc_error cannot be '0.1'"),
        ([BINS[2] | {"calibration_error": 2}], "calibration_error cannot be 2"),
        ([BINS[2] | {"abstained": None}], "abstained cannot be None"),
        ([BINS[2] | {"accuracy_when_sure": 1.5}], "accuracy_when_sure cannot be 1.5"),
        ([BINS[0]], r"reliability\[0\]: n_epochs_max is 19; it must be null in the last bin"),
        ([BINS[2], BINS[2]], r"reliability\[0\]: n_epochs_max is None; it must be null in the last bin"),
        ([reliability_bin(20, 10), BINS[2]], r"reliability\[0\] goes from 20 to 10 epochs"),
        ([BINS[0], BINS[2]], r"reliability\[1\] starts at 40 epochs, the bin before ends at 19"),
        ([BINS[0], reliability_bin(19, None)], r"reliability\[1\] starts at 19 epochs, .* without gaps"),
        ([BINS[1], BINS[0], BINS[2]], r"reliability\[1\] starts at 10 epochs, the bin before ends at 39"),
    ],
)
def test_bins_that_are_wrong_are_refused_in_one_line(load, bins, message):
    with pytest.raises(ManifestError, match=message) as refusal:
        load(reliability=bins)
    assert len(str(refusal.value).splitlines()) == 1


FUSED = {
    "min_epochs": 15,
    "temperature": 1.4,
    "abstain_below": 0.5,
    "reliability": [reliability_bin(15, None)],
}


def test_what_a_manifest_states_of_fused_answers_is_read_as_it_was_written(load, tmp_path):
    assert load().fused is None
    manifest = load(fused=FUSED)
    assert manifest.fused == {**FUSED, "reliability": tuple(FUSED["reliability"])}
    manifest.save(tmp_path / "model")
    assert load_manifest(tmp_path / "model") == manifest
    assert json.loads((tmp_path / "model" / "manifest.json").read_text())["fused"] == FUSED


@pytest.mark.parametrize(
    ("fused", "message"),
    [
        ([], r"fused cannot be \[\]"),
        (0.5, "fused cannot be 0.5"),
        (
            {},
            "fused has other fields .*: missing abstain_below, min_epochs, reliability, temperature;",
        ),
        (FUSED | {"n": 1}, "missing none; unknown n"),
        (FUSED | {"min_epochs": 0}, "fused: min_epochs cannot be 0"),
        (FUSED | {"min_epochs": 15.0}, "fused: min_epochs cannot be 15.0"),
        (FUSED | {"temperature": 0}, "fused: temperature cannot be 0"),
        (FUSED | {"temperature": float("nan")}, "fused: temperature cannot be nan"),
        (FUSED | {"temperature": float("inf")}, "fused: temperature cannot be inf"),
        (FUSED | {"abstain_below": 1.0}, "fused: abstain_below cannot be 1.0"),
        (FUSED | {"reliability": None}, "fused: reliability cannot be None"),
        (FUSED | {"reliability": [BINS[0]]}, r"fused.reliability\[0\]: n_epochs_max is 19; it must be null"),
        (FUSED | {"reliability": [BINS[2] | {"mc": 2}]}, r"fused.reliability\[0\]: mc cannot be 2"),
    ],
)
def test_what_cannot_be_stated_of_fused_answers_is_refused_in_one_line(load, fused, message):
    with pytest.raises(ManifestError, match=message) as refusal:
        load(fused=fused)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_taxonomy_is_stated_where_the_model_has_one(load, tmp_path):
    stated = {"version": "1", "sha256": "0" * 64}
    load(taxonomy=stated).save(tmp_path / "model")
    assert load_manifest(tmp_path / "model").taxonomy == stated
    load().save(tmp_path / "model")
    assert "taxonomy" not in json.loads((tmp_path / "model" / "manifest.json").read_text())


@pytest.mark.parametrize("good", [0, 0.0, 0.999])
def test_a_model_may_ask_for_any_probability_below_one(load, good):
    assert load(abstain_below=good).abstain_below == good


@pytest.mark.parametrize("bad", [1, 1.0, -0.1, float("nan"), True, "0.5", None])
def test_an_impossible_probability_to_abstain_below_is_refused(load, bad):
    with pytest.raises(ManifestError, match=f"abstain_below cannot be {bad!r}"):
        load(abstain_below=bad)


def test_a_bin_where_the_model_always_abstains_has_no_accuracy_when_sure(load):
    (only,) = load(reliability=[BINS[2] | {"abstained": 1.0, "accuracy_when_sure": None}]).reliability
    assert only["accuracy_when_sure"] is None


@pytest.mark.parametrize(
    ("training", "survey"),
    [
        ({"data": [{"observed_as": "lsst"}, {"observed_as": None}, {"observed_as": "lsst"}]}, "lsst"),
        ({"data": [{"observed_as": None}, {"name": "mine"}]}, None),
        ({"data": [{"observed_as": "lsst"}, {"observed_as": "ztf"}]}, None),
        ({"data": []}, None),
        ({"data": {"observed_as": "ztf"}}, None),
        ({"data": ["ztf", 7, {"observed_as": ["ztf"]}]}, None),
        ({}, None),
    ],
)
def test_a_model_is_for_the_stream_that_its_stars_were_shown_as(load, training, survey):
    assert load(training=training).survey == survey


@pytest.mark.parametrize("bad", [None, [], "data"])
def test_what_is_said_of_training_has_names(load, bad):
    with pytest.raises(ManifestError, match="training cannot be"):
        load(training=bad)


WRONG_FIELDS = {
    "label_maps": ["RRab", {"css": "RRab"}, {"css": {"RRab": 7}}],
    "preprocessing": [None, [1], {"mean": [float("nan")]}, {"mean": float("inf")}],
    "training": ["none"],
    "metrics": [0.9],
    "licence": [None, {}],
    "clip_sigma": [10**400, "3"],
    "min_epochs": [10**400, 0, True],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG_FIELDS.items() for value in values]
)
def test_a_field_that_cannot_be_is_named_in_one_line(load, field, value):
    with pytest.raises(ManifestError, match=f"{field} cannot be") as refusal:
        load(**{field: value})
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"metrics":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"min_epochs": ' + "9" * 10_000 + "}",
        '{"name": "\\ud800"}',
        '{"name": "a", "name": "b"}',
        '{"manifest_version": ' + "[" * 500 + "]" * 500 + "}",
        '{"manifest_version": "1", "' + "x" * 100_000 + '": 1}',
        '{"manifest_version": "1", "name": ' + "[" * 500 + "]" * 500 + "}",
        '{"manifest_version": "1"' + "".join(f', "x{i}": 0' for i in range(10_000)) + "}",
    ],
)
def test_a_manifest_that_is_made_to_break_its_reader_is_refused_in_one_line(load, tmp_path, text):
    load()
    (tmp_path / "model" / "manifest.json").write_text(text)
    with pytest.raises(ManifestError) as refusal:
        load_manifest(tmp_path / "model")
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 800


def test_a_manifest_that_is_larger_than_any_is_not_read(load, tmp_path):
    load()
    with (tmp_path / "model" / "manifest.json").open("ab") as file:
        file.truncate(2**31)  # a hole on the disk
    with pytest.raises(ManifestError, match="more than"):
        load_manifest(tmp_path / "model")
