"""A small survey of made-up stars, and a model trained on it; torch on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.commands import class_map, making
from tests.training.made_up_survey import write_in_bands, write_others, write_survey
from training.cli.main import main

SHAPES = {
    "short": (0.3, 0.9),  # periods [d]
    "long": (80.0, 200.0),
}
N_STARS = 60
N_EPOCHS = 60


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small networks train faster on one thread, and the same on every machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Light curves of sine waves with short and with long periods, and of stars that do not vary."""
    rng = np.random.default_rng(5)
    labels = np.repeat([*SHAPES, "constant"], N_STARS)
    time, mag = [], []
    for label in labels:
        t = np.sort(rng.uniform(0.0, 400.0, N_EPOCHS))
        low, high = SHAPES.get(label, (1.0, 1.0))
        wave = 0.4 * np.sin(2 * np.pi * (t / rng.uniform(low, high) + rng.random()))
        time.append(t)
        mag.append(15.0 + (label != "constant") * wave + rng.normal(0.0, 0.02, t.size))
    path = tmp_path_factory.mktemp("survey") / "waves.npz"
    write_survey(path, time, mag, labels)
    return path


@pytest.fixture(scope="session")
def model_folder(survey: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained by the command on the made-up survey."""
    folder = tmp_path_factory.mktemp("model") / "waves" / "1.0.0"
    command = "train --name waves --training-epochs 12 --truncations 1 --without-non-variables"
    assert main(making(command, survey, folder)) == 0
    return folder


@pytest.fixture(scope="session")
def in_bands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stars of the same kinds, each seen in g and r."""
    labels = np.repeat([*SHAPES, "constant"], 25)
    return write_in_bands(tmp_path_factory.mktemp("in_bands") / "bands.npz", np.random.default_rng(9), labels)


@pytest.fixture(scope="session")
def fused_folder(in_bands: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained by the command on stars in two bands."""
    folder = tmp_path_factory.mktemp("fused") / "waves" / "1.0.0"
    command = "train --name waves --training-epochs 12 --truncations 1 --without-non-variables"
    assert main(making(command, in_bands, folder)) == 0
    return folder


@pytest.fixture(scope="session")
def transferred(survey: Path, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model transferred by the command to two classes of a survey that it does not know."""
    folder = tmp_path_factory.mktemp("transferred") / "waves" / "2.0.0"
    folder.parent.mkdir()
    others = write_others(folder.parent / "others.npz", survey)
    mapping = class_map(folder.parent, short="VAR", long="VAR", constant="NonVar")
    command = (
        f"transfer --pretrained {model_folder} --class-map {mapping} --name moved --version 2.0.0 "
        "--truncations 1"
    )
    assert main(making(command, others, folder)) == 0
    return folder
