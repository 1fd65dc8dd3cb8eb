"""The background rows that a model comes with, to explain its answers against: drawn, and written beside it.

Readers of them are in `schemas.explanation.background`, which says what they are for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.explanation.background import BACKGROUND_FILE, BACKGROUND_ROWS
from schemas.model.manifest import sha256_of
from training.artifact.fold_networks import write_npz
from training.data.truth import Truth
from training.errors import TrainingError


def draw_background(
    values: NDArray[np.float64], truth: Truth, trainable: NDArray[np.bool_], *, seed: int
) -> NDArray[np.float64]:
    """Draw the background of a model from what it learns from, every class as often as the others.

    Parameters
    ----------
    values : (m, 16) float64
        Raw features of examples.
    truth : Truth
        Classes that each may be; only those that name one are drawn.
    trainable : (m,) bool
        Examples that the model learns from: their features are finite.
    seed : int
        Of the draw.

    Returns
    -------
    (100, 16) float64
        `BACKGROUND_ROWS` rows, the classes that have an example in turn: in the first of them, however many,
        their shares differ by a row at most. Of a class with fewer examples than its share, each is there as
        often as the others of it, to one.

    Raises
    ------
    ValueError
        If no example can be drawn, which `training.crossfit.learnable.check_examples` excludes.
    """
    rng = np.random.default_rng(seed)
    drawable = np.flatnonzero(trainable & truth.names_one)
    if not drawable.size:
        raise ValueError("no example names one class alone: there is no background to explain against")
    label = truth.first[drawable]
    classes = rng.permutation(np.unique(label))
    turns = -(-BACKGROUND_ROWS // len(classes))
    drawn = [np.resize(rng.permutation(drawable[label == each]), turns) for each in classes]
    in_turn = np.stack(drawn, axis=1).ravel()[:BACKGROUND_ROWS]
    background: NDArray[np.float64] = values[in_turn]
    return background


def write_background(folder: Path, background: NDArray[np.float64]) -> str:
    """Write ``background.npz`` into a model folder, and return its hash for the manifest.

    The same rows give the same bytes; there is nothing in it but them.

    Raises
    ------
    TrainingError
        If the folder cannot be written.
    """
    path = folder / BACKGROUND_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_npz(path, {"values": np.asarray(background, np.float64)})
    except OSError as exc:
        raise TrainingError(f"cannot write the model to {folder}: {exc.strerror or exc}") from exc
    return sha256_of(path)
