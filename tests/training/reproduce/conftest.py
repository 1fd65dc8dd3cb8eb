"""Benches for small experiments, and stars to try them on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features import FEATURE_NAMES
from tests.training.reproduce.experiments import SOURCE_SCALE, TRANSFER_SCALE, random_network, three_classes
from training.network.trained_network import TrainedNetwork
from training.progress import QUIET
from training.reproduce.bench import Bench
from training.reproduce.labelled_sets import Target


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """Each experiment is computed as on a single core."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(TRANSFER_SCALE, tmp_path / "cache", tmp_path / "figures", QUIET)


@pytest.fixture
def source_bench(tmp_path: Path) -> Bench:
    return Bench(SOURCE_SCALE, tmp_path / "cache", tmp_path / "figures", QUIET)


@pytest.fixture(scope="session")
def stars() -> tuple[Target, np.ndarray]:
    """Three classes three sigma apart."""
    target = three_classes(180)
    values = np.random.default_rng(2).normal(0.0, 1.0, (180, 16))
    return target, values + 3.0 * target.label[:, None] * (np.arange(16) < 3)


@pytest.fixture(scope="session")
def stars_by_period() -> tuple[Target, np.ndarray]:
    """Three classes that differ in the period only."""
    target, rng = three_classes(240), np.random.default_rng(2)
    values = rng.normal(0.0, 1.0, (240, 16))
    values[:, FEATURE_NAMES.index("period")] = 10.0 ** rng.normal(target.label, 0.1)
    return target, values


@pytest.fixture(scope="session")
def pretrained() -> TrainedNetwork:
    return random_network(5, 9)
