"""Whether what is said of periods holds for real stars whose periods are known."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from tests.benchmarks.bench_significance import area, constant, measure, merged, single

pytestmark = pytest.mark.slow
LENGTHS = (20, 40, 80)


@pytest.fixture(scope="module")
def rows(shared_data):
    """Every third case, of one band and of two."""
    cases = (case for each in (single, merged) for case in islice(each(shared_data), 0, None, 3))
    return measure(case for case in cases if case.n in LENGTHS)


def test_the_probability_of_a_period_is_how_often_it_is_right(rows):
    for length in LENGTHS:
        p = np.array([row.p_period for row in rows if row.n == length])
        right = np.array([row.right for row in rows if row.n == length])
        for middle in (0.1, 0.3, 0.5, 0.7, 0.9):
            part = np.abs(p - middle) < 0.1
            assert part.sum() < 30 or abs(right[part].mean() - middle) <= 0.18
    assert area(np.array([row.p_period for row in rows]), np.array([row.right for row in rows])) >= 0.80


def test_right_periods_lie_within_two_of_their_errors(rows):
    sigmas = np.array([row.sigmas for row in rows if row.right and np.isfinite(row.sigmas)])
    assert 0.88 <= np.mean(sigmas <= 2) <= 0.99


def test_no_more_than_three_of_a_hundred_constant_stars_pass_for_variable(shared_data):
    chance = np.array([row.false_alarm for row in measure(constant(shared_data)) if row.n in LENGTHS])
    assert np.mean(chance < 0.01) <= 0.03


def test_looks_cost_less_than_another_search_on_the_whole(rows):
    assert np.mean([row.searches for row in rows]) <= 1.8
