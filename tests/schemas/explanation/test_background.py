"""The background of a model is its own, whole, and without it nothing is explained."""

from dataclasses import replace

import numpy as np
import pytest

from schemas.explanation.background import BACKGROUND_FILE, read_background
from schemas.model.manifest import ManifestError, load_manifest, sha256_of
from schemas.model.shipped import find_model
from tests.broker.explaining import background, model_with_background, model_without_background


@pytest.fixture
def folder(tmp_path):
    return model_with_background(tmp_path / "model")


def test_it_is_read_as_it_was_written(folder):
    assert (read_background(folder, load_manifest(folder)) == background()).all()


def test_a_model_that_came_without_is_refused_with_the_command_that_makes_it_again(tmp_path):
    without = model_without_background(tmp_path / "without")
    command = load_manifest(without).training["command"]
    with pytest.raises(ManifestError, match=r"came without background\.npz") as refused:
        read_background(without, load_manifest(without))
    assert command in str(refused.value)


@pytest.mark.parametrize("stated", [{}, {"command": "Classifier.train(table, labels)"}])
def test_what_would_be_made_without_again_is_to_be_made_in_another_way(stated):
    manifest = replace(load_manifest(find_model("varstream-ztf")), training=stated)
    with pytest.raises(ManifestError, match=r"make it again by `varstream-train train` or `transfer`$"):
        read_background(find_model("varstream-ztf"), manifest)


def test_one_that_is_missing_or_another_model_s_is_refused(folder):
    manifest = load_manifest(folder)
    other = replace(manifest, training={"background_sha256": "0" * 64})
    with pytest.raises(ManifestError, match=r"not the one that varstream-ztf .* copy the whole folder"):
        read_background(folder, other)
    (folder / BACKGROUND_FILE).unlink()
    with pytest.raises(ManifestError, match=r"background\.npz is missing: copy the whole folder"):
        read_background(folder, manifest)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"values": np.zeros((3, 15))}, r"holds float64 of shape \(3, 15\), not rows of 16 features"),
        ({"values": np.zeros((0, 16))}, "not rows of 16 features"),
        ({"values": np.zeros((3, 16), np.float32)}, "holds float32"),
        ({"values": np.float64(1.0)}, "not rows"),
        ({"values": np.full((3, 16), np.nan)}, "not finite"),
        ({"values": np.array([[None]])}, "cannot be read"),
        ({"rows": np.zeros((3, 16))}, "cannot be read"),
        (b"no archive", "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_what_is_no_background_is_refused_in_one_line(folder, arrays, message):
    path = folder / BACKGROUND_FILE
    if isinstance(arrays, bytes):
        path.write_bytes(arrays)
    else:
        np.savez(path, **arrays)
    manifest = replace(load_manifest(folder), training={"background_sha256": sha256_of(path)})
    with pytest.raises(ManifestError, match=message) as refused:
        read_background(folder, manifest)
    assert "\n" not in str(refused.value)
