"""The networks of a model's folds, kept beside it, for whoever transfers the model to stars that it knows.

A pretrained network cannot say what it would have made of a star that it learnt from. The networks of its
folds can, each of the stars of its own fold. So when the model is transferred and the same stars turn up, as
another survey sees them perhaps, each keeps its fold, and the transferred network that judges it started from
the pretrained one that never saw it.

Stars are known by hashes of their names and places (`training.stars.identity`): no catalogue is kept.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import Manifest, sha256_of
from training.data.read import NPZ_ERRORS
from training.errors import TrainingError
from training.network.trained_network import TrainedNetwork, from_arrays, to_arrays
from training.stars.identity import KEY_SCHEME
from training.stars.known_stars import KnownStars

FOLDS_FILE = "folds.npz"


@dataclass(frozen=True, slots=True)
class FoldNetworks:
    """Networks that were each trained without one fold, and the stars of the folds.

    Attributes
    ----------
    networks : tuple of TrainedNetwork
        In the order of the folds, without a temperature.
    stars : KnownStars
        That they learnt from.
    """

    networks: tuple[TrainedNetwork, ...]
    stars: KnownStars


def write_fold_networks(folder: Path, folds: FoldNetworks) -> str:
    """Write ``folds.npz`` into a model folder, and return its hash for the manifest.

    Raises
    ------
    TrainingError
        If the folder cannot be written.
    """
    arrays = {
        **to_arrays(folds.networks),
        "scheme": np.array(KEY_SCHEME),
        "star": folds.stars.key,
        "fold": folds.stars.fold,
    }
    path = folder / FOLDS_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_npz(path, arrays)
    except OSError as exc:
        raise TrainingError(f"cannot write {path}: {exc.strerror or exc}") from exc
    return sha256_of(path)


def read_fold_networks(folder: Path, manifest: Manifest) -> FoldNetworks | None:
    """Read what `write_fold_networks` wrote; None for a model that came without.

    Raises
    ------
    TrainingError
        If the file is missing or not the model's own.
    """
    expected = manifest.training.get("folds_sha256")
    if expected is None:
        return None
    path = folder / FOLDS_FILE
    remedy = "stars that the model knows cannot be judged: copy the whole folder of the model again"
    try:
        if sha256_of(path) != expected:
            came = f"{manifest.name} {manifest.version} came with"
            raise TrainingError(f"{path} is not the one that {came}, without which {remedy}")
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except FileNotFoundError as exc:
        raise TrainingError(f"{path} is missing, without which {remedy}") from exc
    except NPZ_ERRORS as exc:
        raise TrainingError(f"{path} cannot be read ({exc}): {remedy}") from exc
    if found.get("scheme") != KEY_SCHEME:
        raise TrainingError(
            f"{path} was written by another version of this package: make {manifest.name} again, by "
            f"`{manifest.training.get('command')}`"
        )
    return FoldNetworks(from_arrays(found), KnownStars(found["star"], found["fold"]))


def write_npz(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write arrays so that the same ones give the same bytes, whenever that is."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as file:
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
