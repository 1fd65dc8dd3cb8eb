"""What is in no class: how much it weighs, what is said of it, and by whom it is judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from schemas.model.verdict import OTHER
from tests.training.artifact.test_export import make_model
from tests.training.made_up import made_up_dataset
from training.crossfit.assess.no_class import assess_no_class
from training.crossfit.crossfit import CrossFit
from training.crossfit.dataset import Dataset, build_dataset
from training.crossfit.labelled_file import LabelledFile
from training.crossfit.recipe import Recipe
from training.crossfit.row_weights import calibration_weights, mixture_weights, outlier_weights, weights_of
from training.crossfit.terms import novelty_of_folds, terms_of_bands
from training.examples.augment import OUTLYING, Kind, Sampling
from training.progress import QUIET

CLASSES = ("A", "B", OTHER)
RECIPE = Recipe(name="test", sampling=Sampling(), folds=4, class_power=0.5)


def known_and_unknown(known: int = 400, flares: int = 40, bumps: int = 10) -> Dataset:
    n = known + flares + bumps
    outlier = np.repeat([-1, 0, 1], [known, flares, bumps])
    label = np.where(outlier < 0, np.arange(n) % 2, 2)
    kind = np.where(outlier == 1, Kind.BUMP, Kind.FULL)
    values = np.random.default_rng(0).standard_normal((n, 16))
    dataset = made_up_dataset(values, label, np.arange(n) % 4, classes=CLASSES, outlier=outlier, kind=kind)
    return replace(dataset, outlier_kinds=("flare", "bump"))


def made(dataset: Dataset, probabilities: np.ndarray, oddness: np.ndarray | None) -> CrossFit:
    model = replace(make_model(), temperature=1.0)
    return CrossFit(model, np.log(probabilities), (), np.array([20]), oddness=oddness)


def test_each_kind_weighs_as_much_and_all_their_share_of_what_is_in_a_class():
    dataset = known_and_unknown()
    weights = weights_of(dataset, np.arange(len(dataset.outlier)), RECIPE)
    in_class, flares, bumps = (weights[dataset.outlier == kind].sum() for kind in (-1, 0, 1))
    assert flares == pytest.approx(bumps)
    assert flares + bumps == pytest.approx(RECIPE.outlier_weight * in_class)


def test_weights_within_a_kind_keep_their_proportions():
    weights, outlier = np.array([1.0, 3.0, 1.0, 3.0, 5.0]), np.array([-1, -1, 0, 0, 1])
    factor = outlier_weights(weights, outlier, 0.5)
    assert factor == pytest.approx([1.0 / 4.0, 1.0 / 4.0, 1.0 / 5.0])  # half of 4, in two equal parts


def test_a_kind_of_rows_without_weight_keeps_none():
    factor = outlier_weights(np.array([2.0, 0.0, 1.0]), np.array([-1, 0, 1]), 0.5)
    assert factor.tolist() == [0.0, 1.0]  # all of the share is the other kind's


def test_a_temperature_hears_of_what_is_in_no_class_as_the_loss_does():
    weights = calibration_weights(np.array([-1, -1, -1, -1, 0, 0]), 0.25)
    assert weights == pytest.approx([1.0, 1.0, 1.0, 1.0, 0.5, 0.5])


def test_the_mixture_is_of_what_is_in_a_class_and_rare_classes_are_drawn_more_often():
    dataset = known_and_unknown()
    rare = replace(dataset, truth=dataset.truth.with_class(np.arange(450) < 300, 0))
    weight = mixture_weights(rare)
    assert (weight[rare.outlier >= 0] == 0.0).all()
    first = rare.truth.first
    counts = [np.count_nonzero((first == number) & (rare.outlier < 0)) for number in (0, 1)]
    total = [weight[(first == number) & (rare.outlier < 0)].sum() for number in (0, 1)]
    assert total == pytest.approx(np.sqrt(counts))  # by the root of how many there are


def test_labels_of_no_class_are_wrong_whatever_they_are_and_novel_ones_have_none():
    dataset = known_and_unknown()
    probabilities = np.full((450, 3), 0.02)
    probabilities[:, 0] = 0.96
    oddness = np.random.default_rng(1).standard_normal(450)
    oddness[400:420] = 50.0  # half of the flares
    novelty = novelty_of_folds(dataset, made(dataset, probabilities, oddness))
    said = assess_no_class(dataset, probabilities, RECIPE, novelty)
    flare = said["by_kind"]["flare"]["all"]
    assert (flare["n_stars"], flare["n_light_curves"]) == (40, 40)
    assert flare["novel"] == pytest.approx(0.5, abs=0.1)
    assert flare["labelled_wrongly"] == flare["confident_wrongly"] == pytest.approx(1.0 - flare["novel"])
    assert flare["novel_or_unlabelled"] == flare["novel"]
    assert said["by_kind"]["bump"]["all"]["n_light_curves"] == 10
    known = said["known_by_class"]
    assert known.keys() == {"A", "B"}
    assert known["A"]["all"]["labelled_rightly"] == pytest.approx(1.0 - known["A"]["all"]["novel"])
    assert known["B"]["all"]["labelled_rightly"] == 0.0


def test_novelty_is_by_stars_of_other_folds():
    dataset = known_and_unknown()
    oddness = np.random.default_rng(2).standard_normal(450)
    oddness[dataset.fold == 3] += 100.0
    novelty = novelty_of_folds(dataset, made(dataset, np.full((450, 3), 1 / 3), oddness))
    assert (novelty[dataset.fold == 3] == 0.001).all()  # none of the other folds is as odd
    assert np.median(novelty[(dataset.fold == 0) & (dataset.outlier < 0)]) > 0.5


def test_without_oddness_nothing_is_novel():
    dataset = known_and_unknown()
    of = made(dataset, np.full((450, 3), 1 / 3), None)
    assert novelty_of_folds(dataset, of) is None
    assert "novelty" not in terms_of_bands(dataset, of, RECIPE)
    assert assess_no_class(dataset, of.probabilities, RECIPE, None)["by_kind"]["flare"]["all"]["novel"] == 0.0


def test_priors_are_the_weighted_mean_of_what_the_networks_say():
    dataset = known_and_unknown()
    truth = dataset.truth.allowed.astype(np.float64)
    perfect = np.clip(truth, 1e-9, None)
    perfect /= perfect.sum(axis=1, keepdims=True)
    priors = terms_of_bands(dataset, made(dataset, perfect, None), RECIPE)["priors"]
    assert list(priors) == list(CLASSES)
    assert priors[OTHER] == pytest.approx(RECIPE.outlier_weight / (1.0 + RECIPE.outlier_weight), rel=1e-6)
    assert priors["A"] == pytest.approx(priors["B"], rel=1e-6)
    assert sum(priors.values()) == pytest.approx(1.0)


def test_limits_by_class_are_stated_where_the_class_is_there_and_labels_can_be_withheld():
    dataset = known_and_unknown()
    of = made(dataset, np.full((450, 3), 1 / 3), None)
    recipe = replace(RECIPE, abstain_below_by_class={"B": 0.7, "CV": 0.7})
    assert terms_of_bands(dataset, of, recipe)["abstain_below_by_class"] == {"B": 0.7}
    always = replace(recipe, abstain_below=0.0)
    assert "abstain_below_by_class" not in terms_of_bands(dataset, of, always)


def test_a_file_names_the_kinds_of_what_is_in_no_class_and_made_ones_have_names_of_their_own(survey):
    file = LabelledFile(survey, "kind", {"short": "A|B", "long": OTHER}, kinds={"long": "slow thing"})
    recipe = Recipe(name="test", sampling=Sampling(outlying=1.0), folds=4)
    dataset = build_dataset([file], CLASSES, recipe, seed=0, cache_folder=None, workers=1, progress=QUIET)
    made_up = ["made up: bump", "made up: stray", "made up: as flux", "made up: saturated"]
    assert dataset.outlier_kinds == ("slow thing", *made_up)
    first = dataset.truth.first
    assert ((dataset.outlier >= 0) == (first == dataset.classes.index(OTHER))).all()
    assert set(dataset.table.kind[dataset.outlier == 0].tolist()) == {Kind.FULL}
    for number, kind in enumerate(OUTLYING, start=1):
        assert set(dataset.table.kind[dataset.outlier == number].tolist()) == {kind}
        assert np.count_nonzero(dataset.table.kind == kind) == 120  # of every light curve one
