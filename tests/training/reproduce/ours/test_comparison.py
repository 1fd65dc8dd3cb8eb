"""Our recipe beside the paper's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.examples.augment import Kind
from training.examples.feature_table import FeatureTable
from training.network.networks import Networks
from training.network.one_cycle import OneCycle
from training.network.paper_sgd import Layers
from training.network.preprocess import fit_preprocessing
from training.reproduce.labelled_sets import Target
from training.reproduce.ours import forests as recipe_peers
from training.reproduce.ours import models as recipe_models
from training.reproduce.ours.comparison import ours_for, variants_of
from training.reproduce.ours.forests import boosting_on_shortened, forest_on_complete
from training.reproduce.ours.models import SHOWN, Ground, Start, Variant, measure

VARIANT = Variant(
    name="test",
    layers=None,
    schedule=OneCycle(steps=60, batch=32, input_noise=0.0, label_smoothing=0.0),
)


@pytest.fixture(scope="module")
def ground() -> Ground:
    """Sixty stars of two classes eight sigma apart, their examples, and one star without features."""
    rng = np.random.default_rng(1)
    label = np.arange(60) % 2
    kinds = [Kind.FULL, *[Kind.FIRST] * 3, Kind.PREFIX, Kind.SHUFFLED, Kind.CONSTANT]
    star = np.repeat(np.arange(60), len(kinds))
    kind = np.tile(kinds, 60).astype(np.int8)
    place = np.where(np.isin(kind, (Kind.SHUFFLED, Kind.CONSTANT)), -1.0, label[star])
    values = rng.normal(size=(420, 16)) + 2.0 * place[:, None]
    status = np.zeros(420, np.uint32)
    values[:7], status[:7] = np.nan, 1
    n_epochs = np.tile([100, 20, 40, 80, 20, 20, 20], 60)
    table = FeatureTable(values, status, star, kind, n_epochs)
    target = Target("ground", ("A", "B"), label, np.arange(60), ())
    start = Start("random", Networks.random(4, [3]).weights(), fit_preprocessing(values[7:]))
    return Ground(target, table, start, 0.25)


def test_our_recipe_is_measured_by_what_a_star_is_shown_with_and_by_repeat(bench, ground):
    scores = measure(bench, ground, VARIANT, stars=40, repeats=2)
    for name in ("mc", "calibration_error", "calibration_noise", "sure", "right"):
        assert getattr(scores, name).shape == (len(SHOWN), 2)
    assert (scores.mc > 0.85).all()  # one star has no features, and is wrong
    assert ((scores.sure >= 0.0) & (scores.sure <= 1.0)).all()
    full, more = SHOWN.index(None), SHOWN.index(150)
    assert (scores.mc[more] == scores.mc[full]).all()  # no star has more than 100 epochs


def test_our_recipe_gives_the_same_again_and_is_kept(bench, ground, tmp_path, monkeypatch):
    scores = measure(bench, ground, VARIANT, stars=40, repeats=2)
    other = replace(bench, cache_folder=tmp_path / "other")
    again = measure(other, ground, VARIANT, stars=40, repeats=2)
    assert np.array_equal(scores.mc, again.mc)
    assert np.array_equal(scores.calibration_error, again.calibration_error)
    monkeypatch.setattr(recipe_models, "split", None)  # not called again
    kept = measure(bench, ground, replace(VARIANT, name="another name"), stars=40, repeats=2)
    assert np.array_equal(kept.mc, scores.mc)
    with pytest.raises(TypeError, match="not callable"):
        measure(bench, ground, replace(VARIANT, shortened=False), stars=40, repeats=2)


@pytest.mark.parametrize("layers", Layers)
def test_a_pretrained_start_is_measured_too(bench, ground, layers):
    variant = replace(VARIANT, layers=layers)
    scores = measure(bench, ground, variant, stars=40, repeats=2)
    assert (scores.mc[0] > 0.85).all()


def test_forests_and_boosting_learn_from_the_stars_of_the_same_splits(bench, ground, monkeypatch):
    forest = forest_on_complete(bench, ground, stars=40)
    boosting = boosting_on_shortened(bench, ground, stars=40)
    assert boosting.shape == (len(SHOWN), len(forest))
    assert (forest > 0.85).all()  # one star has no features, and is wrong
    assert (boosting[0] > 0.85).all()
    monkeypatch.setattr(recipe_peers, "split", None)  # not called again
    assert (boosting_on_shortened(bench, ground, stars=40) == boosting).all()


def test_parts_of_the_recipe_are_left_out_one_at_a_time():
    ours, *others = variants_of(ours_for(300))
    assert (ours.layers, ours_for(1500).layers) == (Layers.LAST, Layers.EVERY)
    for variant in others:
        changed = {
            name
            for name in ("layers", "shortened", "non_variables", "calibrated", "refitted", "schedule")
            if getattr(variant, name) != getattr(ours, name)
        }
        assert changed
        assert variant.name.startswith(("without", "from random weights"))
    assert len({variant.name for variant in others}) == len(others)


@pytest.mark.parametrize(("refitted", "robust"), [(False, True), (True, True), (True, False)])
def test_a_pretrained_network_is_behind_its_own_constants_unless_they_are_refitted(
    bench, ground, monkeypatch, refitted, robust
):
    scales = []

    def transfer_networks(pretrained, examples, **_):
        scales.append(examples.scores)
        return Networks.random(examples.allowed.shape[1], [0] * len(pretrained))

    monkeypatch.setattr(recipe_models, "transfer_networks", transfer_networks)
    variant = replace(
        VARIANT, layers=Layers.LAST, refitted=refitted, robust=robust, calibrated=False, shortened=False
    )
    stars = [np.arange(2, 40)]
    made = recipe_models._make(bench, ground, variant, stars)
    rows = recipe_models._training_rows(ground.table, variant, stars[0], 0)
    values = ground.table.values[rows]
    expected = fit_preprocessing(values, robust=robust) if refitted else ground.start.preprocessing
    assert made.scales[0].to_manifest() == expected.to_manifest()
    assert pytest.approx(expected.transform(values)[0], abs=1e-5) == scales[0][0].numpy().T


def test_without_stars_that_do_not_vary_there_is_no_class_for_them(bench, ground):
    plain = replace(VARIANT, non_variables=False, shortened=False, calibrated=False)
    scores = measure(bench, ground, plain, stars=40, repeats=2)
    assert (scores.mc[0] > 0.85).all()
