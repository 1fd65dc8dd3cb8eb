"""How much more labels would help."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from tests.training.made_up import Recorder, from_scratch, made_up_dataset, marked, values_apart
from training.crossfit import learning_curve as learning
from training.crossfit.dataset import Dataset
from training.crossfit.learning_curve import LearningCurve, learning_curve
from training.crossfit.recipe import Recipe
from training.examples.augment import Kind
from training.network.one_cycle import OneCycle
from training.stars.assign_folds import NEVER_TRAINED

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = Recipe(name="test", schedule=OneCycle(steps=60, batch=8, input_noise=0.0, label_smoothing=0.0))
FOLDS = RECIPE.folds


def stars(n: int, examples: int = 2):
    """Light curves that are shown complete and shortened, in five folds."""
    star = np.repeat(np.arange(n), examples)
    kind = np.tile([Kind.FULL, *[Kind.PREFIX] * (examples - 1)], n)
    return made_up_dataset(marked(star), star % 2, star // 2 % FOLDS, curve=star, kind=kind)


def recorded(dataset: Dataset, *, seed: int = 0) -> tuple[LearningCurve, Recorder]:
    """The curve of a way to fit that only notes what it is shown, and those notes."""
    fit = Recorder()
    return learning_curve(dataset, RECIPE, fit, seed=seed), fit


def fitted(dataset: Dataset) -> LearningCurve:
    return learning_curve(dataset, RECIPE, from_scratch(RECIPE), seed=0)


def test_an_eighth_a_quarter_a_half_and_all_labels_are_learnt_from():
    curve, fit = recorded(stars(160))
    assert curve.light_curves.tolist() == [16, 32, 64, 128]  # four fifths of 20, 40, 80 and 160
    for number, shown in zip(curve.light_curves, fit.shown, strict=True):
        seen = [np.unique(stars) for stars in shown]
        assert np.mean([len(each) for each in seen]) == pytest.approx(
            number, rel=0.05
        )  # all folds are cut to the least
        for fold, each in enumerate(seen):
            assert not (each // 2 % FOLDS == fold).any()
    assert len(fit.shown[-1][0]) == 2 * 128  # all examples of a light curve


def test_every_share_has_its_part_of_a_rare_class_and_all_bands_of_its_stars():
    star, band = np.repeat(np.arange(160), 2), np.tile([0, 1], 160)
    rare = (star % 20 == 0).astype(np.int64)  # 8 of 160
    dataset = made_up_dataset(marked(2 * star + band), rare, star // 2 % FOLDS, curve=2 * star + band)
    dataset = replace(dataset, star=star)
    _, fit = recorded(dataset)
    for shown, expected in zip(fit.shown, (1, 2, 4, 8), strict=True):
        seen = set(np.concatenate(shown).astype(int))
        assert sum(curve // 2 % 20 == 0 for curve in seen) == 2 * expected
        assert {curve ^ 1 for curve in seen} == seen


def test_more_labels_hold_the_fewer():
    _, fit = recorded(stars(160))
    everything = [set(np.concatenate(shown)) for shown in fit.shown]
    assert [len(each) for each in everything] == [20, 40, 80, 160]
    assert everything[0] < everything[1] < everything[2] < everything[3]


def test_no_more_light_curves_are_learnt_from_than_tell_something(monkeypatch):
    monkeypatch.setattr(learning, "MAX_LIGHT_CURVES", 80)
    curve, fit = recorded(stars(160))
    assert curve.light_curves.tolist() == [8, 16, 32, 64]
    assert len(set(np.concatenate(fit.shown[-1]))) == 80


def test_classes_far_apart_are_learnt_from_few():
    label = np.arange(120) % 2
    values = values_apart(np.random.default_rng(0), label, 3.0)  # twelve sigma
    dataset = made_up_dataset(values, label, np.arange(120) // 2 % FOLDS)
    curve = fitted(dataset)
    assert curve.mc[-1] == 1.0
    assert curve.error[-1] == 0.0
    again = fitted(dataset)
    assert (again.mc == curve.mc).all()


def test_mc_is_of_complete_light_curves_that_are_trained_on():
    label = np.arange(240) % 2
    values = values_apart(np.random.default_rng(0), label, 3.0)
    wrong = np.arange(240) >= 120  # shortened ones, and a survey that is only measured
    values[wrong] *= -1.0
    kind = np.where(np.arange(240) < 180, np.where(wrong, Kind.FIRST, Kind.FULL), Kind.FULL)
    fold = np.where(np.arange(240) < 180, np.arange(240) // 2 % FOLDS, NEVER_TRAINED)
    dataset = made_up_dataset(values, label, fold, kind=kind)
    curve = fitted(dataset)
    assert curve.mc[-1] == 1.0
    assert curve.light_curves[-1] == 96


def test_shares_of_which_a_fold_would_learn_nothing_are_left_out():
    rng = np.random.default_rng(0)
    star = np.repeat(np.arange(6), 8)
    dataset = made_up_dataset(rng.normal(size=(48, 16)), star % 2, star % FOLDS, curve=star)
    curve, fit = recorded(dataset)
    assert 1 <= len(curve.light_curves) < 4
    assert curve.light_curves[-1] == 5  # four fifths of six
    assert np.isfinite(curve.mc).all()
    assert all(len(stars) for call in fit.shown for stars in call)


def test_a_fold_without_a_star_has_no_mc():
    fold = np.where(np.arange(160) // 2 % FOLDS == 2, 3, np.arange(160) // 2 % FOLDS)
    label = np.arange(160) % 2
    values = values_apart(np.random.default_rng(0), label, 3.0)
    dataset = made_up_dataset(values, label, fold)
    curve = fitted(dataset)
    assert curve.mc[-1] == 1.0  # not four of five


def forecast(mc: np.ndarray, error: float = 0.005):
    numbers = np.array([100, 200, 400, 800])[-len(mc) :]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return learning._forecast(numbers, np.asarray(mc), np.full(len(mc), error))


@pytest.mark.parametrize(("last", "power"), [(0.2, 0.5), (0.05, 0.3), (0.3, 0.05), (0.01, 1.2)])
def test_a_power_law_is_recovered_from_points_that_lie_on_it(last, power):
    def law(n):
        return 1.0 - last * (n / 800.0) ** -power

    numbers, mc = forecast(law(np.array([100, 200, 400, 800])))
    assert (numbers[0], numbers[-1]) == (pytest.approx(100.0), pytest.approx(3200.0))
    assert (np.diff(numbers) > 0.0).all()
    assert mc == pytest.approx(law(numbers), abs=1e-5)  # where the optimiser stops


def test_points_about_a_power_law_are_forecast_within_their_errors():
    rng = np.random.default_rng(3)
    numbers = np.array([100, 200, 400, 800])
    mc = 1.0 - 0.2 * (numbers / 800.0) ** -0.5 + rng.normal(0.0, 0.003, 4)
    _, ahead = forecast(mc, 0.003)
    assert ahead[-1] == pytest.approx(0.9, abs=0.02)  # 1 - 0.2 / sqrt(4)


def test_a_level_curve_goes_on_level():
    _, mc = forecast(np.full(4, 0.8))
    assert mc == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(
    "mc",
    [
        [0.9, 0.85, 0.8, 0.7],  # falls
        [0.5, 0.5, 0.95, 0.95],  # leaps
        [0.5, 0.9, 0.95, 0.96],  # flattens sooner than any power law
        [0.8, 0.9],  # two points say nothing
    ],
    ids=["falls", "leaps", "flattens", "two"],
)
def test_points_that_follow_no_power_law_are_not_forecast(mc):
    assert forecast(mc) is None


def test_classes_that_cannot_be_told_apart_better_are_forecast_at_one():
    _, mc = forecast(np.ones(4), 0.0)
    assert mc == pytest.approx(1.0, abs=1e-3)


def test_the_seed_chooses_the_labels_and_spared_ones_are_not_among_them():
    dataset = stars(160)
    chosen = []
    for seed in (1, 1, 2):
        _, fit = recorded(dataset, seed=seed)
        chosen.append(set(np.concatenate(fit.shown[0])))
    assert chosen[0] == chosen[1] != chosen[2]
    fewer = replace(dataset, spared=dataset.table.curve < 80)
    assert recorded(fewer, seed=1)[0].light_curves[-1] == 64
