import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.places import mean_places

ARCSEC = 1.0 / 3600.0


@given(st.floats(0.0, 359.999), st.floats(-89.999, 89.999), st.floats(0.01, 4.0), st.floats(0.0, 6.28))
def test_two_places_have_their_middle_and_are_half_as_far_from_it(ra, dec, apart, angle):
    """A step of `apart` arcsec along a great circle, by the formulae of the sphere."""
    step = np.radians(apart * ARCSEC)
    start = np.radians(dec)
    other_dec = np.arcsin(np.sin(start) * np.cos(step) + np.cos(start) * np.sin(step) * np.cos(angle))
    turn = np.arctan2(
        np.sin(angle) * np.sin(step) * np.cos(start), np.cos(step) - np.sin(start) * np.sin(other_dec)
    )
    both_ra = np.array([ra, (ra + np.degrees(turn)) % 360.0])
    both_dec = np.array([dec, np.degrees(other_dec)])
    mean_ra, mean_dec, distance = mean_places(both_ra, both_dec, np.zeros(2, np.int64))
    assert distance == pytest.approx([apart / 2.0] * 2, abs=1e-4)
    assert 0.0 <= mean_ra[0] < 360.0
    assert mean_dec[0] == pytest.approx(both_dec.mean(), abs=1e-3 + abs(apart) * ARCSEC)


def test_the_mean_goes_over_the_seam_and_over_the_pole():
    ra = np.array([359.9999, 0.0001, 0.0, 180.0])
    dec = np.array([10.0, 10.0, 89.9999, 89.9999])
    mean_ra, mean_dec, distance = mean_places(ra, dec, np.array([0, 0, 1, 1]))
    assert min(mean_ra[0], 360.0 - mean_ra[0]) == pytest.approx(0.0, abs=1e-9)
    assert mean_dec == pytest.approx([10.0, 90.0])
    assert distance == pytest.approx([0.36 * np.cos(np.radians(10.0))] * 2 + [0.36] * 2, rel=1e-4)


def test_one_place_is_kept_to_the_last_digit_and_none_is_none():
    ra, dec = np.array([250.1, np.nan, 250.1, 12.0]), np.array([-30.0, np.nan, -30.0, np.nan])
    mean_ra, mean_dec, distance = mean_places(ra, dec, np.array([0, 0, 0, 1]))
    assert mean_ra[0] == 250.1
    assert mean_dec[0] == -30.0
    assert np.isnan([mean_ra[1], mean_dec[1]]).all()
    assert distance.max() < 1e-6


def test_places_that_cancel_are_far_from_any_mean():
    _, _, distance = mean_places(np.array([0.0, 180.0]), np.zeros(2), np.zeros(2, np.int64))
    assert (distance > 3600.0).all()
