"""Our recipe on fresh splits, beside forests and without each of its parts."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tests.training.reproduce.experiments import random_network
from training.crossfit import starting_point
from training.crossfit.crossfit import cross_fit
from training.crossfit.recipe import TRANSFER
from training.examples.augment import Kind
from training.examples.feature_table import FeatureTable
from training.network.layers import Layers
from training.network.networks import Networks
from training.network.one_cycle import OneCycle
from training.network.preprocess import fit_preprocessing
from training.reproduce.labelled_sets import Target
from training.reproduce.ours import forests as forests_module
from training.reproduce.ours import models as models_module
from training.reproduce.ours.forests import boosting_on_shortened, forest_on_complete
from training.reproduce.ours.models import (
    SHOWN_EPOCHS,
    Ground,
    Variant,
    dataset_of,
    ours,
    scores_of,
    variants_of,
)
from training.reproduce.splits import split
from training.stars.assign_folds import NEVER_TRAINED

RECIPE = replace(TRANSFER, schedule=OneCycle(training_epochs=4, batch=32, label_smoothing=0.0), folds=3)
VARIANT = Variant(name="ours", recipe=RECIPE, layers=None)


@pytest.fixture(scope="module")
def ground() -> Ground:
    """Sixty stars of two classes eight sigma apart, their examples, and one star without features."""
    rng = np.random.default_rng(1)
    label = np.arange(60) % 2
    kinds = [Kind.FULL, *[Kind.FIRST] * 3, Kind.PREFIX, Kind.SHUFFLED, Kind.CONSTANT]
    curve = np.repeat(np.arange(60), len(kinds))
    kind = np.tile(kinds, 60).astype(np.int8)
    place = np.where(np.isin(kind, (Kind.SHUFFLED, Kind.CONSTANT)), -1.0, label[curve])
    values = rng.normal(size=(420, 16)) + 2.0 * place[:, None]
    status = np.zeros(420, np.uint32)
    values[:7], status[:7] = np.nan, 1
    n_epochs = np.tile([100, 20, 40, 80, 20, 20, 20], 60)
    table = FeatureTable.of_one_band(values, status, curve, kind, n_epochs=n_epochs, n_shown=n_epochs)
    target = Target("ground", ("A", "B"), label, np.arange(60), ())
    return Ground(target, table, random_network(4, 3), 0.25)


def test_our_recipe_is_measured_by_what_a_star_is_shown_with_and_by_repeat(bench, ground):
    scores = scores_of(bench, ground, VARIANT, n_curves=40, repeats=2)
    for name in ("mc", "calibration_error", "calibration_noise", "sure", "right"):
        assert getattr(scores, name).shape == (len(SHOWN_EPOCHS), 2)
    assert (scores.mc > 0.85).all()  # one star has no features, and is wrong
    assert ((scores.sure >= 0.0) & (scores.sure <= 1.0)).all()
    full, more = SHOWN_EPOCHS.index(None), SHOWN_EPOCHS.index(150)
    assert (scores.mc[more] == scores.mc[full]).all()  # no star has more than 100 epochs


def test_our_recipe_gives_the_same_again_and_is_kept(bench, ground, tmp_path, monkeypatch):
    scores = scores_of(bench, ground, VARIANT, n_curves=40, repeats=2)
    other = replace(bench, cache_folder=tmp_path / "other")
    again = scores_of(other, ground, VARIANT, n_curves=40, repeats=2)
    assert np.array_equal(scores.mc, again.mc)
    assert np.array_equal(scores.calibration_error, again.calibration_error)
    monkeypatch.setattr(models_module, "split", None)  # not called again
    kept = scores_of(bench, ground, replace(VARIANT, name="another name"), n_curves=40, repeats=2)
    assert np.array_equal(kept.mc, scores.mc)


TRANSFERRED = replace(VARIANT, layers=Layers.LAST)


@pytest.mark.parametrize(
    ("variant", "changed"),
    [
        (replace(TRANSFERRED, recipe=replace(RECIPE, class_power=0.3)), {}),
        (replace(TRANSFERRED, layers=Layers.EVERY), {}),
        (replace(TRANSFERRED, layers=None), {}),
        (replace(TRANSFERRED, non_variables=False), {}),
        (replace(TRANSFERRED, calibrated=False), {}),
        (replace(TRANSFERRED, refitted=True), {}),
        (TRANSFERRED, {"n_curves": 41}),
        (TRANSFERRED, {"repeats": 3}),
        (TRANSFERRED, {"test": 0.3}),
        (TRANSFERRED, {"pretrained": random_network(4, 4)}),
        (TRANSFERRED, {"moved": 1e-6}),
    ],
)
def test_what_scores_depend_on_is_computed_anew(bench, ground, monkeypatch, variant, changed):
    counts = {"n_curves": 40, "repeats": 2}
    scores_of(bench, ground, TRANSFERRED, **counts)
    monkeypatch.setattr(models_module, "split", None)  # not called again
    scores_of(bench, ground, TRANSFERRED, **counts)
    values = ground.table.values + changed.get("moved", 0.0)
    other = replace(
        ground,
        table=replace(ground.table, values=values),
        test=changed.get("test", ground.test),
        pretrained=changed.get("pretrained", ground.pretrained),
    )
    counts |= {name: value for name, value in changed.items() if name in counts}
    with pytest.raises(TypeError, match="not callable"):
        scores_of(bench, other, variant, **counts)


@pytest.mark.parametrize("layers", Layers)
def test_a_pretrained_start_is_measured_too(bench, ground, layers):
    scores = scores_of(bench, ground, replace(VARIANT, layers=layers), n_curves=40, repeats=2)
    assert (scores.mc[0] > 0.85).all()


def test_forests_and_boosting_learn_from_the_stars_of_the_same_splits(bench, ground, monkeypatch):
    forest = forest_on_complete(bench, ground, n_curves=40)
    boosting = boosting_on_shortened(bench, ground, n_curves=40)
    assert boosting.shape == (len(SHOWN_EPOCHS), len(forest))
    assert (forest > 0.85).all()  # one star has no features, and is wrong
    assert (boosting[0] > 0.85).all()
    monkeypatch.setattr(forests_module, "split", None)  # not called again
    assert (boosting_on_shortened(bench, ground, n_curves=40) == boosting).all()


def test_parts_of_the_recipe_are_left_out_one_at_a_time():
    whole, *others = variants_of(ours(300))
    assert (whole.layers, ours(1500).layers) == (Layers.LAST, Layers.EVERY)
    assert whole.recipe is TRANSFER
    for variant in others:
        parts = ("layers", "recipe", "non_variables", "calibrated", "refitted")
        changed = {name for name in parts if getattr(variant, name) != getattr(whole, name)}
        assert changed
        assert variant.name.startswith(("without", "from random weights"))
        if variant.layers is not None:
            assert len(changed) == 1
    assert len({variant.name for variant in others}) == len(others)
    assert len({str(asdict(variant) | {"name": ""}) for variant in (whole, *others)}) == len(others) + 1


@pytest.mark.parametrize(
    "recipe", [RECIPE, replace(RECIPE, sampling=replace(RECIPE.sampling, truncations=0))]
)
def test_each_example_is_learnt_from_or_tested_or_left_out(ground, recipe):
    variant = replace(VARIANT, recipe=recipe)
    parts = split(ground.target, seed=7, test=0.25, n_curves=40)
    dataset = dataset_of(ground, variant, parts, seed=7)
    learnt = set(dataset.table.curve[dataset.trainable])
    assert learnt == set(parts.training) - {0}  # which has no features
    assert set(dataset.table.curve[dataset.fold == NEVER_TRAINED]) == set(parts.test)
    assert set(dataset.table.curve) == set(parts.training) | set(parts.test)
    folds = {curve: set(dataset.fold[dataset.table.curve == curve]) for curve in parts.training}
    assert all(len(fold) == 1 for fold in folds.values())
    shortened = Kind.PREFIX in dataset.table.kind
    assert shortened == (recipe.sampling.truncations > 0)
    simulated = np.isin(dataset.table.kind, (Kind.SHUFFLED, Kind.CONSTANT))
    assert dataset.classes == ("A", "B", "NonVar")
    assert set(dataset.truth.first[simulated]) == {2}
    assert (dataset.truth.first[~simulated] == ground.target.label[dataset.table.curve[~simulated]]).all()


@pytest.mark.parametrize(("refitted", "robust"), [(False, True), (True, True), (True, False)])
def test_a_pretrained_network_is_behind_its_own_constants_unless_they_are_refitted(
    ground, monkeypatch, refitted, robust
):
    shown = []

    def transfer_networks(pretrained, examples, **_):
        shown.append(examples.scores)
        return Networks.random(examples.allowed.shape[1], [0] * len(pretrained))

    monkeypatch.setattr(starting_point, "transfer_networks", transfer_networks)
    variant = replace(VARIANT, layers=Layers.LAST, refitted=refitted, recipe=replace(RECIPE, robust=robust))
    parts = split(ground.target, seed=7, test=0.25, n_curves=40)
    dataset = dataset_of(ground, variant, parts, seed=7)
    made = cross_fit(dataset, variant.recipe, variant.fit(ground.pretrained), seed=7)
    values = dataset.table.values[dataset.trainable]
    expected = fit_preprocessing(values, robust=robust) if refitted else ground.pretrained.preprocessing
    scores = expected.transform(values)[0]
    assert made.model.preprocessing.transform(values)[0] == pytest.approx(scores, abs=1e-6)
    learnt_by_the_last = shown[-1][0].numpy().T  # of all stars; the networks of the folds come before it
    assert cdist(learnt_by_the_last, scores).min(axis=1).max() < 1e-4


def test_without_stars_that_do_not_vary_there_is_no_class_for_them(bench, ground):
    plain = replace(VARIANT, non_variables=False, calibrated=False)
    parts = split(ground.target, seed=7, test=0.25, n_curves=40)
    assert dataset_of(ground, plain, parts, seed=7).classes == ("A", "B")
    scores = scores_of(bench, ground, plain, n_curves=40, repeats=2)
    assert (scores.mc[0] > 0.85).all()
