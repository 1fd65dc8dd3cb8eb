from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from features.sorting import MOST_BUCKETS, room_for_sorting, sort

anything = st.floats(allow_nan=True, allow_infinity=True)
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=True),
    st.floats(-3.0, 3.0),
    st.sampled_from([0.0, -0.0, 1.0, 1.0 + 2.0**-52, 5e-324, -np.inf]),
)
several = st.integers(0, 80).flatmap(lambda n: hnp.arrays(np.float64, n, elements=numbers))


def sorted_by(values, position):
    ordered, order = sort(values, position, room_for_sorting(values.size))
    return ordered.copy(), order.copy()


def true_positions(values):
    """Of each number the part of the others that are smaller: never falling as the numbers rise."""
    return np.searchsorted(np.sort(values), values) / max(1, values.size)


def positions_in_range(values):
    """Where each lies between the lowest and the highest, as for magnitudes; NaN where these are one."""
    with np.errstate(all="ignore"):
        return (values - values.min()) / (values.max() - values.min())


@settings(max_examples=400, deadline=None)
@given(several, st.data())
def test_numbers_come_out_in_order_whatever_is_guessed_of_their_places(values, data):
    position = data.draw(hnp.arrays(np.float64, values.size, elements=anything))
    before = values.copy(), position.copy()
    ordered, order = sorted_by(values, position)
    assert np.array_equal(ordered, np.sort(values))
    assert np.array_equal(values[order], ordered)
    assert np.array_equal(np.sort(order), np.arange(values.size))
    assert np.array_equal(values, before[0])
    assert np.array_equal(position, before[1], equal_nan=True)


@settings(max_examples=400, deadline=None)
@given(several.filter(lambda values: values.size > 0), st.sampled_from([true_positions, positions_in_range]))
def test_equal_numbers_keep_their_order_where_places_never_fall(values, places):
    with np.errstate(all="ignore"):
        position = places(values)
    assume(np.isnan(position).all() or not np.isnan(position).any())  # infinite numbers have none in a range
    ordered, order = sorted_by(values, position)
    assert np.array_equal(order, np.argsort(values, kind="stable"))
    assert np.array_equal(ordered, np.sort(values))


DISTRIBUTIONS = {
    "even": lambda rng, n: rng.random(n),
    "normal": lambda rng, n: rng.normal(size=n),
    "of any size": lambda rng, n: 10.0 ** rng.uniform(-300, 300, n),
    "few values": lambda rng, n: rng.integers(0, 5, n) * 0.1,
    "one value": lambda rng, n: np.full(n, 3.25),
    "rising": lambda rng, n: np.arange(n, dtype=float),
    "falling": lambda rng, n: -np.arange(n, dtype=float),
    "one far away": lambda rng, n: np.append(rng.random(n - 1), 1e12),
}
GUESSES = {
    "true": true_positions,
    "in range": positions_in_range,
    "the other way round": lambda values: 1.0 - true_positions(values),
    "all first": np.zeros_like,
    "all last": np.ones_like,
    "none": lambda values: np.full_like(values, np.nan),
    "beyond": lambda values: 1e300 * (true_positions(values) - 0.5),
}


@pytest.mark.parametrize("guess", GUESSES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_many_numbers_are_sorted_by_good_guesses_and_bad_ones(distribution, guess):
    rng = np.random.default_rng(7)
    for n in (1, 2, 15, 16, 17, 1000, 40_000):
        values = DISTRIBUTIONS[distribution](rng, n)
        with np.errstate(all="ignore"):
            ordered, order = sorted_by(values, GUESSES[guess](values))
        assert np.array_equal(ordered, np.sort(values))
        assert np.array_equal(values[order], ordered)
        if guess in {"true", "in range", "all first", "all last", "none"}:
            assert np.array_equal(order, np.argsort(values, kind="stable"))


def test_a_room_serves_fewer_numbers_after_more():
    rng = np.random.default_rng(8)
    room = room_for_sorting(3 * MOST_BUCKETS)
    for n in (3 * MOST_BUCKETS, 5, 0, MOST_BUCKETS + 1, 16, 1):
        values = rng.normal(size=n)
        ordered, order = sort(values, true_positions(values), room)
        assert np.array_equal(ordered, np.sort(values))
        assert np.array_equal(order, np.argsort(values, kind="stable"))
