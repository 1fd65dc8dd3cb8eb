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
    sums : (ELEMENT L,), (bands ELEMENT L,), (ELEMENT L,) float32
        Of w y and of w, and of w at twice the frequency, from `features.period.nufft`. That of w is one for
        each mean that floats, of the points that have it, over the square root of their weight.
    plan, block
        Of the transforms.
    floating_mean : bool
        See `features.period.direct_sum.lomb_scargle_power`, where the formula is. If not, the sum of w is
        not looked at.

    Returns
    -------
    bool
        Whether none needs the exact sum.
    """
    wy, w, w_doubled = sums
    half = spread(np.float32(0.5))
    smallest = spread(np.float32(SMALLEST_SAFE_PIVOT))
    unsafe = spread(NEEDS_EXACT)
    top = lowest = spread(np.float32(0.0))
    side = block // 2
    apart = ELEMENT * plan.length
    means = w.size if floating_mean else 0
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
        for mean in range(i, means, apart):
            c, s = mul(d, load(w, mean)), mul(d, load(w, mean + LANES))
            cc = sub_mul(c, c, cc)
            ss = sub_mul(s, s, ss)
            cs = sub_mul(c, s, cs)
        trace = add(cc, ss)
        det = sub_mul(cs, cs, mul(cc, ss))
        squares = mul_add(mul(ss, yc), yc, mul(mul(cc, ys), ys))
        numerator = mul(mul(d, d), sub_mul(mul(add(cs, cs), yc), ys, squares))
        value = where_above(det, mul(smallest, trace), div(numerator, det), unsafe)
        value = where_above(trace, smallest, value, unsafe)
        store(power, (offset + side) * LANES, value)
        top = larger(value, top)
        lowest = smaller(value, lowest)
    store(highest, 0, top)
    return not any_above(spread(np.float32(0.0)), lowest)
