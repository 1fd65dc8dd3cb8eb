"""The direct sum: the Lomb-Scargle power at one frequency, in double precision.

It is slow and exact, the oracle of the transforms, and what decides where their single precision cannot.
"""

from __future__ import annotations

from features.compilation.jit import kernel, part
from features.period.points import Points
from features.simd.lanes import DOUBLE_LANES, add, load, mul, mul_add, spread, sub, total
from features.simd.sincos import cos_sin_cycles

SINGULAR_TOLERANCE = 1e-9
"""Below this the normal matrix has no inverse in double precision."""

ENOUGH_DIGITS = 1e-6
"""Ratio of determinant and trace from which the power is good to 1e-9 in one pass over the points."""

Sums = tuple[float, float, float, float, float, float, float]


@kernel
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
    sums = _sums(points, frequency, 0.0, 0.0)
    power, conditioned = _power(sums, points.floating_mean)
    if not conditioned:  # the means of cosine and sine are nearly all of their squares: take them out before
        power, _ = _power(_sums(points, frequency, sums[0], sums[1]), False)
    return power


@part
def _sums(points: Points, frequency: float, c0: float, s0: float) -> Sums:
    """Sums of c, s, c^2, s^2, c s, y c and y s for cosines and sines with constants taken from them."""
    c = s = cc = ss = cs = yc = ys = spread(0.0)
    turns_per_day, cosine0, sine0 = spread(float(frequency)), spread(c0), spread(s0)
    for i in range(0, points.n, DOUBLE_LANES):
        cosine, sine = cos_sin_cycles(mul(turns_per_day, load(points.x, i)))
        cosine, sine = sub(cosine, cosine0), sub(sine, sine0)
        w, y = load(points.w, i), load(points.y, i)
        wc, ws = mul(w, cosine), mul(w, sine)
        c, s = add(c, wc), add(s, ws)
        cc = mul_add(wc, cosine, cc)
        ss = mul_add(ws, sine, ss)
        cs = mul_add(wc, sine, cs)
        yc = mul_add(wc, y, yc)
        ys = mul_add(ws, y, ys)
    return total(c), total(s), total(cc), total(ss), total(cs), total(yc), total(ys)


@part
def _power(sums: Sums, floating_mean: bool) -> tuple[float, bool]:
    """Power, and whether the means leave enough digits of the squares."""
    c, s, cc, ss, cs, yc, ys = sums
    if floating_mean:
        cc -= c * c
        ss -= s * s
        cs -= c * s
    trace = cc + ss
    det = cc * ss - cs * cs
    conditioned = not floating_mean or det > ENOUGH_DIGITS * trace
    if trace <= SINGULAR_TOLERANCE:
        return 0.0, conditioned
    if det <= SINGULAR_TOLERANCE * trace * trace:
        return (yc * yc + ys * ys) / trace, conditioned
    return (ss * yc * yc + cc * ys * ys - 2.0 * cs * yc * ys) / det, conditioned
