"""The networks of a model's folds, kept beside it, for whoever transfers the model to stars that it knows.

A pretrained network cannot say what it would have made of a star that it learnt from. The networks of its
folds can, each of the stars of its own fold. So when the model is transferred and the same stars turn up, as
another survey sees them perhaps, each keeps its fold, and the transferred network that judges it started from
the pretrained one that never saw it.

Stars are known by a hash of their names: no catalogue is kept.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Manifest, sha256_of
from training.errors import TrainingError
from training.export import Model
from training.light_curves import NPZ_ERRORS
from training.preprocess import Preprocessing

FOLDS_FILE = "folds.npz"

UNKNOWN = -1
"""Fold of a star that was not learnt from."""


@dataclass(frozen=True, slots=True)
class FoldNetworks:
    """Networks that were each trained without one fold, and the fold of every star.

    Attributes
    ----------
    models : tuple of Model
        In the order of the folds, without a temperature.
    star : (n,) uint64
        Hashes of the names of the light curves that were learnt from, ascending.
    fold : (n,) int8
        Of each.
    """

    models: tuple[Model, ...]
    star: NDArray[np.uint64]
    fold: NDArray[np.int8]

    @classmethod
    def of(cls, models: Sequence[Model], names: NDArray[np.str_], fold: NDArray[np.int8]) -> FoldNetworks:
        """Return the networks for light curves (n,) of these names; a name is in one fold."""
        star, first = np.unique(_hashes(names), return_index=True)
        return cls(tuple(models), star, fold[first])

    def fold_of(self, names: NDArray[np.str_]) -> NDArray[np.int8]:
        """Fold (m,) of light curves by their names; `UNKNOWN` where they were not learnt from."""
        asked = _hashes(names)
        place = np.minimum(np.searchsorted(self.star, asked), len(self.star) - 1)
        return np.where(self.star[place] == asked, self.fold[place], UNKNOWN).astype(np.int8)


def write_fold_networks(folder: Path, networks: FoldNetworks) -> str:
    """Write ``folds.npz`` into a model folder, and return its hash for the manifest.

    Raises
    ------
    TrainingError
        If the folder cannot be written.
    """
    arrays = {
        f"weights.{name}": np.stack([model.weights[name] for model in networks.models])
        for name in networks.models[0].weights
    }
    for each in fields(Preprocessing):
        arrays[f"preprocessing.{each.name}"] = np.stack(
            [getattr(model.preprocessing, each.name) for model in networks.models]
        )
    arrays["input_eps"] = np.array([model.input_eps for model in networks.models])
    path = folder / FOLDS_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_npz(path, {**arrays, "star": networks.star, "fold": networks.fold})
    except OSError as exc:
        raise TrainingError(f"cannot write {path}: {exc.strerror}") from exc
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
    try:
        if sha256_of(path) != expected:
            raise TrainingError(f"{path} is not the one that {manifest.name} {manifest.version} came with")
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except FileNotFoundError as exc:
        raise TrainingError(
            f"{path} is missing, without which stars that the model knows cannot be judged: copy the whole "
            "folder of the model"
        ) from exc
    except NPZ_ERRORS as exc:
        raise TrainingError(f"{path} cannot be read: {exc}") from exc
    models = tuple(
        Model(
            {
                name.removeprefix("weights."): array[number]
                for name, array in found.items()
                if name.startswith("weights.")
            },
            float(eps),
            Preprocessing(
                **{each.name: found[f"preprocessing.{each.name}"][number] for each in fields(Preprocessing)}
            ),
        )
        for number, eps in enumerate(found["input_eps"])
    )
    return FoldNetworks(models, found["star"], found["fold"])


def _write_npz(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write arrays so that the same ones give the same bytes, whenever that is."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as file:
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)


def _hashes(names: NDArray[np.str_]) -> NDArray[np.uint64]:
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names.tolist()]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
