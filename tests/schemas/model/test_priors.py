"""Priors by Bayes' theorem: what must hold for any classes, and what two normal distributions give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from schemas.model.priors import completed, with_priors

CLASSES = ("A", "B", "C", "OTHER")

weights = arrays(np.float64, len(CLASSES), elements=st.floats(1e-3, 1.0))
answers = arrays(np.float64, (5, len(CLASSES)), elements=st.floats(1e-3, 1.0)).map(
    lambda each: each / each.sum(axis=1, keepdims=True)
)


def shares(weight: np.ndarray) -> dict[str, float]:
    return dict(zip(CLASSES, (weight / weight.sum()).tolist(), strict=True))


@given(answers, weights)
def test_the_priors_that_a_model_was_made_for_leave_its_answers(probabilities, weight):
    same = with_priors(probabilities, shares(weight), shares(weight))
    assert same == pytest.approx(probabilities, rel=1e-12)
    assert with_priors(probabilities, shares(weight), {}) == pytest.approx(probabilities, rel=1e-12)


@given(answers, weights, weights, weights)
def test_one_change_of_priors_after_another_is_the_change_to_the_last(probabilities, made_for, between, last):
    twice = with_priors(
        with_priors(probabilities, shares(made_for), shares(between)), shares(between), shares(last)
    )
    assert twice == pytest.approx(with_priors(probabilities, shares(made_for), shares(last)), rel=1e-9)


@given(answers, weights, st.sets(st.sampled_from(CLASSES)), weights)
def test_answers_are_shares_that_add_up_to_one(probabilities, made_for, named, wanted):
    some = {name: share for name, share in shares(wanted).items() if name in named}
    changed = with_priors(probabilities, shares(made_for), some)
    assert (changed >= 0.0).all()
    assert changed.sum(axis=1) == pytest.approx(1.0, abs=1e-12)


@given(answers, weights, st.sampled_from(CLASSES), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_no_class_is_less_probable_where_it_is_more_frequent(probabilities, made_for, name, one, another):
    few, many = sorted((one, another))
    column = CLASSES.index(name)
    rare = with_priors(probabilities, shares(made_for), {name: few})[:, column]
    frequent = with_priors(probabilities, shares(made_for), {name: many})[:, column]
    assert (frequent >= rare * (1.0 - 1e-12)).all()


@given(
    st.floats(-4.0, 4.0),
    st.floats(0.01, 0.99),
    st.floats(0.01, 0.99),
)
def test_of_two_normal_distributions_it_is_the_theorem_of_bayes(x, trained, wanted):
    likelihood = norm.pdf(x, loc=[-1.0, 1.0])
    before, after = (np.array([1.0 - share, share]) for share in (trained, wanted))
    posterior = likelihood * before / (likelihood @ before)
    expected = likelihood * after / (likelihood @ after)
    made_for = {"left": 1.0 - trained, "right": trained}
    assert with_priors(posterior[None], made_for, {"right": wanted})[0] == pytest.approx(expected, rel=1e-9)


def test_classes_that_are_not_named_share_the_rest_as_before():
    made_for = {"A": 0.5, "B": 0.3, "OTHER": 0.2}
    assert completed(made_for, {"OTHER": 0.6}) == pytest.approx({"A": 0.25, "B": 0.15, "OTHER": 0.6})
    assert completed(made_for, {}) == pytest.approx(made_for)
    assert completed(made_for, {"A": 1.0}) == {"A": 1.0, "B": 0.0, "OTHER": 0.0}


def test_a_class_that_cannot_be_is_not_probable_and_what_must_be_is_certain():
    made_for = {"A": 0.5, "B": 0.5}
    assert with_priors([[0.9, 0.1]], made_for, {"A": 0.0}) == pytest.approx(np.array([[0.0, 1.0]]))


def test_what_was_not_scored_stays_unknown():
    assert np.isnan(with_priors([[np.nan, np.nan]], {"A": 0.5, "B": 0.5}, {"A": 0.9})).all()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"D": 0.1}, "'D' is no class of the model: it has A, B"),
        ({"A": 1.2}, "the prior of A must be from 0 to 1, got 1.2"),
        ({"A": float("nan")}, "the prior of A must be from 0 to 1, got nan"),
        ({"A": 0.7, "B": 0.6}, "the priors add up to 1.3, they must add up to 1"),
        ({"A": 0.3, "B": 0.3}, "the priors add up to 0.6, they must add up to 1"),
        ({"A": 0.0, "B": 0.0}, "the priors add up to 0, they must add up to 1"),
    ],
)
def test_priors_that_cannot_be_are_refused_with_their_number(wanted, message):
    with pytest.raises(ValueError, match=message):
        completed({"A": 0.5, "B": 0.5}, wanted)
