"""Compilation of the kernels, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

from features.compilation.machine_code import keep_machine_code

P = ParamSpec("P")
R = TypeVar("R")

# All of fastmath would fold isnan() to False; this subset lets sums run in SIMD lanes and keeps NaN right.
FASTMATH = frozenset({"reassoc", "contract", "arcp", "nsz"})


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call, keep the machine code on disk, release the GIL, never raise on division by 0.

    Sums are taken in the order they are written: whatever the compiler inlines where, a result is the same to
    the last bit, in the process that compiles and in all that load the machine code.

    `features.compilation.kernel_files` says where it is kept. Where it cannot be, every process compiles for
    itself: slower to start, otherwise the same. A call raises `KernelError` if the kernel cannot be compiled.
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


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile as part of whichever kernel calls it, sums in the order they are written, and keep no file."""
    return cast("Callable[P, R]", njit(error_model="numpy")(function))


def _compiled(function: Callable[P, R], *, fastmath: bool | set[str]) -> Callable[P, R]:
    dispatcher = njit(nogil=True, error_model="numpy", fastmath=fastmath)(function)
    keep_machine_code(dispatcher)
    return cast("Callable[P, R]", dispatcher)
