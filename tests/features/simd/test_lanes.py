from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from features.compilation.jit import kernel
from features.compilation.machine_code import KernelError
from features.compilation.processor import FUSED_ARITHMETIC
from features.simd.lanes import (
    DOUBLE_LANES,
    LANES,
    add,
    any_above,
    below,
    div,
    filled,
    larger,
    load,
    mul,
    mul_add,
    mul_sub,
    nearest,
    smaller,
    spread,
    store,
    sub,
    sub_mul,
    total,
    where_above,
)

RESULTS = (
    "add", "sub", "mul", "div", "mul_add", "mul_sub", "sub_mul", "nearest", "below", "larger", "smaller",
    "where_above", "spread",
)  # fmt: skip
LANES_OF = {np.float32: LANES, np.float64: DOUBLE_LANES}


@kernel
def fill_results(series, step, results, totals, above):
    a, b, c = series
    n = a.size
    for i in range(0, n, step):
        x, y, z = load(a, i), load(b, i), load(c, i)
        store(results, i, add(x, y))
        store(results, n + i, sub(x, y))
        store(results, 2 * n + i, mul(x, y))
        store(results, 3 * n + i, div(x, y))
        store(results, 4 * n + i, mul_add(x, y, z))
        store(results, 5 * n + i, mul_sub(x, y, z))
        store(results, 6 * n + i, sub_mul(x, y, z))
        store(results, 7 * n + i, nearest(x))
        store(results, 8 * n + i, below(x))
        store(results, 9 * n + i, larger(x, y))
        store(results, 10 * n + i, smaller(x, y))
        store(results, 11 * n + i, where_above(x, y, z, x))
        store(results, 12 * n + i, spread(a[i]))
        totals[i // step] = total(x)
        above[i // step] = any_above(x, y)


@kernel
def move(source, start, target, to):
    store(target, to, load(source, start))


@kernel
def length_of(n):
    return filled(n)


def operate(a, b, c=None):
    """Results by name of all operations on series of whole registers."""
    a, b, c = (np.asarray(each, a.dtype) for each in (a, b, a if c is None else c))
    step = LANES_OF[a.dtype.type]
    results = np.full((len(RESULTS), a.size), 77, a.dtype)
    totals, above = np.empty(a.size // step, a.dtype), np.empty(a.size // step, bool)
    with np.errstate(all="ignore"):
        fill_results((a, b, c), step, results.ravel(), totals, above)
    return dict(zip(RESULTS, results, strict=True)) | {"total": totals, "any_above": above}


def same(a, b):
    """Equal to the last bit, but for the sign of zero and the bits of a NaN."""
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)


@pytest.fixture(params=[np.float32, np.float64])
def kind(request):
    return request.param


@pytest.fixture
def series(kind):
    """Three series of numbers of any size, infinite ones and NaN."""
    rng = np.random.default_rng(4)
    a, b, c = (rng.normal(size=(3, 512)) * 10.0 ** rng.integers(-6, 6, (3, 512))).astype(kind)
    a[:40:3], b[:60:4] = np.nan, np.nan
    a[64:90:5], b[64:90:3], a[90:99] = np.inf, -np.inf, b[90:99]
    return a, b, c


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("add", lambda a, b, c: a + b),
        ("sub", lambda a, b, c: a - b),
        ("mul", lambda a, b, c: a * b),
        ("div", lambda a, b, c: a / b),
        ("nearest", lambda a, b, c: np.rint(a)),
        ("below", lambda a, b, c: np.floor(a)),
        ("larger", lambda a, b, c: np.where(np.isnan(a), b, np.maximum(a, b))),
        ("smaller", lambda a, b, c: np.where(np.isnan(a), b, np.minimum(a, b))),
        ("where_above", lambda a, b, c: np.where(a > b, c, a)),
        ("spread", lambda a, b, c: np.repeat(a[:: LANES_OF[a.dtype.type]], LANES_OF[a.dtype.type])),
        ("any_above", lambda a, b, c: (a > b).reshape(-1, LANES_OF[a.dtype.type]).any(axis=1)),
    ],
)
def test_an_operation_is_that_of_numpy_in_every_lane(series, name, expected):
    with np.errstate(all="ignore"):
        assert same(operate(*series)[name], expected(*series))


@pytest.mark.parametrize(("name", "signs"), [("mul_add", (1, 1)), ("mul_sub", (1, -1)), ("sub_mul", (-1, 1))])
def test_a_product_and_a_sum_are_rounded_once_where_the_processor_can(kind, name, signs):
    rng = np.random.default_rng(5)
    a, b, c = rng.normal(size=(3, 256)).astype(kind)
    c[:128] = -(a * b)[:128] * signs[0] * signs[1]  # what is left is the rounding of the product
    found = operate(a, b, c)[name]
    if FUSED_ARITHMETIC:
        for x, y, z, got in zip(a, b, c, found, strict=True):
            exact = signs[0] * Fraction(float(x)) * Fraction(float(y)) + signs[1] * Fraction(float(z))
            assert abs(Fraction(float(got)) - exact) <= Fraction(float(np.spacing(abs(got)))) / 2
        assert (found[:128] != 0.0).any()
    else:
        assert same(found, signs[0] * (a * b) + signs[1] * c)


def test_a_total_adds_neighbours_first(series, kind):
    a = np.where(np.isfinite(series[0]), series[0], kind(0.25))
    sums = a.reshape(-1, LANES_OF[kind])
    while sums.shape[1] > 1:
        sums = sums[:, ::2] + sums[:, 1::2]
    assert same(operate(a, a)["total"], sums[:, 0])


def test_halves_go_to_the_even_whole_number(kind):
    a = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 1e6 + 0.5], kind)
    assert operate(a, a)["nearest"].tolist() == [-2, -2, 0, 0, 2, 2, 4, 1e6]
    assert operate(a, a)["below"].tolist() == [-3, -2, -1, 0, 1, 2, 3, 1e6]


def test_of_a_number_and_nan_the_second_is_kept_and_nothing_is_above_nan(kind):
    numbers, nan = np.arange(8, dtype=kind), np.full(8, np.nan, kind)
    first, second = operate(nan, numbers, numbers + 20), operate(numbers, nan, numbers + 20)
    for name in ("larger", "smaller"):
        assert same(first[name], numbers)
        assert np.isnan(second[name]).all()
    assert np.isnan(first["where_above"]).all()  # the last argument, which is the first series
    assert same(second["where_above"], numbers)
    assert not first["any_above"].any()
    assert not second["any_above"].any()


def test_one_lane_is_enough_to_be_above_and_equal_is_not(kind):
    step = LANES_OF[kind]
    high = np.eye(step, dtype=kind).ravel()
    assert operate(high, np.zeros_like(high))["any_above"].all()
    assert not operate(high, high)["any_above"].any()


@pytest.mark.parametrize("start", [0, 1, 2, 3, 5, 7])
def test_registers_are_read_and_written_anywhere_and_nothing_beside_them(kind, start):
    source, target = np.arange(40, dtype=kind), np.zeros(40, kind)
    move(source, start, target, 2 * start)
    expected = np.zeros(40, kind)
    expected[2 * start : 2 * start + LANES_OF[kind]] = source[start : start + LANES_OF[kind]]
    assert same(target, expected)


@pytest.mark.parametrize(
    ("source", "target"),
    [(np.int32, np.int32), (np.float32, np.float64), (np.float64, np.float32), (np.complex64, np.complex64)],
)
def test_numbers_of_another_kind_are_refused(source, target):
    with pytest.raises(KernelError):
        move(np.zeros(8, source), 0, np.zeros(8, target), 0)


def test_a_series_is_filled_to_whole_registers():
    assert [length_of(n) for n in (0, 1, 3, 4, 5, 8, 9, 10_000)] == [0, 4, 4, 4, 8, 8, 12, 10_000]
