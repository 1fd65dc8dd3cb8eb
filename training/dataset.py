"""Labelled examples from several surveys, with no star on both sides of the split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from schemas.manifest import sha256_of
from training.errors import SettingsError, TrainingError
from training.feature_table import FeatureTable, feature_table
from training.groups import Part, split, star_groups
from training.labels import membership
from training.light_curves import LabelledCurves, read_light_curves
from training.recipe import REPORTED_EPOCHS, Recipe
from training.sampling import Kind
from training.surveys import SURVEYS

SIMULATED_CLASS = {Kind.SHUFFLED: "NonVar", Kind.CONSTANT: "NonVar", Kind.DAMPED_WALK: "QSO"}
"""What examples that are no measurement of their star are examples of."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of light curves and how its labels are read.

    Attributes
    ----------
    path : Path
        The file.
    label_key : str
        Column of native labels.
    label_map : dict of str to str
        Native label to class, or classes joined by ``|``.
    link : str or None
        Column that names the same star in another survey.
    test_only : bool
        Whether no star of it is trained on.
    """

    path: Path
    label_key: str
    label_map: dict[str, str]
    link: str | None = None
    test_only: bool = False


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples (m) with what they may be and what they are for.

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
    part : (m,) int8
        `Part`.
    """

    classes: tuple[str, ...]
    surveys: tuple[str, ...]
    table: FeatureTable
    allowed: NDArray[np.bool_]
    survey: NDArray[np.int64]
    part: NDArray[np.int8]

    def rows(self, part: Part) -> NDArray[np.int64]:
        """Return the indices of the usable examples of one part."""
        return np.flatnonzero((self.part == part) & self.table.usable)


def known_source(path: Path) -> Source:
    """How the labels of a survey are read that this package knows by its file name.

    Raises
    ------
    SettingsError
        If it is not known.
    """
    if path.stem not in SURVEYS:
        raise SettingsError(
            f"{path.stem!r} is none of the known surveys ({', '.join(SURVEYS)}): name its labels with --label"
        )
    survey = SURVEYS[path.stem]
    return Source(path, survey.label_key, dict(survey.labels), survey.link, test_only=not survey.training)


def own_source(path: Path, label_key: str, class_map: dict[str, str] | None) -> Source:
    """How the labels of a user's file are read: by the map, or as classes themselves."""
    if class_map is None:
        labels = np.unique(read_light_curves(path).labels(label_key))
        class_map = {str(label): str(label) for label in labels if label}
    return Source(path, label_key, class_map)


def build_dataset(
    sources: Sequence[Source],
    classes: tuple[str, ...],
    recipe: Recipe,
    *,
    seed: int,
    cache_folder: Path | None,
    workers: int,
    progress: Progress,
) -> Dataset:
    """Read, split by star, make examples and compute their features.

    Raises
    ------
    SettingsError, TrainingError
        If a file cannot be used (see `read_light_curves`), or none of its labels maps to a class.
    """
    surveys = [read_light_curves(source.path) for source in sources]
    allowed = [_allowed(survey, source, classes) for survey, source in zip(surveys, sources, strict=True)]
    parts = _split(surveys, sources, allowed, recipe, seed)
    tables, labels, numbers, uses = [], [], [], []
    for number, source in enumerate(sources):
        chosen = _choose(surveys[number], source, allowed[number], recipe.stars_per_label, seed)
        if source.test_only:
            chosen = chosen[parts[number][chosen] == Part.TEST]
        for testing in (False, True):
            stars = chosen[(parts[number][chosen] == Part.TEST) == testing]
            if not len(stars):
                continue
            sampling = replace(recipe.sampling, seed=seed)
            if testing:
                sampling = replace(sampling, truncations=0, first_epochs=REPORTED_EPOCHS)
            table = feature_table(
                source.path,
                stars,
                sampling,
                recipe.extraction,
                cache_folder=cache_folder,
                workers=workers,
                progress=progress,
            )
            tables.append(table)
            labels.append(_relabel(table, allowed[number][table.star], classes))
            numbers.append(np.full(len(table.star), number, np.int64))
            uses.append(parts[number][table.star])
    dataset = Dataset(
        classes,
        tuple(survey.name for survey in surveys),
        FeatureTable.join(tables),
        np.concatenate(labels),
        np.concatenate(numbers),
        np.concatenate(uses),
    )
    return _with_a_class(dataset)


def provenance(sources: Sequence[Source]) -> list[dict[str, object]]:
    """Return what the manifest says about the data: names, hashes, papers."""
    return [
        {
            "name": source.path.stem,
            "sha256": sha256_of(source.path),
            "label": source.label_key,
            "used_for": "test" if source.test_only else "training, validation and test",
            "references": list(SURVEYS[source.path.stem].references) if source.path.stem in SURVEYS else [],
        }
        for source in sources
    ]


def _allowed(survey: LabelledCurves, source: Source, classes: tuple[str, ...]) -> NDArray[np.bool_]:
    labels = survey.labels(source.label_key)
    allowed = membership(labels, source.label_map, classes)
    if not allowed.any():
        raise TrainingError(
            f"no label in column {source.label_key!r} of {source.path} maps to a class; "
            f"it has {', '.join(map(str, np.unique(labels)[:8]))}"
        )
    return allowed


def _split(
    surveys: Sequence[LabelledCurves],
    sources: Sequence[Source],
    allowed: Sequence[NDArray[np.bool_]],
    recipe: Recipe,
    seed: int,
) -> list[NDArray[np.int8]]:
    """`Part` of every light curve of every survey, the same for all light curves of a star."""
    sizes = [len(survey.curves) for survey in surveys]

    def column(name: str | None, survey: LabelledCurves, default: object) -> NDArray[np.object_]:
        values = survey.columns.get(name) if name else None
        return np.full(len(survey.curves), default) if values is None else values

    ids = np.concatenate([column("object_id", s, "").astype(np.str_) for s in surveys])
    links = np.concatenate(
        [column(source.link, s, "").astype(np.str_) for s, source in zip(surveys, sources, strict=True)]
    )
    ra, dec = (
        np.concatenate([column(name, s, np.nan).astype(np.float64) for s in surveys])
        for name in ("ra", "dec")
    )
    group = star_groups([ids, links], ra, dec)
    number = np.repeat(np.arange(len(sizes)), sizes)
    label = np.concatenate([a.argmax(axis=1) for a in allowed])
    part = split(
        group,
        number * len(allowed[0][0]) + label,
        validation=recipe.validation,
        test=recipe.test,
        seed=seed,
    )
    held_back = np.array([source.test_only for source in sources])[number]
    seen = np.unique(group[~held_back])  # a test-only light curve of a star that is trained on tests nothing
    part[held_back & ~np.isin(group, seen)] = Part.TEST
    return np.split(part, np.cumsum(sizes)[:-1])


def _choose(
    survey: LabelledCurves, source: Source, allowed: NDArray[np.bool_], limit: int | None, seed: int
) -> NDArray[np.int64]:
    """Stars with a class, at most `limit` of any native label, in ascending order."""
    labels = survey.labels(source.label_key)
    rng = np.random.default_rng(seed)
    chosen = [
        rng.permutation(np.flatnonzero(allowed.any(axis=1) & (labels == label)))[:limit]
        for label in np.unique(labels)
    ]
    return np.sort(np.concatenate(chosen))


def _relabel(table: FeatureTable, allowed: NDArray[np.bool_], classes: tuple[str, ...]) -> NDArray[np.bool_]:
    """Give examples that imitate another class its label; none where the model lacks that class."""
    result = allowed.copy()
    for kind, name in SIMULATED_CLASS.items():
        result[table.kind == kind] = np.array(classes) == name
    return result


def _with_a_class(dataset: Dataset) -> Dataset:
    kept = np.flatnonzero(dataset.allowed.any(axis=1))
    return replace(
        dataset,
        table=dataset.table.take(kept),
        allowed=dataset.allowed[kept],
        survey=dataset.survey[kept],
        part=dataset.part[kept],
    )
