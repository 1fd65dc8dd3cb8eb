r"""Lomb-Scargle power on an even grid of frequencies, in single precision, by fast Fourier transforms.

All sums a periodogram needs are of the kind :math:`\sum_j c_j e^{-2 \pi i k s_j}`, k = 1 ... M, with
times that lie anywhere. They are spread over an even grid with a narrow kernel, transformed, and divided
by the kernel's transform (a non-uniform FFT of type 1). Blocks of frequencies are moved to zero first
and share one transform length that stays in cache, so the cost is proportional to M and memory is
bounded by the powers themselves.

References
----------
Barnett, Magland & af Klinteberg (2019), SIAM J. Sci. Comput. 41, C479: the kernel and its error;
Garrison et al. (2024), RNAAS 8, 250: the same for periodograms.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from features.compilation.jit import fast_kernel, inlined
from features.period.points import Points
from features.sincos import cos_sin_cycles

F4 = NDArray[np.float32]
F8 = NDArray[np.float64]
C8 = NDArray[np.complex64]

TAPS = 8
"""Grid points that one epoch is spread over."""

LENGTH = 4000
"""Points of a transform: SciPy's is faster here than at 4096."""

UPSAMPLING = 1.25
"""With eight taps the kernel's error is then 1e-5 of the sum of absolute values, the precision of float32."""

BLOCK = int(LENGTH / UPSAMPLING) // 2 * 2
"""Frequencies taken from one transform."""

BLOCKS_PER_PASS = 4
"""Blocks transformed together: their grids fit into the cache."""

LANES = 4
"""Transforms that SciPy's FFT does side by side in single precision."""

SHARPNESS = 0.976 * np.pi * TAPS * (1.0 - 0.5 / UPSAMPLING)

SMALLEST_SAFE_PIVOT = 1e-2
"""The normal matrix keeps too few digits where its trace (it is 1 at most) or its ratio of determinant to
trace (1/4 at most) is below this."""

NEEDS_EXACT = np.float32(-1.0)
"""Stands for the power where single precision is not enough."""


@lru_cache(maxsize=1)
def _correction() -> F4:
    """(BLOCK,) inverse of the kernel's Fourier transform at -BLOCK / 2 ... BLOCK / 2 - 1."""
    z, weight = np.polynomial.legendre.leggauss(64)
    shape = np.exp(SHARPNESS * (np.sqrt(1.0 - z * z) - 1.0)) * weight * (TAPS / 2)
    m = np.arange(-(BLOCK // 2), BLOCK // 2)
    transform = np.cos(2.0 * np.pi / LENGTH * (TAPS / 2) * np.outer(m, z)) @ shape
    correction: F4 = (1.0 / transform).astype(np.float32)
    correction.flags.writeable = False
    return correction


def grid_power(points: Points, size: int) -> F4:
    """Power at the frequencies k step, k = 1 ... size, good to about 1e-3 of the highest.

    Parameters
    ----------
    points : Points
        A light curve, and the step of the grid.
    size : int
        Number of frequencies.

    Returns
    -------
    (size,) float32
        Power in [0, 1], or `NEEDS_EXACT` where the fit is too close to singular for single precision.
    """
    power = np.empty(size, np.float32)
    starts, taps = _footprints(points.x * points.step)
    blocks = -(-size // BLOCK)
    grid = np.empty((_rows(min(blocks, BLOCKS_PER_PASS)), LENGTH), np.complex64)
    for first in range(0, blocks, BLOCKS_PER_PASS):
        rows = grid[: _rows(min(blocks - first, BLOCKS_PER_PASS))]
        _spread(rows, points, starts, taps, first)
        spectrum = scipy.fft.fft(rows, axis=1, overwrite_x=True)
        _powers(power, spectrum, _correction(), first, points.floating_mean)
    return power


def _rows(blocks: int) -> int:
    """Three transforms a block, rounded up to fill the SIMD lanes of SciPy's FFT.

    Full lanes also keep its arithmetic the same for every row, whatever the number of blocks.
    """
    return -(-3 * blocks // LANES) * LANES


@fast_kernel
def _footprints(s: F8) -> tuple[NDArray[np.int64], F4]:
    """For phases s and 2 s: (2, n) first grid point, (2, n, TAPS) values of the kernel there."""
    starts = np.empty((2, s.size), np.int64)
    taps = np.empty((2, s.size, TAPS), np.float32)
    for j in range(s.size):
        for double in range(2):
            # half a kernel from the edge, so that nothing wraps around: a shift of time changes no power
            position = (s[j] * LENGTH + TAPS // 2) * (double + 1)
            start = int(np.ceil(position - TAPS / 2))
            starts[double, j] = start
            for i in range(TAPS):
                z = (start + i - position) / (TAPS / 2)
                taps[double, j, i] = np.exp(SHARPNESS * (np.sqrt(max(1.0 - z * z, 0.0)) - 1.0))
    return starts, taps


@fast_kernel
def _spread(grid: C8, points: Points, starts: NDArray[np.int64], taps: F4, first: int) -> None:
    """Fill three rows for each block from the `first` on: w y, w, and w at twice the frequency."""
    x, y, w, step = points.x, points.y, points.w, points.step
    moved = np.empty((3, x.size), np.complex64)
    grid[:] = 0
    for block in range(grid.shape[0] // 3):
        center = (first + block) * BLOCK + 1 + BLOCK // 2
        for j in range(x.size):
            c, s = cos_sin_cycles(-center * (x[j] * step + (TAPS // 2) / LENGTH))
            moved[0, j] = complex(c * w[j] * y[j], s * w[j] * y[j])
            moved[1, j] = complex(c * w[j], s * w[j])
            moved[2, j] = complex((c * c - s * s) * w[j], 2.0 * c * s * w[j])
        for kind in range(3):
            row = grid[3 * block + kind]
            start = starts[kind // 2]
            tap = taps[kind // 2]
            for j in range(x.size):
                value = moved[kind, j]
                for i in range(TAPS):
                    row[start[j] + i] += value * tap[j, i]


@fast_kernel
def _powers(power: F4, spectrum: C8, correction: F4, first: int, floating_mean: bool) -> None:
    """Turn the transforms of all blocks from the `first` on into powers.

    Each block's frequencies below its centre are at the end of its rows, the others at their start.
    """
    half = BLOCK // 2
    for block in range(spectrum.shape[0] // 3):
        for side in range(2):
            k = (first + block) * BLOCK + side * half
            a = 0 if side else LENGTH - half
            sums = (
                spectrum[3 * block, a : a + half],
                spectrum[3 * block + 1, a : a + half],
                spectrum[3 * block + 2, a : a + half],
            )
            _power_of_sums(
                power[k : k + half], sums, correction[side * half : (side + 1) * half], floating_mean
            )


@inlined
def _power_of_sums(power: F4, sums: tuple[C8, C8, C8], correction: F4, floating_mean: bool) -> None:
    """Power from the transforms of w y, of w, and of w at twice the frequency; see `lomb_scargle_power`."""
    wy, w, w2 = sums
    mean = np.float32(floating_mean)
    half = np.float32(0.5)
    one = np.float32(1.0)
    two = np.float32(2.0)
    smallest = np.float32(SMALLEST_SAFE_PIVOT)
    for m in range(power.size):
        d = correction[m]
        yc = wy[m].real * d
        ys = wy[m].imag * d
        c = w[m].real * d * mean
        s = w[m].imag * d * mean
        c2 = w2[m].real * d
        s2 = w2[m].imag * d
        cc = half * (one + c2) - c * c
        ss = half * (one - c2) - s * s
        cs = half * s2 - c * s
        trace = cc + ss
        det = cc * ss - cs * cs
        value = (ss * yc * yc + cc * ys * ys - two * cs * yc * ys) / det
        safe = (trace > smallest) & (det > smallest * trace)
        power[m] = value if safe else NEEDS_EXACT
