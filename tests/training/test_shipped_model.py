"""The model that users get: loadable, small, and sane on stars whose class is known by construction."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from features import FEATURE_NAMES
from schemas.artifact import Artifact
from training.card import write_card
from training.evaluate import judge
from training.labels import membership
from training.light_curves import LightCurves, offsets_of
from training.recipe import RECIPES
from training.surveys import SURVEYS

MODELS = Path(__file__).resolve().parents[2] / "deploy" / "models"
DEMO_CLASSES = {"RRL_ab", "RRL_c", "CEPH_F", "DSCT", "EB_ED", "EB_EC", "LPV", "NonVar"}


@pytest.fixture(scope="module")
def shipped() -> Artifact:
    return Artifact.load(MODELS / (MODELS / "default").read_text().strip())


def test_the_default_model_loads_and_has_the_classes_of_the_demo(shipped):
    assert set(shipped.manifest.classes) >= DEMO_CLASSES
    assert shipped.manifest.features == FEATURE_NAMES
    assert shipped.manifest.convention == "refined"
    assert shipped.manifest.min_epochs == 10


def test_its_maps_cover_every_known_survey_and_name_only_its_classes(shipped):
    assert shipped.manifest.label_maps.keys() == SURVEYS.keys()
    for label_map in shipped.manifest.label_maps.values():
        assert membership(np.array(sorted(label_map)), label_map, shipped.manifest.classes).any(axis=1).all()


def test_its_manifest_says_how_it_was_made_and_how_good_it_is(shipped):
    manifest = shipped.manifest
    assert manifest.training["command"].startswith("varstream-train train ")
    assert all(len(source["sha256"]) == 64 and source["references"] for source in manifest.training["data"])
    for length in ("all", "10", "20", "40", "80"):
        assert 0.5 < manifest.metrics["all_surveys"][length]["mc"] <= 1.0
        assert 0.0 <= manifest.metrics["reliability"][length]["calibration_error"] < 0.2


def test_it_is_what_todays_recipe_makes(shipped):
    made_with = shipped.manifest.training["recipe"]
    assert made_with == json.loads(json.dumps(asdict(RECIPES[made_with["name"]])))
    assert "/tmp" not in (text := json.dumps(asdict(shipped.manifest)))
    assert "--cache" not in text


def test_its_card_is_written_from_its_manifest(shipped, tmp_path):
    folder = MODELS / (MODELS / "default").read_text().strip()
    write_card(tmp_path, shipped.manifest)
    assert (tmp_path / "README.md").read_text() == (folder / "README.md").read_text()


def test_no_file_of_a_model_is_large(shipped):
    sizes = [path.stat().st_size for path in MODELS.rglob("*") if path.is_file()]
    assert max(sizes) < 400_000


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
    answers = judge(shipped, simulated(shape))
    assert answers.scored.all()
    called = np.array(shipped.manifest.classes)[answers.predicted]
    assert (called == label).mean() > 0.8
