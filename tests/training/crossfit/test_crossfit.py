"""Every star is judged by a network that has not seen it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from tests.training.made_up import AS_THEY_ARE, Recorder, from_scratch, made_up_dataset, marked, values_apart
from training.crossfit.crossfit import CrossFit, cross_fit, fit_all
from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.crossfit.row_weights import kind_weights
from training.data.truth import Truth
from training.errors import TrainingError
from training.examples.augment import Kind
from training.network.networks import Networks, as_scores, predict
from training.network.one_cycle import OneCycle
from training.network.paper_sgd import Plateau
from training.stars.assign_folds import NEVER_TRAINED

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = Recipe(
    name="test",
    schedule=OneCycle(training_epochs=16, batch=64, input_noise=0.0, label_smoothing=0.0),
    folds=4,
)
WATCHED = replace(RECIPE, schedule=Plateau(training_epochs=4, batch=64))


@pytest.fixture
def hundred():
    """A hundred stars of three examples each, 25 stars in each of four folds."""
    star = np.repeat(np.arange(100), 3)
    kind = np.tile([Kind.FULL, Kind.PREFIX, Kind.THINNED], 100)
    return made_up_dataset(marked(star), star // 4 % 2, star % 4, curve=star, kind=kind)


def recorded(dataset: Dataset, recipe: Recipe = RECIPE) -> tuple[CrossFit, Recorder]:
    """What comes of a way to fit that only notes what it is shown, and those notes."""
    fit = Recorder()
    return cross_fit(dataset, recipe, fit, seed=0), fit


def test_labels_that_can_only_be_remembered_are_not_known_to_the_folds():
    rng = np.random.default_rng(1)
    star = np.repeat(np.arange(120), 3)
    marker = rng.normal(size=(120, 16))  # a star is known by it, but its label is a coin's
    label = rng.permutation(np.arange(120) % 2)[star]
    dataset = made_up_dataset(marker[star], label, star % 4, curve=star)
    made = cross_fit(dataset, RECIPE, from_scratch(RECIPE), seed=0)
    remembered = made.model.probabilities(dataset.table.values).argmax(axis=1) == label
    assert remembered.mean() > 0.95  # the shipped network has seen them all
    judged = made.logits.argmax(axis=1) == label
    assert judged.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(120))  # four sigma of 120 coins


def test_each_network_learns_from_all_stars_but_those_of_its_fold(hundred):
    _, fit = recorded(hundred)
    folds, (everything,) = fit.shown
    for number, shown in enumerate(folds):
        assert sorted(shown) == [star for star in np.repeat(np.arange(100), 3) if star % 4 != number]
    assert sorted(everything) == sorted(np.repeat(np.arange(100), 3))
    assert fit.watched == [[], []]


def test_the_epoch_is_chosen_on_another_fold_than_the_one_that_is_judged(hundred):
    _, fit = recorded(hundred, WATCHED)
    for number, (shown, watched) in enumerate(zip(fit.shown[0], fit.watched[0], strict=True)):
        assert set(watched % 4) == {(number + 1) % 4}
        assert set(shown % 4) == set(range(4)) - {number, (number + 1) % 4}
        assert (len(shown), len(watched)) == (150, 75)
    (shown,), (watched,) = fit.shown[1], fit.watched[1]
    assert (set(shown % 4), set(watched % 4)) == ({1, 2, 3}, {0})


def test_the_papers_recipe_gives_every_star_an_answer():
    label = np.arange(160) // 4 % 2
    dataset = made_up_dataset(values_apart(np.random.default_rng(0), label, 2.0), label, np.arange(160) % 4)
    made = cross_fit(dataset, WATCHED, from_scratch(WATCHED), seed=0)
    assert np.isfinite(made.logits).all()
    assert (made.logits.argmax(axis=1) == label).mean() > 0.9  # the classes are eight sigma apart


def test_the_shipped_network_is_the_one_fitted_to_all_stars(hundred):
    made = cross_fit(hundred, RECIPE, from_scratch(RECIPE), seed=3)
    networks, scale = fit_all(hundred, RECIPE, from_scratch(RECIPE), seed=3)
    assert made.model.weights.keys() == networks.weights().keys()
    for name, array in networks.weights().items():
        assert (made.model.weights[name] == array).all()
    assert made.model.preprocessing.to_manifest() == scale.to_manifest()


class Centred(Recorder):
    """A way to fit whose constants are those of what is learnt from."""

    def scale(self, values, _without):
        return replace(AS_THEY_ARE, center=values.mean(axis=0))


def test_every_fold_is_judged_behind_the_constants_of_the_stars_its_network_learnt_from(hundred):
    fit = Centred()
    made = cross_fit(hundred, RECIPE, fit, seed=7)
    star = hundred.table.curve
    for number in range(4):
        scores = marked(star[star % 4 == number] - star[star % 4 != number].mean())
        expected = predict(Networks.random(2, [7 + number]), as_scores(scores))[0]
        assert made.logits[star % 4 == number] == pytest.approx(expected, abs=1e-5)  # single precision


def test_surveys_that_are_never_trained_on_are_judged_by_the_shipped_network(hundred):
    fold = np.where(hundred.table.curve < 20, NEVER_TRAINED, hundred.fold).astype(np.int8)
    dataset = replace(hundred, fold=fold)
    made, fit = recorded(dataset)
    assert min(stars.min() for call in fit.shown for stars in call) == 20
    unseen = fold == NEVER_TRAINED
    expected = predict(made.model.networks(), as_scores(dataset.table.values[unseen]))[0]
    assert (made.logits[unseen] == expected).all()


def test_examples_without_features_are_never_used_and_get_no_answer(hundred):
    blocked = hundred.table.curve % 10 == 7
    values = np.where(blocked[:, None], np.nan, hundred.table.values)
    table = replace(hundred.table, values=values, status=np.where(blocked, 1, 0).astype(np.uint32))
    made, fit = recorded(replace(hundred, table=table))  # `Recorder.scale` refuses NaN
    assert (np.isnan(made.logits).all(axis=1) == blocked).all()
    assert (np.isnan(made.probabilities).all(axis=1) == blocked).all()
    assert not any((stars % 10 == 7).any() for call in fit.shown for stars in call)


def test_first_epochs_are_not_learnt_from_and_spared_stars_are_not_calibrated_on_either(hundred):
    first = hundred.table.kind == Kind.PREFIX
    spared = hundred.table.curve % 5 == 0
    kind = np.where(first, Kind.FIRST, hundred.table.kind).astype(np.int8)
    dataset = replace(hundred, table=replace(hundred.table, kind=kind), spared=spared)
    made, fit = recorded(dataset)
    assert all(len(stars) == 60 * 2 for stars in fit.shown[0])  # 60 of 75 stars, two of three examples
    assert np.isfinite(made.logits).all()
    flipped = replace(
        dataset, truth=Truth(np.where(spared[:, None], ~dataset.truth.allowed, dataset.truth.allowed))
    )
    again, _ = recorded(flipped)
    assert again.model.temperature == made.model.temperature


def test_stars_of_no_fold_and_labels_of_several_classes_say_nothing_of_the_temperature():
    rng = np.random.default_rng(6)
    label = np.arange(400) // 4 % 2
    values = values_apart(rng, label, 0.5)
    apart, coarse = np.arange(400) >= 360, np.arange(400) % 10 == 3
    fold = np.where(apart, NEVER_TRAINED, np.arange(400) % 4)
    dataset = made_up_dataset(values, label, fold)
    dataset.truth.allowed[coarse] = True
    made = cross_fit(dataset, RECIPE, from_scratch(RECIPE), seed=0)
    assert len(made.fitted_on) == 360 - 36
    told = ~apart & ~coarse

    def loss(log_temperature: float) -> float:
        probability = softmax(made.logits / np.exp(log_temperature), axis=1)
        return np.mean((probability - dataset.truth.allowed)[told] ** 2)

    best = np.exp(minimize_scalar(loss, bracket=(0.0, 1.0)).x)
    assert made.model.temperature == pytest.approx(best, rel=1e-3)


def test_without_a_label_of_one_class_there_is_nothing_to_hold_probabilities_against(hundred):
    coarse = replace(hundred, truth=Truth(np.ones_like(hundred.truth.allowed)))
    fit = Recorder()
    with pytest.raises(TrainingError, match="--class-map"):
        cross_fit(coarse, RECIPE, fit, seed=0)
    assert fit.shown == []  # it is said before anything is trained


def test_the_temperature_gives_real_stars_the_smallest_brier_score():
    rng = np.random.default_rng(5)
    label = np.arange(300) // 4 % 2
    values = values_apart(rng, label, 0.4)
    simulated = rng.random(300) < 0.5
    values[simulated] *= 3.0  # what is said about these is further from zero
    kind = np.where(simulated, Kind.CONSTANT, Kind.FULL)
    dataset = made_up_dataset(values, label, np.arange(300) % 4, kind=kind)
    made = cross_fit(dataset, RECIPE, from_scratch(RECIPE), seed=0)

    def loss(log_temperature: float) -> float:
        probability = softmax(made.logits / np.exp(log_temperature), axis=1)
        return np.mean((probability - dataset.truth.allowed)[~simulated] ** 2)

    best = np.exp(minimize_scalar(loss, bracket=(0.0, 1.0)).x)
    assert best > 1.2  # networks this large are too sure of 300 stars
    assert made.model.temperature == pytest.approx(best, rel=1e-3)
    assert made.probabilities == pytest.approx(softmax(made.logits / best, axis=1), abs=1e-3)


def test_the_temperature_is_fitted_to_first_epochs_where_there_are_enough():
    """Networks that are right about first epochs, and wrong about a third of complete light curves."""
    rng = np.random.default_rng(4)
    star = np.arange(800) % 400
    first = np.arange(800) >= 400
    label = star // 4 % 2
    given = np.where(~first & (rng.random(800) < 0.3), 1 - label, label)
    values = values_apart(rng, label, 2.0)

    recipe = replace(RECIPE, sampling=replace(RECIPE.sampling, truncations=1))

    def made(of_twenty):
        dataset = made_up_dataset(
            values,
            given,
            star % 4,
            curve=star,
            kind=np.where(first, Kind.FIRST, Kind.FULL),
            n_epochs=np.where(first & (star < of_twenty), 20, 200),
        )
        return cross_fit(dataset, recipe, from_scratch(recipe), seed=0)

    enough, too_few, none = made(200), made(199), made(0)
    assert (enough.logits == none.logits).all()
    assert enough.model.temperature < 0.8 * none.model.temperature
    assert too_few.model.temperature == none.model.temperature
    assert set(enough.fitted_on.tolist()) == {20}
    assert len(enough.fitted_on) == 200
    assert len(none.fitted_on) == 800


def test_the_same_seed_gives_the_same_model_and_another_does_not(hundred):
    short = replace(RECIPE, schedule=replace(RECIPE.schedule, training_epochs=1))
    made, again, other = (cross_fit(hundred, short, from_scratch(short), seed=seed) for seed in (1, 1, 2))
    assert (made.logits == again.logits).all()
    assert (made.logits != other.logits).any()


def test_examples_weigh_by_how_they_were_made():
    recipe = replace(RECIPE, full_weight=3.0, simulated_weight=0.1)
    kinds = np.array([Kind.FULL, Kind.PREFIX, Kind.WINDOW, Kind.THINNED, *(3, 4, 5)], np.int8)
    assert kind_weights(kinds, recipe) == pytest.approx([3.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1])


def test_rare_classes_and_complete_light_curves_weigh_more_in_the_fit(hundred):
    rare = replace(hundred, truth=Truth((hundred.table.curve % 20 < 4)[:, None] == np.array([False, True])))
    _, fit = recorded(rare, replace(RECIPE, class_power=0.5, full_weight=3.0))
    (weights,), (stars,) = fit.weights[1], fit.shown[1]
    heaviest = np.array([weights[stars == star].max() for star in range(100)])
    lightest = np.array([weights[stars == star].min() for star in range(100)])
    assert heaviest == pytest.approx(3.0 * lightest, rel=1e-5)
    assert heaviest[0] == pytest.approx(2.0 * heaviest[10], rel=1e-5)  # 20 stars and 80: sqrt(80 / 20)
