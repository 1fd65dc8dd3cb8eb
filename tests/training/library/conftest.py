"""The made-up survey as tables, and classifiers of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training import Classifier, light_curve_features
from training.data.light_curves import LabelledCurves
from training.data.read import read_light_curves


@pytest.fixture(scope="session")
def stars(survey) -> LabelledCurves:
    return read_light_curves(survey)


@pytest.fixture(scope="session")
def table(stars) -> pd.DataFrame:
    return light_curve_features(stars)


@pytest.fixture(scope="session")
def labels(stars) -> np.ndarray:
    return stars.labels("kind")


@pytest.fixture(scope="session")
def waves(model_folder) -> Classifier:
    return Classifier.load(model_folder)


@pytest.fixture(scope="session")
def target(waves, table, labels) -> Classifier:
    """The model of three classes, transferred to two."""
    return waves.transfer(table, np.where(labels == "constant", "NonVar", "VAR"), layers="last-layer")
