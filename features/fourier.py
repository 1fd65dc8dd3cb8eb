"""Shape of the folded light curve: a Fourier series of order three."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel
from features.oldsin import cos_sin_cycles

F8 = NDArray[np.float64]

N_COEFFICIENTS = 7
"""Coefficients: a constant, then a sine and a cosine for each of three harmonics."""

SMALLEST_PIVOT = 1e-10
"""A smaller pivot of the normal matrix, per point, says that it has no inverse."""

RIDGE = 1e-6
"""Then this much per point is added to its diagonal, which picks nearly the shortest solution."""


@kernel
def fourier_coefficients(time: F8, mag: F8, period: float) -> F8:
    r"""Least-squares coefficients of a series of order three, unweighted.

    .. math:: m(t) - \bar m = c_0 + \sum_{k=1}^{3} a_k \sin 2 \pi k \varphi + b_k \cos 2 \pi k \varphi,
              \quad \varphi = (t \bmod P) / P

    The problem is linear: the normal equations are exact to 1e-9 as long as the phases cover a third of
    a cycle. Where the phases are fewer than the coefficients, as for a star that is seen only at
    multiples of half its period, the solution is (nearly) the shortest of all that fit.

    Parameters
    ----------
    time, mag : (n,) float64
        Times [d] and magnitudes [mag].
    period : float
        Period [d], positive.

    Returns
    -------
    (7,) float64
        c_0, a_1, b_1, a_2, b_2, a_3, b_3 [mag].
    """
    mean = np.mean(mag)
    matrix = np.zeros((N_COEFFICIENTS, N_COEFFICIENTS))
    right = np.zeros(N_COEFFICIENTS)
    row = np.ones(N_COEFFICIENTS)
    for i in range(time.size):
        c, s = cos_sin_cycles((time[i] % period) / period)
        row[1] = s
        row[2] = c
        row[3] = 2.0 * s * c
        row[4] = 2.0 * c * c - 1.0
        row[5] = row[3] * c + row[4] * s
        row[6] = row[4] * c - row[3] * s
        for j in range(N_COEFFICIENTS):
            right[j] += row[j] * (mag[i] - mean)
            for k in range(j + 1):
                matrix[j, k] += row[j] * row[k]
    factor = np.empty((N_COEFFICIENTS, N_COEFFICIENTS))
    if not _cholesky(matrix, factor, SMALLEST_PIVOT * time.size):
        for j in range(N_COEFFICIENTS):
            matrix[j, j] += RIDGE * time.size
        _cholesky(matrix, factor, 0.0)
    return _solve(factor, right)


@kernel
def _cholesky(matrix: F8, factor: F8, smallest: float) -> bool:
    """Fill the lower triangle L of ``matrix = L L^T``; False if a pivot is not above `smallest`."""
    for j in range(N_COEFFICIENTS):
        for i in range(j, N_COEFFICIENTS):
            value = matrix[i, j]
            for k in range(j):
                value -= factor[i, k] * factor[j, k]
            if i == j:
                if not value > smallest:
                    return False
                factor[j, j] = math.sqrt(value)
            else:
                factor[i, j] = value / factor[j, j]
    return True


@kernel
def _solve(factor: F8, right: F8) -> F8:
    """Solve ``L L^T x = right``."""
    x = right.copy()
    for i in range(N_COEFFICIENTS):
        for k in range(i):
            x[i] -= factor[i, k] * x[k]
        x[i] /= factor[i, i]
    for i in range(N_COEFFICIENTS - 1, -1, -1):
        for k in range(i + 1, N_COEFFICIENTS):
            x[i] -= factor[k, i] * x[k]
        x[i] /= factor[i, i]
    return x


@kernel
def fourier_shape(coefficients: F8, full_angles: bool) -> tuple[float, float, float, float, float]:
    r"""Amplitude, amplitude ratios and phase differences of the series.

    .. math:: A_k = \sqrt{a_k^2 + b_k^2}, \quad R_{k1} = A_k / A_1,
              \quad \phi_{k1} = p_k - k p_1, \quad p_k = \arctan(-a_k / b_k)

    so that the k-th term is :math:`A_k \cos(2 \pi k \varphi + p_k)`.

    Parameters
    ----------
    coefficients : (7,) float64
        From `fourier_coefficients`.
    full_angles : bool
        Take p_k from all four quadrants and wrap the differences to [-pi, pi), which makes them
        independent of the origin of time; otherwise they jump by multiples of pi with it.

    Returns
    -------
    float, float, float, float, float
        H1 (half the range of a sinusoid) [mag], R21, R31, phi21, phi31 [rad]: for a star that fades
        linearly and brightens at once, by 1 mag, 1/pi, 1/2, 1/3, -pi/2 and -pi.

    References
    ----------
    Simon & Lee (1981), ApJ 248, 291; Petersen (1986), A&A 170, 59.
    """
    h1 = math.hypot(coefficients[1], coefficients[2])
    h2 = math.hypot(coefficients[3], coefficients[4])
    h3 = math.hypot(coefficients[5], coefficients[6])
    if full_angles:
        p1 = math.atan2(-coefficients[1], coefficients[2])
        p2 = math.atan2(-coefficients[3], coefficients[4])
        p3 = math.atan2(-coefficients[5], coefficients[6])
        return h1, h2 / h1, h3 / h1, _wrapped(p2 - 2.0 * p1), _wrapped(p3 - 3.0 * p1)
    p1 = math.atan(-coefficients[1] / coefficients[2])
    p2 = math.atan(-coefficients[3] / coefficients[4])
    p3 = math.atan(-coefficients[5] / coefficients[6])
    return h1, h2 / h1, h3 / h1, p2 - 2.0 * p1, p3 - 3.0 * p1


@kernel
def _wrapped(angle: float) -> float:
    """Angle in [-pi, pi)."""
    wrapped = (angle + math.pi) % (2.0 * math.pi) - math.pi
    return wrapped if wrapped < math.pi else -math.pi
