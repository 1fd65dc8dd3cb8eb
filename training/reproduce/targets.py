"""The labelled sets of the experiments, under the names the report uses.

===========  ==============================================================  ====================
name         stars                                                           in the place of
===========  ==============================================================  ====================
ASAS-8       ACVS stars with one label and 20 points or more, and the        ASAS (Table 4)
             Cepheids of Richards et al. (2012) that are not in ACVS
Hipparcos-20 Debosscher et al. (2007); SX Phoenicis joined to Delta Scuti    Hipparcos (Table 5)
CSS-12       Catalina south (Drake et al. 2017), a stratified sample of      ASAS-SN (Table 7)
             10,000; the few Cepheids of the LMC left out
===========  ==============================================================  ====================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from training.feature_table import Extraction, FeatureTable, feature_table
from training.groups import positions, star_groups
from training.light_curves import LabelledCurves, read_light_curves
from training.sampling import Sampling

CSS_STARS = 10_000
MIN_POINTS = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One survey's stars in a target: which light curves, and what they are.

    Attributes
    ----------
    survey : LabelledCurves
        The file.
    stars : (n,) int64
        Light curves that are used.
    label : (n,) str
        Their classes.
    """

    survey: LabelledCurves
    stars: NDArray[np.int64]
    label: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Target:
    """A set of labelled stars and its examples.

    Attributes
    ----------
    name : str
        As in the report.
    classes : tuple of str
        In alphabetical order.
    label : (n,) int64
        Class of each star.
    group : (n,) int64
        Equal for light curves of one star.
    parts : tuple of Part
        Where the stars are from, in order.
    """

    name: str
    classes: tuple[str, ...]
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    parts: tuple[Part, ...]

    def __len__(self) -> int:
        """Return the number of stars."""
        return len(self.label)

    @property
    def surveys(self) -> tuple[str, ...]:
        """Names of the files the stars are from."""
        return tuple(part.survey.name for part in self.parts)

    def where(self, chosen: NDArray[np.bool_]) -> Target:
        """Return the target without some of its stars: those whose features have no value."""
        bounds = np.cumsum([len(part.stars) for part in self.parts])[:-1]
        parts = tuple(
            Part(part.survey, part.stars[kept], part.label[kept])
            for part, kept in zip(self.parts, np.split(chosen, bounds), strict=True)
        )
        return Target(self.name, self.classes, self.label[chosen], self.group[chosen], parts)

    def examples(
        self,
        sampling: Sampling,
        extraction: Extraction,
        *,
        cache_folder: Path | None,
        workers: int,
        progress: Progress,
    ) -> FeatureTable:
        """Features of the examples of all stars; `FeatureTable.star` counts the stars of the target."""
        tables, first = [], 0
        for part in self.parts:
            table = feature_table(
                part.survey,
                part.stars,
                sampling,
                extraction,
                cache_folder=cache_folder,
                workers=workers,
                progress=progress,
            )
            tables.append(table.renumbered(part.stars, first))
            first += len(part.stars)
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
            _part(acvs, labels, acvs.curves.n_epochs >= MIN_POINTS),
            _part(richards, {"Classical_Cepheid": "CEPH"}, ~known),
        ],
    )


def hipparcos_20(folder: Path) -> Target:
    """Read Hipparcos-20."""
    survey = read_light_curves(folder / "hipparcos_debosscher_Hp.npz")
    labels = {str(name): str(name) for name in np.unique(survey.columns["native_class"])}
    labels["SX Phoenicis"] = "Delta Scuti"
    return _target("Hipparcos-20", [_part(survey, labels, survey.curves.n_epochs >= MIN_POINTS)])


def css_12(folder: Path, *, stars: int = CSS_STARS) -> Target:
    """Read CSS-12, or a smaller sample of it."""
    survey = read_light_curves(folder / "css_sss_V.npz")
    labels = {str(name): str(name) for name in np.unique(survey.columns["native_class"]) if name != "LMC-CEP"}
    whole = _part(survey, labels, survey.curves.n_epochs >= MIN_POINTS)
    _, stratum = np.unique(whole.label, return_inverse=True)
    first = np.argsort(positions(whole.stars, stratum, seed=0), kind="stable")[:stars]
    chosen = np.sort(first)
    return _target("CSS-12", [Part(survey, whole.stars[chosen], whole.label[chosen])])


TARGETS = {"ASAS-8": asas_8, "Hipparcos-20": hipparcos_20, "CSS-12": css_12}


def _part(survey: LabelledCurves, labels: Mapping[str, str], chosen: NDArray[np.bool_]) -> Part:
    native = survey.columns["native_class"].astype(np.str_)
    stars = np.flatnonzero(np.isin(native, list(labels)) & chosen)
    return Part(survey, stars, np.array([labels[str(name)] for name in native[stars]]))


def _target(name: str, parts: list[Part]) -> Target:
    classes, label = np.unique(np.concatenate([part.label for part in parts]), return_inverse=True)

    def column(key: str) -> NDArray[np.str_]:
        return np.concatenate([part.survey.columns[key][part.stars] for part in parts])

    group = star_groups(
        [column("object_id").astype(np.str_)],
        column("ra").astype(np.float64),
        column("dec").astype(np.float64),
    )
    return Target(name, tuple(map(str, classes)), label.astype(np.int64), group, tuple(parts))
