"""The direct sum: the Lomb-Scargle power at one frequency, in double precision.

It is slow and exact, the oracle of the transforms, and what decides where their single precision cannot.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import fast_kernel, inlined
from features.period.points import Points
from features.sincos import cos_sin_cycles

F8 = NDArray[np.float64]

TIE_TOLERANCE = 1e-9
"""Powers closer than this, relatively, are equal: the lower frequency is taken."""

SINGULAR_TOLERANCE = 1e-9
"""Below this the normal matrix has no inverse in double precision."""


@inlined
def lomb_scargle_power(points: Points, frequency: float) -> float:
    r"""Part of the variance that a sinusoid of this frequency takes away, by direct summation.

    .. math:: P = \frac{SS \cdot YC^2 + CC \cdot YS^2 - 2 \, CS \cdot YC \cdot YS}{CC \cdot SS - CS^2},
              \quad YC = \sum_i w_i y_i \cos \omega x_i, \; \ldots,
              \quad CC = \sum_i w_i \cos^2 \omega x_i - C^2, \; \ldots

    C and S, the weighted means of cosine and sine, are zero unless the mean floats. Where only one
    direction of (cos, sin) is sampled the fit has one amplitude: :math:`P = (YC^2 + YS^2) / (CC + SS)`;
    where none is, P = 0.

    Parameters
    ----------
    points : Points
        Times, magnitudes and weights.
    frequency : float
        [1/d]

    Returns
    -------
    float
        In [0, 1]: 1 for a sinusoid without noise, of the order of 1 / n for noise.

    References
    ----------
    Zechmeister & Kuerster (2009), A&A 496, 577, eqs. 4-15; Lomb (1976), Ap&SS 39, 447.
    """
    x, y, w = points.x, points.y, points.w
    c = 0.0
    s = 0.0
    cc = 0.0
    cs = 0.0
    yc = 0.0
    ys = 0.0
    for i in range(x.size):
        cosine, sine = cos_sin_cycles(frequency * x[i])
        wc = w[i] * cosine
        ws = w[i] * sine
        c += wc
        s += ws
        cc += wc * cosine
        cs += wc * sine
        yc += wc * y[i]
        ys += ws * y[i]
    ss = 1.0 - cc
    if points.floating_mean:
        cc -= c * c
        ss -= s * s
        cs -= c * s
    trace = cc + ss
    det = cc * ss - cs * cs
    if trace <= SINGULAR_TOLERANCE:
        return 0.0
    if det <= SINGULAR_TOLERANCE * trace * trace:
        return (yc * yc + ys * ys) / trace
    return (ss * yc * yc + cc * ys * ys - 2.0 * cs * yc * ys) / det


@fast_kernel
def powers_at(indices: NDArray[np.int64], points: Points) -> F8:
    """Exact powers at the frequencies ``indices + 1`` of the grid."""
    powers = np.empty(indices.size)
    for i in range(indices.size):
        powers[i] = lomb_scargle_power(points, (indices[i] + 1) * points.step)
    return powers
