import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features import FEATURE_NAMES
from training.errors import TrainingError
from training.network.preprocess import LOGARITHMIC_FEATURES, Preprocessing, fit_preprocessing

ROWS = np.random.default_rng(1).lognormal(size=(200, 16))
finite = st.floats(-1e12, 1e12)


@given(arrays(np.float64, (4, 16), elements=finite))
def test_any_finite_row_has_a_finite_score_within_the_training_range(values):
    constants = fit_preprocessing(ROWS)
    scores, bits = constants.transform(values)
    assert np.isfinite(scores).all()
    assert (scores >= constants.low).all()
    assert (scores <= constants.high).all()
    assert ((bits >= 0) & (bits < 1 << 16)).all()


@given(arrays(np.float64, (5, 16), elements=st.floats(-1e6, 1e6)))
def test_any_finite_training_set_gives_finite_constants(values):
    constants = fit_preprocessing(values)
    scores, _ = constants.transform(values)
    assert np.isfinite(scores).all()
    for array in (constants.shift, constants.floor, constants.center, constants.scale):
        assert np.isfinite(array).all()


def test_scores_are_the_published_formula():
    constants = fit_preprocessing(ROWS)
    scores, _ = constants.transform(ROWS)
    for j, name in enumerate(FEATURE_NAMES):
        x = ROWS[:, j]
        if name in LOGARITHMIC_FEATURES:
            distance = x - x.min()
            x = np.log10(np.where(distance > 0.0, distance, distance[distance > 0.0].min()))
        expected = (x - np.median(x)) / np.std(x)
        assert scores[:, j] == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_only_what_lies_outside_the_training_range_sets_its_bit():
    constants = fit_preprocessing(ROWS)
    row = np.median(ROWS, axis=0)
    assert constants.transform(row[None])[1] == 0
    for j in range(16):
        for value in (ROWS[:, j].min() - 1.0, ROWS[:, j].max() + 1.0):
            outside = row.copy()
            outside[j] = value
            assert constants.transform(outside[None])[1] == 1 << j


def test_training_rows_are_in_range_but_for_the_minimum_whose_logarithm_has_a_floor():
    _, bits = fit_preprocessing(ROWS).transform(ROWS)
    minimum = np.isclose(ROWS, ROWS.min(axis=0), rtol=0.0, atol=0.0)
    logged = np.array([name in LOGARITHMIC_FEATURES for name in FEATURE_NAMES])
    assert (bits == (minimum & logged) @ (1 << np.arange(16))).all()


def test_inverse_returns_the_raw_features():
    constants = fit_preprocessing(ROWS)
    inside = ROWS[(constants.transform(ROWS)[1] == 0)]
    assert constants.inverse(constants.transform(inside)[0]) == pytest.approx(inside, rel=1e-9)


def test_constants_survive_json():
    constants = fit_preprocessing(ROWS)
    back = Preprocessing.from_manifest(json.loads(json.dumps(constants.to_manifest())))
    assert (back.transform(ROWS)[0] == constants.transform(ROWS)[0]).all()


def test_a_missing_constant_is_named():
    constants = fit_preprocessing(ROWS).to_manifest()
    del constants["period"]["scale"]
    with pytest.raises(TrainingError, match="scale"):
        Preprocessing.from_manifest(constants)


def test_nan_is_refused_with_feature_and_row():
    rows = ROWS.copy()
    rows[7, 3] = np.nan
    with pytest.raises(TrainingError, match="period of row 7"):
        fit_preprocessing(rows)


def test_one_light_curve_has_no_spread():
    with pytest.raises(TrainingError, match="at least 2"):
        fit_preprocessing(ROWS[:1])
