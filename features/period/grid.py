"""The grid of frequencies of a light curve, and the blocks in which it is worked on.

A block is a run of neighbouring frequencies that one Fourier transform gives; eight blocks, a group, are
worked on side by side in the lanes of the registers.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel
from features.simd.fft import places, turns
from features.simd.lanes import LANES

F4 = NDArray[np.float32]

LENGTHS = (256, 1024, 4096)
"""Lengths of transforms, powers of four: a longer one costs more for each frequency, and fewer blocks cost
less for each point. To change them, change this and run `make bench`."""

TAPS = LANES
"""Elements of a transform that one point is spread over."""

UPSAMPLING = 1.25
"""Length of a transform over the frequencies taken from it. With eight taps the kernel's error is then 1e-5
of the sum of absolute values in the mean, and 1.5e-4 at most, at the ends of a block."""

SHARPNESS = 0.976 * np.pi * TAPS * (1.0 - 0.5 / UPSAMPLING)

ELEMENT_COST = 0.63
CACHE_LENGTH = 11000
"""Time of a group for each element of a transform, over that for each point, and the length at which it has
doubled, for want of cache; measured with all that a search does."""

DEGREE = 11
"""Of the polynomials that the kernel is made of: then they are as good as float32."""


class Plan(NamedTuple):
    """What transforms of one length need.

    Attributes
    ----------
    length : int
        Elements of a transform, L.
    block : int
        Most frequencies taken from one, L / `UPSAMPLING`, even.
    turn : (2 L,) float32
        See `features.simd.fft.turns`.
    place : (block,) int64
        Where the transform leaves the block's frequencies, rising: in this order they are read.
    offset : (block,) int64
        Which they are, from the middle one: -block / 2 ... block / 2 - 1.
    correction : (block,) float32
        Inverse of the kernel's Fourier transform there.
    """

    length: int
    block: int
    turn: F4
    place: NDArray[np.int64]
    offset: NDArray[np.int64]
    correction: F4


class Grid(NamedTuple):
    """Even frequencies ``lowest + k step``, k = 0 ... size - 1 [1/d].

    Attributes
    ----------
    lowest, step : float
        [1/d]
    size : int
        At least 1.
    plan : int
        Which of the plans it is worked on with.
    """

    lowest: float
    step: float
    size: int
    plan: int


@cache
def plans() -> tuple[Plan, ...]:
    """Return a plan for each of `LENGTHS`."""
    return tuple(_plan(length) for length in LENGTHS)


@cache
def kernel_polynomials() -> F4:
    r"""(DEGREE + 1, TAPS) float32: the kernel at the taps of a point, as polynomials of where it lies.

    The first tap is the first element that is no more than half a kernel before the point, at a distance
    u - TAPS / 2 with 0 <= u < 1. The row of power i has the coefficients of (2 u - 1)^i, for every tap, of

    .. math:: \phi(z) = e^{\beta (\sqrt{1 - z^2} - 1)}, \quad z = (u + k) / (TAPS / 2) - 1

    which is zero beyond |z| = 1.

    References
    ----------
    Barnett, Magland & af Klinteberg (2019), SIAM J. Sci. Comput. 41, C479.
    """
    u = 0.5 * (1.0 - np.cos(np.pi * (np.arange(64) + 0.5) / 64))
    rows = np.empty((DEGREE + 1, TAPS), np.float32)
    for tap in range(TAPS):
        z = (u + tap) / (TAPS / 2) - 1.0
        shape = np.exp(SHARPNESS * (np.sqrt(1.0 - z * z) - 1.0))
        fitted = np.polynomial.chebyshev.chebfit(2.0 * u - 1.0, shape, DEGREE)
        rows[:, tap] = np.polynomial.chebyshev.cheb2poly(fitted)
    rows.flags.writeable = False
    return rows


def _plan(length: int) -> Plan:
    block = int(length / UPSAMPLING) // 2 * 2
    z, weight = np.polynomial.legendre.leggauss(64)
    shape = np.exp(SHARPNESS * (np.sqrt(1.0 - z * z) - 1.0)) * weight * (TAPS / 2)
    m = np.arange(-(block // 2), block // 2)
    transform = np.cos(2.0 * np.pi / length * (TAPS / 2) * np.outer(m, z)) @ shape
    place = places(length)[m % length]
    order = np.argsort(place)
    correction = (1.0 / transform).astype(np.float32)
    return Plan(length, block, turns(length), place[order], m[order], correction[order])


@kernel
def even_grid(plans: tuple[Plan, ...], n: int, step: float, size: int) -> Grid:
    """Grid of the multiples of a step [1/d], with the plan that takes least time for n points."""
    best = 0
    least = math.inf
    for i in range(len(plans)):
        length = plans[i].length
        time = groups_of(plans[i], size) * (n + ELEMENT_COST * length * (1.0 + length / CACHE_LENGTH))
        if time < least:
            best = i
            least = time
    return Grid(step, step, size, best)


@kernel
def groups_of(plan: Plan, size: int) -> int:
    """Groups of eight blocks that a grid is worked on in."""
    return (size + LANES * plan.block - 1) // (LANES * plan.block)


@kernel
def block_of(plan: Plan, size: int) -> int:
    """Frequencies of each block: even, and no more than it takes for all groups to be full."""
    groups = groups_of(plan, size)
    half = (size + 2 * LANES * groups - 1) // (2 * LANES * groups)
    return min(2 * half, plan.block)
