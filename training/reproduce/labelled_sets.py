"""The labelled sets of the experiments, under the names that the report uses.

===========  ==============================================================  ====================
name         stars                                                           in the place of
===========  ==============================================================  ====================
ASAS-8       ACVS stars with one label and 20 points or more, and the        ASAS (Table 4)
             Cepheids of Richards et al. (2012) that are not in ACVS
Hipparcos-20 Debosscher et al. (2007); SX Phoenicis joined to Delta Scuti    Hipparcos (Table 5)
CSS-12       Catalina south (Drake et al. 2017), a stratified sample of      ASAS-SN (Table 7)
             10,000; the few Cepheids of the LMC left out
source       the surveys the shipped model is trained on, labels of one      OGLE and EROS-2
             class only, at most 3,500 light curves of a label and survey    (Table 1)
===========  ==============================================================  ====================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.labels import CLASS_SEPARATOR, at_most
from training.data.light_curves import LabelledCurves
from training.data.read import read_light_curves
from training.examples.augment import Sampling
from training.examples.feature_table import Extraction, FeatureTable
from training.examples.measure_examples import feature_table
from training.progress import Bars
from training.result_cache import hash_of
from training.stars.folds import stratified_rank
from training.stars.identity import known_identities
from training.stars.same_star import same_stars, stars_also_in
from training.surveys.variable_stars import VARIABLE_STARS

CSS_STARS = 10_000
STARS_PER_LABEL = 3500
MIN_LABELLED_POINTS = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One survey's light curves in a target: which, and what they are.

    Attributes
    ----------
    survey : LabelledCurves
        The file.
    curves : (n,) int64
        Light curves that are used.
    label : (n,) str
        Their classes.
    """

    survey: LabelledCurves
    curves: NDArray[np.int64]
    label: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Target:
    """A set of labelled light curves and its examples.

    Attributes
    ----------
    name : str
        As in the report.
    classes : tuple of str
        In alphabetical order.
    label : (n,) int64
        Class of each light curve.
    star : (n,) int64
        Its star: equal for light curves of one.
    parts : tuple of Part
        Where the light curves are from, in order.
    """

    name: str
    classes: tuple[str, ...]
    label: NDArray[np.int64]
    star: NDArray[np.int64]
    parts: tuple[Part, ...]

    def __len__(self) -> int:
        """Return the number of light curves."""
        return len(self.label)

    @property
    def surveys(self) -> tuple[str, ...]:
        """Names of the files the light curves are from."""
        return tuple(part.survey.name for part in self.parts)

    def fingerprint(self) -> str:
        """Hash of stars, classes and labels, for the keys of results."""
        return hash_of(np.array([self.name, *self.classes]), self.label, self.star)

    def where(self, chosen: NDArray[np.bool_]) -> Target:
        """Return the target without some of its light curves: those whose features have no value."""
        bounds = np.cumsum([len(part.curves) for part in self.parts])[:-1]
        parts = tuple(
            Part(part.survey, part.curves[kept], part.label[kept])
            for part, kept in zip(self.parts, np.split(chosen, bounds), strict=True)
        )
        return Target(self.name, self.classes, self.label[chosen], self.star[chosen], parts)

    def examples(
        self,
        sampling: Sampling,
        extraction: Extraction,
        *,
        cache_folder: Path | None,
        workers: int,
        progress: Bars,
    ) -> FeatureTable:
        """Features of the examples of all light curves; `FeatureTable.curve` counts those of the target."""
        tables, first = [], 0
        for part in self.parts:
            table = feature_table(
                part.survey,
                part.curves,
                sampling,
                extraction,
                cache_folder=cache_folder,
                workers=workers,
                progress=progress,
            )
            tables.append(table.renumbered(part.curves, first))
            first += len(part.curves)
        return FeatureTable.join(tables)


def asas_8(folder: Path) -> Target:
    """Read ASAS-8."""
    acvs = read_light_curves(folder / "asas_acvs_V.npz")
    richards = read_light_curves(folder / "asas_richards_V.npz")
    labels = {name: name for name in ("DSCT", "EC", "ED", "ESD", "MIRA", "RRAB", "RRC")}
    known = richards.columns["acvs_id"] != ""
    return _target(
        "ASAS-8",
        [
            _part(acvs, labels, acvs.curves.n_epochs >= MIN_LABELLED_POINTS),
            _part(richards, {"Classical_Cepheid": "CEPH"}, ~known),
        ],
    )


def hipparcos_20(folder: Path) -> Target:
    """Read Hipparcos-20."""
    survey = read_light_curves(folder / "hipparcos_debosscher_Hp.npz")
    labels = {str(name): str(name) for name in np.unique(survey.columns["native_class"])}
    labels["SX Phoenicis"] = "Delta Scuti"
    return _target("Hipparcos-20", [_part(survey, labels, survey.curves.n_epochs >= MIN_LABELLED_POINTS)])


def css_12(folder: Path, *, n_curves: int = CSS_STARS) -> Target:
    """Read CSS-12, or a smaller sample of it."""
    survey = read_light_curves(folder / "css_sss_V.npz")
    labels = {str(name): str(name) for name in np.unique(survey.columns["native_class"]) if name != "LMC-CEP"}
    whole = _part(survey, labels, survey.curves.n_epochs >= MIN_LABELLED_POINTS)
    _, stratum = np.unique(whole.label, return_inverse=True)
    first = np.argsort(stratified_rank(whole.curves, stratum, seed=0), kind="stable")[:n_curves]
    chosen = np.sort(first)
    return _target("CSS-12", [Part(survey, whole.curves[chosen], whole.label[chosen])])


def source_pool(
    folder: Path,
    *,
    n_curves: int | None,
    stars_per_label: int = STARS_PER_LABEL,
    without: Collection[str] = (),
) -> Target:
    """Read the labelled stars that stand in the place of the paper's OGLE and EROS-2 training set.

    Parameters
    ----------
    folder : Path
        With a file for every survey of `training.surveys.variable_stars` that is trained on.
    n_curves : int or None
        Light curves of a sample with every class's share; None for all.
    stars_per_label : int
        Most light curves of one native label of one survey, drawn at random: the largest survey would
        be half of the set.
    without : collection of str
        Surveys to leave out, and with them their stars in other surveys: what is transferred to a survey
        must not have seen its test stars.

    Raises
    ------
    SettingsError, TrainingError
        If a file is missing or cannot be used.
    """
    rng = np.random.default_rng(0)
    parts = []
    for name, known in VARIABLE_STARS.items():
        labels = {
            native: meaning for native, meaning in known.labels.items() if CLASS_SEPARATOR not in meaning
        }
        if not known.training or not labels or name in without:
            continue
        survey = read_light_curves(folder / f"{name}.npz")
        part = _part(survey, labels, survey.curves.n_epochs >= MIN_LABELLED_POINTS, label_key=known.label_key)
        native = survey.labels(known.label_key)[part.curves]
        chosen = at_most(native, stars_per_label, rng)
        parts.append(Part(survey, part.curves[chosen], part.label[chosen]))
    whole = _target("source", parts)
    if without:
        whole = whole.where(~_seen(parts, [read_light_curves(folder / f"{name}.npz") for name in without]))
    if n_curves is None or n_curves >= len(whole):
        return whole
    rank = stratified_rank(whole.star, whole.label, seed=0)
    drawn = np.zeros(len(whole), bool)
    drawn[np.argsort(rank, kind="stable")[:n_curves]] = True
    return whole.where(drawn)


def _part(
    survey: LabelledCurves,
    labels: Mapping[str, str],
    chosen: NDArray[np.bool_],
    *,
    label_key: str = "native_class",
) -> Part:
    native = survey.labels(label_key)
    curves = np.flatnonzero(np.isin(native, list(labels)) & chosen)
    return Part(survey, curves, np.array([labels[str(name)] for name in native[curves]], np.str_))


def _seen(parts: list[Part], surveys: list[LabelledCurves]) -> NDArray[np.bool_]:
    """Light curves of the parts (n,) bool whose star is in one of the surveys as well."""
    ours = [known_identities(part.survey).take(part.curves) for part in parts]
    return np.concatenate(stars_also_in(ours, [known_identities(survey) for survey in surveys]))


def _target(name: str, parts: list[Part]) -> Target:
    classes, label = np.unique(np.concatenate([part.label for part in parts]), return_inverse=True)
    star = same_stars([known_identities(part.survey).take(part.curves) for part in parts])
    return Target(name, tuple(map(str, classes)), label.astype(np.int64), np.concatenate(star), tuple(parts))
