"""The fused answer by its formula, one star after another, and what it does where an answer is missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.model.fusion import fuse

K = 4


def by_hand(merged, bands, temperature):
    """The formula for one star of several bands, in plain arithmetic."""
    if bands:
        mean = [sum(column) / len(bands) for column in zip(*bands, strict=True)]
        merged = [math.sqrt(a * b) for a, b in zip(merged, mean, strict=True)]
    powers = [p ** (1.0 / temperature) for p in merged]
    return [p / sum(powers) for p in powers]


SHARES = st.lists(st.floats(1e-6, 1.0), min_size=K, max_size=K).map(lambda x: [p / sum(x) for p in x])
STARS = st.tuples(SHARES, st.lists(st.none() | SHARES, min_size=6, max_size=6), st.booleans())


def arrays(stars):
    missing = [np.nan] * K
    return (
        np.array([merged for merged, _, _ in stars]),
        np.array([[band or missing for band in bands] for _, bands, _ in stars]),
        np.array([one for *_, one in stars]),
    )


@given(stars=st.lists(STARS, min_size=1, max_size=8), temperature=st.floats(0.3, 4.0))
def test_it_is_the_square_root_of_merged_times_mean_with_its_own_temperature(stars, temperature):
    found = fuse(*arrays(stars), temperature=temperature)
    for row, (merged, bands, one) in zip(found, stars, strict=True):
        asked = [band for band in bands if band is not None]
        assert row.tolist() == pytest.approx(merged if one else by_hand(merged, asked, temperature), rel=1e-9)


@given(stars=st.lists(STARS, min_size=1, max_size=8), temperature=st.floats(0.3, 4.0))
def test_a_star_is_answered_the_same_alone_and_among_others(stars, temperature):
    together = fuse(*arrays(stars), temperature=temperature)
    alone = [fuse(*arrays([star]), temperature=temperature)[0] for star in stars]
    assert np.array_equal(together, alone)


def test_what_is_said_of_one_band_stays_to_the_bit_in_single_precision():
    merged = np.array([[0.2, 0.5, 0.3]], np.float32)
    bands = np.full((1, 6, 3), np.nan, np.float32)
    bands[0, 2] = merged
    (said,) = fuse(merged, bands, np.array([True]), temperature=2.0)
    assert said.tolist() == merged[0].astype(np.float64).tolist()


def test_a_star_that_was_not_scored_has_no_answer_and_its_neighbours_have():
    merged = np.array([[np.nan, np.nan], [0.25, 0.75]])
    said = fuse(merged, np.full((2, 6, 2), np.nan), np.zeros(2, bool), temperature=1.0)
    assert np.isnan(said[0]).all()
    assert said[1].tolist() == pytest.approx([0.25, 0.75], rel=1e-12)


def test_answers_that_exclude_each_other_leave_no_class_out():
    """In single precision a probability may be 0; two such answers have an answer, too."""
    bands = np.full((1, 6, 2), np.nan)
    bands[0, 0] = [0.0, 1.0]
    said = fuse(np.array([[1.0, 0.0]]), bands, np.array([False]), temperature=1.0)
    assert said.tolist() == [[0.5, 0.5]]


def test_a_higher_temperature_is_less_sure_and_keeps_the_order():
    merged, bands = np.array([[0.6, 0.3, 0.1]]), np.full((1, 6, 3), np.nan)
    said = [fuse(merged, bands, np.array([False]), temperature=t)[0] for t in (0.5, 1.0, 2.0, 100.0)]
    assert all((np.diff(each) < 0).all() for each in said)
    assert (np.diff([each.max() for each in said]) < 0).all()
    assert said[-1] == pytest.approx([1 / 3] * 3, abs=0.01)


def test_no_stars_have_no_answers():
    assert fuse(np.empty((0, 3)), np.empty((0, 6, 3)), np.empty(0, bool), temperature=1.0).shape == (0, 3)


@pytest.mark.parametrize(
    ("merged", "bands", "one_band", "temperature", "message"),
    [
        ((2, 3), (2, 6, 4), 2, 1.0, r"shapes \(2, 3\), \(2, 6, 4\)"),
        ((2, 3), (1, 6, 3), 2, 1.0, "shapes"),
        ((2, 3), (2, 3), 2, 1.0, "shapes"),
        ((2, 3), (2, 6, 3), 3, 1.0, r"one_band has shape \(3,\), there are 2 stars"),
        ((2, 3), (2, 6, 3), 2, 0.0, "temperature must be above 0, got 0.0"),
        ((2, 3), (2, 6, 3), 2, float("nan"), "temperature must be above 0, got nan"),
    ],
)
def test_what_does_not_fit_together_is_refused(merged, bands, one_band, temperature, message):
    with pytest.raises(ValueError, match=message):
        fuse(np.ones(merged), np.ones(bands), np.zeros(one_band, bool), temperature=temperature)
