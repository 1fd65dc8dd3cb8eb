"""A light curve's result is its own, to the last bit, in whatever batch and arrays it comes."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features
from features.light_curve import measure
from tests.features.conftest import LightCurve, as_batch

CONVENTIONS = list(features.CONVENTIONS)
BASELINES_D = (0.02, 0.9, 1.5, 30.0, 400.0, 4000.0)


@cache
def pool():
    """Light curves of 3 to 400 points over minutes to years, some with what is no number, or constant."""
    rng = np.random.default_rng(1)
    made = []
    sizes = [*range(3, 13), *rng.integers(13, 400, 30), 400]
    for i, n in enumerate(sizes):
        baseline = BASELINES_D[i % len(BASELINES_D)]
        time = 58_000.0 + np.sort(rng.uniform(0.0, baseline, n))
        if i % 4 == 0:
            time = np.rint(time * 16) / 16
        err = rng.uniform(0.01, 0.1, n)
        mag = 15.0 + 0.3 * np.sin(2 * np.pi * time * rng.uniform(0.1, 9.0)) + err * rng.normal(size=n)
        if i % 5 == 0:
            mag[n // 2], err[n // 3] = np.nan, -1.0
        if i % 7 == 0:
            mag = np.full(n, 15.5)
        made.append(LightCurve(time, mag, err))
    return made


def rows(measured):
    """What was found in each light curve, as bytes: NaN and all."""
    return [b"".join(part[i].tobytes() for part in measured) for i in range(len(measured.status))]


@cache
def alone(convention):
    return [rows(features.extract(*as_batch([each]), convention=convention))[0] for each in pool()]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_light_curves_of_these_tests_are_of_all_kinds(convention):
    status = features.extract(*as_batch(pool()), convention=convention).status
    kinds = {name for bits in status for name in features.status_names(bits)}
    assert {"TOO_FEW", "NO_BASELINE", "DEGENERATE", "ERR_PATCHED"} <= kinds
    assert ((status & features.BLOCKING) == 0).sum() >= 10


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=14),
    st.lists(st.integers(0, 14), max_size=4),
    st.sampled_from(CONVENTIONS),
)
def test_a_result_does_not_depend_on_what_is_beside_it(chosen, cuts, convention):
    bounds = sorted({0, len(chosen), *(cut for cut in cuts if cut < len(chosen))})
    found = []
    for begin, end in pairwise(bounds):
        batch = as_batch([pool()[i] for i in chosen[begin:end]])
        found += rows(features.extract(*batch, convention=convention))
    assert found == [alone(convention)[i] for i in chosen]


def test_the_conventions_do_not_change_each_other():
    for convention in [*CONVENTIONS, *CONVENTIONS]:
        assert rows(features.extract(*as_batch(pool()), convention=convention)) == alone(convention)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def unaligned(array):
    whole = np.zeros(array.nbytes + 1, np.uint8)
    whole[1:] = array.view(np.uint8)
    return whole[1:].view(array.dtype)


ARRANGED = {
    "read-only": read_only,
    "strided": lambda array: np.repeat(array, 3)[::3],
    "a column": lambda array: np.stack([array, array + 1.0], axis=1)[:, 0],
    "backwards in memory": lambda array: array[::-1].copy()[::-1],
    "a part of a longer one": lambda array: np.concatenate([[np.nan] * 5, array, [np.nan] * 3])[5:-3],
    "not aligned": unaligned,
    "of the other byte order": lambda array: array.astype(">f8"),
}


@pytest.mark.parametrize("arranged", ARRANGED)
@pytest.mark.parametrize("which", [(0, 1, 2), (0,), (1,), (2,), (0, 2)])
def test_arrays_may_be_arranged_in_any_way_and_no_kernel_is_compiled_for_it(arranged, which):
    batch = list(as_batch(pool()[8:20]))
    for i in which:
        batch[i] = ARRANGED[arranged](batch[i])
    before = [array.copy() for array in batch]
    for convention in CONVENTIONS:
        expected = alone(convention)[8:20]
        known = len(measure.signatures)
        assert rows(features.extract(*batch, convention=convention)) == expected
        assert len(measure.signatures) == known
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(batch, before, strict=True))
