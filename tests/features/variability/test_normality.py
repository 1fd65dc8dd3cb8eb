from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import special, stats

from features.variability.normality import normal_quantile, shapiro_w


@pytest.mark.parametrize("n", [8, 9, 12, 50, 51, 1000, 5000])
def test_w_is_that_of_scipy(n):
    mag = np.sort(np.random.default_rng(n).gamma(3.0, 0.2, n))
    assert shapiro_w(mag) == pytest.approx(stats.shapiro(mag).statistic, abs=1e-8)  # SciPy's own quantiles


def test_w_of_a_sinusoid_is_that_of_its_distribution():
    # long samples: W -> (integral of sin(pi (u - 1/2)) Phi^-1(u) du)^2 / (1/2)
    u = (np.arange(200_000) + 0.5) / 200_000
    expected = 2 * np.mean(np.sin(np.pi * (u - 0.5)) * special.ndtri(u)) ** 2
    mag = np.sort(np.sin(np.linspace(0, 2 * np.pi, 4001)[:-1]))
    assert shapiro_w(mag) == pytest.approx(expected, abs=2e-3)


def test_w_is_not_above_one():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantiles = special.ndtri((np.arange(1, 301) - 0.375) / 300.25)
    assert 0.998 < shapiro_w(quantiles) <= 1.0


def test_normal_quantiles_are_those_of_scipy():
    p = np.concatenate((np.logspace(-10, -2, 200), np.linspace(0.01, 0.5, 200)))
    assert [normal_quantile(v) for v in p] == pytest.approx(special.ndtri(p), rel=2e-14, abs=1e-15)
