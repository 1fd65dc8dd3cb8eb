from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features import FEATURE_NAMES
from schemas.model.artifact import Artifact
from schemas.model.manifest import Manifest, ManifestError, load_manifest
from training.artifact.export import check_folder, parity, read_model, write_model
from training.errors import SettingsError, TrainingError
from training.network.networks import Networks
from training.network.preprocess import fit_preprocessing
from training.network.trained_network import TrainedNetwork

CLASSES = ("A", "B", "C")


def make_model(seed: int = 0, input_eps: float = 1e-5) -> TrainedNetwork:
    """A network of random weights behind constants of random features."""
    rng = np.random.default_rng(seed)
    weights = {
        name: (rng.random(value.shape) + 0.5 if name.endswith("var") else rng.normal(0, 0.3, value.shape))
        for name, value in Networks.random(len(CLASSES), [0]).weights().items()
    }
    rows = rng.lognormal(size=(500, 16))
    single = {name: value.astype(np.float32) for name, value in weights.items()}
    return TrainedNetwork(single, input_eps, fit_preprocessing(rows), temperature=1.7)


def make_manifest() -> Manifest:
    return Manifest(
        name="made-up",
        version="0.1",
        sha256="",
        classes=CLASSES,
        features=FEATURE_NAMES,
        convention="refined",
        clip_sigma=4.0,
        min_epochs=10,
    )


def forward(model: TrainedNetwork, values: np.ndarray) -> np.ndarray:
    """The whole pipeline again in plain NumPy, in double precision."""
    w = {name: value.astype(np.float64) for name, value in model.weights.items()}
    x, _ = model.preprocessing.transform(values)
    for layer in "12345":
        eps = model.input_eps if layer == "1" else 1e-5
        x = x - w[f"bn{layer}.running_mean"]
        x = x / np.sqrt(w[f"bn{layer}.running_var"] + eps) * w[f"bn{layer}.weight"] + w[f"bn{layer}.bias"]
        if layer < "5":
            x = x @ w[f"fc{layer}.weight"].T + w[f"fc{layer}.bias"]
        if layer < "4":
            x = np.maximum(x, 0.0)
    e = np.exp((x - x.max(axis=1, keepdims=True)) / model.temperature)
    return e / e.sum(axis=1, keepdims=True)


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(9).lognormal(size=(1000, 16))


@pytest.mark.parametrize("input_eps", [1e-5, 64.0])
def test_the_graph_computes_what_numpy_computes(tmp_path, values, input_eps):
    model = make_model(input_eps=input_eps)
    write_model(tmp_path, model, make_manifest())
    probabilities, bits, _ = Artifact.load(tmp_path).score(values, np.ones(len(values), bool))
    assert probabilities == pytest.approx(forward(model, values), abs=1e-7)
    assert (bits == model.preprocessing.transform(values)[1]).all()
    assert probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-6)


def test_torch_and_onnxruntime_agree_on_a_thousand_rows(tmp_path):
    model = make_model()
    write_model(tmp_path, model, make_manifest())
    assert parity(tmp_path, model)[0] <= 1e-5


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    check_folder(tmp_path / "new" / "model")
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "model"):
        with pytest.raises(SettingsError, match=f"{tmp_path / 'file'} is no folder"):
            check_folder(folder)
    with pytest.raises(SettingsError, match="/proc is no folder that we may write in"):
        check_folder(Path("/proc/model"))


def test_a_score_does_not_depend_on_its_batch(tmp_path, values):
    write_model(tmp_path, make_model(), make_manifest())
    artifact = Artifact.load(tmp_path)
    whole = artifact.score(values, np.ones(len(values), bool))[0]
    for size in (1, 7, 64):
        parts = [
            artifact.score(values[i : i + size], np.ones(len(values[i : i + size]), bool))[0]
            for i in range(0, len(values), size)
        ]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_a_model_whose_network_gives_nan_is_not_released(tmp_path):
    model = make_model()
    model.weights["fc4.bias"][0] = np.nan
    with pytest.raises(TrainingError, match="not released"):
        write_model(tmp_path, model, make_manifest())
    with pytest.raises(ManifestError):
        load_manifest(tmp_path)


def test_what_is_written_can_be_read_back_for_transfer(tmp_path):
    model = make_model(input_eps=64.0)
    written = write_model(tmp_path, model, make_manifest())
    back, manifest = read_model(tmp_path)
    assert manifest == written
    assert back.input_eps == 64.0
    assert back.temperature == 1.7
    assert back.weights.keys() == model.weights.keys()
    assert all((back.weights[name] == value).all() for name, value in model.weights.items())
    assert back.preprocessing.to_manifest() == model.preprocessing.to_manifest()


def test_the_same_model_gives_the_same_bytes(tmp_path):
    first = write_model(tmp_path / "a", make_model(), make_manifest())
    second = write_model(tmp_path / "b", make_model(), make_manifest())
    assert first.sha256 == second.sha256


def test_a_graph_that_is_not_its_manifests_is_refused(tmp_path):
    write_model(tmp_path / "a", make_model(), make_manifest())
    write_model(tmp_path / "b", make_model(1), make_manifest())
    (tmp_path / "a" / "model.onnx").write_bytes((tmp_path / "b" / "model.onnx").read_bytes())
    with pytest.raises(ManifestError, match="do not belong together"):
        read_model(tmp_path / "a")


def test_a_manifest_with_other_class_names_is_refused(tmp_path):
    manifest = write_model(tmp_path, make_model(), make_manifest())
    replace(manifest, classes=("A", "B", "D")).save(tmp_path)
    with pytest.raises(ManifestError, match="classes"):
        Artifact.load(tmp_path)
