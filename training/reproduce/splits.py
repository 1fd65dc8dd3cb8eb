"""Splits for the repeats of an experiment: fresh ones by star."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.reproduce.labelled_sets import Target
from training.stars.folds import stratified_rank

Curves = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Light curves of one repeat (section 4.1, steps 1 and 3).

    Attributes
    ----------
    training : (n,) int64
        To learn from.
    validation : (v,) int64
        To choose the training epoch on; empty where nothing is chosen.
    test : (t,) int64
        To report.
    """

    training: Curves
    validation: Curves
    test: Curves


def split(
    target: Target, *, seed: int, test: float, n_curves: int | None = None, validation: float = 0.0
) -> Split:
    """Share the stars out, the same share of every class in each part, no star in two.

    The training stars of a smaller number are a subset of those of a larger one with the same seed.

    Parameters
    ----------
    seed : int
        Of the repeat.
    test : float
        Fraction of all stars to report.
    n_curves : int, optional
        How many light curves of the others to use, validation included; all by default.
    validation : float
        Fraction of these to choose the training epoch on.
    """
    rank = stratified_rank(target.star, target.label, seed=seed)
    order = np.argsort(rank, kind="stable")
    order = order[rank[order] >= test]
    # every class keeps its share in a small draw: stars in order of their rank within the class
    used = order if n_curves is None else order[:n_curves]
    # by star, or stars with several light curves would be drawn too often
    first = np.sort(np.unique(target.star[used], return_index=True)[1])
    n_validation = round(validation * len(first))
    aside = first[np.linspace(0, len(first) - 1, n_validation).round().astype(np.int64)]
    grouped = np.isin(target.star[used], target.star[used[aside]])
    rng = np.random.default_rng(seed)  # `Batch.stack` drops the last rows: they must be anybody's
    return Split(
        training=rng.permutation(used[~grouped]),
        validation=rng.permutation(used[grouped]),
        test=rng.permutation(np.flatnonzero(rank < test)),
    )
