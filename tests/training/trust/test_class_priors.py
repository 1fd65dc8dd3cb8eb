"""Priors of classes from unlabelled answers: what normal distributions and counts give in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize
from scipy.stats import norm

from training.errors import TrainingError
from training.trust import class_priors
from training.trust.class_priors import SHORTFALL, estimate_priors

MEANS = np.array([-1.5, 0.0, 1.5])
MADE_FOR = np.array([0.3, 0.3, 0.4])


def answers(rng: np.random.Generator, frequency: np.ndarray, n: int, made_for: np.ndarray = MADE_FOR):
    """Objects of classes with these frequencies, and calibrated answers of a model made for others."""
    label = rng.choice(len(frequency), n, p=frequency)
    density = norm.pdf(rng.normal(MEANS[label], 1.0)[:, None], MEANS[: len(frequency)])
    weighed = density * made_for
    return label, weighed / weighed.sum(axis=1, keepdims=True)


def own(n: int, made_for: np.ndarray = MADE_FOR) -> np.ndarray:
    return np.tile(made_for, (n, 1))


@pytest.mark.parametrize("frequency", [(0.05, 0.15, 0.8), (0.6, 0.3, 0.1), (0.3, 0.3, 0.4), (0.9, 0.1, 0.0)])
def test_frequencies_are_found_within_their_errors(frequency):
    label, probabilities = answers(np.random.default_rng(1), np.array(frequency), 5000)
    found = estimate_priors(probabilities, own(5000))
    drawn = np.bincount(label, minlength=3) / 5000
    assert (abs(found.estimate - drawn) < 4.0 * found.error).all()
    assert (found.error < 0.02).all()
    assert (abs(probabilities.mean(axis=0) - drawn) > 5.0 * found.error).any() == (
        frequency != (0.3, 0.3, 0.4)
    )


def test_of_two_classes_too():
    label, probabilities = answers(np.random.default_rng(2), np.array([0.92, 0.08]), 4000, np.full(2, 0.5))
    found = estimate_priors(probabilities, own(4000, np.full(2, 0.5)))
    assert found.estimate == pytest.approx(np.bincount(label) / 4000, abs=4.0 * found.error[0])
    assert found.error[0] == pytest.approx(found.error[1])


def test_where_answers_are_certain_they_are_counted():
    """The mode of a Dirichlet posterior is (counts + strength * own) / (n + strength), its error binomial."""
    label = np.repeat([0, 1, 2], [700, 250, 50])
    found = estimate_priors(np.eye(3)[label], own(1000), strength=20.0, resamples=400)
    assert found.estimate == pytest.approx((np.array([700, 250, 50]) + 20.0 * MADE_FOR) / 1020.0, abs=1e-6)
    share = np.array([0.7, 0.25, 0.05])
    expected = np.sqrt(share * (1.0 - share) / 1000.0) * 1000.0 / 1020.0
    assert found.error == pytest.approx(expected, rel=0.15)  # four standard errors of 400 resamples
    assert found.shortfall <= SHORTFALL


def test_answers_that_tell_nothing_leave_the_priors_of_the_model():
    found = estimate_priors(own(500), own(500))
    assert found.estimate == pytest.approx(MADE_FOR, abs=1e-12)
    assert found.error == pytest.approx(np.zeros(3), abs=1e-12)
    assert found.steps == 0


def test_a_class_of_which_there_is_none_stays_possible():
    found = estimate_priors(np.eye(3)[np.zeros(1000, np.int64)], own(1000), strength=10.0)
    assert found.estimate[1:] == pytest.approx(10.0 * MADE_FOR[1:] / 1010.0, rel=1e-3)


def test_few_objects_are_drawn_to_the_priors_of_the_model():
    certain = np.eye(3)[[0, 0]]
    far, near = (estimate_priors(certain, own(2), strength=s).estimate[0] for s in (1.0, 200.0))
    assert far == pytest.approx((2.0 + 0.3) / 3.0, abs=1e-4)
    assert near == pytest.approx((2.0 + 60.0) / 202.0, abs=1e-4)


def test_answers_that_were_made_for_different_priors_are_joined():
    rng = np.random.default_rng(3)
    frequency, other = np.array([0.1, 0.2, 0.7]), np.array([0.6, 0.2, 0.2])
    of_one, of_another = (answers(rng, frequency, 3000, each) for each in (MADE_FOR, other))
    found = estimate_priors(
        np.concatenate([of_one[1], of_another[1]]), np.concatenate([own(3000), own(3000, other)])
    )
    drawn = np.bincount(np.concatenate([of_one[0], of_another[0]])) / 6000
    assert (abs(found.estimate - drawn) < 4.0 * found.error).all()
    assert found.made_for == pytest.approx((MADE_FOR + other) / 2.0)


def test_no_frequencies_have_a_higher_posterior_probability():
    _, probabilities = answers(np.random.default_rng(4), np.array([0.1, 0.3, 0.6]), 400)
    ratio = probabilities / MADE_FOR

    def lower(log_odds: np.ndarray) -> float:
        share = np.exp(log_odds - np.logaddexp.reduce(log_odds))
        return -float(np.log(ratio @ share).sum() + (10.0 * MADE_FOR * np.log(share)).sum())

    best = minimize(lower, np.zeros(3), method="BFGS", options={"gtol": 1e-6})
    found = estimate_priors(probabilities, own(400))
    short = lower(np.log(found.estimate)) - best.fun
    assert -1e-6 < short <= found.shortfall + 1e-9
    assert found.shortfall <= SHORTFALL


def test_errors_are_the_scatter_of_new_samples():
    rng = np.random.default_rng(5)
    frequency = np.array([0.2, 0.3, 0.5])
    found = [estimate_priors(answers(rng, frequency, 600)[1], own(600), resamples=60) for _ in range(60)]
    scatter = np.std([each.estimate for each in found], axis=0, ddof=1)
    error = np.mean([each.error for each in found], axis=0)
    assert error == pytest.approx(scatter, rel=0.3)  # of 60 samples the scatter is known to 9 %


@given(
    arrays(np.float64, (7, 3), elements=st.floats(1e-6, 1.0)),
    arrays(np.float64, 3, elements=st.floats(0.05, 1.0)),
    st.permutations(range(7)),
)
@settings(max_examples=40, deadline=None)
def test_they_are_frequencies_whatever_the_order_of_the_objects(weights, made_for, order):
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    model = own(7, made_for / made_for.sum())
    found = estimate_priors(probabilities, model, resamples=2)
    assert found.estimate.sum() == pytest.approx(1.0)
    assert (found.estimate > 0.0).all()
    again = estimate_priors(probabilities[list(order)], model, resamples=2)
    assert again.estimate == pytest.approx(found.estimate, rel=1e-6)


def test_the_same_objects_give_the_same_errors():
    _, probabilities = answers(np.random.default_rng(6), np.array([0.2, 0.3, 0.5]), 300)
    one, another, other = (estimate_priors(probabilities, own(300), seed=seed) for seed in (3, 3, 4))
    assert (one.error == another.error).all()
    assert (one.error != other.error).any()


def test_without_objects_there_are_no_priors():
    with pytest.raises(TrainingError, match="no object with an answer"):
        estimate_priors(np.empty((0, 3)), np.empty((0, 3)))


@pytest.mark.parametrize("options", [{"strength": 0.0}, {"resamples": 1}])
def test_settings_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match="strength must be above 0 and resamples at least 2"):
        estimate_priors(own(3), own(3), **options)


def test_what_does_not_end_is_told(monkeypatch):
    monkeypatch.setattr(class_priors, "MAX_STEPS", 2)
    _, probabilities = answers(np.random.default_rng(7), np.array([0.1, 0.1, 0.8]), 2000)
    with pytest.raises(TrainingError, match=r"not found in 2 steps: the log likelihood may be .* below"):
        estimate_priors(probabilities, own(2000))
