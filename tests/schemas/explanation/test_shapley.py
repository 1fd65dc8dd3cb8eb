"""Shapley values by sampled orders: what holds of any, closed forms, and the definition."""

import itertools
import math

import numpy as np
import pytest

from schemas.explanation.shapley import shapley_values


def of_one_view(answer):
    return lambda rows: answer(rows[:, 0])


def explained(answer, row, background, *, pairs=4, seed=0):
    return shapley_values(of_one_view(answer), row[None], background, pairs=pairs, seed=seed)


def by_definition(answer, row, background):
    """Shapley (1953): the weighted sum over all sets of features, the others from the background."""
    f = len(row)
    worth = {}
    for known in itertools.product((False, True), repeat=f):
        worth[known] = answer(np.where(known, row, background)).mean()
    values = np.zeros(f)
    for known, before in worth.items():
        weight = 1.0 / (f * math.comb(f - 1, sum(known))) if sum(known) < f else 0.0
        for feature in np.flatnonzero(~np.array(known)):
            after = worth[*known[:feature], True, *known[feature + 1 :]]
            values[feature] += weight * (after - before)
    return values


def rough(x):
    """Feature 3 does nothing; 0, 1 and 2 act together and alike, 4 with all of them."""
    return np.tanh(2.0 * x[:, 0] * x[:, 1] * x[:, 2] + x[:, 4])


@pytest.fixture
def stars():
    rng = np.random.default_rng(0)
    return rng.normal(size=5) + 1.0, rng.normal(size=(40, 5))


def test_of_a_linear_model_they_are_in_closed_form(stars):
    row, background = stars
    weights = np.arange(1.0, 6.0)
    why = explained(lambda x: x @ weights, row, background)
    assert why.values == pytest.approx((row - background.mean(axis=0)) * weights, abs=1e-12)
    assert why.errors == pytest.approx(np.zeros(5), abs=1e-12)


def test_of_pairs_of_features_they_are_those_of_the_definition(stars):
    row, background = stars
    pairs = np.random.default_rng(1).normal(size=(5, 5))

    def answer(x):
        return np.einsum("ni,ij,nj->n", x, pairs, x)

    why = explained(answer, row, background, pairs=1)
    assert why.values == pytest.approx(by_definition(answer, row, background), abs=1e-12)
    assert np.isnan(why.errors).all()  # one pair of orders does not tell its spread


@pytest.mark.parametrize("pairs", [1, 3])
def test_they_add_up_whatever_the_orders(stars, pairs):
    row, background = stars
    for seed in range(5):
        why = explained(rough, row, background, pairs=pairs, seed=seed)
        assert why.answer == rough(row[None])[0]
        assert why.background_mean == pytest.approx(rough(background).mean(), abs=1e-15)
        assert why.values.sum() == pytest.approx(why.answer - why.background_mean, abs=1e-13)


def test_a_feature_that_does_nothing_has_none(stars):
    row, background = stars
    why = explained(rough, row, background)
    assert why.values[3] == 0.0
    assert why.errors[3] == 0.0


def test_features_that_do_the_same_have_the_same_within_the_error(stars):
    row, background = stars
    row[:3] = row[0]
    background[:, :3] = background[:, :1]
    why = explained(rough, row, background, pairs=50)
    for one, other in ((0, 1), (1, 2), (2, 0)):
        error = np.hypot(why.errors[one], why.errors[other])
        assert abs(why.values[one] - why.values[other]) < 4.0 * error < 0.2


def test_the_stated_error_is_that_of_repeated_draws_and_their_mean_is_the_definition_s(stars):
    row, background = stars
    draws = [explained(rough, row, background, seed=seed) for seed in range(200)]
    values = np.array([why.values for why in draws])
    stated = np.sqrt(np.mean([why.errors**2 for why in draws], axis=0))
    seen = values.std(axis=0, ddof=1)
    acting = [0, 1, 2, 4]
    assert stated[acting] == pytest.approx(seen[acting], rel=0.2)  # four sigma of a spread of 200 draws
    exact = by_definition(rough, row, background)
    off = (values.mean(axis=0) - exact)[acting] / (seen[acting] / math.sqrt(200))
    assert np.abs(off).max() < 4.0


def test_a_feature_in_several_views_is_one_player():
    """In both views the first feature is replaced at once: the answer is of their product."""
    rng = np.random.default_rng(2)
    row, background = rng.normal(size=(2, 3)), rng.normal(size=(30, 3))

    def answer(rows):
        return rows[:, 0, 0] * rows[:, 1, 0] + rows[:, 1, 2]

    why = shapley_values(answer, row, background, pairs=2, seed=0)
    expected = [
        row[0, 0] * row[1, 0] - (background[:, 0] ** 2).mean(),
        0.0,
        row[1, 2] - background[:, 2].mean(),
    ]
    assert why.values == pytest.approx(expected, abs=1e-12)


def test_equal_arguments_give_equal_bytes_and_another_seed_others(stars):
    row, background = stars
    one, again = (explained(rough, row, background, seed=7).values.tobytes() for _ in range(2))
    assert one == again
    assert one != explained(rough, row, background, seed=8).values.tobytes()


@pytest.mark.parametrize(
    ("row", "background", "pairs", "message"),
    [
        (np.zeros((1, 3)), np.zeros((0, 3)), 1, "0 background rows"),
        (np.zeros((1, 3)), np.zeros((2, 3)), 0, "0 pairs"),
        (np.zeros((1, 3)), np.zeros((2, 4)), 1, "shapes"),
        (np.zeros(3), np.zeros((2, 3)), 1, "shapes"),
    ],
)
def test_what_cannot_be_explained_is_refused(row, background, pairs, message):
    with pytest.raises(ValueError, match=message):
        shapley_values(lambda rows: rows[:, 0, 0], row, background, pairs=pairs, seed=0)
