"""What holds for all features together, in every convention."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import features
from features import BLOCKING, FEATURE_NAMES, Status
from tests import reference
from tests.features.conftest import as_batch, make_light_curve

CONVENTIONS = list(features.CONVENTIONS)
BY_EVERY_POINT = [name for name, each in features.CONVENTIONS.items() if not each.by_support]
EXACT_TO_ROUNDING = {"rel": 1e-7, "abs": 1e-9}


def extract(light_curve, **options):
    made = features.extract(*light_curve, [0, len(light_curve[0])], **options)
    return made.values[0], Status(int(made.status[0]))


@pytest.fixture(params=CONVENTIONS)
def convention(request):
    return request.param


@pytest.mark.parametrize("convention", BY_EVERY_POINT)
def test_features_are_those_of_the_reference(light_curves, convention):
    values, status, *_ = features.extract(*as_batch(light_curves), convention=convention)
    assert not (status & BLOCKING).any()
    for row, light_curve in zip(values, light_curves, strict=True):
        period = row[FEATURE_NAMES.index("period")]
        expected = reference.features(*light_curve, convention=convention, period=period)
        assert tuple(expected) == FEATURE_NAMES
        # W: the quantiles of SciPy's own implementation; phases: small amplitudes have uncertain ones;
        # amplitude: where part of a cycle is seen, the normal equations square a condition of 1e3 or more
        assert row == pytest.approx(list(expected.values()), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("convention", BY_EVERY_POINT)
def test_periods_are_those_of_the_reference(light_curves, convention):
    few = light_curves[2:6]
    values, *_ = features.extract(*as_batch(few), convention=convention)
    for row, light_curve in zip(values, few, strict=True):
        expected = reference.find_period(*light_curve, convention)
        assert row[FEATURE_NAMES.index("period")] == pytest.approx(expected, rel=1e-8)


def test_every_row_is_the_same_to_the_last_bit_in_any_batch(light_curves, convention):
    whole, status, *_ = features.extract(*as_batch(light_curves), convention=convention)
    alone = [features.extract(*as_batch([curve]), convention=convention) for curve in light_curves]
    assert np.array_equal(whole, np.concatenate([values for values, *_ in alone]))
    assert np.array_equal(status, np.concatenate([bits for _, bits, *_ in alone]))
    backwards, *_ = features.extract(*as_batch(light_curves[::-1]), convention=convention)
    assert np.array_equal(whole, backwards[::-1])


def test_the_order_of_points_changes_nothing(light_curves, convention):
    for seed, light_curve in enumerate(light_curves):
        order = np.random.default_rng(seed).permutation(light_curve.time.size)
        shuffled = [array[order] for array in light_curve]
        assert np.array_equal(
            extract(light_curve, convention=convention)[0], extract(shuffled, convention=convention)[0]
        )


@pytest.mark.parametrize("shift", [0.25, -1.0, 4096.0, 2_400_000.5])
def test_a_shift_of_time_changes_no_refined_feature(light_curves, shift):
    for light_curve in light_curves:
        # on multiples of 2^-20 d all times and their shifts are exact
        time = np.rint(light_curve.time * 2**20) / 2**20
        here = extract((time, *light_curve[1:]))[0]
        there = extract((time + shift, *light_curve[1:]))[0]
        assert np.array_equal(here, there)


@pytest.mark.parametrize("convention", BY_EVERY_POINT)  # floors under the errors have a scale
@pytest.mark.parametrize("factor", [0.3, 7.0])
def test_a_scale_of_all_errors_changes_nothing(light_curves, factor, convention):
    for light_curve in light_curves:
        here = extract(light_curve, convention=convention)[0]
        there = extract((light_curve.time, light_curve.mag, light_curve.err * factor), convention=convention)[
            0
        ]
        assert there == pytest.approx(here, **EXACT_TO_ROUNDING)


def test_a_shift_of_magnitudes_changes_nothing(light_curves, convention):
    for light_curve in light_curves:
        here = extract(light_curve, convention=convention)[0]
        there = extract((light_curve.time, light_curve.mag - 16.0, light_curve.err), convention=convention)[0]
        assert there == pytest.approx(here, **EXACT_TO_ROUNDING)


def test_inputs_may_be_read_only_strided_or_of_other_types(convention):
    light_curve = make_light_curve(4)
    expected = extract(light_curve, convention=convention)[0]
    strided = [np.repeat(array, 2)[::2] for array in light_curve]
    assert np.array_equal(extract(strided, convention=convention)[0], expected)
    assert np.array_equal(extract([list(array) for array in light_curve], convention=convention)[0], expected)
    single = light_curve.mag.astype(np.float32)
    for series in (single, single.astype(">f8"), single.astype(float)):
        row = extract((light_curve.time, series, light_curve.err), convention=convention)[0]
        assert row == pytest.approx(expected, rel=1e-2, abs=1e-2)


def test_inputs_are_not_modified(convention):
    arrays = [array.copy() for array in make_light_curve(4)]
    arrays[2][3] = 0.0
    arrays[1][5] = np.nan
    before = [array.copy() for array in arrays]
    extract(arrays, convention=convention, clip_sigma=3.0 if convention in BY_EVERY_POINT else None)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays, before, strict=True))


def test_a_batch_may_be_empty_or_hold_empty_light_curves(convention):
    values, status, *_ = features.extract([], [], [], [0], convention=convention)
    assert values.shape == (0, 16)
    assert status.shape == (0,)
    values, status, *_ = features.extract([], [], [], [0, 0, 0], convention=convention)
    assert np.isnan(values).all()
    assert list(status) == [Status.TOO_FEW] * 2


def test_types_and_shapes_are_as_promised(light_curves):
    values, status, *_ = features.extract(*as_batch(light_curves))
    assert (values.dtype, values.shape) == (np.float64, (10, 16))
    assert (status.dtype, status.shape) == (np.uint32, (10,))


def test_noise_without_a_period_has_features_too(convention):
    rng = np.random.default_rng(12)
    row, status = extract(
        (np.sort(rng.uniform(0, 80, 60)), rng.normal(size=60), np.ones(60)), convention=convention
    )
    assert np.isfinite(row).all()
    assert not status & BLOCKING


def test_a_long_baseline_is_searched_in_full_and_a_longer_one_is_cut(convention):
    rng = np.random.default_rng(13)
    time = np.sort(rng.uniform(0.0, 14_900.0, 60))
    mag = np.sin(2 * np.pi * time / 0.37)
    row, status = extract((time, mag, np.full(60, 0.1)), convention=convention)
    assert row[FEATURE_NAMES.index("period")] == pytest.approx(0.37, rel=1e-5)
    assert status == 0
    time[0] -= 10_000.0
    row, status = extract((time, mag, np.full(60, 0.1)), convention=convention)
    assert status == Status.BASELINE_CAPPED
    assert np.array_equal(row, extract((time[1:], mag[1:], np.full(59, 0.1)), convention=convention)[0])


def test_a_period_near_a_day_or_a_month_or_a_part_of_them_is_marked():
    rng = np.random.default_rng(14)
    time = np.sort(rng.uniform(0.0, 300.0, 200))
    for period, marked in ((0.9973, True), (0.5, True), (29.53, True), (0.2004, True), (0.61, False)):
        light_curve = (time, np.sin(2 * np.pi * time / period), np.full(200, 0.01))
        _, status = extract(light_curve, convention="refined")
        assert bool(status & Status.ALIAS) == marked, period


def test_a_period_longer_than_the_baseline_is_marked():
    time = np.sort(np.random.default_rng(15).uniform(0.0, 50.0, 80))
    row, status = extract((time, 0.01 * time, np.full(80, 0.01)))
    assert status & Status.LONG_PERIOD
    assert row[FEATURE_NAMES.index("period")] > 50.0


def test_the_outlier_cut_is_that_of_the_caller():
    light_curve = [array.copy() for array in make_light_curve(6)]
    light_curve[1][30] += 9.0
    without = [np.delete(array, 30) for array in light_curve]
    row, status = extract(light_curve, convention="refined", clip_sigma=5.0)
    assert status == Status.CLIPPED
    assert np.array_equal(row, extract(without, convention="refined")[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": np.zeros(3)}, "equally long, got 3, 2, 2"),
        ({"mag": np.zeros((2, 1))}, r"mag must be a 1-d array of real numbers, got float64 \(2, 1\)"),
        ({"err": ["a", "b"]}, "err must be a 1-d array of real numbers"),
        ({"offsets": [0, 3]}, "offsets must rise from 0 to the number of points, 2"),
        ({"offsets": [1, 2]}, "they start at 1"),
        ({"offsets": [0, 2, 1, 2]}, "offsets must rise"),
        ({"offsets": [0, 2**63 - 1, -2, 2]}, "offsets must rise"),  # differences that no integer holds
        ({"offsets": np.array([0, 2**64 - 2, 2], np.uint64)}, "offsets must rise"),
        ({"offsets": [0.0, 2.0]}, "1-d array of integers, got float64"),
        ({"offsets": []}, "1-d array of integers"),
        ({"convention": "new"}, "one of kim2021, refined, robust, got 'new'"),
        ({"clip_sigma": 0.0}, "clip_sigma must be > 0 or None, got 0.0"),
        ({"clip_sigma": -3.0}, "got -3.0"),
        ({"clip_sigma": np.nan}, "got nan"),
    ],
)
def test_arguments_that_do_not_fit_are_named(change, message):
    arguments = {"time": np.zeros(2), "mag": np.zeros(2), "err": np.ones(2), "offsets": [0, 2]} | change
    with pytest.raises(ValueError, match=message):
        features.extract(**arguments)


messy = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-50.0, 50.0),
    st.sampled_from([0.0, 1.0, 15.25, 99.999, 1e-12]),
)
messy_light_curves = st.integers(0, 24).flatmap(
    lambda n: st.tuples(
        *(st.lists(values, min_size=n, max_size=n) for values in (st.floats(0, 40) | messy, messy, messy))
    )
)


@settings(max_examples=150, deadline=None)
@given(messy_light_curves, st.sampled_from([*((name, None) for name in CONVENTIONS), ("refined", 3.0)]))
def test_whatever_the_data_a_row_is_finite_or_blocked(light_curve, how):
    convention, clip_sigma = how
    row, status = extract(
        [np.array(a, float) for a in light_curve], convention=convention, clip_sigma=clip_sigma
    )
    if status & BLOCKING:
        assert np.isnan(row).all()
    else:
        assert np.isfinite(row).all()
    assert features.status_names(status) == [flag.name for flag in Status if flag & status]


def test_magnitudes_and_errors_of_any_size_break_nothing(convention):
    light_curve = make_light_curve(7, n=40)
    for factor in (1e-6, 1e6, 1e60, 1e200):
        row, status = extract(
            (light_curve.time, light_curve.mag * factor, light_curve.err), convention=convention
        )
        assert np.isfinite(row).all() != bool(status & BLOCKING)
    err = np.full(40, 1e300)
    err[5] = 1.0
    row, status = extract((light_curve.time, light_curve.mag, err), convention=convention)
    assert np.isfinite(row).all() != bool(status & BLOCKING)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(8, 60))
def test_light_curves_on_a_coarse_grid_of_times_and_magnitudes_never_break_the_kernels(seed, n):
    rng = np.random.default_rng(seed)
    time = rng.integers(0, 50, n) * 0.5
    mag = rng.integers(0, 3, n) * 0.1
    assume(np.ptp(time) >= 1.0)
    row, status = extract((time, mag, np.full(n, 0.02)))
    assert np.isfinite(row).all() != bool(status & BLOCKING)
