"""Stars that a pretrained network learnt from are judged by networks that started from one that did not."""

from dataclasses import replace

import numpy as np
import pytest

from schemas.model.manifest import Manifest
from tests.training.made_up import from_scratch, made_up_dataset
from training.artifact import fold_networks
from training.artifact.fold_networks import FoldNetworks, read_fold_networks, write_fold_networks
from training.crossfit.crossfit import cross_fit
from training.crossfit.recipe import Recipe
from training.crossfit.starting_point import FromPretrained
from training.errors import TrainingError
from training.network.layers import Layers
from training.network.networks import BATCH_NORM_EPS, Networks
from training.network.one_cycle import OneCycle
from training.network.preprocess import fit_preprocessing
from training.network.trained_network import TrainedNetwork
from training.progress import QUIET
from training.stars.known_stars import UNKNOWN_FOLD, KnownStars


def network(seed: int) -> TrainedNetwork:
    values = np.random.default_rng(seed).lognormal(size=(50, 16))
    return TrainedNetwork(Networks.random(3, [seed]).weights(), BATCH_NORM_EPS, fit_preprocessing(values))


@pytest.fixture
def networks() -> FoldNetworks:
    keys = np.array([[11, 0], [7, 12], [9, 0], [8, 13]], np.uint64)
    stars = KnownStars.of(keys, np.array([2, 0, 1, 2], np.int8))
    return FoldNetworks(tuple(network(seed) for seed in range(3)), stars)


def manifest(**training) -> Manifest:
    return Manifest(
        name="known",
        version="1",
        sha256="",
        classes=("A",),
        features=(),
        convention="refined",
        min_epochs=10,
        training=training,
    )


def test_a_star_is_known_by_any_of_its_keys_and_all_its_folds_are_told(networks):
    asked = np.array([[11, 0], [99, 12], [0, 0], [13, 7], [8, 13], [14, 99]], np.uint64)
    lowest, highest = networks.stars.folds_of(asked)
    assert lowest.tolist() == [2, 0, UNKNOWN_FOLD, 0, 2, UNKNOWN_FOLD]
    assert highest.tolist() == [2, 0, UNKNOWN_FOLD, 2, 2, UNKNOWN_FOLD]
    assert [each.tolist() for each in KnownStars.none().folds_of(asked)] == [[UNKNOWN_FOLD] * 6] * 2


def test_what_is_written_is_read_back_and_the_same_networks_give_the_same_bytes(networks, tmp_path):
    hashes = [write_fold_networks(tmp_path / name, networks) for name in ("one", "again")]
    assert hashes[0] == hashes[1]
    back = read_fold_networks(tmp_path / "one", manifest(folds_sha256=hashes[0]))
    assert back is not None
    assert back.stars.key.tolist() == [7, 8, 9, 11, 12, 13]
    assert back.stars.fold.tolist() == [0, 2, 1, 2, 0, 2]
    for model, before in zip(back.networks, networks.networks, strict=True):
        assert model.weights.keys() == before.weights.keys()
        assert all((model.weights[name] == array).all() for name, array in before.weights.items())
        assert model.preprocessing.to_manifest() == before.preprocessing.to_manifest()
        assert model.input_eps == before.input_eps


def test_networks_that_are_missing_or_another_models_are_refused(networks, tmp_path):
    assert read_fold_networks(tmp_path, manifest()) is None  # a model that came without
    with pytest.raises(TrainingError, match=r"folds\.npz is missing, .* copy the whole folder"):
        read_fold_networks(tmp_path, manifest(folds_sha256="0" * 64))
    digest = write_fold_networks(tmp_path, networks)
    with pytest.raises(TrainingError, match=r"not the one that known 1 came with, .* copy the whole folder"):
        read_fold_networks(tmp_path, manifest(folds_sha256="0" * 64))
    (tmp_path / "folds.npz").write_bytes(b"no archive")
    with pytest.raises(TrainingError, match="not the one"):
        read_fold_networks(tmp_path, manifest(folds_sha256=digest))
    with pytest.raises(TrainingError, match=r"cannot write .*folds\.npz"):
        write_fold_networks(tmp_path / "folds.npz" / "in a file", networks)


def test_networks_of_another_version_are_refused_with_the_command_that_makes_them(
    networks, tmp_path, monkeypatch
):
    monkeypatch.setattr(fold_networks, "KEY_SCHEME", 0)
    digest = write_fold_networks(tmp_path, networks)
    monkeypatch.undo()
    with pytest.raises(
        TrainingError, match=r"another version .* make known again, by `varstream-train train`"
    ):
        read_fold_networks(tmp_path, manifest(folds_sha256=digest, command="varstream-train train"))


def test_labels_that_can_only_be_remembered_are_not_known_after_pretraining_on_them_either():
    rng = np.random.default_rng(1)
    recipe = Recipe(
        name="test",
        schedule=OneCycle(training_epochs=30, batch=64, input_noise=0.0, label_smoothing=0.0),
        folds=4,
    )
    star = np.repeat(np.arange(120), 3)
    marker = rng.normal(size=(120, 16))  # a star is known by it, but its label is a coin's
    label = rng.permutation(np.arange(120) % 2)[star]
    dataset = made_up_dataset(marker[star], label, star % 4, curve=star)
    source = cross_fit(dataset, recipe, from_scratch(recipe), seed=0)

    def right(of_folds: tuple[TrainedNetwork, ...]) -> float:
        fit = FromPretrained.by(recipe, source.model, Layers.LAST, QUIET, of_folds)
        made = cross_fit(dataset, recipe, fit, seed=0)
        return float((made.logits.argmax(axis=1) == label).mean())

    assert right(()) > 0.9  # the hidden layers know the labels
    assert right(source.of_folds) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(120))  # four sigma of 120 coins


def test_each_fold_starts_from_the_network_and_the_constants_without_it_and_the_shipped_one_from_all():
    values = np.random.default_rng(0).lognormal(size=(80, 16))
    dataset = made_up_dataset(values, np.arange(80) % 2, np.arange(80) // 2 % 5)
    recipe = Recipe(name="test", schedule=OneCycle(training_epochs=1))
    everything, *parts = (network(seed) for seed in range(6))
    fit = FromPretrained.by(recipe, everything, Layers.LAST, QUIET, tuple(parts))
    made = cross_fit(dataset, recipe, fit, seed=0)
    for after, before in zip((made.model, *made.of_folds), (everything, *parts), strict=True):
        assert (after.weights["fc2.weight"] == before.weights["fc2.weight"]).all()
        assert after.preprocessing.to_manifest() == before.preprocessing.to_manifest()
    judged = replace(made.of_folds[3], temperature=1.0).probabilities(values[6:8])
    expected = np.exp(made.logits[6:8] - made.logits[6:8].max(axis=1, keepdims=True))
    assert judged == pytest.approx(expected / expected.sum(axis=1, keepdims=True), abs=1e-5)
