"""The networks of a model's folds, kept beside it, for whoever transfers the model to stars that it knows.

A pretrained network cannot say what it would have made of a star that it learnt from. The networks of its
folds can, each of the stars of its own fold. So when the model is transferred and the same stars turn up, as
another survey sees them perhaps, each keeps its fold, and the transferred network that judges it started from
the pretrained one that never saw it.

Stars are known by hashes of their names and places (`training.stars.identity`): no catalogue is kept.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import Manifest, sha256_of
from training.artifact.export import Model
from training.data.read import NPZ_ERRORS
from training.errors import TrainingError
from training.network.preprocess import Preprocessing
from training.stars.identity import SCHEME, Keys

FOLDS_FILE = "folds.npz"

UNKNOWN = -1
"""Fold of a star that was not learnt from."""


@dataclass(frozen=True, slots=True)
class KnownStars:
    """Which stars were learnt from, and in which fold each was.

    Attributes
    ----------
    key : (p,) uint64
        Of `training.stars.identity.Identities.kept`, ascending; several for a star.
    fold : (p,) int8
        Of each.
    """

    key: Keys
    fold: NDArray[np.int8]

    @classmethod
    def of(cls, keys: Keys, fold: NDArray[np.int8]) -> KnownStars:
        """Return the stars of light curves with these keys (n, m), 0 for none, and folds (n,).

        Two stars in one cell of the sky are kept under it as the first of them.
        """
        each, folds = keys.ravel(), np.repeat(fold, keys.shape[1])
        key, first = np.unique(each, return_index=True)
        there = key != 0
        return cls(key[there], folds[first[there]])

    @classmethod
    def none(cls) -> KnownStars:
        """No star at all."""
        return cls(np.empty(0, np.uint64), np.empty(0, np.int8))

    def folds_of(self, keys: Keys) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Lowest and highest fold (n,) that any of the keys (n, m) was in; `UNKNOWN` for none."""
        if not len(self.key):
            return np.full(len(keys), UNKNOWN, np.int8), np.full(len(keys), UNKNOWN, np.int8)
        place = np.minimum(np.searchsorted(self.key, keys), len(self.key) - 1)
        there = self.key[place] == keys
        highest = np.where(there, self.fold[place], UNKNOWN).max(axis=1)
        lowest = np.where(there, self.fold[place], np.iinfo(np.int8).max).min(axis=1)
        return np.where(highest == UNKNOWN, UNKNOWN, lowest).astype(np.int8), highest.astype(np.int8)


@dataclass(frozen=True, slots=True)
class FoldNetworks:
    """Networks that were each trained without one fold, and the stars of the folds.

    Attributes
    ----------
    models : tuple of Model
        In the order of the folds, without a temperature.
    stars : KnownStars
        That they learnt from.
    """

    models: tuple[Model, ...]
    stars: KnownStars


def write_fold_networks(folder: Path, networks: FoldNetworks) -> str:
    """Write ``folds.npz`` into a model folder, and return its hash for the manifest.

    Raises
    ------
    TrainingError
        If the folder cannot be written.
    """
    models = networks.models
    weights = {f"weights.{name}": np.stack([m.weights[name] for m in models]) for name in models[0].weights}
    constants = {
        f"preprocessing.{each.name}": np.stack([getattr(m.preprocessing, each.name) for m in models])
        for each in fields(Preprocessing)
    }
    rest = {
        "input_eps": np.array([m.input_eps for m in models]),
        "scheme": np.array(SCHEME),
        "star": networks.stars.key,
        "fold": networks.stars.fold,
    }
    path = folder / FOLDS_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_npz(path, {**weights, **constants, **rest})
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
    if found.get("scheme") != SCHEME:
        raise TrainingError(
            f"{path} was written by another version of this package: make {manifest.name} again, by "
            f"`{manifest.training.get('command')}`"
        )
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
    return FoldNetworks(models, KnownStars(found["star"], found["fold"]))


def _write_npz(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write arrays so that the same ones give the same bytes, whenever that is."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as file:
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
