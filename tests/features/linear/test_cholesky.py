from __future__ import annotations

import numpy as np
import pytest

from features.compilation.jit import kernel
from features.linear.cholesky import solve


@kernel
def solved(matrix, right, n, smallest):
    return solve(matrix, right, n, smallest)


@pytest.mark.parametrize("n", [1, 4, 7])
def test_the_solution_is_that_of_lapack(n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        columns = rng.normal(size=(3 * n, n))
        matrix, right = columns.T @ columns, rng.normal(size=n)
        lower, x = np.tril(matrix), right.copy()
        assert solved(lower, x, n, 0.0)
        assert x == pytest.approx(np.linalg.solve(matrix, right), rel=1e-9)
        assert np.tril(lower) == pytest.approx(np.linalg.cholesky(matrix), rel=1e-9)


def test_a_matrix_that_is_not_positive_definite_has_no_solution():
    """Of determinants -3, 0, and 1 with a second pivot of 1/4."""
    for matrix in (np.array([[1.0, 2.0], [2.0, 1.0]]), np.ones((2, 2)), np.full((2, 2), np.nan)):
        x = np.ones(2)
        assert not solved(matrix, x, 2, 0.0)
        assert np.isnan(x).all()
    last = np.array([[4.0, 0.0], [0.0, 0.25]])
    assert solved(last.copy(), np.ones(2), 2, 0.2)
    assert not solved(last.copy(), np.ones(2), 2, 0.25)
