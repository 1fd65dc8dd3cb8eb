"""Datasets that were cross-fitted: what is said of each row by what has not seen its star."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from torch import set_num_threads

from training.crossfit.assess.no_class import judged
from training.crossfit.assess.one_band import answers_of, shows
from training.crossfit.crossfit import CrossFit, cross_fit
from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.crossfit.starting_point import FromScratch
from training.crossfit.terms import novelty_of_folds
from training.errors import TrainingError
from training.measure.answers import Answers
from training.progress import QUIET, Bars
from training.reproduce.streams.stream_thresholds import novelty_by_copies
from training.reproduce.streams.what_was_said import Said

Mask = NDArray[np.bool_]

SEED = 0

LENGTHS: dict[str, int | None] = {"all": None, "20": 20, "40": 40, "80": 80}
"""Complete light curves, and so many first epochs."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A dataset with what cross-fitting gave of it.

    Attributes
    ----------
    dataset : Dataset
        Of m rows.
    recipe : Recipe
        Of the networks.
    made : CrossFit
        What came of it.
    answers : Answers
        Of m rows, with their novelty by what has not seen the star.
    """

    dataset: Dataset
    recipe: Recipe
    made: CrossFit
    answers: Answers

    @classmethod
    def of(cls, dataset: Dataset, recipe: Recipe, progress: Bars = QUIET) -> Judgement:
        """Cross-fit from random weights, and ask about every row."""
        made = cross_fit(dataset, recipe, FromScratch(recipe, progress), seed=SEED)
        novelty = novelty_of_folds(dataset, made)
        return cls(dataset, recipe, made, answers_of(dataset, made.probabilities, recipe, novelty))

    def held_against(self, copies: Dataset) -> Judgement:
        """Call odd what is odd among copies of the known stars, as a stream sees them."""
        novelty = novelty_by_copies(self.dataset, self.made, copies, seed=SEED)
        return replace(self, answers=replace(self.answers, novelty=novelty))

    def said(self, name: str, rows: Mask) -> list[Said]:
        """Return what is made of some rows (m,), by the lengths of which there are any."""
        table = self.dataset.table
        of_lengths = {length: rows & shows(table, count) for length, count in LENGTHS.items()}
        return [
            Said(name, length, judged(self.dataset, self.answers, each, self.recipe))
            for length, each in of_lengths.items()
            if each.any()
        ]


def judge_each(
    datasets: Sequence[Dataset], recipe: Recipe, progress: Bars, *, workers: int
) -> list[Judgement]:
    """Judge several datasets, with several workers each in a process of one thread.

    Raises
    ------
    TrainingError
        If such a process dies.
    """
    if workers == 1:
        return [Judgement.of(each, recipe, progress) for each in datasets]
    judged = []
    pool = ProcessPoolExecutor(
        min(workers, len(datasets)),
        mp_context=get_context("spawn"),
        initializer=set_num_threads,
        initargs=(1,),
    )
    with pool, progress.bar("cross-fits", len(datasets)) as done:
        running = [pool.submit(Judgement.of, each, recipe) for each in datasets]
        try:
            for dataset, each in zip(datasets, running, strict=True):
                judged.append(replace(each.result(), dataset=dataset))  # of which there is one copy then
                done(1)
        except BrokenProcessPool as exc:
            raise TrainingError(
                "a process that cross-fits has died, for want of memory perhaps: ask for fewer --workers"
            ) from exc
    return judged
