"""Compilation of the kernels, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit

from features.compilation.machine_code import keep_machine_code

NOT_FROM_C: dict[str, Any] = {"no_cfunc_wrapper": True}
NOT_FROM_PYTHON: dict[str, Any] = {"no_cpython_wrapper": True}
"""Ways in that are not made: each takes as long to compile as a small function."""

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call, keep the machine code on disk, release the GIL, never raise on division by 0.

    Sums are taken in the order they are written: whatever the compiler inlines where, a result is the same to
    the last bit, in the process that compiles and in all that load the machine code.

    `features.compilation.kernel_files` says where it is kept. Where it cannot be, every process compiles for
    itself: slower to start, otherwise the same. A call raises `KernelError` if the kernel cannot be compiled.
    """
    dispatcher = njit(**NOT_FROM_C, nogil=True, error_model="numpy")(function)
    keep_machine_code(dispatcher)
    return cast("Callable[P, R]", dispatcher)


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile as part of the kernels that call it: as `kernel`, but not to be called from Python."""
    compiled = njit(**NOT_FROM_C, **NOT_FROM_PYTHON, error_model="numpy")(function)
    return cast("Callable[P, R]", compiled)
