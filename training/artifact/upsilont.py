"""The import of the published UPSILoN-T model ("U model") into our artifact, with nothing retrained.

The weights and constants are public under the MIT licence (https://github.com/dwkim78/UPSILoN-T) and
read from a folder the user gives. They were trained with the published feature definitions, so the
artifact's convention is ``kim2021``.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from features import FEATURE_NAMES
from schemas.model.manifest import Manifest
from schemas.read_json import read_json
from training.artifact.export import write_model
from training.errors import SettingsError, TrainingError
from training.network.networks import Networks
from training.network.preprocess import Preprocessing
from training.network.trained_network import TrainedNetwork

CONSTANTS_FILE = "preprocessing_and_readme_case.json"
WEIGHT_FILES = ("u_model_state_dict.npz", "state_dict.pt")

PUBLISHED_FLOOR = 1e-4
"""Smallest argument of a logarithm: the published training features were rounded to four decimals."""

LOWEST_SCORE = -10.0
"""Clip of the logged features from below; the published sentinel for a zero lies at -8 to -208."""

MIN_EPOCHS = 20
"""Fewest epochs for which the paper reports a performance (Fig. 12)."""


def import_upsilont(weights: Path, output: Path) -> Manifest:
    """Write the published model as an artifact of ours.

    Parameters
    ----------
    weights : Path
        Folder with ``preprocessing_and_readme_case.json`` and the weights, as
        ``u_model_state_dict.npz`` (plain arrays) or ``state_dict.pt`` (the original).
    output : Path
        Folder of the new artifact.

    Raises
    ------
    SettingsError
        If a file is missing, or the constants exist only as pickles.
    TrainingError
        If a file is not what its name says.
    """
    constants = _read_constants(weights)
    path = next((weights / name for name in WEIGHT_FILES if (weights / name).is_file()), None)
    if path is None:
        raise SettingsError(f"no weights in {weights}: expected {' or '.join(WEIGHT_FILES)}")
    arrays = _read_arrays(path)
    classes, eps, preprocessing = _parse_constants(constants, weights / CONSTANTS_FILE)
    try:
        networks = Networks.from_weights([arrays], input_eps=eps)
    except ValueError as exc:
        raise TrainingError(f"{path} does not hold the published network: {exc}") from exc
    if networks.n_classes != len(classes):
        raise TrainingError(
            f"{path} has {networks.n_classes} outputs, {CONSTANTS_FILE} names {len(classes)} classes"
        )
    model = TrainedNetwork(networks.weights(), eps, preprocessing)
    return write_model(output, model, _manifest(classes, path.name))


def _read_constants(folder: Path) -> dict[str, Any]:
    path = folder / CONSTANTS_FILE
    if not path.is_file():
        if any(folder.glob("*.pkl")):
            raise SettingsError(
                f"{folder} has the preprocessing constants only as .pkl, which could run any code when read: "
                f"give them as {CONSTANTS_FILE}"
            )
        raise SettingsError(f"no {CONSTANTS_FILE} in {folder}: it holds the constants of the preprocessing")
    try:
        constants = read_json(path)
    except (OSError, ValueError) as exc:
        raise TrainingError(f"cannot read {path}: {exc}") from exc
    if not isinstance(constants, dict):
        raise TrainingError(f"{path} is not a JSON object")
    return constants


def _read_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
            arrays = {name: value.numpy() for name, value in state.items()}
    except (OSError, ValueError, RuntimeError, AttributeError, pickle.UnpicklingError) as exc:
        raise TrainingError(f"cannot read the weights in {path}: {exc}") from exc
    return {name: value for name, value in arrays.items() if not name.endswith("num_batches_tracked")}


def _parse_constants(constants: dict[str, Any], path: Path) -> tuple[tuple[str, ...], float, Preprocessing]:
    try:
        logged = np.array([name in constants["log10_features"] for name in FEATURE_NAMES])
        minimum = np.array([constants["min"].get(name, 0.0) for name in FEATURE_NAMES])
        center = np.array([constants["center_median"][name] for name in FEATURE_NAMES])
        scale = np.array([constants["scale_std_ddof0"][name] for name in FEATURE_NAMES])
        classes, eps = tuple(constants["classes"]), float(constants["bn1_eps"])
    except (KeyError, TypeError, AttributeError) as exc:
        raise TrainingError(f"{path} lacks {exc}") from exc
    preprocessing = Preprocessing(
        logged=logged,
        shift=np.where(logged, minimum, 0.0),
        floor=np.where(logged, PUBLISHED_FLOOR, 1.0),
        center=center,
        scale=scale,
        low=np.where(logged, LOWEST_SCORE, -np.inf),
        high=np.full(len(FEATURE_NAMES), np.inf),
    )
    return classes, eps, preprocessing


def _manifest(classes: tuple[str, ...], weights_file: str) -> Manifest:
    return Manifest(
        name="upsilont",
        version="2021",
        sha256="",
        classes=classes,
        features=FEATURE_NAMES,
        convention="kim2021",
        min_epochs=MIN_EPOCHS,
        training={
            "method": f"imported without training from {weights_file}",
            "source": "https://github.com/dwkim78/UPSILoN-T",
            "reference": "Kim, Yeo, Bailer-Jones & Lee (2021), arXiv:2106.00187",
        },
        licence="MIT, (c) 2018 Dae-Won Kim; cite Kim et al. (2021)",
    )
