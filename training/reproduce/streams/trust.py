"""What is made of light curves of no class, and of surveys that a class was not learnt from: blind and seen.

A kind is *seen* where other objects of it are learnt from, and *blind* where its family is left out, with
all that is made of its light curves. Of every kind one half of the objects is reported, the other is for
choosing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.crossfit.assess.no_class import judged
from training.crossfit.assess.one_band import shows
from training.crossfit.dataset import Dataset, build_dataset
from training.crossfit.labelled_file import LabelledFile, known_file
from training.crossfit.recipe import RECIPES, Recipe
from training.data.join_bands import by_survey
from training.data.labels import classes_of
from training.data.light_curves import survey_name
from training.errors import SettingsError
from training.examples.augment import SIMULATED
from training.report.html import Section, Table
from training.reproduce.bench import Bench
from training.reproduce.streams.cost_of_classes import HEADER as OF_COST
from training.reproduce.streams.cost_of_classes import cost_of_classes, of_before, without_new_classes
from training.reproduce.streams.judgement import LENGTHS, SEED, Judgement, Mask, judge_each
from training.reproduce.streams.stream_thresholds import STREAMS, read_copies
from training.reproduce.streams.what_was_said import HEADER, Said, figure_of, mean_row, row_of
from training.stars.assign_folds import NEVER_TRAINED
from training.surveys.public import SURVEYS
from training.surveys.variable_stars import VARIABLE_STARS

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

STANDARD = RECIPES["standard"]

TRUST_RECIPE: Recipe = replace(
    STANDARD, name="trust", folds=3, sampling=replace(STANDARD.sampling, truncations=3)
).with_training_epochs(7)
"""The shipped source's with fewer shortened light curves, and shorter: each family costs a training."""

OF_CLASSES = ("class", "survey", "epochs", "light curves", "on top", "labelled rightly", "wrongly above .9")


def trust(bench: Bench, folder: Path, *, workers: int, recipe: Recipe = TRUST_RECIPE) -> Section:
    """Leave families of kinds out, one after the other, and surveys out of classes.

    Raises
    ------
    SettingsError
        If the folder has no set of what is in no class.
    """
    files = files_of(folder)
    dataset = read_dataset(files, recipe, bench, workers=workers)
    known = [file for file in files if not SURVEYS[survey_name(file.path)].difference]
    copies = {each: read_copies(known, dataset, each, recipe, bench, workers=workers) for each in STREAMS}
    reported = second_half(dataset)
    families, surveys = _families_left_out(dataset), _surveys_left_out(dataset)
    before = of_before(dataset, {file.name for file in files if survey_name(file.path) in VARIABLE_STARS})
    seen, alone, *others = judge_each(
        [dataset, without_new_classes(dataset.take(before)), *families.values(), *surveys.values()],
        recipe,
        bench.progress,
        workers=workers,
    )
    without = dict(zip(families, others[: len(families)], strict=True))
    blind = [each for kinds, of in without.items() for each in _of_kinds(of, kinds, reported)]
    by_copies = {
        stream: [
            each
            for kinds, of in without.items()
            for each in _of_kinds(of.held_against(of_stream), kinds, reported)
        ]
        for stream, of_stream in copies.items()
    }
    of_kinds = _of_kinds(seen, [kind for kinds in FAMILIES.values() for kind in kinds], reported)
    in_a_class = _in_a_class(seen)
    return Section(
        "What is in no class, and surveys that were not learnt from",
        (
            "Networks of three folds by the recipe of the shipped source, on light curves of one band, with "
            "a third of its shortened versions and half as many training epochs. Each is judged by a "
            "network, a mixture and a table that have not seen its star. Kinds: a half of the objects, "
            "drawn at random. Labelled wrongly: "
            "any label; of what is in no class every label is wrong.",
        ),
        (
            _table("Kinds that were left out (blind)", blind),
            *(
                _table(f"The same, novel by copies of the known stars as {stream} sees them", said)
                for stream, said in by_copies.items()
            ),
            _table("Kinds of which other objects were learnt from (seen)", of_kinds),
            Table("Made-up kinds, learnt from", HEADER, tuple(map(row_of, _made_up(seen)))),
            Table("Stars in a class", HEADER, tuple(map(row_of, in_a_class))),
            Table(
                "Classes on a survey that they were not learnt from, and on the same survey learnt from",
                OF_CLASSES,
                tuple(_of_surveys(seen, dict(zip(surveys, others[len(families) :], strict=True)))),
            ),
            Table(
                "Stars of the classes of before, by networks that know only these and by those that know all",
                OF_COST,
                tuple(cost_of_classes(seen, before, alone)),
            ),
        ),
        (
            *figure_of(bench, "blind", blind, "Kinds that the network has not learnt from"),
            *figure_of(bench, "seen", of_kinds, "Kinds of which it has learnt from other objects"),
            *figure_of(bench, "known", in_a_class, "Stars in a class"),
        ),
    )


def files_of(folder: Path) -> list[LabelledFile]:
    """Find all known sets that a model may learn from.

    Raises
    ------
    SettingsError
        If none of what is in no class is there.
    """
    paths = [path for name in SURVEYS if (path := folder / f"{name}.npz").is_file()]
    if not any(path.stem not in VARIABLE_STARS for path in paths):
        raise SettingsError(f"{folder} has no set of what is in no class, such as gaia_alerts_G.npz")
    return [known_file(*each) for each in by_survey([path for path in paths if SURVEYS[path.stem].training])]


def read_dataset(files: Sequence[LabelledFile], recipe: Recipe, bench: Bench, *, workers: int) -> Dataset:
    """Measure the light curves of files, as they are."""
    return build_dataset(
        files,
        classes_of({file.name: file.label_map for file in files}),
        recipe,
        seed=SEED,
        cache_folder=bench.cache_folder,
        workers=workers,
        progress=bench.progress,
    )


def second_half(dataset: Dataset) -> Mask:
    """Rows (m,) of the stars that nothing is to be chosen on from here on, drawn at random."""
    rows: Mask = np.random.default_rng(1).random(int(dataset.star.max()) + 1)[dataset.star] < 0.5
    return rows


def _table(title: str, kinds: Sequence[Said]) -> Table:
    return Table(title, HEADER, (*map(row_of, kinds), mean_row(kinds)))


def _as_seen(dataset: Dataset) -> Mask:
    """Rows (m,) that are light curves as they were seen; the others borrow epochs, or more, of theirs."""
    rows: Mask = ~np.isin(dataset.table.kind, SIMULATED)
    return rows


def _number(dataset: Dataset, kind: str) -> int:
    return dataset.outlier_kinds.index(kind) if kind in dataset.outlier_kinds else -2


def _of_kinds(of: Judgement, kinds: Sequence[str], reported: Mask) -> list[Said]:
    dataset = of.dataset
    rows = dataset.table.own & reported & _as_seen(dataset)
    return [
        each for kind in kinds for each in of.said(kind, rows & (dataset.outlier == _number(dataset, kind)))
    ]


def _made_up(of: Judgement) -> list[Said]:
    table = of.dataset.table
    said = []
    for number, kind in enumerate(of.dataset.outlier_kinds):
        of_kind = table.own & (of.dataset.outlier == number) & np.isin(table.kind, SIMULATED)
        if of_kind.any():
            said.append(Said(kind, "any", judged(of.dataset, of.answers, of_kind, of.recipe)))
    return said


def _in_a_class(of: Judgement) -> list[Said]:
    dataset = of.dataset
    rows = dataset.table.own & (dataset.outlier < 0) & _as_seen(dataset) & (dataset.fold >= 0)
    one, first = dataset.truth.names_one, dataset.truth.first
    said = of.said("all of them", rows)
    for number, name in enumerate(dataset.classes):
        said += of.said(name, rows & one & (first == number))
    return said


def _families_left_out(dataset: Dataset) -> dict[tuple[str, ...], Dataset]:
    """Spare each of the `FAMILIES` that are there, with all that is made of its light curves."""
    result = {}
    for kinds in FAMILIES.values():
        left_out = np.isin(dataset.outlier, [_number(dataset, kind) for kind in kinds])
        left_out = np.isin(dataset.star, np.unique(dataset.star[left_out & _as_seen(dataset)]))
        if left_out.any():
            result[kinds] = replace(dataset, spared=dataset.spared | left_out)
    return result


def _surveys_left_out(dataset: Dataset) -> dict[tuple[str, str], Dataset]:
    """Never learn from a class of a survey, of `LEFT_OUT`, nor from its stars in other surveys."""
    result = {}
    for name, survey in LEFT_OUT:
        if survey in dataset.surveys and name in dataset.classes:
            stars = np.isin(dataset.star, np.unique(dataset.star[_of_survey(dataset, name, survey)]))
            fold = np.where(stars, NEVER_TRAINED, dataset.fold).astype(np.int8)
            result[name, survey] = replace(dataset, fold=fold)
    return result


def _of_survey(dataset: Dataset, name: str, survey: str) -> Mask:
    """Rows (m,) of the stars of a class of a survey, as they were seen."""
    is_class = dataset.truth.names_one & (dataset.truth.first == dataset.classes.index(name))
    rows: Mask = is_class & (dataset.survey == dataset.surveys.index(survey)) & _as_seen(dataset)
    return rows


def _of_surveys(seen: Judgement, without: Mapping[tuple[str, str], Judgement]) -> list[tuple[str, ...]]:
    rows = []
    for (name, survey), blind in without.items():
        chosen = _of_survey(seen.dataset, name, survey)
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
            of.recipe.label_limits(dataset.classes), of.recipe.novel_below
        )
        right = said.best == dataset.classes.index(name)
        sure = said.given & (said.probability > 0.9)
        shares = (right, said.given & right, sure & ~right)
        rows.append((name, survey, length, f"{len(scored):,}", *(f"{each.mean():.1%}" for each in shares)))
    return rows
