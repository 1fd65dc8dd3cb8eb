"""What the processor can do, as far as kernels are written differently for it."""

from __future__ import annotations

import os
import platform

import llvmlite.binding
from numba import config

SETTING = "VARSTREAM_FUSED_ARITHMETIC"
"""Environment variable: ``no`` has kernels do without fused products and sums."""


def has_fused_arithmetic() -> bool:
    """Whether ``a b + c`` is one operation, rounded once, as on x86-64 since 2013 and on arm64.

    On an older processor it is a product and a sum: the library function that would round once takes fifty
    times as long.

    Raises
    ------
    ValueError
        If `SETTING` is anything but ``no``, or ``auto``, which is as if it were not set.
    """
    chosen = os.environ.get(SETTING, "auto")
    if chosen not in {"auto", "no"}:
        raise ValueError(f"{SETTING} must be auto or no, got {chosen!r}")
    if chosen == "no":
        return False
    if platform.machine() in {"aarch64", "arm64"}:
        return True
    stated: str | None = getattr(config, "CPU_FEATURES", None)  # NUMBA_CPU_FEATURES: for another processor
    if stated is not None:
        return "+fma" in stated.split(",")
    return bool(llvmlite.binding.get_host_cpu_features().get("fma"))


def _at_start() -> bool:
    try:
        return has_fused_arithmetic()
    except ValueError:  # told when something is compiled: an import is no place for it
        return False


FUSED_ARITHMETIC = _at_start()
"""As it was when this process began."""
