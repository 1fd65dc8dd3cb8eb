"""All bands of a star against its best one: copies as LSST and ZTF see them, and real stars of ZTF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.crossfit.crossfit import judge_folds
from training.crossfit.dataset import Dataset
from training.crossfit.labelled_file import LabelledFile, known_file
from training.crossfit.recipe import Recipe
from training.crossfit.starting_point import FromScratch
from training.data.join_bands import by_survey
from training.data.light_curves import LabelledCurves
from training.data.truth import Truth
from training.examples.feature_table import FeatureTable
from training.examples.fused_examples import FusedExamples
from training.imitations.damped_random_walk import damped_random_walk
from training.network.one_cycle import OneCycle
from training.network.temperature import softmax
from training.network.trained_network import TrainedNetwork
from training.progress import QUIET
from training.reobserve.reobserve import Reobservation
from training.report.html import Section, Table
from training.reproduce.bench import Bench
from training.reproduce.ours.compared import HEADER, compared, predictions
from training.reproduce.ours.first_epochs import WAYS, Ways, first_epochs
from training.reproduce.ours.real_stars import real_stars
from training.stars.folds import folds
from training.stars.same_star import same_stars
from training.surveys.classes import NON_VARIABLE, QUASAR
from training.surveys.variable_stars import VARIABLE_STARS

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

JOINED = {"CEPH_1O": "CEPH", "CEPH_F": "CEPH", "EB_EC": "EB", "EB_ESD": "EB"}
"""Classes that are taken as one: overtone and fundamental Cepheids; contact and semi-detached binaries."""

CLASSES = (
    *("CEPH", "DSCT", "EB", "EB_ED", "LPV", "NonVar", "QSO", "ROT", "RRL_ab", "RRL_c", "RRL_d", "T2CEPH"),
)
LENGTHS = (20, 40, 60, 120)
"""First epochs, over all bands, that networks learn from and are asked about."""

WALKS = CONSTANTS = 0.07
"""Quasars and constant stars that are made, as shares of the copies."""

ARCHIVE = Reobservation(copies=1, alerts_share=0.0, forced_share=0.0, main_strategy=True)
MIXED = Reobservation(copies=1)
COPIES = {"all visits of the main survey": ARCHIVE, "as a stream: alerts, forced photometry, archive": MIXED}

BANDS_RECIPE = Recipe(
    name="bands",
    schedule=OneCycle(training_epochs=40, batch=512, input_noise=0.1, label_smoothing=0.1),
)
"""The same for every way. The temperature of a softmax changes no label that is asked for here."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Stars that a survey is shown, with their examples.

    Attributes
    ----------
    ways : Ways
        Of all stars; light curves are numbered over all surveys.
    label : (n,) int64
        Class of each light curve.
    star : (n,) int64
        Its star.
    """

    ways: Ways
    label: I8
    star: I8


@dataclass(frozen=True, slots=True)
class Judged:
    """What networks of folds say of the examples (e) of all ways.

    Attributes
    ----------
    predicted : mapping of str to (e,) int64
        "fused", and the best band by "robust" and "refined" features; the number of classes for none.
    label, n_shown, star : (e,) int64
        Of the examples.
    networks : mapping of str to tuple of TrainedNetwork
        Of each way.
    """

    predicted: Mapping[str, I8]
    label: I8
    n_shown: I8
    star: I8
    networks: Mapping[str, tuple[TrainedNetwork, ...]]


def bands_together(bench: Bench, folder: Path, *, workers: int) -> Section:
    """Hold fused answers against those about the best band, on the same stars and by the same recipe."""
    tables, networks = [], {}
    for stream in ("lsst", "ztf"):
        for kind, reobservation in COPIES.items():
            copies = copies_of(bench, folder, stream, reobservation, workers=workers)
            judged = judge(copies, seed=0)
            networks[stream, kind] = judged.networks
            tables.append(_table(f"{stream}, {kind}: {len(np.unique(judged.star)):,} stars", judged))
    of_ztf = networks["ztf", "all visits of the main survey"]
    tables.append(real_stars(folder, of_ztf, CLASSES))
    return Section(
        "All bands together",
        (
            "Accuracy (Mc) of the most probable of twelve classes by the first epochs over all bands; what "
            "cannot be scored is wrong, and no answer is withheld. The best band is the one with most of "
            "these epochs, from eight on. Each star is judged by networks that have not seen it, of the "
            "same five folds and the same recipe for every column; a standard error of the difference is "
            "that of the stars. Fused: the merged curve and the bands at the joint period. Robust and "
            "refined: the best band with its own period, by networks of such rows alone.",
        ),
        tuple(tables),
    )


def copies_of(
    bench: Bench, folder: Path, stream: str, reobservation: Reobservation, *, workers: int
) -> Copies:
    """Show the labelled stars of all surveys to a stream; some become quasars or constant stars."""
    paths = [folder / f"{name}.npz" for name, survey in VARIABLE_STARS.items() if survey.training]
    files = [_joined(known_file(*each)) for each in by_survey(paths)]
    parts, labels, identities, first = [], [], [], 0
    for file in files:
        shown = replace(
            file,
            observe_as=stream,
            stars_per_label=bench.scale.bands_stars_per_label,
            reobservation=reobservation,
        )
        survey = shown.read(bench.progress, workers=workers).survey
        label = Truth.of(survey.labels(file.label_key), file.label_map, CLASSES).first
        survey, label = _with_made(survey, label)
        ways = first_epochs(
            survey, LENGTHS, cache_folder=bench.cache_folder, workers=workers, progress=bench.progress
        )
        parts.append(_numbered(ways, first))
        labels.append(label)
        identities.append(file.identities(survey))
        first += len(label)
    return Copies(Ways.join(parts), np.concatenate(labels), np.concatenate(same_stars(identities)))


def judge(copies: Copies, *, seed: int) -> Judged:
    """Train networks of each way on the same folds, and ask them about the stars that they have not seen."""
    fold = folds(copies.star, copies.label, count=BANDS_RECIPE.folds, seed=seed)
    said, networks = {}, {}
    for way in WAYS:
        table: FeatureTable = getattr(copies.ways, way)
        dataset = Dataset(
            CLASSES,
            ("copies",),
            table,
            Truth.of_numbers(copies.label[table.curve], len(CLASSES)),
            np.zeros(len(table.curve), np.int64),
            copies.star[table.curve],
            fold[table.curve],
            np.zeros(len(table.curve), bool),
            np.full(len(table.curve), -1),
        )
        networks[way], logits = judge_folds(
            dataset, BANDS_RECIPE, FromScratch(BANDS_RECIPE, QUIET), seed=seed
        )
        said[way] = softmax(logits)
    examples = FusedExamples.of(copies.ways.together)
    row = examples.merged
    curve = copies.ways.together.curve[row]
    return Judged(
        predictions(copies.ways, said),
        copies.label[curve],
        copies.ways.together.n_shown[row],
        copies.star[curve],
        networks,
    )


def _table(caption: str, judged: Judged) -> Table:
    rows = compared(
        judged.predicted, judged.label, judged.star, judged.n_shown, lengths=LENGTHS, n_classes=len(CLASSES)
    )
    return Table(caption, HEADER, rows)


def _joined(file: LabelledFile) -> LabelledFile:
    """Join classes; leave out labels of several."""
    meanings = {}
    for label, meaning in file.label_map.items():
        names = {JOINED.get(name, name) for name in meaning.split("|")}
        if len(names) == 1:
            meanings[label] = names.pop()
    return replace(file, label_map=meanings)


def _with_made(survey: LabelledCurves, label: I8) -> tuple[LabelledCurves, I8]:
    """Replace some stars by quasars and constant ones at their epochs, about their means.

    A quasar's walk is the same in all bands.
    """
    _, star = np.unique(survey.columns["parent"], return_inverse=True)
    rng = np.random.default_rng(len(label))
    draw = rng.random(int(star.max()) + 1)
    curves, mag = survey.curves, survey.curves.mag.copy()
    walk = np.zeros(len(mag))
    for number in np.flatnonzero(draw < WALKS + CONSTANTS):
        its = np.flatnonzero(star == number)
        points = np.concatenate([np.arange(curves.offsets[i], curves.offsets[i + 1]) for i in its])
        order = points[np.argsort(curves.time[points], kind="stable")]
        if draw[number] < WALKS:
            walk[order] = damped_random_walk(rng, curves.time[order])
        for i in its:
            span = slice(curves.offsets[i], curves.offsets[i + 1])
            noise = curves.err[span] * rng.standard_normal(span.stop - span.start)
            mag[span] = curves.mag[span].mean() + walk[span] + noise
    made = np.where(draw < WALKS, CLASSES.index(QUASAR), CLASSES.index(NON_VARIABLE))
    label = np.where(draw[star] < WALKS + CONSTANTS, made[star], label)
    return replace(survey, curves=replace(curves, mag=mag)), label.astype(np.int64)


def _numbered(ways: Ways, first: int) -> Ways:
    """Count light curves from `first` on."""
    return Ways(
        **{
            way: replace(each, curve=each.curve + first, first_band=each.first_band + first)
            for way in WAYS
            for each in [getattr(ways, way)]
        }
    )
