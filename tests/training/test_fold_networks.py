"""Stars that a pretrained network learnt from are judged by networks that started from one that did not."""

from dataclasses import replace

import numpy as np
import pytest
from rich.progress import Progress

from schemas.manifest import Manifest
from training.crossfit import cross_fit
from training.dataset import LEFT_OUT, NEVER_TRAINED, _as_before
from training.errors import TrainingError
from training.export import Model
from training.fit import OneCycle
from training.fold_networks import UNKNOWN, FoldNetworks, read_fold_networks, write_fold_networks
from training.networks import EPS, Networks
from training.plateau import Layers
from training.preprocess import fit_preprocessing
from training.recipe import Recipe
from training.starts import FromPretrained

from .made_up import from_scratch, made_up_dataset

QUIET = Progress(disable=True)
NAMES = np.array(["U Gem", "RR Lyr", "étoile 7", "12"])


def network(seed: int) -> Model:
    values = np.random.default_rng(seed).lognormal(size=(50, 16))
    return Model(Networks.random(3, [seed]).weights(), EPS, fit_preprocessing(values))


@pytest.fixture
def networks() -> FoldNetworks:
    fold = np.array([2, 0, 1, 2], np.int8)
    return FoldNetworks.of([network(seed) for seed in range(3)], NAMES, fold)


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


def test_stars_are_known_by_their_names(networks):
    asked = np.array(["RR Lyr", "RR lyr", "12", "étoile 7", "", "U Gem"])
    assert networks.fold_of(asked).tolist() == [0, UNKNOWN, 2, 1, UNKNOWN, 2]


def test_what_is_written_is_read_back_and_the_same_networks_give_the_same_bytes(networks, tmp_path):
    hashes = [write_fold_networks(tmp_path / name, networks) for name in ("one", "again")]
    assert hashes[0] == hashes[1]
    back = read_fold_networks(tmp_path / "one", manifest(folds_sha256=hashes[0]))
    assert back is not None
    assert back.fold_of(NAMES).tolist() == [2, 0, 1, 2]
    for model, before in zip(back.models, networks.models, strict=True):
        assert model.weights.keys() == before.weights.keys()
        assert all((model.weights[name] == array).all() for name, array in before.weights.items())
        assert model.preprocessing.to_manifest() == before.preprocessing.to_manifest()
        assert model.input_eps == before.input_eps
    assert not any(name.encode() in (tmp_path / "one" / "folds.npz").read_bytes() for name in NAMES[:3])


def test_networks_that_are_missing_or_another_models_are_refused(networks, tmp_path):
    assert read_fold_networks(tmp_path, manifest()) is None  # a model that came without
    with pytest.raises(TrainingError, match=r"folds\.npz is missing"):
        read_fold_networks(tmp_path, manifest(folds_sha256="0" * 64))
    digest = write_fold_networks(tmp_path, networks)
    with pytest.raises(TrainingError, match="not the one that known 1 came with"):
        read_fold_networks(tmp_path, manifest(folds_sha256="0" * 64))
    (tmp_path / "folds.npz").write_bytes(b"no archive")
    with pytest.raises(TrainingError, match="not the one"):
        read_fold_networks(tmp_path, manifest(folds_sha256=digest))
    with pytest.raises(TrainingError, match=r"cannot write .*folds\.npz"):
        write_fold_networks(tmp_path / "folds.npz" / "in a file", networks)


def test_known_stars_stay_in_their_folds_and_others_where_they_are_put():
    # star 0 was in one fold, 1 is not known, 2 was in two; of the second survey, 3 and 4 are only measured
    group = [np.array([0, 1, 2, 2]), np.array([0, 3, 4])]
    before = [np.array([4, -1, 1, 3], np.int8), np.array([-1, 2, -1], np.int8)]
    fold = [np.array([0, 1, 2, 2], np.int8), np.array([0, NEVER_TRAINED, NEVER_TRAINED], np.int8)]
    placed, kept = _as_before(fold, group, before)
    assert placed[0].tolist() == [4, 1, LEFT_OUT, LEFT_OUT]
    assert placed[1].tolist() == [4, LEFT_OUT, NEVER_TRAINED]
    assert [each.tolist() for each in kept] == [[True, False, False, False], [True, False, False]]


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
    dataset = made_up_dataset(marker[star], label, star % 4, star=star)
    source = cross_fit(dataset, recipe, from_scratch(recipe), seed=0)

    def right(of_folds: tuple[Model, ...]) -> float:
        fit = FromPretrained.by(recipe, source.model, Layers.LAST, QUIET, of_folds)
        made = cross_fit(dataset, recipe, fit, seed=0)
        return float((made.logits.argmax(axis=1) == label).mean())

    assert right(()) > 0.9  # the hidden layers know the labels
    assert right(source.of_folds) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(120))  # four sigma of 120 coins


def test_the_network_that_is_shipped_starts_from_the_one_that_knows_all():
    dataset = made_up_dataset(
        np.random.default_rng(0).normal(size=(80, 16)), np.arange(80) % 2, np.arange(80) // 2 % 5
    )
    recipe = Recipe(name="test", schedule=OneCycle(training_epochs=1))
    everything, *parts = (replace(network(seed), preprocessing=network(0).preprocessing) for seed in range(6))
    made = cross_fit(
        dataset, recipe, FromPretrained.by(recipe, everything, Layers.LAST, QUIET, tuple(parts)), seed=0
    )
    for after, before in zip((made.model, *made.of_folds), (everything, *parts), strict=True):
        assert (after.weights["fc2.weight"] == before.weights["fc2.weight"]).all()
