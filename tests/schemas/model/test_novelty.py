"""Novelty is the share of the calibration stars that are at least as odd: the quantiles of a sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.model.novelty import FEWEST_IN_BIN, SHARES, novelty, table_of

DIGITS = 1e-4  # of a published novelty, and of an oddness in the table
SAMPLE = np.random.default_rng(7).permutation(np.linspace(-3.0, 8.0, 4000))
FEW = np.full(SAMPLE.size, 20)

finite = st.floats(-1e6, 1e6)


@given(
    arrays(np.float64, st.integers(1, 40), elements=finite),
    arrays(np.float64, st.integers(2, 30), elements=finite),
    st.integers(0, 400),
)
def test_novelty_is_a_share_that_falls_as_oddness_rises(calibrated, asked, n_epochs):
    terms = table_of(calibrated, np.full(calibrated.size, 20))
    share = novelty(np.sort(asked), np.full(asked.size, n_epochs), terms)
    assert ((share >= 0.0) & (share <= 1.0)).all()
    assert (np.diff(share) <= 0.0).all()


def test_the_table_of_a_sample_gives_back_its_shares():
    """Of 4,000 different stars a share of them is exactly as many, but for the digits of the table."""
    odd = np.sort(SAMPLE)[::-1]
    reached = np.array([odd[round(share * SAMPLE.size) - 1] for share in SHARES])
    (only,) = table_of(SAMPLE, FEW)["bins"]
    assert only["oddness"] == pytest.approx(reached.tolist(), abs=DIGITS)
    assert novelty(reached, np.full(reached.size, 20), table_of(SAMPLE, FEW)) == pytest.approx(
        np.array(SHARES), abs=2 * DIGITS
    )


def test_between_the_shares_of_the_table_novelty_is_near_the_share_of_the_sample():
    asked = np.linspace(-3.0, 8.0, 101)
    shares = np.array([(each <= SAMPLE).mean() for each in asked])
    said = novelty(asked, np.full(asked.size, 20), table_of(SAMPLE, FEW))
    inside = shares >= SHARES[-1]
    assert said[inside] == pytest.approx(shares[inside], rel=0.12)  # its logarithm is a chord of 0.1


def test_beyond_the_table_novelty_stays():
    terms = table_of(SAMPLE, FEW)
    assert novelty([-100.0, 100.0], [20, 20], terms).tolist() == [1.0, SHARES[-1]]


def test_what_was_not_asked_has_none():
    assert np.isnan(novelty([np.nan], [20], table_of(SAMPLE, FEW))).all()


def test_light_curves_are_held_against_stars_of_as_many_epochs():
    n_epochs = np.repeat([10, 45, 90, 500], SAMPLE.size // 4)
    shift = np.repeat([0.0, 10.0, 20.0, 30.0], SAMPLE.size // 4)
    terms = table_of(SAMPLE + shift, n_epochs)
    assert [each["n_epochs_min"] for each in terms["bins"]] == [0, 30, 60, 120]
    median = np.median(SAMPLE)
    for count, middle in ((29, 0.0), (30, 10.0), (59, 10.0), (60, 20.0), (120, 30.0), (5000, 30.0)):
        assert novelty([median + middle], [count], terms)[0] == pytest.approx(0.5, abs=0.03)


def test_a_bin_of_few_stars_is_joined_to_the_one_before():
    few = FEWEST_IN_BIN - 1
    n_epochs = np.concatenate([np.full(few, 10), np.full(few, 45), np.full(1000, 500)])
    terms = table_of(SAMPLE[: n_epochs.size], n_epochs)
    found = [(each["n_epochs_min"], each["n_light_curves"]) for each in terms["bins"]]
    assert found == [(0, 2 * few), (120, 1000)]


def test_without_a_calibration_star_nothing_is_odd():
    with pytest.raises(ValueError, match="no calibration star"):
        table_of(np.empty(0), np.empty(0, np.int64))
