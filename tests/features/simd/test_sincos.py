from __future__ import annotations

import numpy as np
import pytest

from features.compilation.jit import kernel
from features.simd.lanes import DOUBLE_LANES, load, store
from features.simd.sincos import cos_sin_cycles


@kernel
def fill_both(cycles, cosine, sine):
    for i in range(0, cycles.size, DOUBLE_LANES):
        c, s = cos_sin_cycles(load(cycles, i))
        store(cosine, i, c)
        store(sine, i, s)


def both(cycles):
    """(2, n) float64: cosine and sine of angles whose number is a multiple of four."""
    result = np.full((2, cycles.size), np.nan)
    fill_both(cycles, *result)
    return result


def exact(cycles):
    """The same in numbers of 64 bits and more, where the machine has them."""
    angle = 8 * np.arctan(np.longdouble(1)) * cycles.astype(np.longdouble)
    return np.stack([np.cos(angle), np.sin(angle)])


def test_cosine_and_sine_are_exact_to_the_last_digits_within_a_cycle():
    q = np.linspace(-0.5, 0.5, 10_004)
    # 1e-15 at the rounded angle, which is good to half a unit of its last digit, 2^-53 pi
    assert np.abs(both(q) - exact(q)).max() < 1e-15 + np.pi * 2.0**-53


def test_quarters_of_a_cycle_have_zeros_and_ones():
    cosine, sine = both(np.arange(-8, 8) / 4)
    assert cosine == pytest.approx([1, 0, -1, 0] * 4, rel=0, abs=1e-15)
    assert sine == pytest.approx([0, 1, 0, -1] * 4, rel=0, abs=1e-15)


@pytest.mark.parametrize("whole", [1.0, -7.0, 4e5, 2.0**40])
def test_whole_cycles_change_nothing(whole):
    q = np.arange(64) / 64.0 - 0.5  # exact in binary, and so is the sum
    here, there = both(q), both(q + whole)
    assert np.array_equal(there[:, 1:], here[:, 1:])
    assert np.abs(there[:, 0]) == pytest.approx(np.abs(here[:, 0]), abs=2e-16)  # half a cycle, either way


def test_lanes_do_not_see_each_other():
    q = np.random.default_rng(1).uniform(-3.0, 3.0, 64)
    alone = np.array([both(np.full(4, each))[:, 2] for each in q]).T
    assert np.array_equal(both(q), alone)
    q[::4] = np.nan, np.inf, *(-np.inf,) * 14
    beside = np.arange(64) % 4 != 0
    assert np.array_equal(both(q)[:, beside], alone[:, beside])
    assert np.isnan(both(q)[:, ~beside]).all()
