"""What is made of light curves of no class, and of surveys that a class was not learnt from: blind and seen.

A kind is *seen* where other objects of it are learnt from, and *blind* where its family is left out, with
all that is made of its light curves. Of every kind one half of the objects is reported, the other is for
choosing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.crossfit.assess.no_class import judged
from training.crossfit.assess.one_band import answers_of, shows
from training.crossfit.crossfit import CrossFit, cross_fit
from training.crossfit.dataset import Dataset, build_dataset
from training.crossfit.labelled_file import known_file
from training.crossfit.recipe import RECIPES, Recipe
from training.crossfit.starting_point import FromScratch
from training.crossfit.terms import novelty_of_folds
from training.data.join_bands import by_survey
from training.data.labels import classes_of
from training.errors import SettingsError
from training.examples.augment import SIMULATED
from training.measure.answers import Answers
from training.report.html import Section, Table
from training.reproduce.bench import Bench
from training.reproduce.streams.what_was_said import HEADER, Said, figure_of, mean_row, row_of
from training.stars.assign_folds import NEVER_TRAINED
from training.surveys.public import SURVEYS
from training.surveys.variable_stars import VARIABLE_STARS

Mask = NDArray[np.bool_]

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "supernovae": (
        "supernova, difference flux",
        "superluminous supernova, difference flux",
    ),
    "tidal disruptions": ("tidal disruption, difference flux",),
    "microlensing": ("microlensing",),
    "other transients and stars": ("flare", "supernova, total flux", "R CrB", "hot star"),
    "young stars": ("young star",),
}
"""Kinds that are alike are left out together."""

LEFT_OUT = (
    ("QSO", "crts_transients_V"),
    ("QSO", "gaia_alerts_G"),
    ("CV", "crts_transients_V"),
    ("CV", "gaia_alerts_G"),
)
"""A class, and a survey of it that it is not learnt from."""

LENGTHS: Mapping[str, int | None] = {"all": None, "20": 20, "40": 40, "80": 80}

TRUST_RECIPE: Recipe = replace(RECIPES["standard"], name="trust", folds=3).with_training_epochs(7)
"""The shipped models', shorter: each of the families costs a training."""

OF_CLASSES = ("class", "survey", "epochs", "light curves", "on top", "labelled rightly", "wrongly above .9")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A dataset with what cross-fitting gave of it.

    Attributes
    ----------
    dataset : Dataset
        Of m rows.
    answers : Answers
        Of m rows, with their novelty by what has not seen the star.
    """

    dataset: Dataset
    answers: Answers

    @classmethod
    def of(cls, dataset: Dataset, bench: Bench) -> Judgement:
        """Cross-fit, and ask about every row."""
        recipe = TRUST_RECIPE
        made: CrossFit = cross_fit(dataset, recipe, FromScratch(recipe, bench.progress), seed=0)
        novelty = novelty_of_folds(dataset, made)
        return cls(dataset, answers_of(dataset, made.probabilities, recipe, novelty))


def _said(of: Judgement, name: str, length: str, rows: Mask) -> Said:
    """Judge these rows (m,)."""
    return Said(name, length, judged(of.dataset, of.answers, rows, TRUST_RECIPE))


def trust(bench: Bench, folder: Path, *, workers: int) -> Section:
    """Leave families of kinds out, one after the other, and surveys out of classes.

    Raises
    ------
    SettingsError
        If the folder has no set of what is in no class.
    """
    dataset = read_dataset(bench, folder, workers=workers)
    reported = second_half(dataset)
    seen = Judgement.of(dataset, bench)
    blind: list[Said] = []
    for kinds in FAMILIES.values():
        left_out = np.isin(dataset.outlier, [_number(dataset, kind) for kind in kinds])
        left_out = np.isin(dataset.star, np.unique(dataset.star[left_out & _as_seen(dataset)]))
        if left_out.any():
            without = Judgement.of(replace(dataset, spared=dataset.spared | left_out), bench)
            blind += [each for kind in kinds for each in _of_kind(without, kind, reported)]
    every_kind = [kind for kinds in FAMILIES.values() for kind in kinds]
    of_kinds = [each for kind in every_kind for each in _of_kind(seen, kind, reported)]
    known = _known(seen)
    return Section(
        "What is in no class, and surveys that were not learnt from",
        (
            "Networks of three folds by the recipe of the shipped models, of half as many training epochs, "
            "on light curves of one band; each is judged by a network, a mixture and a table that have not "
            "seen its star. Kinds: a half of the objects, drawn at random. Labelled wrongly: "
            "any label; of what is in no class every label is wrong.",
        ),
        (
            Table("Kinds that were left out (blind)", HEADER, (*map(row_of, blind), mean_row(blind))),
            Table(
                "Kinds of which other objects were learnt from (seen)",
                HEADER,
                (*map(row_of, of_kinds), mean_row(of_kinds)),
            ),
            Table("Made-up kinds, learnt from", HEADER, tuple(map(row_of, _made_up(seen)))),
            Table("Stars in a class", HEADER, tuple(map(row_of, known))),
            Table(
                "Classes on a survey that they were not learnt from, and on the same survey learnt from",
                OF_CLASSES,
                tuple(_surveys_left_out(seen, bench)),
            ),
        ),
        (
            *figure_of(bench, "blind", blind, "Kinds that the network has not learnt from"),
            *figure_of(bench, "seen", of_kinds, "Kinds of which it has learnt from other objects"),
            *figure_of(bench, "known", known, "Stars in a class"),
        ),
    )


def read_dataset(bench: Bench, folder: Path, *, workers: int) -> Dataset:
    """Read all known sets that are there, and measure their light curves."""
    paths = [path for name in SURVEYS if (path := folder / f"{name}.npz").is_file()]
    if not any(path.stem not in VARIABLE_STARS for path in paths):
        raise SettingsError(f"{folder} has no set of what is in no class, such as gaia_alerts_G.npz")
    files = [known_file(*each) for each in by_survey([path for path in paths if SURVEYS[path.stem].training])]
    return build_dataset(
        files,
        classes_of({file.name: file.label_map for file in files}),
        TRUST_RECIPE,
        seed=0,
        cache_folder=bench.cache_folder,
        workers=workers,
        progress=bench.progress,
    )


def second_half(dataset: Dataset) -> Mask:
    """Rows (m,) of the stars that nothing is to be chosen on from here on, drawn at random."""
    rows: Mask = np.random.default_rng(1).random(int(dataset.star.max()) + 1)[dataset.star] < 0.5
    return rows


def _as_seen(dataset: Dataset) -> Mask:
    """Rows (m,) that are light curves as they were seen; the others borrow epochs, or more, of theirs."""
    rows: Mask = ~np.isin(dataset.table.kind, SIMULATED)
    return rows


def _number(dataset: Dataset, kind: str) -> int:
    return dataset.outlier_kinds.index(kind) if kind in dataset.outlier_kinds else -2


def _of_kind(of: Judgement, kind: str, reported: Mask) -> list[Said]:
    table = of.dataset.table
    rows = table.own & (of.dataset.outlier == _number(of.dataset, kind)) & reported
    rows &= _as_seen(of.dataset)
    return [
        _said(of, kind, length, rows & shows(table, count))
        for length, count in LENGTHS.items()
        if (rows & shows(table, count)).any()
    ]


def _made_up(of: Judgement) -> list[Said]:
    table = of.dataset.table
    said = []
    for number, kind in enumerate(of.dataset.outlier_kinds):
        of_kind = table.own & (of.dataset.outlier == number) & np.isin(table.kind, SIMULATED)
        if of_kind.any():
            said.append(_said(of, kind, "any", of_kind))
    return said


def _known(of: Judgement) -> list[Said]:
    dataset, table = of.dataset, of.dataset.table
    known = table.own & (dataset.outlier < 0) & ~np.isin(table.kind, SIMULATED) & (dataset.fold >= 0)
    one, first = dataset.truth.names_one, dataset.truth.first
    groups = {"all of them": known} | {
        name: known & one & (first == number)
        for number, name in enumerate(dataset.classes)
        if (known & one & (first == number)).any()
    }
    return [
        _said(of, name, length, rows & shows(table, count))
        for name, rows in groups.items()
        for length, count in LENGTHS.items()
        if (rows & shows(table, count)).any()
    ]


def _surveys_left_out(seen: Judgement, bench: Bench) -> list[tuple[str, ...]]:
    rows = []
    for name, survey in LEFT_OUT:
        dataset = seen.dataset
        if survey not in dataset.surveys or name not in dataset.classes:
            continue
        is_class = dataset.truth.names_one & (dataset.truth.first == dataset.classes.index(name))
        chosen = is_class & (dataset.survey == dataset.surveys.index(survey))
        chosen &= ~np.isin(dataset.table.kind, SIMULATED)
        stars = np.isin(dataset.star, np.unique(dataset.star[chosen]))  # in whatever other survey they are
        fold = np.where(stars, NEVER_TRAINED, dataset.fold).astype(np.int8)
        blind = Judgement.of(replace(dataset, fold=fold), bench)
        for what, of in (("left out", blind), ("learnt from", seen)):
            rows += _of_class(of, name, f"{survey}, {what}", chosen)
    return rows


def _of_class(of: Judgement, name: str, survey: str, chosen: Mask) -> list[tuple[str, ...]]:
    dataset, table = of.dataset, of.dataset.table
    rows = []
    for length, count in LENGTHS.items():
        scored = np.flatnonzero(table.own & chosen & shows(table, count) & of.answers.scored)
        if not len(scored):
            continue
        said = of.answers.take(scored).verdicts(
            TRUST_RECIPE.label_limits(dataset.classes), TRUST_RECIPE.novel_below
        )
        right = said.best == dataset.classes.index(name)
        sure = said.given & (said.probability > 0.9)
        shares = (right, said.given & right, sure & ~right)
        rows.append((name, survey, length, f"{len(scored):,}", *(f"{each.mean():.1%}" for each in shares)))
    return rows
