"""Which points of a light curve count, and what a number of epochs therefore is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import features
from features import MAX_EPOCHS, MIN_POINTS, Status, count_used, scorable
from tests.features.conftest import LightCurve, as_batch, make_light_curve

LC = make_light_curve(7, n=40)


def measured(light_curve, **options):
    return features.extract(*light_curve, [0, len(light_curve[0])], **options)


def repeated(light_curve, times):
    return [np.tile(array, times) for array in light_curve]


@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize("n", [1, MIN_POINTS - 1, MIN_POINTS, 40])
def test_two_downloads_that_overlap_are_one(n, times):
    once = [array[:n] for array in LC]
    one, more = measured(once), measured(repeated(once, times))
    assert more.n_used.tolist() == one.n_used.tolist() == [n]
    for a, b in zip(one, more, strict=True):
        assert np.array_equal(a, b, equal_nan=True)


def test_seven_points_held_twice_are_too_few():
    made = measured(repeated([array[:7] for array in LC], 2))
    assert (made.n_used[0], made.status[0]) == (7, Status.TOO_FEW)
    assert made.baseline_d[0] == LC.time[6] - LC.time[0]


def test_plates_of_a_century_ago_are_neither_counted_nor_part_of_the_baseline():
    old = LC.time - 36_000.0
    curve = [np.concatenate([old, LC.time]), np.tile(LC.mag, 2), np.tile(LC.err, 2)]
    made = measured(curve)
    assert made.n_used.tolist() == [40]
    assert made.baseline_d.tolist() == [LC.time[-1] - LC.time[0]]
    assert made.status[0] == measured(LC).status[0] | Status.BASELINE_CAPPED


def test_points_that_are_cut_are_not_counted():
    mag = LC.mag.copy()
    mag[[0, 11, -1]] += 30.0
    made = measured((LC.time, mag, LC.err), convention="refined", clip_sigma=3.0)
    assert made.n_used.tolist() == [37]
    assert made.baseline_d.tolist() == [LC.time[-2] - LC.time[1]]
    assert made.status[0] & Status.CLIPPED


@pytest.mark.parametrize("where", [0, 1])
def test_points_that_are_no_numbers_are_not_counted(where):
    arrays = [array.copy() for array in LC]
    arrays[where][[2, 3]] = np.nan, np.inf
    assert measured(arrays).n_used.tolist() == [38]


def test_a_light_curve_without_points_has_none_and_no_baseline():
    for curve in ([np.empty(0)] * 3, [np.full(3, np.nan)] * 3):
        made = measured(curve)
        assert (made.n_used[0], made.baseline_d[0], made.status[0]) == (0, 0.0, Status.TOO_FEW)


def test_of_more_points_than_the_limit_the_newest_are_measured_as_if_they_were_all():
    rng = np.random.default_rng(3)
    n = MAX_EPOCHS + 2_000
    time = np.sort(rng.uniform(0.0, 400.0, n))
    curve = [time, 15.0 + np.sin(2 * np.pi * time / 0.61) + rng.normal(0.0, 0.1, n), np.full(n, 0.1)]
    made, newest = measured(curve), measured([array[-MAX_EPOCHS:] for array in curve])
    assert made.status[0] == newest.status[0] | Status.EPOCHS_CAPPED
    assert np.array_equal(made.values, newest.values)
    assert (made.n_used[0], made.baseline_d[0]) == (MAX_EPOCHS, newest.baseline_d[0])


def test_a_model_is_asked_by_the_points_that_were_used():
    made = measured(repeated(LC, 2))
    assert not scorable(made.values, made.status, made.n_used, 41)[0]
    assert scorable(made.values, made.status, made.n_used, 40)[0]


numbers = hnp.arrays(
    np.float64, st.shared(st.integers(0, 25), key="n"), elements=st.floats(-40.0, 40.0) | st.just(np.nan)
)


@given(numbers, numbers, numbers, st.sampled_from([None, 1.5, 3.0]), st.data())
def test_any_repeats_in_any_order_change_nothing(time, mag, err, clip_sigma, data):
    convention = "robust" if clip_sigma is None else "refined"
    again = data.draw(st.lists(st.integers(0, time.size - 1), max_size=20)) if time.size else []
    rows = np.array([*range(time.size), *again], np.int64)
    rows = rows[np.array(data.draw(st.permutations(range(rows.size))), np.int64)]
    one = measured((time, mag, err), convention=convention, clip_sigma=clip_sigma)
    more = measured((time[rows], mag[rows], err[rows]), convention=convention, clip_sigma=clip_sigma)
    for name, a, b in zip(one._fields, one, more, strict=True):
        if name != "outlier":  # it is the same point, at another place
            assert np.array_equal(a, b, equal_nan=True)
    assert one.n_used[0] <= np.isfinite(time * mag).sum()


@pytest.mark.parametrize("clip_sigma", [None, 1.5])
def test_points_can_be_counted_without_being_measured(light_curves, clip_sigma):
    batch = as_batch([*light_curves, LightCurve(*repeated(LC, 2))])
    counted = count_used(*batch, clip_sigma=clip_sigma)
    assert (
        counted.tolist()
        == features.extract(*batch, convention="refined", clip_sigma=clip_sigma).n_used.tolist()
    )
