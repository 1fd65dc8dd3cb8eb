"""Solution of a positive definite system of equations by Cholesky's factor of its matrix."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import part

F8 = NDArray[np.float64]


@part
def solve(matrix: F8, right: F8, n: int, smallest: float) -> bool:
    """Solve ``A x = b`` by ``A = L L^T``, in place.

    Parameters
    ----------
    matrix : (n, n) float64
        A in its lower triangle, which becomes L. What is above the diagonal is neither read nor written.
    right : (n,) float64
        b, which becomes x.
    n : int
        Unknowns. With a constant here the compiler unrolls the loops: a fifth less time for seven.
    smallest : float
        Pivots, the squares of L's diagonal, must be above it; 0 where A is known to have an inverse.

    Returns
    -------
    bool
        False where a pivot is not, or is NaN: then x is NaN.

    References
    ----------
    Golub & Van Loan (2013), Matrix Computations, 4th edition, section 4.2.
    """
    for j in range(n):
        for i in range(j, n):
            value = matrix[i, j]
            for k in range(j):
                value -= matrix[i, k] * matrix[j, k]
            if i > j:
                matrix[i, j] = value / matrix[j, j]
            elif value > smallest:
                matrix[j, j] = math.sqrt(value)
            else:
                for k in range(n):
                    right[k] = math.nan
                return False
    for i in range(n):
        for k in range(i):
            right[i] -= matrix[i, k] * right[k]
        right[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            right[i] -= matrix[k, i] * right[k]
        right[i] /= matrix[i, i]
    return True
