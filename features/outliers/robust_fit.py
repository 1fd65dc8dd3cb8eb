"""Robust fit: two harmonics that all bands share, drawn by no single point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.linear.cholesky import solve
from features.outliers.median import median, robust_sigma
from features.simd.lanes import (
    DOUBLE_LANES,
    add,
    div,
    filled,
    larger,
    load,
    mul,
    mul_add,
    mul_sub,
    spread,
    store,
    sub,
    sub_mul,
    total,
)
from features.simd.sincos import cos_sin_cycles

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Four = tuple[float, float, float, float]

SOFTENING_MAG = 0.03
"""Two harmonics miss a star's own shape by about this much: no error counts for less [mag]."""

HUBER = 2.0
"""Residuals beyond so many scales count by their size, not by its square."""

ROUNDS = 5
LEAST_SCALE_MAG = 1e-3

RIDGES = (1e-6, 0.05)
"""Of the first and second harmonic, in halves of the sum of weights."""

MEAN_RIDGE = 1e-12
"""Of the bands' means, in sums of weights: a band whose errors say nothing has one too."""

MAG, FIRST, WEIGHT, REST, C1, S1, C2, S2, C3, S3, C4, S4, COLUMNS = range(13)
"""Columns of the table: magnitude about the band's median, weight without and with Huber's factor, residual,
cosine and sine of one to four times the phase."""

SUM_W, SUM_C1, SUM_S1, SUM_C2, SUM_S2, SUM_C3, SUM_S3, SUM_C4, SUM_S4, SUM_Y = range(10)
SUM_YC1, SUM_YS1, SUM_YC2, SUM_YS2, SUMS = range(10, 15)


@kernel
def robust_fit(time: F8, mag: F8, err: F8, bounds: I8, frequency: float) -> tuple[F8, float]:
    r"""Residuals of all points about a Huber fit, and its robust scale.

    A mean for every band and :math:`\sum_{k=1}^{2} a_k \cos k \omega t + b_k \sin k \omega t` for all, with
    weights

    .. math:: w = \frac{1}{e^2 + 0.03^2} \min(1, 2 s / |r|), \quad
              s = \max(1.4826 \, \mathrm{median} |r|, 0.001)

    of the round before, in five rounds, the first with a factor of 1. A ridge of half the sum of weights
    times 1e-6 on the first harmonic and 0.05 on the second keeps the shape where phases are missing. The
    means are taken out of the normal equations: four unknowns are left whatever the number of bands.

    Parameters
    ----------
    time, mag, err : (n,) float64
        Clean points, band after band, in order of (time, mag, err) within each [d, mag, mag].
    bounds : (B + 1,) int64
        Band j is ``bounds[j]`` to ``bounds[j + 1]`` of the series, and has a point.
    frequency : float
        [1/d]

    Returns
    -------
    residuals : (n,) float64
        [mag]
    scale : float
        s of the last round [mag]: the standard deviation of noise without outliers.

    References
    ----------
    Huber (1964), Ann. Math. Stat. 35, 73.
    """
    n = time.size
    bands = bounds.size - 1
    starts = np.empty(bands + 1, np.int64)  # of each band in the table: at the beginning of a register
    starts[0] = 0
    for band in range(bands):
        starts[band + 1] = starts[band] + filled(bounds[band + 1] - bounds[band])
    scratch = np.empty(n)
    table = _table(time, mag, err, (bounds, starts), frequency, scratch)
    size = starts[bands]
    sums = np.empty((bands, SUMS))
    scale = LEAST_SCALE_MAG
    for attempt in range(ROUNDS):
        if attempt > 0:
            _weigh(table, size, HUBER * scale)
        for band in range(bands):
            _sum_band(table, size, starts[band], starts[band + 1], sums[band])
        shape, weight = _shape(sums)
        for band in range(bands):
            mean = _mean(sums[band], shape, weight)
            _subtract(table, size, starts[band], starts[band + 1], mean, shape)
        _gather(table, size, (bounds, starts), scratch)
        scale = max(robust_sigma(scratch), LEAST_SCALE_MAG)
    _gather(table, size, (bounds, starts), scratch)
    return scratch, scale


@part
def _table(time: F8, mag: F8, err: F8, places: tuple[I8, I8], frequency: float, scratch: F8) -> F8:
    """Columns of all points, one after another; what fills a band's last register weighs nothing."""
    bounds, starts = places
    size = starts[starts.size - 1]
    table = np.zeros(COLUMNS * size)
    origin = time[0]
    for each in time:
        origin = min(origin, each)
    for band in range(bounds.size - 1):
        begin, end = bounds[band], bounds[band + 1]
        for i in range(begin, end):
            scratch[i] = mag[i]
        middle = median(scratch[begin:end])
        shift = starts[band] - begin
        for i in range(begin, end):
            table[MAG * size + i + shift] = mag[i] - middle
            table[FIRST * size + i + shift] = 1.0 / (err[i] * err[i] + SOFTENING_MAG**2)
            table[C1 * size + i + shift] = frequency * (time[i] - origin)
    for i in range(0, size, DOUBLE_LANES):
        c, s = cos_sin_cycles(load(table, C1 * size + i))
        cc, ss = mul_sub(c, c, mul(s, s)), mul(add(c, c), s)
        store(table, WEIGHT * size + i, load(table, FIRST * size + i))
        store(table, C1 * size + i, c)
        store(table, S1 * size + i, s)
        store(table, C2 * size + i, cc)
        store(table, S2 * size + i, ss)
        store(table, C3 * size + i, mul_sub(cc, c, mul(ss, s)))
        store(table, S3 * size + i, mul_add(ss, c, mul(cc, s)))
        store(table, C4 * size + i, mul_sub(cc, cc, mul(ss, ss)))
        store(table, S4 * size + i, mul(add(cc, cc), ss))
    return table


@part
def _weigh(table: F8, size: int, limit: float) -> None:
    """Give residuals beyond a limit Huber's weights."""
    zero, one, over = spread(0.0), spread(1.0), spread(1.0 / limit)
    for i in range(0, size, DOUBLE_LANES):
        rest = load(table, REST * size + i)
        times = mul(larger(rest, sub(zero, rest)), over)
        store(table, WEIGHT * size + i, div(load(table, FIRST * size + i), larger(times, one)))


@part
def _sum_band(table: F8, size: int, begin: int, end: int, sums: F8) -> None:
    """Fill a band's weighted sums of the columns, and of the first five times the magnitude."""
    w0 = c1 = s1 = c2 = s2 = c3 = s3 = c4 = s4 = spread(0.0)
    y0 = yc1 = ys1 = yc2 = ys2 = spread(0.0)
    for i in range(begin, end, DOUBLE_LANES):
        w = load(table, WEIGHT * size + i)
        wy = mul(w, load(table, MAG * size + i))
        column = load(table, C1 * size + i)
        c1, yc1 = mul_add(w, column, c1), mul_add(wy, column, yc1)
        column = load(table, S1 * size + i)
        s1, ys1 = mul_add(w, column, s1), mul_add(wy, column, ys1)
        column = load(table, C2 * size + i)
        c2, yc2 = mul_add(w, column, c2), mul_add(wy, column, yc2)
        column = load(table, S2 * size + i)
        s2, ys2 = mul_add(w, column, s2), mul_add(wy, column, ys2)
        c3, s3 = mul_add(w, load(table, C3 * size + i), c3), mul_add(w, load(table, S3 * size + i), s3)
        c4, s4 = mul_add(w, load(table, C4 * size + i), c4), mul_add(w, load(table, S4 * size + i), s4)
        w0, y0 = add(w0, w), add(y0, wy)
    sums[SUM_W], sums[SUM_Y] = total(w0), total(y0)
    sums[SUM_C1], sums[SUM_S1], sums[SUM_C2], sums[SUM_S2] = total(c1), total(s1), total(c2), total(s2)
    sums[SUM_C3], sums[SUM_S3], sums[SUM_C4], sums[SUM_S4] = total(c3), total(s3), total(c4), total(s4)
    sums[SUM_YC1], sums[SUM_YS1], sums[SUM_YC2], sums[SUM_YS2] = (
        total(yc1),
        total(ys1),
        total(yc2),
        total(ys2),
    )


@part
def _shape(sums: F8) -> tuple[Four, float]:
    """Coefficients of cos, sin, cos 2, sin 2 from the bands' sums, and the sum of weights.

    Products of cosines and sines are half the sums of those of the sums and differences of their angles.
    """
    every = np.zeros(SUMS)
    for band in range(sums.shape[0]):
        for k in range(SUMS):
            every[k] += sums[band, k]
    weight = every[SUM_W]
    matrix = np.empty((4, 4))
    matrix[0, 0] = 0.5 * (weight + every[SUM_C2])
    matrix[1, 1] = 0.5 * (weight - every[SUM_C2])
    matrix[1, 0] = 0.5 * every[SUM_S2]
    matrix[2, 0] = 0.5 * (every[SUM_C1] + every[SUM_C3])
    matrix[2, 1] = 0.5 * (every[SUM_S3] - every[SUM_S1])
    matrix[3, 0] = 0.5 * (every[SUM_S3] + every[SUM_S1])
    matrix[3, 1] = 0.5 * (every[SUM_C1] - every[SUM_C3])
    matrix[2, 2] = 0.5 * (weight + every[SUM_C4])
    matrix[3, 3] = 0.5 * (weight - every[SUM_C4])
    matrix[3, 2] = 0.5 * every[SUM_S4]
    right = np.empty(4)
    for j in range(4):
        matrix[j, j] += 0.5 * weight * RIDGES[j // 2]
        right[j] = every[SUM_YC1 + j]
    for band in range(sums.shape[0]):
        over = 1.0 / (sums[band, SUM_W] + MEAN_RIDGE * weight)
        for j in range(4):
            mean = over * sums[band, SUM_C1 + j]
            right[j] -= mean * sums[band, SUM_Y]
            for k in range(j + 1):
                matrix[j, k] -= mean * sums[band, SUM_C1 + k]
    solve(matrix, right, 4, 0.0)
    return (right[0], right[1], right[2], right[3]), weight


@part
def _mean(sums: F8, shape: Four, weight: float) -> float:
    """Mean of a band beside the shape."""
    rest = sums[SUM_Y]
    for j in range(4):
        rest -= shape[j] * sums[SUM_C1 + j]
    return float(rest / (sums[SUM_W] + MEAN_RIDGE * weight))


@part
def _subtract(table: F8, size: int, begin: int, end: int, mean: float, shape: Four) -> None:
    """Fill a band's residuals."""
    middle = spread(mean)
    a1, b1, a2, b2 = spread(shape[0]), spread(shape[1]), spread(shape[2]), spread(shape[3])
    for i in range(begin, end, DOUBLE_LANES):
        rest = sub(load(table, MAG * size + i), middle)
        rest = sub_mul(a1, load(table, C1 * size + i), rest)
        rest = sub_mul(b1, load(table, S1 * size + i), rest)
        rest = sub_mul(a2, load(table, C2 * size + i), rest)
        rest = sub_mul(b2, load(table, S2 * size + i), rest)
        store(table, REST * size + i, rest)


@part
def _gather(table: F8, size: int, places: tuple[I8, I8], residuals: F8) -> None:
    """Copy the residuals out of the table, where bands begin at registers, to the order of the points."""
    bounds, starts = places
    for band in range(bounds.size - 1):
        shift = REST * size + starts[band] - bounds[band]
        for i in range(bounds[band], bounds[band + 1]):
            residuals[i] = table[i + shift]
