"""Files of labelled light curves: what their labels mean, and as which survey their stars are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from schemas.model.manifest import Manifest, sha256_of
from training.data.join_bands import join_bands, joint_name
from training.data.labels import at_most
from training.data.light_curves import Columns, LabelledCurves, survey_name
from training.data.read import read_light_curves
from training.data.stars_in_bands import stars_in_bands
from training.errors import SettingsError
from training.progress import QUIET, Bars
from training.reobserve.reobserve import Reobservation, reobserve
from training.reobserve.ztf_and_lsst import CADENCES
from training.stars.identity import Identities
from training.surveys.classes import DOUBLE_MODE_LABELS, NON_VARIABLE
from training.surveys.public import SURVEYS

COPIES_OF_A_STAR = 2
"""Light curves of each star that another survey is shown."""

PERIODIC_OUTLIERS = ("hot star",)
"""Kinds of what is in no class, of `training.surveys.classes.OUTLIERS`, that are folded like any other star:
beta Cephei and slowly pulsating B stars."""

TEST_ONLY_USE = "test"
"""What a file is used for that no star is trained on."""


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A file of light curves and how its labels are read.

    Attributes
    ----------
    path : Path
        The file, or the first of a survey's.
    label_key : str
        Column of native labels.
    label_map : dict of str to str
        Native label to class, or classes joined by ``|``; `schemas.model.verdict.OTHER` for what is in none.
    kinds : mapping of str to str
        Kind of the native labels that mean `OTHER`; without one the label is its own kind.
    link : str or None
        Column that names the same star in another survey.
    band_suffix : str or None
        Regular expression of what ends the names of the bands of one star.
    test_only : bool
        Whether no star of it is trained on.
    columns : Columns or None
        Names of the columns of a table; see `training.data.tables.read_table`.
    skip_bad_rows : bool
        Leave out points that cannot be used instead of refusing the file.
    observe_as : str or None
        Show the stars as another survey would see them, one of `training.reobserve.ztf_and_lsst.CADENCES`.
    stars_per_label : int or None
        At most so many stars of one native label are shown to it.
    bands : tuple of Path
        Files of the same survey in other bands, see `training.data.join_bands`.
    reobservation : Reobservation
        How many copies of each star another survey is shown, and of which kinds.
    """

    path: Path
    label_key: str
    label_map: dict[str, str]
    link: str | None = None
    band_suffix: str | None = None
    test_only: bool = False
    columns: Columns | None = None
    skip_bad_rows: bool = False
    observe_as: str | None = None
    stars_per_label: int | None = None
    bands: tuple[Path, ...] = ()
    reobservation: Reobservation = field(default_factory=lambda: Reobservation(copies=COPIES_OF_A_STAR))
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files of the survey."""
        return (self.path, *self.bands)

    @property
    def name(self) -> str:
        """Of the survey."""
        return joint_name(self.paths)

    def as_seen_by(self, stream: str, stars_per_label: int) -> LabelledFile:
        """Show the stars, at most so many of a label, as a stream would see them.

        Not those that are the stream's own, nor what was seen as the flux above a reference image, nor what
        is never learnt from: they are returned as they are.
        """
        known = SURVEYS.get(survey_name(self.path))
        as_it_is = known is not None and (known.stream == stream or known.difference)
        if as_it_is or self.test_only:
            return self
        return replace(self, observe_as=stream, stars_per_label=stars_per_label)

    def identities(self, survey: LabelledCurves) -> Identities:
        """By what the stars that were read from it are known again."""
        return Identities.of(
            survey,
            self.name,
            link=self.link,
            band_suffix=self.band_suffix,
            catalogues=tuple(survey_name(path) for path in self.paths),
        )

    def read(self, progress: Bars = QUIET, *, workers: int = 1) -> Reading:
        """Read the files by `training.data.read.read_light_curves`; re-observe the stars if asked.

        Parameters
        ----------
        progress : Bars
            Shown while stars are re-observed.
        workers : int
            Threads that re-observe; what they see does not depend on it.
        """
        each = [
            read_light_curves(path, self.columns, skip_bad_rows=self.skip_bad_rows) for path in self.paths
        ]
        survey = join_bands(self.paths, each, self.label_key) if self.bands else each[0]
        if self.observe_as is None:
            return Reading(survey)
        stars = stars_in_bands(survey)
        chosen = at_most(
            survey.labels(self.label_key)[stars.first],
            self.stars_per_label,
            np.random.default_rng(0),
            order=list(self.label_map),
        )
        survey = survey.take(np.flatnonzero(chosen[stars.star]))
        labels = survey.labels(self.label_key)
        shown = [self._shown_as(label) for label in labels.tolist()]
        still = [name for name, meaning in self.label_map.items() if meaning == NON_VARIABLE]
        seen = reobserve(
            survey,
            CADENCES[self.observe_as],
            seed=0,
            settings=self.reobservation,
            meaning=np.array(shown, np.str_),
            double_mode=np.isin(labels, DOUBLE_MODE_LABELS),
            constant=np.isin(labels, still),
            workers=workers,
            progress=progress,
        )
        names, counts = np.unique(seen.outcome, return_counts=True)
        return Reading(seen.survey, dict(zip(names.tolist(), counts.tolist(), strict=True)))

    def _shown_as(self, label: str) -> str:
        """Return the class of a star, or the kind of one that is in none and yet has a period."""
        kind = self.kinds.get(label, label)
        return kind if kind in PERIODIC_OUTLIERS else self.label_map.get(label, "")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from a file.

    Attributes
    ----------
    survey : LabelledCurves
        Light curves and columns.
    outcome : mapping of str to int
        Where stars are shown as another survey sees them: how many by each model, and how many are left
        out, by why.
    """

    survey: LabelledCurves
    outcome: Mapping[str, int] = field(default_factory=dict)


def known_file(path: Path, *bands: Path) -> LabelledFile:
    """How the labels of a survey are read that this package knows by the name of its (first) file.

    Raises
    ------
    SettingsError
        If it is not known.
    """
    name = survey_name(path)
    if name not in SURVEYS:
        raise SettingsError(
            f"{name!r} is none of the known surveys ({', '.join(SURVEYS)}): name its labels with --label"
        )
    survey = SURVEYS[name]
    return LabelledFile(
        path,
        survey.label_key,
        survey.label_map,
        survey.link,
        survey.band_suffix,
        test_only=not survey.training,
        bands=bands,
        kinds=survey.outliers,
    )


def own_file(
    path: Path,
    label_key: str,
    class_map: dict[str, str] | None,
    *,
    bands: tuple[Path, ...] = (),
    columns: Columns | None = None,
    skip_bad_rows: bool = False,
) -> LabelledFile:
    """How the labels of a user's file are read: by the map, or as classes themselves."""
    file = LabelledFile(
        path, label_key, class_map or {}, columns=columns, skip_bad_rows=skip_bad_rows, bands=bands
    )
    if class_map is not None:
        return file
    labels = np.unique(file.read().survey.labels(label_key))
    return replace(file, label_map={str(label): str(label) for label in labels if label})


def provenance(
    files: Sequence[LabelledFile], outcomes: Mapping[str, Mapping[str, int]]
) -> list[dict[str, object]]:
    """Return what the manifest says about the data: names, hashes, what became of the stars, papers.

    Parameters
    ----------
    outcomes : mapping of str to mapping
        `Reading.outcome` by the survey's name; told with the first of its files.
    """
    return [
        {
            "name": survey_name(path),
            "survey": file.name,
            "sha256": sha256_of(path),
            "label": file.label_key,
            "observed_as": file.observe_as,
            "stars_observed": dict(outcomes.get(file.name, {})) if path == file.path else {},
            "used_for": TEST_ONLY_USE if file.test_only else "training and, in folds, test",
            "references": _references(survey_name(path)),
        }
        for file in files
        for path in file.paths
    ]


def learnt_files(manifest: Manifest) -> set[str]:
    """Hashes of the files that a model, or one it was transferred from, has learnt from."""
    data = manifest.training.get("data", ())
    own = {each["sha256"] for each in data if each.get("used_for") != TEST_ONLY_USE}
    return own | set(manifest.training.get("files_of_pretraining", ()))


def _references(name: str) -> list[str]:
    return list(SURVEYS[name].references) if name in SURVEYS else []
