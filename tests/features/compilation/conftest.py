"""A place for machine code that is empty, and whether a kernel is compiled or found there."""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np
import pytest

from features.compilation import kernel_files, machine_code
from features.compilation.jit import kernel
from tests.features.compilation.kernels_to_keep import stretched

VALUES = np.array([1.0, 2.0, -4.0])


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """The only place for machine code, empty, in a process that has said and kept nothing yet."""
    folder = tmp_path / "kernels"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder))
    monkeypatch.setattr(kernel_files, "_said", set())
    monkeypatch.setattr(machine_code, "_kept", set())
    monkeypatch.setattr(machine_code, "_not_kept", set())
    return folder


def files(place):
    return sorted(place.rglob("*.nbc"))


def compiles(function=stretched, make=kernel):
    """Whether a fresh kernel, as in a process of its own, is compiled when called, and not loaded."""
    fresh = make(function)
    assert fresh(VALUES).tolist() == [3.0, 6.0, -12.0]
    hits, misses = (sum(count.values()) for count in (fresh.stats.cache_hits, fresh.stats.cache_misses))
    assert hits + misses == 1
    return misses == 1
