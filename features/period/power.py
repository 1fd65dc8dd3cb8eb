"""Lomb-Scargle power of a group of blocks, in single precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.period.grid import Plan
from features.simd.fft import ELEMENT
from features.simd.lanes import (
    LANES,
    add,
    any_above,
    div,
    larger,
    load,
    mul,
    mul_add,
    smaller,
    spread,
    store,
    sub,
    sub_mul,
    where_above,
)

F4 = NDArray[np.float32]

SMALLEST_SAFE_PIVOT = 1e-2
"""The normal matrix keeps too few digits where its trace (it is 1 at most) or its ratio of determinant to
trace (1/4 at most) is below this."""

NEEDS_EXACT = np.float32(-1.0)
"""Stands for the power where single precision is not enough."""


@kernel
def powers(
    power: F4, highest: F4, sums: tuple[F4, F4, F4], plan: Plan, block: int, floating_mean: bool
) -> bool:
    """Fill (LANES block,) float32: element ``LANES m + l`` is the power at frequency m of lane l.

    Parameters
    ----------
    power : (LANES block,) float32
        Powers, or `NEEDS_EXACT`.
    highest : (LANES,) float32
        The highest of each lane.
    sums : three (ELEMENT L,) float32
        Of w y and of w, and of w at twice the frequency, from `features.period.nufft`. Without a floating
        mean that of w is not looked at.
    plan, block
        Of the transforms.
    floating_mean : bool
        See `features.period.direct_sum.lomb_scargle_power`, where the formula is.

    Returns
    -------
    bool
        Whether none needs the exact sum.
    """
    wy, w, w_doubled = sums
    half = spread(np.float32(0.5))
    top = lowest = spread(np.float32(0.0))
    side = block // 2
    for j in range(plan.block):
        offset = plan.offset[j]
        if offset < -side or offset >= side:
            continue
        i = plan.place[j] * ELEMENT
        d = spread(plan.correction[j])
        yc, ys = load(wy, i), load(wy, i + LANES)
        half_d = mul(half, d)
        c2 = mul(half_d, load(w_doubled, i))
        cs = mul(half_d, load(w_doubled, i + LANES))
        cc = add(half, c2)
        ss = sub(half, c2)
        if floating_mean:
            c, s = mul(d, load(w, i)), mul(d, load(w, i + LANES))
            cc = sub_mul(c, c, cc)
            ss = sub_mul(s, s, ss)
            cs = sub_mul(c, s, cs)
        value = power_of((cc, ss, cs), (yc, ys), d)
        store(power, (offset + side) * LANES, value)
        top = larger(value, top)
        lowest = smaller(value, lowest)
    store(highest, 0, top)
    return not any_above(spread(np.float32(0.0)), lowest)


@part
def power_of(normal: tuple[F4, F4, F4], right: tuple[F4, F4], correction: F4) -> F4:
    """Power, or `NEEDS_EXACT`, from registers: (cc, ss, cs), and (yc, ys) before the correction."""
    cc, ss, cs = normal
    yc, ys = right
    smallest = spread(np.float32(SMALLEST_SAFE_PIVOT))
    unsafe = spread(NEEDS_EXACT)
    trace = add(cc, ss)
    det = sub_mul(cs, cs, mul(cc, ss))
    squares = mul_add(mul(ss, yc), yc, mul(mul(cc, ys), ys))
    numerator = mul(mul(correction, correction), sub_mul(mul(add(cs, cs), yc), ys, squares))
    value = where_above(det, mul(smallest, trace), div(numerator, det), unsafe)
    safe: F4 = where_above(trace, smallest, value, unsafe)
    return safe
