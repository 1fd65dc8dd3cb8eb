"""Fused answers and those about the best band, compared on the same stars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.examples.feature_table import FeatureTable
from training.examples.fused_examples import FusedExamples
from training.measure.metrics import confusion_matrix, scaled_mcc
from training.reproduce.ours.first_epochs import Ways

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

HEADER = (
    *("epochs", "stars", "examples", "best band, refined", "best band, robust", "fused"),
    *("fused - refined", "robust - refined"),
)
"""Of a table of what `compared` returns."""


def compared(
    predicted: Mapping[str, I8],
    truth: I8,
    star: I8,
    n_epochs: I8,
    *,
    lengths: Sequence[int],
    n_classes: int,
) -> tuple[tuple[str, ...], ...]:
    """Write a row for each number of epochs.

    Parameters
    ----------
    predicted : mapping of str to (e,) int64
        Of `predictions`.
    truth, star, n_epochs : (e,) int64
        Of the examples.
    """
    rows = []
    for count in lengths:
        at = n_epochs == count
        said = {way: each[at] for way, each in predicted.items()}
        rows.append(
            (
                str(count),
                f"{len(np.unique(star[at])):,}",
                f"{at.sum():,}",
                *(_scores(truth[at], said[way], n_classes) for way in ("refined", "robust", "fused")),
                _gain(truth[at], said["fused"], said["refined"], star[at]),
                _gain(truth[at], said["robust"], said["refined"], star[at]),
            )
        )
    return tuple(rows)


def predictions(ways: Ways, said: Mapping[str, F8]) -> dict[str, I8]:
    """Return the most probable class of each example (e,) in each way; k where it cannot be told."""
    examples = FusedExamples.of(ways.together)
    fused = examples.probabilities(said["together"], 1.0)
    k = fused.shape[1]
    found = {"fused": np.where(np.isfinite(fused[:, 0]), fused.argmax(axis=1), k)}
    order = ways.together.example[examples.merged]
    for way in ("robust", "refined"):
        table: FeatureTable = getattr(ways, way)
        best = np.full(int(order.max()) + 1, -1, np.int64)
        rows = np.lexsort((-table.curve, table.n_epochs))  # of several the last one stays
        best[table.example[rows]] = rows
        chosen = best[order]
        there = (chosen >= 0) & np.isfinite(said[way][chosen, 0])
        found[way] = np.where(there, said[way][chosen].argmax(axis=1), k)
    return found


def _scores(truth: I8, predicted: I8, n_classes: int) -> str:
    """Write accuracy and Mc."""
    mc = scaled_mcc(confusion_matrix(truth, predicted, n_classes + 1))
    return f"{np.mean(truth == predicted):.3f} ({mc:.3f})"


def _gain(truth: I8, better: I8, worse: I8, star: I8) -> str:
    """Write how much more often one is right than the other, with the standard error of the stars."""
    difference = (truth == better).astype(np.float64) - (truth == worse)
    _, number = np.unique(star, return_inverse=True)
    of_star = np.bincount(number, difference) / np.bincount(number)
    return f"{difference.mean():+.3f} ± {of_star.std(ddof=1) / np.sqrt(len(of_star)):.3f}"
