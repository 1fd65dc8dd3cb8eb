"""Lomb-Scargle power of a group of blocks, in single precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel
from features.period.grid import Plan
from features.simd.fft import ELEMENT
from features.simd.lanes import (
    LANES,
    add,
    div,
    load,
    mul,
    mul_add,
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
def powers(power: F4, wy: F4, w: F4, w_doubled: F4, plan: Plan, block: int, floating_mean: bool) -> None:
    """Fill (LANES block,) float32: element ``LANES m + l`` is the power at frequency m of lane l.

    Parameters
    ----------
    power : (LANES block,) float32
        Powers, or `NEEDS_EXACT`.
    wy, w, w_doubled : (ELEMENT L,) float32
        Sums of w y and of w, and of w at twice the frequency, from `features.period.nufft`. Without a
        floating mean that of w is not looked at.
    plan, block
        Of the transforms.
    floating_mean : bool
        See `features.period.direct_sum.lomb_scargle_power`, where the formula is.
    """
    half = spread(np.float32(0.5))
    one = spread(np.float32(1.0))
    smallest = spread(np.float32(SMALLEST_SAFE_PIVOT))
    unsafe = spread(NEEDS_EXACT)
    for m in range(block):
        k = m - block // 2
        i = plan.place[k if k >= 0 else plan.length + k] * ELEMENT
        d = spread(plan.correction[k + plan.block // 2])
        yc, ys = load(wy, i), load(wy, i + LANES)
        c2 = mul(d, load(w_doubled, i))
        cc = mul(half, add(one, c2))
        ss = mul(half, sub(one, c2))
        cs = mul(mul(half, d), load(w_doubled, i + LANES))
        if floating_mean:
            c, s = mul(d, load(w, i)), mul(d, load(w, i + LANES))
            cc = sub_mul(c, c, cc)
            ss = sub_mul(s, s, ss)
            cs = sub_mul(c, s, cs)
        trace = add(cc, ss)
        det = sub_mul(cs, cs, mul(cc, ss))
        squares = mul_add(mul(ss, yc), yc, mul(mul(cc, ys), ys))
        top = mul(mul(d, d), sub_mul(mul(add(cs, cs), yc), ys, squares))
        value = where_above(det, mul(smallest, trace), div(top, det), unsafe)
        store(power, m * LANES, where_above(trace, smallest, value, unsafe))
