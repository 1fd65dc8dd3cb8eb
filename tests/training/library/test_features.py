"""Features of an astronomer's arrays."""

import numpy as np
import pandas as pd
import pytest

from features import FEATURE_NAMES, extract
from training import light_curve_features
from training.errors import SettingsError, TrainingError


def test_the_table_holds_what_the_feature_code_gives_for_each_light_curve(stars, table):
    time, mag, err = stars.curves.pick(7)
    values, *_ = extract(time, mag, err, [0, len(time)])
    assert tuple(table.columns[:16]) == FEATURE_NAMES
    assert np.array_equal(table.iloc[7][list(FEATURE_NAMES)].to_numpy(float), values[0])
    assert table.index[7] == "star7"
    assert (table.n_epochs == 60).all()
    assert (table.dtypes[[*FEATURE_NAMES]] == np.float64).all()


def test_arrays_names_and_files_give_the_same_numbers(stars, table):
    some = [stars.curves.pick(number) for number in range(5)]
    listed = light_curve_features(iter(some))
    named = light_curve_features({f"V{number}": curve for number, curve in enumerate(some)})
    concatenated = light_curve_features(stars.curves.take(np.arange(5)))
    assert list(listed.index) == list(concatenated.index) == [0, 1, 2, 3, 4]
    assert list(named.index) == ["V0", "V1", "V2", "V3", "V4"]
    for made in (listed, named, concatenated):
        pd.testing.assert_frame_equal(made.reset_index(drop=True), table[:5].reset_index(drop=True))


def test_numbers_of_any_type_and_order_are_read_as_they_are(stars):
    time, mag, err = stars.curves.pick(0)
    mag, err = mag.astype(np.float32), err.astype(np.float32)
    expected = light_curve_features([(time, mag, err)])
    order = np.random.default_rng(0).permutation(len(time))
    fits = time[order].astype(">f8"), mag[order].astype(">f4"), list(err[order])
    pd.testing.assert_frame_equal(light_curve_features([fits]), expected)


def test_points_that_are_masked_or_nan_are_left_out_and_not_counted(stars):
    time, mag, err = stars.curves.pick(0)
    expected = light_curve_features([(time[2:], mag[2:], err[2:])])
    holes = mag.copy()
    holes[:2] = np.nan, np.inf
    masked = np.ma.masked_array(mag, mask=np.arange(60) < 2)
    made = light_curve_features([(time, holes, err), (time, masked, err)])
    assert list(made.n_epochs) == [58, 58]
    for row in (0, 1):
        pd.testing.assert_frame_equal(made[row : row + 1].reset_index(drop=True), expected)


def test_light_curves_without_features_say_why_and_none_give_an_empty_table():
    short, night = np.arange(5.0), np.linspace(0.0, 0.5, 30)
    made = light_curve_features(
        [(short, short + 15.0, short + 0.1), (night, 15.0 + night, night + 0.1), ([], [], [])]
    )
    assert list(made.status) == ["TOO_FEW", "NO_BASELINE", "TOO_FEW"]
    assert made[list(FEATURE_NAMES)].isna().all(axis=None)
    assert len(light_curve_features([])) == 0


def test_light_curves_that_are_none_are_told():
    time = np.arange(30.0)
    with pytest.raises(SettingsError, match=r"light curve 0 must be three arrays .* goes in a list"):
        light_curve_features((time, time, time))
    with pytest.raises(SettingsError, match=r"light curve 'V1': .* of one length, got \(30,\), \(29,\)"):
        light_curve_features({"V1": (time, time[1:], time)})
    with pytest.raises(SettingsError, match=r"light curve 0 must be three arrays of numbers"):
        light_curve_features([(time, ["faint"] * 30, time)])
    with pytest.raises(TrainingError, match=r"light curve 0: magnitude 99\.999 of point 4 is no measurement"):
        light_curve_features([(time, np.where(time == 4, 99.999, 15.0), time)])
    with pytest.raises(SettingsError, match="one of kim2021, refined, robust, got 'mine'"):
        light_curve_features([], convention="mine")
    with pytest.raises(SettingsError, match="clip_sigma"):
        light_curve_features([], clip_sigma=0.0)
