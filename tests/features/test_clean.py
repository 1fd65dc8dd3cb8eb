from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from features import MAX_EPOCHS, Status
from features.clean import clean
from tests.features.conftest import make_light_curve

LC = make_light_curve(5, n=30)


def names(status):
    return Status(int(status))


def test_a_clean_light_curve_is_left_as_it_is():
    *cleaned, status = clean(*LC, np.inf)
    assert status == 0
    assert all(np.array_equal(a, b) for a, b in zip(cleaned, LC, strict=True))


def test_points_are_sorted_by_time_then_magnitude_then_error():
    time = np.array([3.0, 1.0, 1.0, 1.0, 2.0, 5.0, 4.0, 9.0, 8.0])
    mag = np.array([0.1, 0.3, 0.2, 0.2, 0.0, 0.5, 0.4, 0.6, 0.7])
    err = np.array([0.1, 0.1, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1])
    cleaned = np.stack(clean(time, mag, err, np.inf)[:3])
    assert np.array_equal(cleaned, np.stack([time, mag, err])[:, np.lexsort((err, mag, time))])


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_points_without_a_finite_time_and_magnitude_leave(where, value):
    arrays = [a.copy() for a in LC]
    arrays[where][7] = value
    *cleaned, status = clean(*arrays, np.inf)
    assert status == 0
    assert np.array_equal(cleaned, [np.delete(a, 7) for a in LC])


def test_exact_repeats_count_once_and_different_points_at_one_time_stay():
    arrays = [np.concatenate((a, a[:4])) for a in LC]
    arrays[1][-1] += 0.01
    time, _, _, status = clean(*arrays, np.inf)
    assert time.size == LC.time.size + 1
    assert status == 0


@pytest.mark.parametrize("value", [0.0, -0.1, np.nan, np.inf])
def test_an_error_that_is_none_becomes_the_median_of_the_valid_ones(value):
    err = LC.err.copy()
    err[[3, 11]] = value
    _, _, cleaned, status = clean(LC.time, LC.mag, err, np.inf)
    assert names(status) == Status.ERR_PATCHED
    assert cleaned[3] == cleaned[11] == np.median(np.delete(LC.err, [3, 11]))


def test_without_any_valid_error_all_points_weigh_the_same():
    _, _, err, status = clean(LC.time, LC.mag, np.full(30, np.nan), np.inf)
    assert names(status) == Status.ERR_PATCHED
    assert np.ptp(err) == 0.0


def test_an_error_is_never_below_its_floor():
    err = LC.err.copy()
    err[3] = 1e-12
    _, _, cleaned, status = clean(LC.time, LC.mag, err, np.inf)
    assert cleaned[3] == 1e-5
    assert status == 0


def test_of_a_too_long_baseline_the_latest_points_are_kept():
    time = LC.time.copy()
    time[:2] -= 20_000.0
    cleaned, *_, status = clean(time, LC.mag, LC.err, np.inf)
    assert names(status) == Status.BASELINE_CAPPED
    assert np.array_equal(cleaned, time[2:])


@pytest.mark.parametrize("more", [0, 1, 700])
def test_of_too_many_points_the_newest_are_kept(more):
    n = MAX_EPOCHS + more
    rng = np.random.default_rng(more)
    time, mag, err = rng.permutation(n) * 0.01, rng.normal(15.0, 0.1, n), rng.uniform(0.01, 0.1, n)
    cleaned = np.stack(clean(time, mag, err, np.inf)[:3])
    status = clean(time, mag, err, np.inf)[3]
    assert names(status) == (Status.EPOCHS_CAPPED if more else Status.OK)
    newest = np.argsort(time)[more:]
    assert np.array_equal(cleaned, np.stack([time, mag, err])[:, newest])


def test_repeats_and_what_is_beyond_the_baseline_do_not_push_others_out():
    """Both limits at once: twice the points, each held twice, half of them too old."""
    time = np.linspace(0.0, 100.0, MAX_EPOCHS)
    both = np.concatenate([time - 50_000.0, time, time])
    mag = np.concatenate([np.sin(time)] * 3)
    cleaned, *_, status = clean(both, mag, np.full(both.size, 0.1), np.inf)
    assert np.array_equal(cleaned, time)
    assert names(status) == Status.BASELINE_CAPPED


def test_the_cut_is_made_once_about_the_median():
    mag = np.concatenate((np.tile([-0.1, 0.1], 20), [0.5, 5.0]))
    time = np.arange(42.0)
    err = np.full(42, 0.1)
    assert np.std(mag[:41]) * 3 < 0.5  # a second cut would take this point as well
    _, cleaned, _, status = clean(time, mag, err, 3.0)
    assert names(status) == Status.CLIPPED
    assert np.array_equal(cleaned, mag[:41])


def test_a_cut_that_takes_nothing_sets_no_bit():
    assert clean(*LC, 10.0)[3] == 0


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ([a[:7] for a in LC], Status.TOO_FEW),
        ([LC.time * 1e-3, LC.mag, LC.err], Status.NO_BASELINE),
        ([LC.time * 0.0, LC.mag, LC.err], Status.NO_BASELINE),
        ([LC.time, LC.mag * 0.0, LC.err], Status.DEGENERATE),
        ([LC.time, 1e6 + 1e-6 * LC.mag, LC.err], Status.DEGENERATE),
    ],
    ids=["seven points", "two hours", "one moment", "constant", "rounding"],
)
def test_what_cannot_have_features_is_marked(arrays, expected):
    assert names(clean(*arrays, np.inf)[3]) == expected


numbers = hnp.arrays(np.float64, st.shared(st.integers(0, 20), key="n"), elements=st.floats(allow_nan=True))


@given(numbers, numbers, numbers, st.sampled_from([3.0, np.inf]))
def test_whatever_comes_in_what_goes_out_is_finite_sorted_and_positive(time, mag, err, clip_sigma):
    t, m, e, _ = clean(time, mag, err, clip_sigma)
    assert t.size == m.size == e.size <= time.size
    assert np.isfinite([t, m, e]).all()
    assert (e >= 1e-5).all()
    assert (np.diff(t) >= 0).all()


def test_many_points_at_one_time_are_put_in_order():
    n = 30_000  # one by one each would be moved past all before it
    rng = np.random.default_rng(4)
    time, mag, err = np.repeat([0.0, 5.0], n // 2), rng.integers(0, 99, n) * 0.1, rng.integers(1, 9, n) * 0.1
    found = np.stack(clean(time, -mag, err, np.inf)[:3])
    expected = np.unique(np.stack([time, -mag, err]), axis=1)
    assert np.array_equal(found, expected)
