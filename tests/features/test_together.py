"""Facts about stars that are measured in all of their bands together, and in one by the same rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features
from features import Status, extract, extract_together

PERIOD = 0.5713


def star(n: int = 60, seed: int = 0, bands: tuple[int, ...] = (1, 2)) -> tuple[np.ndarray, ...]:
    """A sinusoid of 0.4 mag in every band, r half a magnitude fainter than g; time, mag, err, band."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0.0, 90.0, n))
    band = rng.choice(bands, n).astype(np.int8)
    mag = 18.0 + 0.5 * (band == 2) + 0.4 * np.cos(2.0 * math.pi * time / PERIOD) + rng.normal(0.0, 0.02, n)
    return time, mag, np.full(n, 0.02), band


def together(series: tuple[np.ndarray, ...]) -> features.Together:
    return extract_together(*series, [0, len(series[0])])


def same(one: features.Measured, other: features.Measured) -> None:
    for name, a, b in zip(one._fields, one, other, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_one_period_for_all_bands_and_levels_that_are_their_colour():
    found = together(star())
    assert found.merged.values[0, features.FEATURE_NAMES.index("period")] == pytest.approx(PERIOD, rel=1e-4)
    assert found.usable[0].tolist() == [False, True, True, False, False, False]
    assert found.level[0, 2] - found.level[0, 1] == pytest.approx(0.5, abs=0.02)
    assert found.amplitude_ratio[0, 1] == 1.0
    assert found.amplitude_ratio[0, 2] == pytest.approx(1.0, abs=0.05)
    assert np.isnan(found.level[0, [0, 3, 4, 5]]).all()
    assert found.merged.n_used[0] == 60 == found.bands.n_used.sum()


def test_a_star_of_one_band_is_to_the_last_bit_what_that_band_is_by_itself():
    time, mag, err, _ = star()
    alone = extract(time, mag, err, [0, 60])
    for number in range(6):
        found = together((time, mag, err, np.full(60, number, np.int8)))
        same(found.merged, alone)
        np.testing.assert_array_equal(found.bands.values[number], alone.values[0])
        assert np.isnan(found.amplitude_ratio).all()


def test_a_point_alone_in_its_band_changes_nothing_but_to_be_no_band():
    series = star()
    more = tuple(np.append(a, b).astype(a.dtype) for a, b in zip(series, (-500.0, 3.0, 1e-3, 5), strict=True))
    same(together(more).merged, together(series).merged)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(10, 50), data=st.data())
def test_neither_order_nor_repeats_nor_other_stars_change_a_bit(seed, n, data):
    series = star(n, seed, (0, 1, 2, 4))
    first = together(series)
    order = data.draw(st.permutations(range(n)))
    again = [*order, *data.draw(st.lists(st.integers(0, n - 1), max_size=5))]
    mixed = tuple(a[again] for a in series)
    other = star(20, seed + 1)
    batch = extract_together(
        *(np.concatenate([b, a]) for a, b in zip(mixed, other, strict=True)), [0, 20, 20 + len(again)]
    )
    for name in features.Measured._fields:
        if name != "outlier":
            np.testing.assert_array_equal(getattr(first.merged, name)[0], getattr(batch.merged, name)[1])
            np.testing.assert_array_equal(getattr(first.bands, name)[:6], getattr(batch.bands, name)[6:])
    np.testing.assert_array_equal(first.level[0], batch.level[1])
    np.testing.assert_array_equal(first.amplitude_ratio[0], batch.amplitude_ratio[1])
    assert (first.merged.outlier[0] < 0) == (batch.merged.outlier[1] < 0)
    if first.merged.outlier[0] >= 0:
        assert mixed[0][batch.merged.outlier[1] - 20] == series[0][first.merged.outlier[0]]


def test_one_wild_point_is_named_and_moves_no_feature_far():
    clean = star()
    time, mag, err, band = star()
    mag[17] -= 2.0
    found, before = together((time, mag, err, band)), together(clean)
    assert found.merged.n_outliers[0] == 1
    assert found.merged.outlier[0] == 17
    assert found.merged.n_used[0] == 59
    assert found.merged.status[0] & Status.CLIPPED
    defined = [
        j for j, name in enumerate(features.FEATURE_NAMES) if not name.startswith("phi")
    ]  # no harmonics
    np.testing.assert_allclose(
        found.merged.values[:, defined], before.merged.values[:, defined], rtol=0.25, atol=0.25
    )
    alone = extract(time, mag, err, [0, 60], convention="refined")
    skewness = features.FEATURE_NAMES.index("skewness")
    assert abs(alone.values[0, skewness]) > 1.0 > abs(found.merged.values[0, skewness])


def test_what_is_said_of_a_period_is_said_where_it_can_be():
    found = together(star(80)).merged
    assert found.p_period[0] > 0.95
    assert found.period_fap[0] < 1e-6
    assert abs(found.values[0, features.FEATURE_NAMES.index("period")] - PERIOD) < 5.0 * found.period_err_d[0]
    assert found.n_nights[0] > 10
    noise = np.random.default_rng(5).normal(0.0, 0.02, 80)
    time, _, err, band = star(80)
    constant = together((time, 18.0 + noise, err, band)).merged
    assert constant.p_period[0] < 0.5
    assert constant.period_fap[0] > 0.01
    for convention in ("refined", "kim2021"):
        unknown = extract(time, 18.0 + noise, err, [0, 80], convention=convention)
        assert np.isnan([*unknown.p_period, *unknown.period_fap, *unknown.period_err_d]).all()
        assert unknown.n_outliers[0] == 0
        assert unknown.outlier[0] == -1


def test_what_cannot_be_known_of_a_period_is_not_stated_and_a_level_is_one_that_was_seen():
    time = np.sort(np.random.default_rng(15).uniform(0.0, 50.0, 80))
    trend = together((time, 17.0 + 0.01 * time, np.full(80, 0.01), np.arange(80) % 2)).merged
    assert trend.status[0] & Status.LONG_PERIOD
    assert np.isnan([trend.p_period[0], trend.period_err_d[0]]).all()
    for seed in range(20):
        time, mag, err, band = star(16, seed)
        found = together((time[:16] / 3.0, mag, err, band))
        for number in (1, 2):
            level = found.level[0, number]
            its = mag[band == number]
            assert its.min() <= level <= its.max()


def test_few_nights_say_no_error():
    rng = np.random.default_rng(2)
    time = np.concatenate([night + np.arange(12) * 40.0 / 86400.0 for night in (0, 3, 4, 11, 30)])
    found = extract(time, 20.0 + rng.normal(0.0, 0.02, 60), np.full(60, 0.02), [0, 60])
    assert found.status[0] & Status.FEW_NIGHTS
    assert found.n_nights[0] == 5
    assert np.isnan(found.period_err_d[0])
    assert found.values[0, features.FEATURE_NAMES.index("amplitude")] < 0.1


@pytest.mark.parametrize("n", [0, 1, 7])
def test_too_few_points_have_a_status_and_a_count(n):
    time, mag, err, _ = (a[:n] for a in star())
    found = together((time, mag, err, np.full(n, 3, np.int8))).merged
    assert found.status[0] & Status.TOO_FEW
    assert np.isnan(found.values).all()
    assert extract(time, mag, err, [0, n]).n_used[0] == n


def test_bad_points_are_no_points():
    series = star()
    bad = (
        np.array([np.nan, 5.0, np.inf, 7.0]),
        np.array([18.0, np.nan, 18.0, -np.inf]),
        np.full(4, 0.02),
        np.array([1, 2, 1, 2], np.int8),
    )
    more = tuple(np.concatenate([a, b]) for a, b in zip(series, bad, strict=True))
    same(together(more).merged, together(series).merged)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"band": np.full(60, 6)}, "band must be 0 to 5, got 6 to 6"),
        ({"band": np.full(60, -1)}, "band must be 0 to 5, got -1 to -1"),
        ({"band": np.full(60, 1.0)}, "1-d array of integers"),
        ({"band": np.full(59, 1)}, "equally long, got 60, 60, 60, 59"),
        ({"convention": "refined"}, "by convention robust, not by 'refined'"),
        ({"n_bands": 0}, "n_bands must be 1 to 128"),
    ],
)
def test_arguments_that_do_not_fit_say_so(change, message):
    time, mag, err, band = star()
    arguments = {"band": band, "convention": "robust", "n_bands": 6} | change
    with pytest.raises(ValueError, match=message):
        extract_together(time, mag, err, arguments.pop("band"), [0, 60], **arguments)


def test_outliers_are_decided_on_once():
    time, mag, err, _ = star()
    with pytest.raises(ValueError, match="decides on outliers by itself"):
        extract(time, mag, err, [0, 60], convention="robust", clip_sigma=3.0)


def test_bands_at_the_period_of_all_are_what_their_own_points_say_there():
    found = together(star(90))
    period = features.FEATURE_NAMES.index("period")
    assert (found.bands.values[[1, 2], period] == found.merged.values[0, period]).all()
    assert found.bands.status[[0, 3, 4, 5]].tolist() == [Status.TOO_FEW] * 4
    amplitude = found.bands.values[[1, 2], features.FEATURE_NAMES.index("amplitude")]
    np.testing.assert_allclose(amplitude, 0.4, rtol=0.05)
