"""A dataset that was cross-fitted: what is said of each row by what has not seen its star."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.crossfit.assess.no_class import judged
from training.crossfit.assess.one_band import answers_of, shows
from training.crossfit.crossfit import CrossFit, cross_fit
from training.crossfit.dataset import Dataset
from training.crossfit.recipe import Recipe
from training.crossfit.starting_point import FromScratch
from training.crossfit.terms import novelty_of_folds
from training.measure.answers import Answers
from training.reproduce.bench import Bench
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
    def of(cls, dataset: Dataset, recipe: Recipe, bench: Bench) -> Judgement:
        """Cross-fit from random weights, and ask about every row."""
        made = cross_fit(dataset, recipe, FromScratch(recipe, bench.progress), seed=SEED)
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
