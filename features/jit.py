"""How kernels are compiled, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")

# All of fastmath would fold isnan() to False; this subset lets sums run in SIMD lanes and keeps NaN right.
FASTMATH = frozenset({"reassoc", "contract", "arcp", "nsz"})


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call, keep the machine code on disk, release the GIL, never raise on division by 0.

    Sums are taken in the order they are written: whatever the compiler inlines where, a result is the same to
    the last bit, in the process that compiles and in all that load the machine code.
    """
    return cast("Callable[P, R]", njit(cache=True, nogil=True, error_model="numpy")(function))


def fast_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile as `kernel`, free to reorder sums so that loops run in SIMD lanes.

    It may call only what is `inlined`: of another compiled function there would be two copies, optimised
    differently, and which one runs depends on whether this process compiled it or loaded it.
    """
    compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath=set(FASTMATH))(function)
    return cast("Callable[P, R]", compiled)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile into each caller, under the caller's rules of arithmetic."""
    compiled = njit(inline="always", error_model="numpy", fastmath=set(FASTMATH))(function)
    return cast("Callable[P, R]", compiled)
