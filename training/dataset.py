"""Labelled examples from several surveys, in folds that no star is cut by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from training.errors import SettingsError, TrainingError
from training.feature_table import FeatureTable, feature_table
from training.fold_networks import UNKNOWN, FoldNetworks
from training.groups import folds
from training.labels import check_classes, membership
from training.light_curves import LabelledCurves, survey_name
from training.recipe import Recipe
from training.sampling import Kind
from training.sources import Source, groups_of

SIMULATED_CLASS = {Kind.SHUFFLED: "NonVar", Kind.CONSTANT: "NonVar", Kind.DAMPED_WALK: "QSO"}
"""What examples that are no measurement of their star are examples of."""

NEVER_TRAINED = -1
"""Fold of light curves that are only measured."""

LEFT_OUT = -2
"""Fold of light curves that are neither: their star is trained on, their survey is not."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples (m) with what they may be and which fold their star is in.

    Attributes
    ----------
    classes : tuple of str
        Columns of `allowed`.
    surveys : tuple of str
        Names that `survey` counts.
    table : FeatureTable
        Features, kind and length of each example.
    allowed : (m, k) bool
        Classes an example may be.
    survey : (m,) int64
        Where it is from.
    group : (m,) int64
        Its star: the same for all light curves of one, in any band or survey.
    fold : (m,) int8
        Of its star; `NEVER_TRAINED` where no model is trained on it.
    spared : (m,) bool
        Examples of labels that have enough others: measured, but not trained on.
    names : tuple of (n,) str
        For each survey, the names of its n light curves, of which `table.star` is the number.
    outcomes : mapping of str to mapping
        By survey, what became of the stars that are shown as another survey sees them.
    known : mapping of str to int
        By survey, how many labelled light curves are of stars that the pretrained network learnt from, and
        are in the fold that they were in then.
    """

    classes: tuple[str, ...]
    surveys: tuple[str, ...]
    table: FeatureTable
    allowed: NDArray[np.bool_]
    survey: NDArray[np.int64]
    group: NDArray[np.int64]
    fold: NDArray[np.int8]
    spared: NDArray[np.bool_]
    names: tuple[NDArray[np.str_], ...] = ()
    outcomes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)

    @property
    def trainable(self) -> NDArray[np.bool_]:
        """Examples (m,) that a model may learn from."""
        measured_only = (self.fold == NEVER_TRAINED) | (self.table.kind == Kind.FIRST) | self.spared
        trainable: NDArray[np.bool_] = self.table.usable & ~measured_only
        return trainable

    @property
    def curve(self) -> NDArray[np.int64]:
        """Number of the light curve (m,) that each example was made from, over all surveys."""
        size = int(self.table.star.max(initial=0)) + 1
        result: NDArray[np.int64] = self.survey * size + self.table.star
        return result

    @property
    def n_light_curves(self) -> int:
        """How many light curves a model may learn from."""
        return len(np.unique(self.curve[self.trainable]))

    def take(self, rows: NDArray[np.int64]) -> Dataset:
        """Copy some of the examples."""
        each = ("allowed", "survey", "group", "fold", "spared")
        return replace(
            self, table=self.table.take(rows), **{name: getattr(self, name)[rows] for name in each}
        )


def build_dataset(
    sources: Sequence[Source],
    classes: tuple[str, ...],
    recipe: Recipe,
    *,
    seed: int,
    cache_folder: Path | None,
    workers: int,
    progress: Progress,
    known: FoldNetworks | None = None,
) -> Dataset:
    """Read, share out to folds by star, make examples and compute their features.

    Parameters
    ----------
    known : FoldNetworks, optional
        Of a pretrained model, with as many folds: stars that it learnt from stay in their folds.

    Raises
    ------
    SettingsError, TrainingError
        If a file cannot be used (see `read_light_curves`), none of its labels maps to a class, or a class
        has too few stars to learn from and to test on.
    """
    read = [source.read(progress) for source in sources]
    surveys = [each.survey for each in read]
    allowed = [_allowed(survey, source, classes) for survey, source in zip(surveys, sources, strict=True)]
    _check_classes(surveys, sources, recipe.sampling.min_epochs)
    group = groups_of(surveys, sources)
    fold = _folds(group, sources, allowed, recipe.folds, seed)
    titles = [survey_name(source.path) for source in sources]
    names = tuple(survey.columns["object_id"].astype(np.str_) for survey in surveys)
    counts: dict[str, int] = {}
    if known is not None:
        fold, kept = _as_before(fold, group, [known.fold_of(each) for each in names])
        labelled = [int((k & a.any(axis=1)).sum()) for k, a in zip(kept, allowed, strict=True)]
        counts = {title: n for title, n in zip(titles, labelled, strict=True) if n}
    parts = []
    for number, (survey, source) in enumerate(zip(surveys, sources, strict=True)):
        stars = np.flatnonzero(allowed[number].any(axis=1) & (fold[number] != LEFT_OUT))
        if not len(stars):
            continue
        table = feature_table(
            survey,
            stars,
            replace(recipe.sampling, seed=seed),
            recipe.extraction,
            cache_folder=cache_folder,
            workers=workers,
            progress=progress,
        )
        spared = _spared(survey.labels(source.label_key), stars, recipe.stars_per_label, seed)
        parts.append(
            Dataset(
                classes,
                (),
                table,
                _relabel(table, allowed[number][table.star], classes),
                np.full(len(table.star), number, np.int64),
                group[number][table.star],
                fold[number][table.star],
                spared[table.star],
            )
        )
    outcomes = {title: each.outcome for title, each in zip(titles, read, strict=True) if each.outcome}
    joined = _join(parts, tuple(survey.name for survey in surveys))
    return replace(joined, names=names, outcomes=outcomes, known=counts)


def _allowed(survey: LabelledCurves, source: Source, classes: tuple[str, ...]) -> NDArray[np.bool_]:
    labels = survey.labels(source.label_key)
    allowed = membership(labels, source.label_map, classes)
    if not allowed.any():
        raise TrainingError(
            f"no label in column {source.label_key!r} of {source.path} maps to a class; "
            f"it has {', '.join(map(str, np.unique(labels)[:8]))}"
        )
    return allowed


def _check_classes(surveys: Sequence[LabelledCurves], sources: Sequence[Source], min_epochs: int) -> None:
    """Look for classes that cannot be learnt, over all files that are trained on."""
    trained = [
        (survey, source) for survey, source in zip(surveys, sources, strict=True) if not source.test_only
    ]
    if not trained:
        raise SettingsError("every one of the surveys is for testing only: give light curves to train on")
    meaning = [
        [source.label_map.get(str(label), "") for label in survey.labels(source.label_key)]
        for survey, source in trained
    ]
    check_classes(
        np.concatenate([survey.columns["object_id"].astype(np.str_) for survey, _ in trained]),
        np.concatenate([np.array(each, np.str_) for each in meaning]),
        np.concatenate([survey.curves.n_epochs for survey, _ in trained]),
        min_epochs=min_epochs,
        source=", ".join(str(source.path) for _, source in trained),
    )


def _folds(
    groups: Sequence[NDArray[np.int64]],
    sources: Sequence[Source],
    allowed: Sequence[NDArray[np.bool_]],
    count: int,
    seed: int,
) -> list[NDArray[np.int8]]:
    """Fold of every light curve of every survey, the same for all light curves of a star."""
    sizes = [len(each) for each in groups]
    group = np.concatenate(groups)
    number = np.repeat(np.arange(len(sizes)), sizes)
    labelled = np.concatenate([each.any(axis=1) for each in allowed])
    k = allowed[0].shape[1]
    label = np.where(labelled, np.concatenate([each.argmax(axis=1) for each in allowed]), k)
    held_back = np.array([source.test_only for source in sources])[number]
    trained = ~held_back & labelled
    if len(np.unique(group[trained])) < count:
        raise TrainingError(
            f"the labelled light curves are of {len(np.unique(group[trained]))} stars only, {count} are "
            "needed: add stars; where many are at one place, leave ra and dec empty"
        )
    fold = folds(group, number * (k + 1) + label, count=count, seed=seed)
    seen = np.isin(group, group[trained])  # a light curve of a star that is trained on tests nothing
    fold[held_back] = np.where(seen[held_back], LEFT_OUT, NEVER_TRAINED)
    return np.split(fold, np.cumsum(sizes)[:-1])


def _as_before(
    folds: Sequence[NDArray[np.int8]],
    groups: Sequence[NDArray[np.int64]],
    before: Sequence[NDArray[np.int8]],
) -> tuple[list[NDArray[np.int8]], list[NDArray[np.bool_]]]:
    """Put stars that a pretrained network learnt from into the folds they were in, and say which those are.

    One that was in two folds, since only now its light curves turn out to be of one star, is left out; and
    so is what is only measured of a star that was learnt from.
    """
    sizes = [len(each) for each in groups]
    fold, was = np.concatenate(folds), np.concatenate(before)
    group = np.concatenate(groups)
    star = np.unique(group, return_inverse=True)[1]
    lowest, highest = np.full(star.max() + 1, 127), np.full(star.max() + 1, UNKNOWN)
    seen = was != UNKNOWN
    np.minimum.at(lowest, star[seen], was[seen])
    np.maximum.at(highest, star[seen], was[seen])
    kept = (fold >= 0) & (lowest == highest)[star]
    lost = (highest[star] != UNKNOWN) & ~kept
    placed = np.where(kept, highest[star], np.where(lost, LEFT_OUT, fold)).astype(np.int8)
    ends = np.cumsum(sizes)[:-1]
    return np.split(placed, ends), np.split(kept, ends)


def _spared(
    labels: NDArray[np.str_], stars: NDArray[np.int64], limit: int | None, seed: int
) -> NDArray[np.bool_]:
    """Light curves beyond the first `limit` of their native label, in a random order."""
    spared = np.zeros(len(labels), bool)
    rng = np.random.default_rng(seed)
    for label in np.unique(labels[stars]):
        members = rng.permutation(stars[labels[stars] == label])
        spared[members[limit:] if limit is not None else []] = True
    return spared


def _relabel(table: FeatureTable, allowed: NDArray[np.bool_], classes: tuple[str, ...]) -> NDArray[np.bool_]:
    """Give examples that imitate another class its label; none where the model lacks that class."""
    result = allowed.copy()
    for kind, name in SIMULATED_CLASS.items():
        result[table.kind == kind] = np.array(classes) == name
    return result


def _join(parts: Sequence[Dataset], surveys: tuple[str, ...]) -> Dataset:
    """One survey after the other; examples that imitate a class the model lacks are left out."""
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("allowed", "survey", "group", "fold", "spared")
    }
    table = FeatureTable.join([part.table for part in parts])
    joined = replace(parts[0], surveys=surveys, table=table, **arrays)
    return joined.take(np.flatnonzero(joined.allowed.any(axis=1)))
