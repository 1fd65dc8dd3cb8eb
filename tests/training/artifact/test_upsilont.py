import json

import numpy as np
import pytest
import torch

from features import FEATURE_NAMES, extract
from schemas.model.artifact import Artifact
from training.artifact.export import read_model
from training.artifact.upsilont import CONSTANTS_FILE, import_upsilont
from training.errors import SettingsError, TrainingError


@pytest.fixture(scope="module")
def published(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("upsilont")
    import_upsilont(shared_data / "upsilont", folder)
    return folder


@pytest.fixture(scope="module")
def case(shared_data):
    return json.loads((shared_data / "upsilont" / CONSTANTS_FILE).read_text())["readme_case"]


def test_the_published_example_is_reproduced_from_its_light_curve(published, case, shared_data):
    with np.load(shared_data / "features" / "lightcurves.npz") as archive:
        time, mag, err = (archive[f"r001_eros_rrab/{key}"] for key in "tme")
    artifact = Artifact.load(published)
    values, *_ = extract(time, mag, err, [0, len(time)], convention=artifact.manifest.convention)
    probabilities, out_of_range, _ = artifact.score(values, np.ones(len(values), bool))
    assert probabilities[0] == pytest.approx(case["readme_probabilities"], abs=1e-6)
    assert artifact.manifest.classes[probabilities[0].argmax()] == "RRL_ab"
    assert out_of_range == 0


def test_the_published_standard_scores_are_reproduced(published, case):
    model, _ = read_model(published)
    raw = np.array([[case["raw_features"][name] for name in FEATURE_NAMES]])
    expected = [case["standardized"][name] for name in FEATURE_NAMES]
    assert model.preprocessing.transform(raw)[0][0] == pytest.approx(expected, rel=1e-9)


def test_the_original_state_dict_gives_the_same_model(published, shared_data, tmp_path):
    source = shared_data / "upsilont"
    (tmp_path / CONSTANTS_FILE).write_bytes((source / CONSTANTS_FILE).read_bytes())
    (tmp_path / "state_dict.pt").write_bytes((source / "state_dict.pt").read_bytes())
    manifest = import_upsilont(tmp_path, tmp_path / "model")
    assert manifest.sha256 == Artifact.load(published).manifest.sha256


def test_weights_of_another_network_are_refused(shared_data, tmp_path):
    source = shared_data / "upsilont"
    (tmp_path / CONSTANTS_FILE).write_bytes((source / CONSTANTS_FILE).read_bytes())
    with np.load(source / "u_model_state_dict.npz") as archive:
        arrays = dict(archive)
    path = tmp_path / "u_model_state_dict.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if name != "bn2.bias"})
    with pytest.raises(TrainingError, match=r"published network: .* bn2\.bias is missing, not \(64,\)"):
        import_upsilont(tmp_path, tmp_path / "model")
    np.savez(path, **{name: array for name, array in arrays.items() if name[:3] not in ("fc4", "bn5")})
    with pytest.raises(TrainingError, match=r"256 outputs, .* names 21 classes"):
        import_upsilont(tmp_path, tmp_path / "model")


def test_constants_that_exist_only_as_pickles_are_refused(tmp_path):
    (tmp_path / "min_params.pkl").write_bytes(b"")
    with pytest.raises(SettingsError, match=r"only as \.pkl"):
        import_upsilont(tmp_path, tmp_path / "model")


def test_an_empty_folder_and_a_folder_without_weights_say_what_is_missing(tmp_path):
    with pytest.raises(SettingsError, match=CONSTANTS_FILE):
        import_upsilont(tmp_path, tmp_path / "model")
    (tmp_path / CONSTANTS_FILE).write_text("{}")
    with pytest.raises(SettingsError, match=r"u_model_state_dict\.npz or state_dict\.pt"):
        import_upsilont(tmp_path, tmp_path / "model")


def test_a_state_dict_that_would_run_code_is_refused(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (print, ("ran",))

    (tmp_path / CONSTANTS_FILE).write_text("{}")
    torch.save({"fc1.weight": Harmful()}, tmp_path / "state_dict.pt")
    with pytest.raises(TrainingError, match="cannot read the weights"):
        import_upsilont(tmp_path, tmp_path / "model")
