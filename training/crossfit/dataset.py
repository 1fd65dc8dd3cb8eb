"""The dataset: labelled examples from several surveys, in folds that no star is cut by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.model.verdict import OTHER
from training.crossfit.labelled import Labelled, check_learnable, read_labelled
from training.crossfit.labelled_file import LabelledFile
from training.crossfit.recipe import Recipe
from training.data.labels import at_most
from training.data.stars_in_bands import stars_in_bands
from training.data.truth import Truth
from training.examples.augment import OUTLYING, SIMULATED, Kind, Sampling
from training.examples.feature_table import FeatureTable, View
from training.examples.measure_examples import feature_table
from training.progress import Bars
from training.stars.assign_folds import LEFT_OUT, NEVER_TRAINED, MetAgain, StarsOfCurves, assign_folds
from training.stars.identity import joined_keys
from training.stars.known_stars import KnownStars
from training.stars.same_star import same_stars
from training.surveys.classes import NON_VARIABLE, QUASAR

SIMULATED_CLASS = {
    Kind.SHUFFLED: NON_VARIABLE,
    Kind.CONSTANT: NON_VARIABLE,
    Kind.DAMPED_WALK: QUASAR,
    **dict.fromkeys(OUTLYING, OTHER),
}
"""What examples that are no measurement of their star are examples of."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows (m) of examples with what they may be and which fold their star is in.

    Attributes
    ----------
    classes : tuple of str
        Columns of `truth`.
    surveys : tuple of str
        Names that `survey` counts.
    table : FeatureTable
        Features, kind and length of each example.
    truth : Truth
        Classes that each of the m examples may be.
    survey : (m,) int64
        Where it is from.
    star : (m,) int64
        Its star: the same for all light curves of one, in any band or survey.
    fold : (m,) int8
        Of its star; `NEVER_TRAINED` where no model is trained on it.
    spared : (m,) bool
        Examples of labels that have enough others: measured, but not trained on.
    outlier : (m,) int64
        Of what is in no class its kind, as a number in `outlier_kinds`; -1 for what is in a class.
    outlier_kinds : tuple of str
        Names of these kinds.
    outcomes : mapping of str to mapping
        By survey, what became of the stars that are shown as another survey sees them.
    learnt_stars : KnownStars
        Stars that a model may learn from, with their folds, for who transfers that model.
    met_again : MetAgain
        What of it a pretrained network knew.
    """

    classes: tuple[str, ...]
    surveys: tuple[str, ...]
    table: FeatureTable
    truth: Truth
    survey: NDArray[np.int64]
    star: NDArray[np.int64]
    fold: NDArray[np.int8]
    spared: NDArray[np.bool_]
    outlier: NDArray[np.int64]
    outlier_kinds: tuple[str, ...] = ()
    outcomes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    learnt_stars: KnownStars = field(default_factory=KnownStars.none)
    met_again: MetAgain = field(default_factory=MetAgain)

    @property
    def has_other(self) -> bool:
        """Whether the last class is of what is in none of the others."""
        return self.classes[-1] == OTHER

    @property
    def trainable(self) -> NDArray[np.bool_]:
        """Rows (m,) that a model may learn from."""
        measured_only = (self.table.kind == Kind.FIRST) | (self.table.view == View.BEST_BAND)
        not_learnt = (self.fold == NEVER_TRAINED) | measured_only | self.spared
        trainable: NDArray[np.bool_] = self.table.usable & ~not_learnt
        return trainable

    @property
    def curve(self) -> NDArray[np.int64]:
        """Number of the light curve (m,) that each example was made from, over all surveys."""
        size = int(self.table.curve.max(initial=0)) + 1
        result: NDArray[np.int64] = self.survey * size + self.table.curve
        return result

    @property
    def n_light_curves(self) -> int:
        """How many light curves a model may learn from."""
        return len(np.unique(self.curve[self.trainable]))

    def take(self, rows: NDArray[np.int64]) -> Dataset:
        """Copy some of the examples."""
        each: dict[str, Any] = {name: getattr(self, name)[rows] for name in PER_EXAMPLE_FIELDS}
        return replace(self, table=self.table.take(rows), truth=self.truth.take(rows), **each)


PER_EXAMPLE_FIELDS = ("survey", "star", "fold", "spared", "outlier")
"""Of a dataset, a value an example."""


def build_dataset(
    files: Sequence[LabelledFile],
    classes: tuple[str, ...],
    recipe: Recipe,
    *,
    seed: int,
    cache_folder: Path | None,
    workers: int,
    progress: Bars,
    known: KnownStars | None = None,
) -> Dataset:
    """Read the files, match their stars, split these into folds, measure examples, and join it all.

    Parameters
    ----------
    known : KnownStars, optional
        That a pretrained model learnt from, in as many folds: each stays in its fold.

    Raises
    ------
    SettingsError, TrainingError
        If a file cannot be used (see `read_light_curves`), none of its labels maps to a class, or a class
        has too few stars to learn from and to test on.
    """
    surveys = read_labelled(files, classes, progress, workers=workers)
    star = same_stars([each.identities for each in surveys])
    check_learnable(
        surveys,
        star,
        classes,
        min_epochs=recipe.sampling.min_epochs,
        clip_sigma=recipe.extraction.clip_sigma,
    )
    fold, met_again = _split(surveys, star, known, recipe.folds, seed)

    def measured(survey: Labelled, curves: NDArray[np.int64], sampling: Sampling) -> FeatureTable:
        return feature_table(
            survey.curves,
            curves,
            replace(sampling, seed=seed),
            recipe.extraction,
            cache_folder=cache_folder,
            workers=workers,
            progress=progress,
        )

    limit = recipe.stars_per_label
    used = [
        np.flatnonzero(survey.truth.labelled & (its_fold != LEFT_OUT))
        for survey, its_fold in zip(surveys, fold, strict=True)
    ]
    spared = [_spared(survey, curves, limit, seed) for survey, curves in zip(surveys, used, strict=True)]
    tables = [
        [
            measured(survey, curves[of_kind], sampling)
            for of_kind, sampling in (
                (~spared_ones[curves], recipe.sampling),
                (spared_ones[curves], recipe.sampling.to_measure()),
            )
            if of_kind.any()
        ]
        for survey, curves, spared_ones in zip(surveys, used, spared, strict=True)
    ]
    joined = _join(surveys, tables, star, fold, spared, classes=classes)
    outcomes = {each.identities.survey: each.reading.outcome for each in surveys if each.reading.outcome}
    return replace(
        joined, outcomes=outcomes, learnt_stars=_learnt_stars(joined, surveys, star), met_again=met_again
    )


def _split(
    surveys: Sequence[Labelled],
    star: Sequence[NDArray[np.int64]],
    known: KnownStars | None,
    count: int,
    seed: int,
) -> tuple[list[NDArray[np.int8]], MetAgain]:
    """Fold of every light curve of every survey, and what of them a pretrained network knew."""
    stars = StarsOfCurves.of(
        star, [each.truth for each in surveys], [each.file.test_only for each in surveys]
    )
    identities = [each.identities for each in surveys]
    fold, met_again = assign_folds(stars, identities, known, count=count, seed=seed)
    return np.split(fold, np.cumsum([len(each) for each in star])[:-1]), met_again


def _join(
    surveys: Sequence[Labelled],
    tables: Sequence[Sequence[FeatureTable]],
    star: Sequence[NDArray[np.int64]],
    fold: Sequence[NDArray[np.int8]],
    spared: Sequence[NDArray[np.bool_]],
    *,
    classes: tuple[str, ...],
) -> Dataset:
    """Give examples what is known of their light curves, one survey after the other.

    Examples that imitate a class the model lacks are left out.
    """
    parts = []
    kinds = _outlier_kinds(surveys)
    for number, (survey, of_survey) in enumerate(zip(surveys, tables, strict=True)):
        of_curves = survey.outlier_kinds()
        for table in of_survey:
            curve = table.curve
            outlier = np.array([kinds.get(name, -1) for name in of_curves.tolist()], np.int64)[curve]
            for kind in SIMULATED:
                outlier[table.kind == kind] = kinds[made_up_name(kind)] if kind in OUTLYING else -1
            part = Dataset(
                classes,
                (),
                table,
                imitated(survey.truth.take(curve), table.kind, classes),
                np.full(len(curve), number, np.int64),
                star[number][curve],
                fold[number][curve],
                spared[number][curve],
                outlier,
            )
            parts.append(part)
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in PER_EXAMPLE_FIELDS
    }
    joined = replace(
        parts[0],
        surveys=tuple(each.curves.name for each in surveys),
        outlier_kinds=tuple(kinds),
        table=FeatureTable.join([part.table for part in parts]),
        truth=Truth.join([part.truth for part in parts]),
        **arrays,
    )
    return joined.take(np.flatnonzero(joined.truth.labelled))


def made_up_name(kind: Kind) -> str:
    """Return what a kind of made-up outliers is called: no label of a file is."""
    return f"made up: {kind.name.lower().replace('_', ' ')}"


def _outlier_kinds(surveys: Sequence[Labelled]) -> dict[str, int]:
    """Return numbers of the kinds of what is in no class: those of the files, then those that are made."""
    real = sorted({name for survey in surveys for name in survey.outlier_kinds().tolist() if name})
    return {name: number for number, name in enumerate([*real, *map(made_up_name, OUTLYING)])}


def _spared(survey: Labelled, curves: NDArray[np.int64], limit: int | None, seed: int) -> NDArray[np.bool_]:
    """Light curves (n,) of the file beyond `limit` of their native label, drawn from `curves`.

    Those of a star in several bands are drawn together, and count as one.
    """
    labels = survey.curves.labels(survey.file.label_key)
    star = stars_in_bands(survey.curves).star[curves]
    objects, first, number = np.unique(star, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")  # stars of one band are drawn as if there were no others
    drawn = np.empty(len(objects), bool)
    drawn[order] = at_most(labels[curves[first[order]]], limit, np.random.default_rng(seed))
    spared = np.zeros(len(labels), bool)
    spared[curves] = ~drawn[number]
    return spared


def imitated(truth: Truth, kind: NDArray[np.int8], classes: tuple[str, ...]) -> Truth:
    """Give examples (m) that imitate another class its label; none where the model lacks that class."""
    for simulated, name in SIMULATED_CLASS.items():
        truth = truth.with_class(kind == simulated, classes.index(name) if name in classes else None)
    return truth


def _learnt_stars(
    dataset: Dataset, surveys: Sequence[Labelled], stars: Sequence[NDArray[np.int64]]
) -> KnownStars:
    """All names and places of the stars that a model may learn from, with their folds."""
    learnt, first = np.unique(dataset.star[dataset.trainable], return_index=True)
    fold = dataset.fold[dataset.trainable][first]
    star = np.concatenate(stars)
    rows = np.flatnonzero(np.isin(star, learnt))
    keys = joined_keys([each.identities.kept() for each in surveys])
    return KnownStars.of(keys[rows], fold[np.searchsorted(learnt, star[rows])])
