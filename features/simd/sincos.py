"""Cosine and sine of angles given in cycles, for all lanes at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import part
from features.simd.lanes import mul, mul_add, nearest, spread, sub, sub_mul

F8 = NDArray[np.float64]

# Taylor's series: the first term left out is below 3e-16 of the first for angles of a quarter of a cycle
_SINE = [(-1.0) ** k / math.factorial(2 * k + 1) for k in range(10)]
_COSINE = [(-1.0) ** k / math.factorial(2 * k) for k in range(11)]
S1, S2, S3, S4, S5, S6, S7, S8, S9 = _SINE[1:]
C1, C2, C3, C4, C5, C6, C7, C8, C9, C10 = _COSINE[1:]


@part
def cos_sin_cycles(cycles: F8) -> tuple[F8, F8]:
    r"""Return :math:`(\cos 2 \pi q, \sin 2 \pi q)` in each lane.

    The angle is reduced to the nearest cycle and halved, Taylor's series give the half angle,
    :math:`|h| \le \pi / 2`, and :math:`\cos 2h = 1 - 2 \sin^2 h, \ \sin 2h = 2 \sin h \cos h`.

    Parameters
    ----------
    cycles : register of float64
        q, of any size; what remains after taking off whole cycles carries its rounding error.

    Returns
    -------
    registers of float64
        Within 1e-15 of the exact values at the rounded angle: (0, 1) at 0.25.
    """
    h = mul(spread(math.pi), sub(cycles, nearest(cycles)))
    y = mul(h, h)
    sine = mul_add(y, spread(S9), spread(S8))
    sine = mul_add(y, sine, spread(S7))
    sine = mul_add(y, sine, spread(S6))
    sine = mul_add(y, sine, spread(S5))
    sine = mul_add(y, sine, spread(S4))
    sine = mul_add(y, sine, spread(S3))
    sine = mul_add(y, sine, spread(S2))
    sine = mul_add(y, sine, spread(S1))
    sine = mul_add(mul(y, sine), h, h)
    cosine = mul_add(y, spread(C10), spread(C9))
    cosine = mul_add(y, cosine, spread(C8))
    cosine = mul_add(y, cosine, spread(C7))
    cosine = mul_add(y, cosine, spread(C6))
    cosine = mul_add(y, cosine, spread(C5))
    cosine = mul_add(y, cosine, spread(C4))
    cosine = mul_add(y, cosine, spread(C3))
    cosine = mul_add(y, cosine, spread(C2))
    cosine = mul_add(y, cosine, spread(C1))
    one = spread(1.0)
    cosine = mul_add(y, cosine, one)
    twice = mul(spread(2.0), sine)
    return sub_mul(twice, sine, one), mul(twice, cosine)
