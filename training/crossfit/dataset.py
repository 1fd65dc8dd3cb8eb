"""Labelled examples from several surveys, in folds that no star is cut by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.artifact.fold_networks import KnownStars
from training.crossfit.labelled_file import Source
from training.crossfit.recipe import Recipe
from training.data.labels import check_classes, membership
from training.data.light_curves import LabelledCurves
from training.errors import SettingsError, TrainingError
from training.examples.augment import Kind
from training.examples.feature_table import FeatureTable, feature_table
from training.progress import Bars
from training.stars.assign_folds import LEFT_OUT, NEVER_TRAINED, Known, Stars, share_out
from training.stars.identity import Identities, same_stars

SIMULATED_CLASS = {Kind.SHUFFLED: "NonVar", Kind.CONSTANT: "NonVar", Kind.DAMPED_WALK: "QSO"}
"""What examples that are no measurement of their star are examples of."""


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
    outcomes : mapping of str to mapping
        By survey, what became of the stars that are shown as another survey sees them.
    kept : KnownStars
        Stars that a model may learn from, with their folds, for who transfers that model.
    known : Known
        What of it a pretrained network knew.
    """

    classes: tuple[str, ...]
    surveys: tuple[str, ...]
    table: FeatureTable
    allowed: NDArray[np.bool_]
    survey: NDArray[np.int64]
    group: NDArray[np.int64]
    fold: NDArray[np.int8]
    spared: NDArray[np.bool_]
    outcomes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    kept: KnownStars = field(default_factory=KnownStars.none)
    known: Known = field(default_factory=Known)

    @property
    def trainable(self) -> NDArray[np.bool_]:
        """Examples (m,) that a model may learn from."""
        not_learnt = (self.fold == NEVER_TRAINED) | (self.table.kind == Kind.FIRST) | self.spared
        trainable: NDArray[np.bool_] = self.table.usable & ~not_learnt
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
    progress: Bars,
    known: KnownStars | None = None,
) -> Dataset:
    """Read, share out to folds by star, make examples and compute their features.

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
    read = [source.read(progress) for source in sources]
    surveys = [each.survey for each in read]
    allowed = [_allowed(survey, source, classes) for survey, source in zip(surveys, sources, strict=True)]
    _check_classes(surveys, sources, recipe.sampling.min_epochs)
    identities = [source.identities(survey) for survey, source in zip(surveys, sources, strict=True)]
    group = same_stars(identities)
    titles = [each.survey for each in identities]
    stars = Stars.of(group, allowed, [source.test_only for source in sources])
    joined_folds, acquainted = share_out(stars, identities, known, count=recipe.folds, seed=seed)
    fold = np.split(joined_folds, np.cumsum([len(each) for each in group])[:-1])
    parts = []
    for number, (survey, source) in enumerate(zip(surveys, sources, strict=True)):
        curves = np.flatnonzero(allowed[number].any(axis=1) & (fold[number] != LEFT_OUT))
        if not len(curves):
            continue
        table = feature_table(
            survey,
            curves,
            replace(recipe.sampling, seed=seed),
            recipe.extraction,
            cache_folder=cache_folder,
            workers=workers,
            progress=progress,
        )
        spared = _spared(survey.labels(source.label_key), curves, recipe.stars_per_label, seed)
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
    return replace(
        joined,
        outcomes=outcomes,
        kept=_kept(joined, identities, group),
        known=acquainted,
    )


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


def _kept(
    dataset: Dataset, identities: Sequence[Identities], groups: Sequence[NDArray[np.int64]]
) -> KnownStars:
    """All names and places of the stars that a model may learn from, with their folds."""
    learnt, first = np.unique(dataset.group[dataset.trainable], return_index=True)
    fold = dataset.fold[dataset.trainable][first]
    group = np.concatenate(groups)
    rows = np.flatnonzero(np.isin(group, learnt))
    keys = np.concatenate([each.kept() for each in identities])
    return KnownStars.of(keys[rows], fold[np.searchsorted(learnt, group[rows])])


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
