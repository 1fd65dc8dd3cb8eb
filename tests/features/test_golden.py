"""Agreement with two other programs on golden light curves: simulated ones of all kinds, and real ones."""

from __future__ import annotations

import numpy as np
import pytest

import features
from features.conventions import CONVENTIONS
from features.light_curve import features_at
from tests.features.conftest import as_batch

# The published code stops its fit of the Fourier series early, from a fixed start; the rest is rounding.
TOLERANCES = {
    "amplitude": {"rel": 1e-4},
    "hl_amp_ratio": {"rel": 1e-12},
    "kurtosis": {"abs": 1e-12},
    "period": {"rel": 1e-12},
    "phase_cusum": {"rel": 1e-12},
    "phase_eta": {"rel": 1e-12},
    "phi21": {"abs": 3e-4},
    "phi31": {"abs": 3e-4},
    "quartile31": {"rel": 1e-12},
    "r21": {"abs": 3e-5},
    "r31": {"abs": 3e-5},
    "shapiro_w": {"abs": 1e-8},
    "skewness": {"abs": 1e-12},
    "slope_per10": {"rel": 1e-12},
    "slope_per90": {"rel": 1e-12},
    "stetson_k": {"rel": 1e-12},
}


@pytest.mark.parametrize("name", features.FEATURE_NAMES)
def test_a_feature_of_the_published_code_is_met_on_every_golden_light_curve(golden, name):
    column = features.FEATURE_NAMES.index(name)
    values, status, *_ = features.extract(*as_batch(golden.light_curves), convention="kim2021")
    assert not (status & features.BLOCKING).any()
    expected = golden.published[:, column]
    tolerance = {"rel": 0.0, "abs": 0.0} | TOLERANCES[name]
    assert values[:, column] == pytest.approx(expected, **tolerance)


def test_features_at_the_golden_refined_periods_are_met(golden):
    period = features.FEATURE_NAMES.index("period")
    found = np.array(
        [
            features_at(*light_curve, row[period], CONVENTIONS["refined"])
            for light_curve, row in zip(golden.light_curves, golden.refined, strict=True)
        ]
    )
    for column, name in enumerate(features.FEATURE_NAMES):
        tolerance = {"rel": 0.0, "abs": 0.0} | TOLERANCES[name]
        assert found[:, column] == pytest.approx(golden.refined[:, column], **tolerance), name
