"""The threshold of a stream: what is odd among copies of the known stars, as the stream sees them.

A model for a stream is calibrated with copies. They are more diverse than the light curves of archives, so
that less is odd among them; what that costs is seen where the same networks and mixtures are held to both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from schemas.model.novelty import novelty, table_of
from training.crossfit.crossfit import CrossFit
from training.crossfit.dataset import Dataset, build_dataset
from training.crossfit.labelled_file import LabelledFile
from training.crossfit.recipe import STREAM, STREAM_STARS_PER_LABEL, Recipe
from training.crossfit.row_weights import calibration_rows, each_class_alike, mixture_weights
from training.novelty.fit_oddness import surprises
from training.reproduce.bench import Bench

F8 = NDArray[np.float64]

STREAMS = ("ztf", "lsst")


def read_copies(
    files: Sequence[LabelledFile], learnt: Dataset, stream: str, recipe: Recipe, bench: Bench, *, workers: int
) -> Dataset:
    """Show the stars of files to a stream, by the recipe of the shipped models for streams.

    Parameters
    ----------
    learnt : Dataset
        Of the same files as they are: every star stays in its fold.
    recipe : Recipe
        By which that is cross-fitted.

    Returns
    -------
    Dataset
        Of the light curves of known stars in one band by which a model would be calibrated.
    """
    shown = [file.as_seen_by(stream, STREAM_STARS_PER_LABEL) for file in files]
    dataset = build_dataset(
        shown,
        learnt.classes,
        replace(STREAM, folds=recipe.folds),
        seed=0,
        cache_folder=bench.cache_folder,
        workers=workers,
        progress=bench.progress,
        known=learnt.learnt_stars,
    )
    return dataset.take(np.flatnonzero(dataset.table.own & calibration_rows(dataset)))


def novelty_by_copies(dataset: Dataset, made: CrossFit, copies: Dataset, *, seed: int) -> F8 | None:
    """Return the novelty (m,) of each row by copies of stars, each judged by what has not seen its star.

    Parameters
    ----------
    dataset : Dataset
        Of m rows that were cross-fitted.
    made : CrossFit
        What came of them, by `seed`.
    copies : Dataset
        See `read_copies`.

    Returns
    -------
    (m,) float64 or None
        None where nothing is said of novelty.
    """
    if made.oddness is None or made.model.oddness is None:
        return None
    values = copies.table.values
    both = np.nan_to_num(np.concatenate([dataset.table.values, values]))
    surprise = surprises(
        lambda number: made.of_folds[number].preprocessing.transform(both)[0],
        np.concatenate([dataset.fold, copies.fold]),
        np.concatenate([dataset.table.usable, copies.table.usable]),
        np.concatenate([mixture_weights(dataset), np.zeros(len(values))]),
        count=len(made.of_folds),
        seed=seed,
    )[len(dataset.fold) :]
    of_other = _probability_of_other(made, copies) if dataset.has_other else None
    odd = made.model.oddness.combined(surprise, of_other)
    known = np.flatnonzero(np.isfinite(odd))
    weight = each_class_alike(copies.truth.take(known))
    table = table_of(odd[known], copies.table.n_epochs[known], weight)
    return novelty(made.oddness, dataset.table.n_epochs, table)


def _probability_of_other(made: CrossFit, copies: Dataset) -> F8:
    """Return how probably each copy (c,) is in no class, by the network of its fold; NaN without one."""
    result = np.full(len(copies.fold), np.nan)
    for number, network in enumerate(made.of_folds):
        rows = np.flatnonzero(copies.fold == number)
        asked = replace(network, temperature=made.model.temperature)
        result[rows] = asked.probabilities(copies.table.values[rows])[:, -1]
    return result
