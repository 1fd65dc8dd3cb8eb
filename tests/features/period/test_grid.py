from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.period.grid import (
    LENGTHS,
    SHARPNESS,
    TAPS,
    block_of,
    even_grid,
    groups_of,
    kernel_polynomials,
    plans,
)
from features.simd.fft import places
from features.simd.lanes import LANES


def kernel_shape(z):
    return np.where(np.abs(z) <= 1, np.exp(SHARPNESS * (np.sqrt(np.maximum(1 - z * z, 0)) - 1)), 0.0)


def test_polynomials_are_the_kernel_to_single_precision():
    u = np.linspace(0.0, 1.0, 1001)
    powers = (2 * u[:, None] - 1) ** np.arange(len(kernel_polynomials()))
    found = powers @ kernel_polynomials().astype(float)
    expected = kernel_shape((u[:, None] + np.arange(TAPS)) / (TAPS / 2) - 1)
    assert found == pytest.approx(expected, abs=2.0**-22)  # of at most 1


@pytest.mark.parametrize("plan", plans(), ids=LENGTHS)
def test_a_correction_is_the_inverse_of_the_transform_of_the_kernel(plan):
    x = np.linspace(-TAPS / 2, TAPS / 2, 20_001)
    for i in range(0, plan.block, 37):
        wave = np.cos(2 * np.pi * plan.offset[i] / plan.length * x)
        transform = np.trapezoid(kernel_shape(x / (TAPS / 2)) * wave, x)
        assert plan.correction[i] * transform == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("plan", plans(), ids=LENGTHS)
def test_all_frequencies_of_a_block_are_read_once_in_the_order_of_their_places(plan):
    half = plan.block // 2
    assert np.array_equal(np.sort(plan.offset), np.arange(-half, half))
    assert np.array_equal(plan.place, places(plan.length)[plan.offset % plan.length])
    assert (np.diff(plan.place) > 0).all()


@settings(deadline=None)
@given(st.sampled_from(range(len(LENGTHS))), st.integers(1, 10**8))
def test_blocks_are_even_cover_the_grid_and_leave_little_over(which, size):
    plan = plans()[which]
    groups, block = groups_of(plan, size), block_of(plan, size)
    assert block % 2 == 0
    assert 2 <= block <= plan.block
    assert groups * LANES * block >= size
    assert (groups - 1) * LANES * plan.block < size
    assert groups * LANES * block - size < 2 * LANES * groups


@settings(deadline=None)
@given(st.integers(3, 10**5), st.floats(1e-6, 100.0), st.integers(1, 10**8))
def test_a_grid_is_worked_on_with_a_plan_there_is(n, step, size):
    grid = even_grid(plans(), n, step, size)
    assert (grid.lowest, grid.step, grid.size) == (step, step, size)
    assert 0 <= grid.plan < len(plans())


def test_many_points_are_worked_on_with_long_transforms_and_few_with_short_ones():
    assert even_grid(plans(), 10_000, 0.01, 10**6).plan == len(plans()) - 1
    assert even_grid(plans(), 8, 0.01, 10**6).plan == 0


def test_tables_are_not_to_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        kernel_polynomials()[0, 0] = 1.0
