"""The models that users get: loadable, small, and sane on stars whose class is known by construction."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from features import FEATURE_NAMES
from schemas.model.artifact import Artifact
from schemas.model.manifest import expected_reliability
from schemas.model.shipped import find_model
from training.artifact.fold_networks import read_fold_networks
from training.crossfit.recipe import RECIPES, STREAM
from training.data.light_curves import LightCurves, offsets_of
from training.data.truth import Truth
from training.measure.answers import answer
from training.report.model_card import write_card
from training.surveys.public import SURVEYS

MODELS = Path(__file__).resolve().parents[3] / "deploy" / "models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/*/manifest.json"))
MADE_BY = {**RECIPES, STREAM.name: STREAM}
DEMO_CLASSES = {"RRL_ab", "RRL_c", "CEPH_F", "DSCT", "EB_ED", "EB_EC", "LPV", "NonVar"}
LENGTHS = ("all", "10", "20", "40", "80", "150")

every_model = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: "-".join(folder.parts[-2:]))


@pytest.fixture(scope="module")
def shipped() -> Artifact:
    return Artifact.load(find_model("varstream-ztf"))


def test_there_are_a_source_and_a_model_for_either_stream():
    names = {folder.parent.name for folder in FOLDERS}
    assert names == {"varstream-source", "varstream-ztf", "varstream-lsst"}


@every_model
def test_a_model_loads_and_has_the_classes_of_the_demo(folder):
    manifest = Artifact.load(folder).manifest
    assert (manifest.name, manifest.version) == (folder.parent.name, folder.name)
    assert set(manifest.classes) >= DEMO_CLASSES
    assert manifest.features == FEATURE_NAMES
    assert manifest.convention == "robust"
    assert manifest.min_epochs == 10


@every_model
def test_its_maps_cover_every_known_survey_and_name_only_its_classes(folder):
    manifest = Artifact.load(folder).manifest
    assert manifest.label_maps.keys() == SURVEYS.keys()
    for label_map in manifest.label_maps.values():
        assert Truth.of(np.array(sorted(label_map)), label_map, manifest.classes).labelled.all()


@every_model
def test_its_manifest_says_how_it_was_made_and_how_good_it_is(folder):
    manifest = Artifact.load(folder).manifest
    assert manifest.training["command"].startswith("varstream-train ")
    assert re.fullmatch("[0-9a-f]{40}", manifest.training["commit"])
    assert all(len(source["sha256"]) == 64 and source["references"] for source in manifest.training["data"])
    for length in LENGTHS:
        assert 0.5 < manifest.metrics["all_surveys"][length]["mc"] <= 1.0
        assert 0.0 <= manifest.metrics["calibration"][length]["calibration_error"] < 0.1


@every_model
def test_it_states_its_reliability_for_any_number_of_epochs_it_scores(folder):
    manifest = Artifact.load(folder).manifest
    assert manifest.abstain_below == 0.5
    few, many = (expected_reliability(manifest, count) for count in (manifest.min_epochs, 10_000))
    assert few is not None
    assert many is not None
    assert few["accuracy"] < many["accuracy"]
    assert few["abstained"] > many["abstained"]
    assert few["accuracy_when_sure"] > few["accuracy"]


@every_model
def test_a_transferred_model_names_the_shipped_one_it_came_from(folder):
    manifest = Artifact.load(folder).manifest
    if folder.parent.name == "varstream-source":
        assert "pretrained" not in manifest.training
        return
    source = Artifact.load(MODELS / "varstream-source" / manifest.training["pretrained"]["version"]).manifest
    assert manifest.training["pretrained"]["sha256"] == source.sha256
    stream = folder.parent.name.removeprefix("varstream-")
    seen = {each["observed_as"] for each in manifest.training["data"] if each["used_for"] != "test"}
    assert seen - {None} == {stream}


@every_model
def test_it_is_what_todays_recipe_makes(folder):
    manifest = Artifact.load(folder).manifest
    made_with = manifest.training["recipe"]
    assert made_with == json.loads(json.dumps(asdict(MADE_BY[made_with["name"]])))
    assert "/tmp" not in (text := json.dumps(asdict(manifest)))
    assert "--cache" not in text


@every_model
def test_its_card_is_written_from_its_manifest(folder, tmp_path):
    write_card(tmp_path, Artifact.load(folder).manifest)
    assert (tmp_path / "README.md").read_text() == (folder / "README.md").read_text()


def test_no_file_of_a_model_is_large():
    sizes = {path.name: path.stat().st_size for path in MODELS.rglob("*") if path.is_file()}
    assert sizes.pop("folds.npz") < 3_000_000  # five networks, and who knows whom
    assert max(sizes.values()) < 700_000


def test_the_source_comes_with_the_networks_of_its_folds():
    folder = find_model("varstream-source")
    manifest = Artifact.load(folder).manifest
    networks = read_fold_networks(folder, manifest)
    assert networks is not None
    assert len(networks.networks) == manifest.training["recipe"]["folds"]
    assert len(networks.stars.key) > manifest.training["light_curves"]  # names, and places of most
    stars = np.bincount(networks.stars.fold)
    assert stars.min() > 0.9 * stars.max()


def simulated(shape, n_stars: int = 60, n_epochs: int = 80, noise: float = 0.015) -> LightCurves:
    """Stars of one shape (phase -> magnitudes) at the epochs of a survey with nights and seasons."""
    rng = np.random.default_rng(4)
    nights = rng.choice(np.flatnonzero(np.arange(730) % 365 < 240), (n_stars, n_epochs))
    time = np.sort(nights + rng.uniform(-0.15, 0.15, nights.shape), axis=1)
    mag = 17.0 + np.array([shape(rng, t) for t in time]) + rng.normal(0.0, noise, time.shape)
    counts = np.full(n_stars, n_epochs)
    return LightCurves(time.ravel(), mag.ravel(), np.full(mag.size, noise), offsets_of(counts))


def sawtooth(rng, time):
    """Steep rise and slow fall in half a day, as an RR Lyrae star of type ab."""
    phase = (time / rng.uniform(0.5, 0.65) + rng.random()) % 1.0
    return 0.8 * (np.where(phase < 0.15, 1 - phase / 0.15, (phase - 0.15) / 0.85) - 0.5)


def long_sine(rng, time):
    return 1.5 * np.sin(2 * np.pi * (time / rng.uniform(200, 350) + rng.random()))


@pytest.mark.parametrize(
    ("shape", "label"),
    [
        (lambda rng, time: np.zeros_like(time), "NonVar"),
        (sawtooth, "RRL_ab"),
        (long_sine, "LPV"),
    ],
    ids=["constant", "sawtooth", "long sine"],
)
def test_stars_of_a_known_kind_are_called_what_they_are(shipped, shape, label):
    answers = answer(shipped, simulated(shape))
    assert answers.scored.all()
    called = np.array(shipped.manifest.classes)[answers.predicted]
    assert (called == label).mean() > 0.8
