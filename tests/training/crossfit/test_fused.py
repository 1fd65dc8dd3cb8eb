"""Stars in several bands in cross-fitting: folds, weights, and the fused answers of the folds."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from tests.training.made_up import Recorder, made_up_dataset
from training.crossfit.assess.fused import assess_fused, fused_terms
from training.crossfit.crossfit import cross_fit
from training.crossfit.dataset import Dataset, build_dataset
from training.crossfit.fused import fit_fused
from training.crossfit.labelled_file import LabelledFile
from training.crossfit.recipe import Recipe
from training.crossfit.row_weights import view_weights
from training.data.truth import Truth
from training.errors import SettingsError
from training.examples.augment import Kind, Sampling
from training.examples.feature_table import FeatureTable, View
from training.progress import QUIET

SAMPLING = Sampling(truncations=3, truncations_together=3, first_epochs_together=(20,), shuffled=0.5)
RECIPE = Recipe(name="test", sampling=SAMPLING, folds=4)
CLASSES = ("NonVar", "long", "short")
MAP = {"short": "short", "long": "long"}


@pytest.fixture(scope="module")
def dataset(in_bands) -> Dataset:
    files = [LabelledFile(in_bands, "kind", MAP)]
    return build_dataset(files, CLASSES, RECIPE, seed=2, cache_folder=None, workers=1, progress=QUIET)


def test_no_row_of_a_star_is_learnt_from_by_the_network_that_judges_it(dataset):
    """Each row is marked with its star: what is learnt from without a fold, and what is in the fold."""
    values = np.tile(dataset.star[:, None].astype(float), 16)
    table = replace(dataset.table, values=values, status=0 * dataset.table.status)
    marked = replace(dataset, table=table)
    recorder = Recorder()
    cross_fit(marked, RECIPE, recorder, seed=0)
    of_folds, _ = recorder.shown
    assert set(dataset.table.view) == {*View}
    for fold, shown in enumerate(of_folds):
        judged = set(dataset.star[dataset.fold == fold])
        assert judged
        assert not judged & set(np.unique(shown).astype(int))
    bands_of = np.unique(np.stack([dataset.star, dataset.table.curve]), axis=1)
    assert (np.bincount(bands_of[0]) == 2).all()  # both bands of each star are in its fold
    assert len(np.unique(np.stack([dataset.star, dataset.fold]), axis=1).T) == 50


def test_what_is_held_against_is_measured_only(dataset):
    best = dataset.table.view == View.BEST_BAND
    assert best.any()
    assert not dataset.trainable[best].any()
    assert set(dataset.table.kind[best]) == {Kind.FULL, Kind.FIRST}


def test_a_star_in_six_bands_weighs_no_more_than_one_in_two():
    """One example of each: a merged curve, its bands at the joint period, its bands by themselves."""
    rows = []
    for star, bands in enumerate((2, 6)):
        rows += [(star, View.MERGED, 10 * star)]
        rows += [
            (star, view, 10 * star + band) for view in (View.AT_JOINT, View.OWN) for band in range(bands)
        ]
    star, view, curve = (np.array(column) for column in zip(*rows, strict=True))
    table = table_of(view, example=star, curve=curve, first_band=10 * star)
    made = replace(made_up_dataset(table.values, 0 * star, star), table=table, survey=0 * star)
    weights = view_weights(made, replace(RECIPE, merged_weight=2.0, at_joint_weight=0.5))
    for number in (0, 1):
        for of, expected in ((View.MERGED, 2.0), (View.AT_JOINT, 0.5), (View.OWN, 1.0)):
            assert weights[(star == number) & (view == of)].sum() == pytest.approx(expected)
    with pytest.raises(SettingsError, match="at_joint_weight must be a number from 0"):
        replace(RECIPE, at_joint_weight=-1.0)


def table_of(view, *, example, curve=None, first_band=None, kind=Kind.FIRST, n_epochs=20) -> FeatureTable:
    n = len(view)
    filled = {"kind": np.full(n, kind, np.int8), "n_epochs": np.full(n, n_epochs)}
    curve = np.arange(n) if curve is None else curve
    return FeatureTable(
        np.zeros((n, 16)),
        np.zeros(n, np.uint32),
        curve,
        filled["kind"],
        filled["n_epochs"],
        np.full(n, 20),
        np.asarray(view, np.int8),
        example,
        curve if first_band is None else first_band,
        np.where(view == View.OWN, 1, 2),
    )


@pytest.fixture(scope="module")
def answered():
    """Four hundred first twenty epochs of stars in two bands, and logits of which networks are too sure."""
    rng = np.random.default_rng(0)
    n = 400
    view = np.tile([View.MERGED, View.AT_JOINT, View.AT_JOINT, View.BEST_BAND], n)
    star = np.repeat(np.arange(n), 4)
    label = rng.integers(0, 3, n)
    table = table_of(view, example=star)
    made = made_up_dataset(table.values, label[star], star % 4, classes=("A", "B", "C"), star=star)
    said = 1.2 * np.eye(3)[label][:, None] + rng.normal(0.0, 1.0, (n, 4, 3))
    return replace(made, table=table), softmax(6.0 * said, axis=2).reshape(-1, 3)


def fused_by_hand(said: np.ndarray, temperature: float) -> np.ndarray:
    merged, bands = said.reshape(-1, 4, 3)[:, 0], said.reshape(-1, 4, 3)[:, 1:3].mean(axis=1)
    powered = np.sqrt(merged * bands) ** (1.0 / temperature)
    return powered / powered.sum(axis=1, keepdims=True)


def test_the_temperature_of_fused_answers_is_that_of_the_smallest_brier_score(answered):
    dataset, said = answered
    truth = dataset.truth.allowed[::4]

    def brier(temperature: float) -> float:
        return float(np.mean((fused_by_hand(said, temperature) - truth) ** 2))

    best = minimize_scalar(brier, bounds=(0.5, 10.0), method="bounded").x
    fitted = fit_fused(dataset, said, RECIPE)
    assert fitted is not None
    assert fitted[0] == pytest.approx(best, rel=1e-3)
    assert fitted[0] > 1.5
    assert fitted[1].tolist() == [20] * 400


def test_nothing_is_said_of_fused_answers_of_few_stars_or_of_hardly_any_class(answered):
    dataset, said = answered
    few = np.arange(4 * 29)
    assert fit_fused(dataset.take(few), said[few], RECIPE) is None
    of_one = np.flatnonzero(dataset.truth.allowed[:, 0])
    more = dataset.take(of_one)
    others = replace(more, truth=Truth.of_numbers(np.arange(len(of_one)) % 4 % 3, 3))
    kinds = replace(others.table, view=np.full(len(of_one), View.OWN, np.int8), kind=0 * others.table.kind)
    alone = replace(others, table=kinds)  # of all classes, but in one band
    both = replace(
        more,
        table=FeatureTable.join([more.table, alone.table]),
        truth=Truth.join([more.truth, alone.truth]),
        **{name: np.concatenate([getattr(more, name)] * 2) for name in ("survey", "star", "fold", "spared")},
    )
    assert fit_fused(both, np.tile(said[of_one], (2, 1)), RECIPE) is None


def test_fused_answers_and_the_best_band_are_measured_on_the_same_stars(answered):
    """What is too short for a limit counts as wrong, on either side."""
    dataset, said = answered
    n_epochs = np.where(dataset.table.view == View.BEST_BAND, np.tile([9, 9, 9, 9, 12, 12, 12, 12], 200), 20)
    whole = np.full(len(n_epochs), Kind.FULL, np.int8)
    short = replace(dataset, table=replace(dataset.table, n_epochs=n_epochs, kind=whole))
    found = assess_fused(short, said, RECIPE, 2.0)["by_epochs"]["20"]
    truth = dataset.truth.first[::4]
    assert found["fused"]["accuracy"] == pytest.approx(
        np.mean(fused_by_hand(said, 2.0).argmax(axis=1) == truth), abs=1e-4
    )
    best = said[3::4].argmax(axis=1)
    assert found["best_band"]["accuracy"] == pytest.approx(np.mean((best == truth)[1::2]) / 2, abs=1e-4)
    assert (found["fused"]["n"], found["best_band"]["n"]) == (400, 400)
    assert (found["fused"]["n_unscored"], found["best_band"]["n_unscored"]) == (0, 200)
    terms = fused_terms(short, said, replace(RECIPE, fused_min_epochs=15, fused_abstain_below=0.6), 2.0)
    (only,) = terms["reliability"]
    sure = fused_by_hand(said, 2.0).max(axis=1).round(7) >= 0.6
    assert only["n_epochs_min"] == 15
    assert only["abstained"] == pytest.approx(1.0 - sure.mean(), abs=1e-4)
    assert terms["min_epochs"] == 15


def test_a_survey_of_what_is_in_no_class_alone_has_no_fused_answers_to_measure(answered):
    dataset, said = answered
    of_none = dataset.star < 100
    outlier = np.where(of_none, 0, -1)
    whole = np.full(len(said), Kind.FULL, np.int8)
    table = replace(dataset.table, kind=whole)
    both = replace(
        dataset, table=table, survey=np.where(of_none, 0, 1), surveys=("transients", "stars"), outlier=outlier
    )
    found = assess_fused(both, said, RECIPE, 2.0)
    assert {*found["by_survey"]} == {"stars"}
    assert found["by_survey"]["stars"]["all"]["fused"]["n"] == found["by_epochs"]["all"]["fused"]["n"] == 300
    json.dumps(found, allow_nan=False)
