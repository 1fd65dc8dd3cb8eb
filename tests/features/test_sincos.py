from __future__ import annotations

import numpy as np
import pytest

from features.compilation.jit import kernel
from features.sincos import cos_sin_cycles


@kernel
def both(cycles):
    result = np.empty((cycles.size, 2))
    for i in range(cycles.size):
        result[i] = cos_sin_cycles(cycles[i])
    return result


def test_cosine_and_sine_are_exact_to_the_last_digits_within_a_cycle():
    q = np.linspace(-0.5, 0.5, 10_001)
    expected = np.stack([np.cos(2 * np.pi * q), np.sin(2 * np.pi * q)], axis=1)
    assert both(q) == pytest.approx(expected, abs=2e-15)


@pytest.mark.parametrize("whole", [1.0, -7.0, 4e5])
def test_whole_cycles_change_nothing(whole):
    q = np.arange(64) / 64.0 - 0.5  # exact in binary, and so is the sum
    assert np.array_equal(both(q + whole)[1:], both(q)[1:])
