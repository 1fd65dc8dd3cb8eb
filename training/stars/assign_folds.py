"""The fold of every star, so that a network can be asked about stars that it has not seen.

Stars that a pretrained network learnt from stay in the folds they were in then: a transferred network that
started from the pretrained one without that fold has not seen them in any guise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.data.truth import Truth
from training.errors import TrainingError
from training.stars.folds import folds, folds_beside
from training.stars.identity import Identities, joined_keys
from training.stars.known_stars import UNKNOWN_FOLD, KnownStars

NEVER_TRAINED = -1
"""Fold of light curves that are only measured."""

LEFT_OUT = -2
"""Fold of light curves that are neither: to measure them would test memory."""

LARGEST_FOLD_SHARE = 0.5
"""Of the stars in one fold: a network that learns from fewer than the rest says little of the one of all."""

SMALLEST_FOLD_SHARE = 0.25
"""Of what a fold would have if all had alike."""


@dataclass(frozen=True, slots=True)
class MetAgain:
    """Labelled light curves, by survey, of stars that a pretrained network learnt from.

    Attributes
    ----------
    in_folds : mapping of str to int
        In the folds that their stars were in then, to be judged by networks that had not seen them.
    left_out : mapping of str to int
        Of stars that were in two folds, or that are only measured here.
    in_others : mapping of str to int
        In other folds: those of then would have left one with nearly all stars, or another without a class.
        What is said of these is optimistic.
    """

    in_folds: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    in_others: Mapping[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many there are that are learnt from again."""
        return sum(self.in_folds.values()) + sum(self.in_others.values())


@dataclass(frozen=True, slots=True)
class StarsOfCurves:
    """Light curves (n) of all surveys, one survey after the other.

    Attributes
    ----------
    survey : (n,) int64
        Number of the survey.
    star : (n,) int64
        Number of the star.
    label : (n,) int64
        First of the classes it may be; -1 without a label.
    measured_only : (n,) bool
        Of a survey that no model is trained on.
    """

    survey: NDArray[np.int64]
    star: NDArray[np.int64]
    label: NDArray[np.int64]
    measured_only: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        stars: Sequence[NDArray[np.int64]],
        truths: Sequence[Truth],
        measured_only: Sequence[bool],
    ) -> StarsOfCurves:
        """Join the surveys: star of each light curve, classes it may be, and whether it is only measured."""
        survey = np.repeat(np.arange(len(stars)), [len(each) for each in stars])
        star = np.unique(np.concatenate(stars), return_inverse=True)[1]
        label = np.concatenate([each.first for each in truths])
        return cls(survey, star, label, np.array(measured_only)[survey])

    @property
    def trained(self) -> NDArray[np.bool_]:
        """Light curves that a model may learn from."""
        result: NDArray[np.bool_] = ~self.measured_only & (self.label >= 0)
        return result

    @property
    def stratum(self) -> NDArray[np.int64]:
        """Survey and label in one number; those without a label come last in each survey."""
        k = int(self.label.max()) + 1
        stratum: NDArray[np.int64] = self.survey * (k + 1) + np.where(self.label < 0, k, self.label)
        return stratum

    def counted(self, chosen: NDArray[np.bool_], names: Sequence[str]) -> dict[str, int]:
        """How many of the chosen light curves have a label, for each survey that has any."""
        counts = np.bincount(self.survey[chosen & (self.label >= 0)], minlength=len(names)).tolist()
        return {name: count for name, count in zip(names, counts, strict=True) if count}


def assign_folds(
    stars: StarsOfCurves, identities: Sequence[Identities], known: KnownStars | None, *, count: int, seed: int
) -> tuple[NDArray[np.int8], MetAgain]:
    """Give every light curve the fold (n,) of its star; `NEVER_TRAINED` and `LEFT_OUT` beside them.

    Parameters
    ----------
    identities : sequence of Identities
        Of the surveys.
    known : KnownStars or None
        What a pretrained network learnt from, in `count` folds.
    count : int
        Of the folds.
    seed : int
        Of the draw.

    Raises
    ------
    TrainingError
        If there are fewer stars than folds.
    """
    learnt = np.unique(stars.star[stars.trained])
    _check_enough(learnt, count, "where many are at one place, leave ra and dec empty")
    anew = folds(stars.star, stars.stratum, count=count, seed=seed)
    left_out = stars.measured_only & np.isin(stars.star, learnt)  # it would test nothing
    if known is None:
        return _with_others(anew, stars, left_out), MetAgain()
    before, in_two = _before(stars, known, identities)
    lost = in_two | (stars.measured_only & (before != UNKNOWN_FOLD))
    seen = stars.trained & (before != UNKNOWN_FOLD) & ~lost
    names = [each.survey for each in identities]
    left = np.unique(stars.star[stars.trained & ~lost])
    _check_enough(left, count, "others were in two folds of the pretrained model, start from another one")
    beside = folds_beside(
        stars.star, stars.stratum, np.where(lost, UNKNOWN_FOLD, before), count=count, seed=seed
    )
    kept = _is_balanced(stars, beside, stars.trained & ~lost, count)
    met_again = MetAgain(
        in_folds=stars.counted(seen, names) if kept else {},
        left_out=stars.counted(lost, names),
        in_others={} if kept else stars.counted(seen, names),
    )
    return _with_others(beside if kept else anew, stars, left_out | lost), met_again


def _check_enough(stars: NDArray[np.int64], count: int, remedy: str) -> None:
    if len(stars) < count:
        raise TrainingError(
            f"the labelled light curves are of {len(stars)} stars only, {count} are needed: add stars; "
            f"{remedy}"
        )


def _with_others(
    fold: NDArray[np.int8], stars: StarsOfCurves, left_out: NDArray[np.bool_]
) -> NDArray[np.int8]:
    placed = np.where(stars.measured_only, NEVER_TRAINED, fold)
    return np.where(left_out, LEFT_OUT, placed).astype(np.int8)


def _before(
    stars: StarsOfCurves, known: KnownStars, identities: Sequence[Identities]
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Fold (n,) that each light curve's star was in, `UNKNOWN_FOLD` for none, and whether it was in two.

    Names in the same survey count more than links, these more than places: neighbours on the sky may be
    taken for each other.
    """
    n_stars = int(stars.star.max()) + 1
    lowest, highest = np.full(n_stars, UNKNOWN_FOLD), np.full(n_stars, UNKNOWN_FOLD)
    for keys in zip(*(each.asked() for each in identities), strict=True):
        least, most = known.folds_of(joined_keys(keys))
        found = (most != UNKNOWN_FOLD) & (highest[stars.star] == UNKNOWN_FOLD)
        low, high = np.full(n_stars, np.iinfo(np.int8).max), np.full(n_stars, UNKNOWN_FOLD)
        np.minimum.at(low, stars.star[found], least[found])
        np.maximum.at(high, stars.star[found], most[found])
        new = high != UNKNOWN_FOLD
        lowest[new], highest[new] = low[new], high[new]
    return highest[stars.star].astype(np.int8), (lowest != highest)[stars.star]


def _is_balanced(
    stars: StarsOfCurves, fold: NDArray[np.int8], trained: NDArray[np.bool_], count: int
) -> bool:
    """Whether no fold has most of the stars or hardly any, nor all stars of a class that has several."""
    star, first = np.unique(stars.star[trained], return_index=True)
    of_star, label = fold[trained][first], stars.label[trained][first]
    sizes = np.bincount(of_star, minlength=count)
    if sizes.max() > LARGEST_FOLD_SHARE * len(star) or sizes.min() < SMALLEST_FOLD_SHARE * len(star) / count:
        return False
    several = [value for value in np.unique(label) if (label == value).sum() > 1]
    return all(len(np.unique(of_star[label == value])) > 1 for value in several)
