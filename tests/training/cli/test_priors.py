"""Priors of a stream from its own answers: what the command prints is a section of the worker's settings."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from broker.classify.classifier import Classifier
from broker.classify.encoding import avro_file, published
from broker.pipeline import Pipeline
from broker.settings.load_config import load_config
from broker.state.store import MemoryStore
from schemas.model.artifact import Artifact
from schemas.model.manifest import load_manifest
from schemas.model.shipped import find_model
from schemas.model.terms import priors_fault
from tests.broker.streams import annotator, decoder, packets, simulated
from tests.training.commands import fails
from tests.training.made_up_survey import write_in_bands
from training.cli.main import main


@pytest.fixture(scope="module")
def model() -> Path:
    """The shipped model."""
    return find_model("varstream-ztf")


@pytest.fixture(scope="module")
def records(model):
    """Published records of a short stream, under these priors."""

    def records(**priors: float):
        classifier = Classifier(Artifact.load(model), priors=priors)
        alerts = packets([alert.payload for alert in simulated()][:250])
        made = Pipeline(decoder(), annotator(classifier), MemoryStore()).annotate(alerts)
        return [published(each) for each in made.annotations]

    return records


def printed(arguments: list[object], capsys) -> dict[str, dict[str, float]]:
    """The section that the command prints, as TOML reads it."""
    assert main(["priors", *map(str, arguments), "--resamples", "5"]) == 0
    text = capsys.readouterr().out
    (survey, section), *further = tomllib.loads(text)["model"]["priors"].items()
    assert not further
    return {survey: section}


def write(path: Path, records) -> Path:
    if path.suffix == ".avro":
        with path.open("wb") as file:
            writer = avro_file(file)
            for each in records:
                writer.write(each)
            writer.flush()
    else:
        path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return path


def test_what_is_printed_are_settings_of_the_worker(model, records, tmp_path, capsys):
    path = write(tmp_path / "records.jsonl", records())
    assert main(["priors", str(model), str(path)]) == 0
    text = capsys.readouterr().out
    settings = tmp_path / "worker.toml"
    settings.write_text(f'[kafka]\ntopics = ["alerts"]\n{text}')
    manifest = Artifact.load(model).manifest
    found = load_config(settings, environment={}).model.priors.of("ztf")
    assert tuple(found) == manifest.classes
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-9)
    assert priors_fault(manifest, found) is None
    scored = [each for each in records() if each["probabilities"] is not None]
    surveys = [each["survey"] for each in records()]
    objects = {each["object_id"] for each in scored if each["survey"] == "ztf"}
    assert f"about {len(objects)} objects" in text
    assert f"{surveys.count('lsst')} answers about other streams left out" in text
    assert text.count("doi:10.1162/089976602753284446") == 1


def test_records_of_a_worker_that_was_told_priors_give_the_same(model, records, tmp_path, capsys):
    own = printed([model, write(tmp_path / "own.avro", records())], capsys)
    told = records(LPV=0.5, QSO=0.02, RRL_ab=0.002)
    assert any(each["priors"] for each in told)
    again = printed([model, write(tmp_path / "told.jsonl", told)], capsys)
    assert list(own) == list(again) == ["ztf"]
    assert again["ztf"] == pytest.approx(own["ztf"], rel=0.02)  # published with seven decimals


def test_tables_of_predictions_give_priors(model, tmp_path, capsys):
    labels = np.repeat(["short", "long", "constant"], 6)
    stars = write_in_bands(tmp_path / "bands.npz", np.random.default_rng(3), labels)
    found = []
    for suffix in ("csv", "parquet"):
        table = tmp_path / f"answers.{suffix}"
        command = f"predict {model} {stars} --output {table} --workers 1 --cache {tmp_path / 'cache'}"
        assert main(command.split()) == 0
        capsys.readouterr()
        found.append(printed([model, table], capsys))
    assert found[0] == found[1]
    assert found[0]["ztf"].keys() == set(Artifact.load(model).manifest.classes)


def test_a_model_without_priors_is_refused(records, tmp_path, capsys):
    path = write(tmp_path / "records.jsonl", records())
    old = shutil.copytree(find_model("varstream-ztf"), tmp_path / "old")
    manifest = load_manifest(old)
    replace(manifest, priors={}, fused=None).save(old)
    error = fails(["priors", str(old), str(path)], capsys, 2)
    assert "varstream-ztf 3.0.0 does not state which priors it was made for" in error


def test_files_that_are_not_there_and_bands_without_answers_are_told(model, records, tmp_path, capsys):
    assert "No such file" in fails(["priors", str(model), str(tmp_path / "none")], capsys, 2)
    path = write(tmp_path / "records.jsonl", records())
    assert "in band y" in fails(["priors", str(model), str(path), "--band", "y"], capsys, 1)
