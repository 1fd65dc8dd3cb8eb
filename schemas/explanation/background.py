"""The background of a model: rows of raw features of training stars, which its answers are explained against.

They lie beside the graph, in ``background.npz``, under a hash that the manifest holds in `training`. The
classes have equal shares in them, and in the first of them however many these are, so that a value says what
tells a star from all classes alike. Nothing says which stars they are.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.model.manifest import Manifest, ManifestError, sha256_of

BACKGROUND_FILE = "background.npz"
BACKGROUND_SHA256 = "background_sha256"
"""Name in `Manifest.training`; a manifest without it is of a model that came without a background."""

BACKGROUND_ROWS = 100
"""As many as a model comes with."""

_MAKE_ONE = ("varstream-train train", "varstream-train transfer")  # commands whose models have one
_MAX_BYTES = 2**20  # of the file: 16 numbers a row


def read_background(folder: Path, manifest: Manifest) -> NDArray[np.float64]:
    """Return the background (b, 16) of the model in `folder`: raw features in the manifest's order.

    Raises
    ------
    ManifestError
        If the model came without, or the file is missing, not the model's own, or no such table.
    """
    model = f"{manifest.name} {manifest.version}"
    expected = manifest.training.get(BACKGROUND_SHA256)
    if expected is None:
        command = str(manifest.training.get("command"))
        again = f"by `{command}`" if command.startswith(_MAKE_ONE) else f"by `{_MAKE_ONE[0]}` or `transfer`"
        raise ManifestError(
            f"model {model} came without {BACKGROUND_FILE}, its answers cannot be explained: use another, or "
            f"make it again {again}"
        )
    path = folder / BACKGROUND_FILE
    try:
        if path.stat().st_size > _MAX_BYTES or sha256_of(path) != expected:
            fault = f"is not the one that {model} came with"
        else:
            with np.load(path, allow_pickle=False) as arrays:
                values = arrays["values"]
            fault = _fault(values, len(manifest.features))
    except FileNotFoundError:
        fault = "is missing"
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as exc:
        fault = f"cannot be read ({exc})"
    if fault:
        raise ManifestError(f"{path} {fault}: copy the whole folder of the model again")
    return np.asarray(values, np.float64)


def _fault(values: NDArray[np.generic], n_features: int) -> str:
    """Say why an array is no background; '' where it is one."""
    if values.dtype != np.float64 or values.ndim != 2 or values.shape[1] != n_features or not len(values):
        return f"holds {values.dtype} of shape {values.shape}, not rows of {n_features} features"
    return "" if np.isfinite(values).all() else "holds features that are not finite"
