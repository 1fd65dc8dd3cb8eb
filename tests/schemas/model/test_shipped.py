"""A model is found by its folder, or by the name of a shipped one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from schemas.model import shipped
from schemas.model.artifact import Artifact
from schemas.model.manifest import ManifestError
from schemas.model.shipped import DEFAULT_MODELS, find_model, shipped_models
from schemas.surveys import LSST, ZTF

MODELS = Path(__file__).resolve().parents[3] / "deploy" / "models"


@pytest.fixture
def several(tmp_path, monkeypatch):
    """Folder of shipped models, of which one has three versions."""
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        shutil.copytree(MODELS / "varstream-ztf" / "3.0.0", tmp_path / "models" / "stars" / version)
    shutil.copytree(MODELS / "varstream-ztf" / "3.0.0", tmp_path / "models" / "other" / "2")
    monkeypatch.setattr(shipped, "FOLDERS", (tmp_path / "absent", tmp_path / "models"))
    return tmp_path / "models"


@pytest.mark.parametrize("name", ["varstream-ztf", "varstream-lsst", "varstream-source"])
@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}/3.0.0", "{} 3.0.0"])
def test_a_shipped_model_is_found_by_its_name(name, spelling):
    folder = find_model(spelling.format(name))
    manifest = Artifact.load(folder).manifest
    assert (manifest.name, manifest.version) == (name, "3.0.0")


def test_every_survey_has_a_shipped_model_that_was_made_for_it():
    assert DEFAULT_MODELS.keys() == {ZTF.name, LSST.name}
    for survey, name in DEFAULT_MODELS.items():
        assert Artifact.load(find_model(name)).manifest.survey == survey
    assert Artifact.load(find_model("varstream-source")).manifest.survey is None


def test_a_name_alone_is_the_latest_version(several):
    assert find_model("stars") == several / "stars" / "1.10.0"
    assert find_model("stars/1.2.0") == several / "stars" / "1.2.0"
    assert {name: [*versions] for name, versions in shipped_models().items()} == {
        "other": ["2"],
        "stars": ["1.2.0", "1.9.0", "1.10.0"],
    }


def test_a_folder_is_taken_as_it_is_and_goes_before_a_name(several, tmp_path, monkeypatch):
    assert find_model(several / "other" / "2") == several / "other" / "2"
    monkeypatch.chdir(several / "stars")
    assert find_model("1.9.0") == Path("1.9.0")
    shutil.copytree("1.2.0", "other")
    assert find_model("other") == Path("other")


def test_a_folder_without_a_model_does_not_hide_a_shipped_one(several, monkeypatch):
    monkeypatch.chdir(several)  # where `stars` is a folder of versions
    assert find_model("stars") == several / "stars" / "1.10.0"


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("star", "no model 'star': no such folder, and the shipped models are other, stars"),
        ("/stars", "no model '/stars': no such folder"),
        ("a/b/c", "no model 'a/b/c': no such folder"),
        ("", "no model in .: manifest.json is missing"),
        ("x" * 5000, "the shipped models are other, stars"),
        ("nul\0", "the shipped models are other, stars"),
        ("stars/3.0.0", "no version '3.0.0' of stars is shipped, there is 1.2.0, 1.9.0, 1.10.0"),
    ],
)
def test_what_is_neither_is_refused_with_the_names_there_are(several, named, message):
    with pytest.raises(ManifestError) as refused:
        Artifact.load(find_model(named))
    assert message in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_an_installation_without_models_says_where_they_are_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDERS", (tmp_path / "a", tmp_path / "b"))
    with pytest.raises(ManifestError, match=r"are missing, not in .*a nor in .*b"):
        find_model("varstream-ztf")
