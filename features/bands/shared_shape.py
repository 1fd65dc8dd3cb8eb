r"""The drop of chi^2 by a shape that all bands share, at four frequencies at a time, in double precision.

Every band has a mean of its own. With s the columns of the shape (cosine and sine of the frequency, and of
twice the frequency), r the amplitude of a band over that in g, W and S the sums of w and of w s in a band,

.. math:: M = \sum_b r_b^2 \Big( \sum_{i \in b} w_i s_i s_i' - S_b S_b' / W_b \Big), \quad
          v = \sum_b r_b \sum_{i \in b} w_i y_i s_i, \quad q = v' (M + \Lambda)^{-1} v

The ridge on the second harmonic, half the sum of r^2 W, halves what it takes away where phases are even.
Before summing the columns are counted from their values at the band's heaviest point: what the means then
take from the squares is no more than n of n + 1 parts, and no digits are lost however the phases lie.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.bands.points import BandPoints
from features.compilation.jit import part
from features.period.direct_sum import SINGULAR_TOLERANCE
from features.simd.lanes import (
    add,
    div,
    larger,
    mul,
    mul_add,
    mul_sub,
    spread,
    sub,
    sub_mul,
    total,
    where_above,
)
from features.simd.sincos import cos_sin_cycles

F8 = NDArray[np.float64]

RIDGE = 1.0
"""Of the second harmonic, in units of half the sum of weights."""

One = tuple[F8, F8, F8, F8, F8]
"""Registers of a sinusoid: its normal matrix (cos cos, cos sin, sin sin), its right-hand side (cos, sin)."""

Two = tuple[F8, F8, F8, F8, F8, F8, F8, F8, F8, F8, F8, F8, F8, F8]
"""Registers of two harmonics: the rows of the upper half of the normal matrix, then the right-hand side."""


@part
def first_stage(points: BandPoints, frequency: F8) -> F8:
    """Part of the variance that one sinusoid, the same in all bands, takes away, in [0, 1].

    Parameters
    ----------
    points : BandPoints
        A star.
    frequency : register of float64
        [1/d]
    """
    cc = cs = ss = yc = ys = spread(0.0)
    for band in range(points.letters.size):
        ours = _one_harmonic(points, band, frequency)
        cc, cs, ss = add(cc, ours[0]), add(cs, ours[1]), add(ss, ours[2])
        yc, ys = add(yc, ours[3]), add(ys, ours[4])
    det = sub_mul(cs, cs, mul(cc, ss))
    power = div(_adjugate(cc, cs, ss, yc, ys), det)
    return _unless_singular((cc, ss, yc, ys), det, 1.0, power)


@part
def second_stage(points: BandPoints, frequency: F8) -> F8:
    """Part of the variance that two harmonics take away under the ridge, in [0, 1].

    Their amplitudes in the bands are equal, as in eclipsing binaries, or those of a pulsator, whichever takes
    more away.

    Parameters
    ----------
    points : BandPoints
        A star.
    frequency : register of float64
        [1/d]
    """
    zero = spread(0.0)
    equal = pulsating = (zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero)
    weight = 0.0
    for band in range(points.letters.size):
        ours = _two_harmonics(points, band, frequency)
        equal = _plus(equal, ours, 1.0)
        if not points.alike:
            ratio = points.pulsator[band]
            pulsating = _plus(pulsating, ours, ratio)
            weight += ratio * ratio * points.weight[band]
    power = _of_two(equal, 1.0)
    if not points.alike:  # else they differ by a factor, which takes nothing more away
        power = larger(_of_two(pulsating, weight), power)
    return power


@part
def drop(points: BandPoints, frequency: float) -> float:
    """Drop of chi^2 by the second stage's shape at one frequency [1/d], dimensionless."""
    of_lanes: float = total(second_stage(points, spread(float(frequency))))
    return 0.25 * of_lanes * points.chi2


@part
def _one_harmonic(points: BandPoints, band: int, frequency: F8) -> One:
    """What a band has to say of a sinusoid, its mean taken out."""
    heaviest = points.heaviest[band]
    cosine0, sine0 = cos_sin_cycles(mul(frequency, spread(points.x[heaviest])))
    c = s = cc = cs = ss = yc = ys = spread(0.0)
    for i in range(points.bounds[band], points.bounds[band + 1]):
        if i == heaviest:
            continue
        cosine, sine = cos_sin_cycles(mul(frequency, spread(points.x[i])))
        cosine, sine = sub(cosine, cosine0), sub(sine, sine0)
        w, wy = spread(points.w[i]), spread(points.w[i] * points.y[i])
        wc, ws = mul(w, cosine), mul(w, sine)
        c, s = add(c, wc), add(s, ws)
        cc, cs, ss = mul_add(wc, cosine, cc), mul_add(wc, sine, cs), mul_add(ws, sine, ss)
        yc, ys = mul_add(wy, cosine, yc), mul_add(wy, sine, ys)
    over = spread(1.0 / points.weight[band])
    mean_c, mean_s = mul(c, over), mul(s, over)
    return sub_mul(mean_c, c, cc), sub_mul(mean_c, s, cs), sub_mul(mean_s, s, ss), yc, ys


@part
def _two_harmonics(points: BandPoints, band: int, frequency: F8) -> Two:
    """What a band has to say of two harmonics, its mean taken out."""
    heaviest = points.heaviest[band]
    a0, b0 = cos_sin_cycles(mul(frequency, spread(points.x[heaviest])))
    c0, d0 = _doubled(a0, b0)
    a = b = c = d = spread(0.0)
    aa = ab = ac = ad = bb = bc = bd = cc = cd = dd = spread(0.0)
    ya = yb = yc = yd = spread(0.0)
    for i in range(points.bounds[band], points.bounds[band + 1]):
        if i == heaviest:
            continue
        cosine, sine = cos_sin_cycles(mul(frequency, spread(points.x[i])))
        cosine2, sine2 = _doubled(cosine, sine)
        cosine, sine, cosine2, sine2 = sub(cosine, a0), sub(sine, b0), sub(cosine2, c0), sub(sine2, d0)
        w, wy = spread(points.w[i]), spread(points.w[i] * points.y[i])
        wa, wb, wc, wd = mul(w, cosine), mul(w, sine), mul(w, cosine2), mul(w, sine2)
        a, b, c, d = add(a, wa), add(b, wb), add(c, wc), add(d, wd)
        aa, ab = mul_add(wa, cosine, aa), mul_add(wa, sine, ab)
        ac, ad = mul_add(wa, cosine2, ac), mul_add(wa, sine2, ad)
        bb, bc, bd = mul_add(wb, sine, bb), mul_add(wb, cosine2, bc), mul_add(wb, sine2, bd)
        cc, cd, dd = mul_add(wc, cosine2, cc), mul_add(wc, sine2, cd), mul_add(wd, sine2, dd)
        ya, yb = mul_add(wy, cosine, ya), mul_add(wy, sine, yb)
        yc, yd = mul_add(wy, cosine2, yc), mul_add(wy, sine2, yd)
    over = spread(1.0 / points.weight[band])
    ma, mb, mc, md = mul(a, over), mul(b, over), mul(c, over), mul(d, over)
    return (
        *(sub_mul(ma, a, aa), sub_mul(ma, b, ab), sub_mul(ma, c, ac), sub_mul(ma, d, ad)),
        *(sub_mul(mb, b, bb), sub_mul(mb, c, bc), sub_mul(mb, d, bd)),
        *(sub_mul(mc, c, cc), sub_mul(mc, d, cd), sub_mul(md, d, dd)),
        *(ya, yb, yc, yd),
    )


@part
def _doubled(cosine: F8, sine: F8) -> tuple[F8, F8]:
    """Cosine and sine of twice the angle."""
    twice = add(sine, sine)
    return sub_mul(twice, sine, spread(1.0)), mul(twice, cosine)


@part
def _plus(sums: Two, ours: Two, ratio: float) -> Two:
    """Add what a band has to say, whose amplitude has a ratio to that of the shape."""
    r, s = spread(ratio), spread(ratio * ratio)
    aa, ab, ac, ad, bb, bc, bd, cc, cd, dd, ya, yb, yc, yd = ours
    a, b, c, d, e, f, g, h, i, j, k, m, n, o = sums
    return (
        *(mul_add(s, aa, a), mul_add(s, ab, b), mul_add(s, ac, c), mul_add(s, ad, d)),
        *(mul_add(s, bb, e), mul_add(s, bc, f), mul_add(s, bd, g)),
        *(mul_add(s, cc, h), mul_add(s, cd, i), mul_add(s, dd, j)),
        *(mul_add(r, ya, k), mul_add(r, yb, m), mul_add(r, yc, n), mul_add(r, yd, o)),
    )


@part
def _of_two(sums: Two, weight: float) -> F8:
    """The drop by two harmonics: that of the first, and that of what it leaves of the second."""
    aa, ab, ac, ad, bb, bc, bd, cc, cd, dd, ya, yb, yc, yd = sums
    ridge = spread(0.5 * RIDGE * weight)
    det = sub_mul(ab, ab, mul(aa, bb))
    over = div(spread(1.0), det)
    first = mul(_adjugate(aa, ab, bb, ya, yb), over)
    ca, cb = mul(mul_sub(bb, ac, mul(ab, bc)), over), mul(mul_sub(aa, bc, mul(ab, ac)), over)
    da, db = mul(mul_sub(bb, ad, mul(ab, bd)), over), mul(mul_sub(aa, bd, mul(ab, ad)), over)
    cc = sub_mul(ca, ac, sub_mul(cb, bc, add(cc, ridge)))
    cd = sub_mul(ca, ad, sub_mul(cb, bd, cd))
    dd = sub_mul(da, ad, sub_mul(db, bd, add(dd, ridge)))
    yc = sub_mul(ca, ya, sub_mul(cb, yb, yc))
    yd = sub_mul(da, ya, sub_mul(db, yb, yd))
    second = div(_adjugate(cc, cd, dd, yc, yd), sub_mul(cd, cd, mul(cc, dd)))
    return _unless_singular((aa, bb, ya, yb), det, weight, add(first, second))


@part
def _adjugate(aa: F8, ab: F8, bb: F8, ya: F8, yb: F8) -> F8:
    """The quadratic form of a right-hand side in the inverse of a 2 x 2 matrix, times its determinant."""
    cross = mul(mul(add(ab, ab), ya), yb)
    form: F8 = sub(mul_add(mul(bb, ya), ya, mul(mul(aa, yb), yb)), cross)
    return form


@part
def _unless_singular(first: tuple[F8, F8, F8, F8], det: F8, weight: float, power: F8) -> F8:
    """One amplitude where one direction of (cos, sin) is sampled, and no power where none is."""
    aa, bb, ya, yb = first
    tolerance = spread(SINGULAR_TOLERANCE)
    trace = add(aa, bb)
    along = div(mul_add(ya, ya, mul(yb, yb)), trace)
    power = where_above(det, mul(mul(tolerance, trace), trace), power, along)
    sampled: F8 = where_above(trace, spread(SINGULAR_TOLERANCE * weight), power, spread(0.0))
    return sampled
