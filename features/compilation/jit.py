"""Compilation of the kernels, in one place."""

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
    return _compiled(function, fastmath=False)


def fast_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile as `kernel`, free to reorder sums so that loops run in SIMD lanes.

    It may call only what is `inlined`: of another compiled function there would be two copies, optimised
    differently, and which one runs depends on whether this process compiled it or loaded it.
    """
    return _compiled(function, fastmath=set(FASTMATH))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile into each caller, under the caller's rules of arithmetic."""
    compiled = njit(inline="always", error_model="numpy", fastmath=set(FASTMATH))(function)
    return cast("Callable[P, R]", compiled)


def _compiled(function: Callable[P, R], *, fastmath: bool | set[str]) -> Callable[P, R]:
    """Compile and keep the machine code in the first folder that can be written to.

    That is beside the source, in the user's cache or in NUMBA_CACHE_DIR. Where there is none, a locked-down
    container say, every process compiles for itself: slower to start, otherwise the same.
    """
    try:
        kept = njit(cache=True, nogil=True, error_model="numpy", fastmath=fastmath)(function)
        return cast("Callable[P, R]", kept)
    except RuntimeError as exc:
        if "cannot cache" not in str(exc):
            raise
        return cast("Callable[P, R]", njit(nogil=True, error_model="numpy", fastmath=fastmath)(function))
