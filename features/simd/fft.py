r"""The fast Fourier transform, eight at a time, in place.

.. math:: X_k = \sum_{j=0}^{L-1} x_j e^{-2 \pi i j k / L}, \quad L = 4^p

Decimation in frequency by four: each pass combines elements that are a quarter of the length apart and
leaves four transforms of a quarter of the length side by side. They are done to their end one after another,
so that a long transform is worked on in pieces that stay in the first cache. The results come out in the
order of their digits in base four, reversed: `places` says where each is.

An element is 16 float32, one line of the cache: the real parts of eight transforms, then the imaginary ones.

References
----------
Gentleman & Sande (1966), AFIPS Conf. Proc. 29, 563; Van Loan (1992), Computational Frameworks for the Fast
Fourier Transform, section 2.4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.simd.lanes import add, load, mul, mul_add, mul_sub, spread, store, sub

F4 = NDArray[np.float32]
Terms = tuple[F4, F4, F4, F4, F4, F4, F4, F4]
"""Registers: the real and the imaginary part of each of four elements, eight transforms side by side."""

ELEMENT = 16
"""float32 of an element: eight real parts, eight imaginary parts."""

IN_FIRST_CACHE = 256
"""Transforms of this length, 16 KB, and shorter are done to their end before the next is begun."""


def turns(length: int) -> F4:
    """(2 length,) float32: real and imaginary parts of exp(-2 pi i k / length), k = 0, 1, ..."""
    angle = -2.0 * np.pi * np.arange(length) / length
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32).ravel()


def places(length: int) -> NDArray[np.int64]:
    """(length,) int64: where the transform leaves X_0, X_1, ...

    Raises
    ------
    ValueError
        If the length is no power of four.
    """
    if length < 4 or 4 ** (length.bit_length() // 2) != length:
        raise ValueError(f"a transform's length must be a power of four, at least 4, got {length}")
    rest = np.arange(length)
    place = np.zeros(length, np.int64)
    left = length
    while left > 1:
        place = 4 * place + rest % 4
        rest //= 4
        left //= 4
    return place


@kernel
def transform(x: F4, length: int, filled: int, turn: F4) -> None:
    """Transform eight series side by side, in place.

    Parameters
    ----------
    x : (ELEMENT length,) float32
        What is after its first `filled` elements is taken for zero, whatever is there.
    length : int
        A power of four, at least 16.
    filled : int
        1 ... length.
    turn : (2 length,) float32
        From `turns`.
    """
    quarter = length // 4
    _first_pass(x, length, filled, turn)
    _to_the_end(x, length, turn, quarter)


@part
def _to_the_end(x: F4, length: int, turn: F4, size: int) -> None:
    """All passes that are left when the transforms are of `size`."""
    while size > IN_FIRST_CACHE:
        for first in range(0, length, size):
            _pass(x, first, size, turn, length // size)
        size //= 4
    for piece in range(0, length, size):
        n = size
        while n > 4:
            for first in range(piece, piece + size, n):
                _pass(x, first, n, turn, length // n)
            n //= 4
        _last_pass(x, piece, size)


@part
def _first_pass(x: F4, length: int, filled: int, turn: F4) -> None:
    """Turn the whole into four quarters, as `_pass` does, where only the first elements are there."""
    quarter = length // 4
    d1 = quarter * ELEMENT
    d2 = 2 * d1
    d3 = 3 * d1
    zero = spread(np.float32(0.0))
    for p in range(quarter):
        i = p * ELEMENT
        ar = ai = br = bi = cr = ci = dr = di = zero
        if p < filled:
            ar, ai = load(x, i), load(x, i + 8)
        if p + quarter < filled:
            br, bi = load(x, i + d1), load(x, i + d1 + 8)
        if p + 2 * quarter < filled:
            cr, ci = load(x, i + d2), load(x, i + d2 + 8)
        if p + 3 * quarter < filled:
            dr, di = load(x, i + d3), load(x, i + d3 + 8)
        _butterfly(x, i, (d1, d2, d3), (ar, ai, br, bi, cr, ci, dr, di), turn, 2 * p)


@part
def _pass(x: F4, first: int, size: int, turn: F4, stride: int) -> None:
    """Turn one transform of `size` into four of a quarter of it."""
    d1 = size // 4 * ELEMENT
    d2 = 2 * d1
    d3 = 3 * d1
    i = first * ELEMENT
    for p in range(size // 4):
        ar, ai = load(x, i), load(x, i + 8)
        br, bi = load(x, i + d1), load(x, i + d1 + 8)
        cr, ci = load(x, i + d2), load(x, i + d2 + 8)
        dr, di = load(x, i + d3), load(x, i + d3 + 8)
        _butterfly(x, i, (d1, d2, d3), (ar, ai, br, bi, cr, ci, dr, di), turn, 2 * p * stride)
        i += ELEMENT


@part
def _butterfly(x: F4, i: int, d: tuple[int, int, int], terms: Terms, turn: F4, k: int) -> None:
    """Write what one element of each quarter becomes."""
    ar, ai, br, bi, cr, ci, dr, di = _of_four(terms)
    store(x, i, ar)
    store(x, i + 8, ai)
    _store_turned(x, i + d[0], br, bi, turn, k)
    _store_turned(x, i + d[1], cr, ci, turn, 2 * k)
    _store_turned(x, i + d[2], dr, di, turn, 3 * k)


@part
def _last_pass(x: F4, first: int, size: int) -> None:
    """Transforms of four elements: nothing is turned."""
    i = first * ELEMENT
    for _ in range(size // 4):
        ar, ai, br, bi = load(x, i), load(x, i + 8), load(x, i + 16), load(x, i + 24)
        cr, ci, dr, di = load(x, i + 32), load(x, i + 40), load(x, i + 48), load(x, i + 56)
        ar, ai, br, bi, cr, ci, dr, di = _of_four((ar, ai, br, bi, cr, ci, dr, di))
        store(x, i, ar)
        store(x, i + 8, ai)
        store(x, i + 16, br)
        store(x, i + 24, bi)
        store(x, i + 32, cr)
        store(x, i + 40, ci)
        store(x, i + 48, dr)
        store(x, i + 56, di)
        i += 4 * ELEMENT


@part
def _of_four(terms: Terms) -> Terms:
    """Transform of four elements, real and imaginary parts in turn."""
    ar, ai, br, bi, cr, ci, dr, di = terms
    evens_r, evens_i = add(ar, cr), add(ai, ci)
    evens_dr, evens_di = sub(ar, cr), sub(ai, ci)
    odds_r, odds_i = add(br, dr), add(bi, di)
    odds_dr, odds_di = sub(br, dr), sub(bi, di)
    return (
        *(add(evens_r, odds_r), add(evens_i, odds_i), add(evens_dr, odds_di), sub(evens_di, odds_dr)),
        *(sub(evens_r, odds_r), sub(evens_i, odds_i), sub(evens_dr, odds_di), add(evens_di, odds_dr)),
    )


@part
def _store_turned(x: F4, i: int, real: F4, imaginary: F4, turn: F4, k: int) -> None:
    """Write the product with a turn of the table."""
    cosine, sine = spread(turn[k]), spread(turn[k + 1])
    store(x, i, mul_sub(real, cosine, mul(imaginary, sine)))
    store(x, i + 8, mul_add(real, sine, mul(imaginary, cosine)))
