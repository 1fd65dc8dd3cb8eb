"""Shapley values: closed forms, their definition, and another implementation."""

import itertools
import math
import warnings

import numpy as np
import pytest

from training.network.networks import Networks
from training.progress import QUIET
from training.reproduce.paper.fig6 import shapley_values


def explained(answer, rows, background):
    return shapley_values(answer, rows, background, seed=0, progress=QUIET)


def test_shapley_values_of_a_linear_model_are_in_closed_form():
    rng = np.random.default_rng(0)
    rows, background, weights = rng.normal(size=(4, 6)), rng.normal(size=(7, 6)), rng.normal(size=(6, 3))
    expected = (rows - background.mean(axis=0))[:, :, None] * weights
    assert explained(lambda x: x @ weights, rows, background) == pytest.approx(expected, abs=1e-12)


def by_definition(answer, row, background):
    """Shapley (1953): the weighted sum over all sets of features, the others from the background."""
    f = len(row)

    def worth(known):
        mixed = background.copy()
        mixed[:, list(known)] = row[list(known)]
        return answer(mixed).mean(axis=0)

    values = []
    for feature in range(f):
        others = [each for each in range(f) if each != feature]
        total = 0.0
        for size in range(f):
            weight = math.factorial(size) * math.factorial(f - size - 1) / math.factorial(f)
            for known in itertools.combinations(others, size):
                total = total + weight * (worth((*known, feature)) - worth(known))
        values.append(total)
    return np.array(values)


def test_shapley_values_of_pairs_of_features_are_exact():
    rng = np.random.default_rng(1)
    pairs, row, background = rng.normal(size=(5, 5)), rng.normal(size=5), rng.normal(size=(3, 5))

    def answer(x):
        return np.einsum("ni,ij,nj->n", x, pairs, x)[:, None]

    expected = by_definition(answer, row, background)
    assert explained(answer, row[None], background)[0] == pytest.approx(expected, abs=1e-12)


def test_shapley_values_of_a_network_add_up_and_agree_with_the_definition():
    rng = np.random.default_rng(2)
    networks = Networks.random(3, [4], widths=(8, 6), n_features=5)
    weights = {name: array.astype(np.float64) for name, array in networks.weights().items()}

    def answer(x):
        for layer in (1, 2, 3):
            x = x @ weights[f"fc{layer}.weight"].T + weights[f"fc{layer}.bias"]
            x = np.maximum(x, 0.0) if layer < 3 else np.exp(4.0 * x)
        return x / x.sum(axis=1, keepdims=True)

    rows, background = rng.normal(size=(3, 5)), rng.normal(size=(400, 5))
    values = explained(answer, rows, background)
    added = answer(background).mean(axis=0) + values.sum(axis=1)
    assert added == pytest.approx(answer(rows), abs=1e-12)
    exact = np.stack([by_definition(answer, row, background) for row in rows])
    # What three features do together only depends on the 800 orders drawn: a few per cent of the whole.
    assert np.abs(values - exact).max() < 0.05 * np.abs(exact).max()


def test_shapley_values_are_those_of_the_shap_package():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import uses deprecated functions of matplotlib
        shap = pytest.importorskip("shap")
        rng = np.random.default_rng(3)
        rows, background = rng.normal(size=(3, 4)), rng.normal(size=(20, 4))

        def answer(x):
            return np.stack([x[:, 0] * x[:, 1] + x[:, 2], np.abs(x[:, 3]) + x[:, 0] * x[:, 3]], axis=1)

        peer = shap.KernelExplainer(answer, background).shap_values(rows, silent=True)
    assert explained(answer, rows, background) == pytest.approx(peer, abs=1e-9)
