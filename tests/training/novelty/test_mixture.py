from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from training.novelty.mixture import ADDED_VARIANCE, fit_mixture, mixture_of


def test_the_surprise_is_minus_the_logarithm_of_scipys_density():
    rng = np.random.default_rng(1)
    d, weights = 16, np.array([0.2, 0.5, 0.3])
    means = rng.normal(size=(3, d))
    roots = rng.normal(size=(3, d, d)) + 3.0 * np.eye(d)
    covariances = roots @ np.swapaxes(roots, 1, 2)
    precisions_cholesky = np.stack([np.linalg.inv(np.linalg.cholesky(each)).T for each in covariances])
    x = rng.normal(scale=3.0, size=(200, d))
    density = sum(
        weight * multivariate_normal(mean, covariance).pdf(x)
        for weight, mean, covariance in zip(weights, means, covariances, strict=True)
    )
    surprise = mixture_of(weights, means, precisions_cholesky).surprise(x)
    assert surprise == pytest.approx(-np.log(density), rel=1e-5)


def test_rows_of_one_gaussian_are_fitted_by_one_that_is_wider_by_what_is_added():
    rng = np.random.default_rng(2)
    mean, sigma = np.array([1.0, -2.0]), np.array([0.5, 2.0])
    rows = mean + sigma * rng.standard_normal((30, 2))  # too few for two components
    mixture = fit_mixture(rows, np.ones(30), seed=0)
    covariance = np.cov(rows.T, bias=True) + ADDED_VARIANCE * np.eye(2)
    expected = multivariate_normal(rows.mean(axis=0), covariance)
    x = rng.normal(scale=3.0, size=(50, 2))
    assert mixture.surprise(x) == pytest.approx(-expected.logpdf(x), rel=1e-5)


def test_what_weighs_nothing_is_not_drawn():
    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.standard_normal((200, 3)), 50.0 + rng.standard_normal((200, 3))])
    weight = np.repeat([1.0, 0.0], 200)
    surprise = fit_mixture(rows, weight, seed=0).surprise(rows)
    assert surprise[:200].max() < 30.0
    assert surprise[200:].min() > 1000.0


def test_the_same_rows_and_seed_give_the_same_mixture():
    rows = np.random.default_rng(4).standard_normal((5000, 16))
    first, second = (fit_mixture(rows, np.ones(5000), seed=7).surprise(rows[:100]) for _ in range(2))
    assert (first == second).all()
