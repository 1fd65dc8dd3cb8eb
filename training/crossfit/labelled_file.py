"""Files of labelled light curves: what their labels mean, and as which survey their stars are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from schemas.model.manifest import Manifest, sha256_of
from training.data.labels import at_most
from training.data.light_curves import Columns, LabelledCurves, survey_name
from training.data.public_surveys import DOUBLE_MODE_LABELS, NON_VARIABLE, SURVEYS
from training.data.read import read_light_curves
from training.errors import SettingsError
from training.progress import QUIET, Bars
from training.reobserve.reobserve import Reobservation, reobserve
from training.reobserve.ztf_and_lsst import CADENCES
from training.stars.identity import Identities

COPIES_OF_A_STAR = 2
"""Light curves of each star that another survey is shown."""

TEST_ONLY_USE = "test"
"""What a file is used for that no star is trained on."""


@dataclass(frozen=True, slots=True)
class LabelledFile:
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
        At most so many light curves of one native label are shown to it.
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

    def identities(self, survey: LabelledCurves) -> Identities:
        """By what the stars that were read from it are known again."""
        return Identities.of(survey, survey_name(self.path), link=self.link, band_suffix=self.band_suffix)

    def read(self, progress: Bars = QUIET) -> Reading:
        """Read the file by `training.data.read.read_light_curves`; re-observe its stars if asked."""
        survey = read_light_curves(self.path, self.columns, skip_bad_rows=self.skip_bad_rows)
        if self.observe_as is None:
            return Reading(survey)
        chosen = at_most(
            survey.labels(self.label_key),
            self.stars_per_label,
            np.random.default_rng(0),
            order=list(self.label_map),
        )
        survey = survey.take(np.flatnonzero(chosen))
        labels = survey.labels(self.label_key)
        still = [name for name, meaning in self.label_map.items() if meaning == NON_VARIABLE]
        seen = reobserve(
            survey,
            CADENCES[self.observe_as],
            seed=0,
            settings=Reobservation(copies=COPIES_OF_A_STAR),
            double_mode=np.isin(labels, DOUBLE_MODE_LABELS),
            constant=np.isin(labels, still),
            progress=progress,
        )
        names, counts = np.unique(seen.outcome, return_counts=True)
        return Reading(seen.survey, dict(zip(names.tolist(), counts.tolist(), strict=True)))


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


def known_file(path: Path) -> LabelledFile:
    """How the labels of a survey are read that this package knows by its file name.

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
        dict(survey.labels),
        survey.link,
        survey.band_suffix,
        test_only=not survey.training,
    )


def own_file(
    path: Path,
    label_key: str,
    class_map: dict[str, str] | None,
    *,
    columns: Columns | None = None,
    skip_bad_rows: bool = False,
) -> LabelledFile:
    """How the labels of a user's file are read: by the map, or as classes themselves."""
    file = LabelledFile(path, label_key, class_map or {}, columns=columns, skip_bad_rows=skip_bad_rows)
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
        `Reading.outcome` by the path's survey name.
    """
    return [
        {
            "name": survey_name(file.path),
            "sha256": sha256_of(file.path),
            "label": file.label_key,
            "observed_as": file.observe_as,
            "stars_observed": dict(outcomes.get(survey_name(file.path), {})),
            "used_for": TEST_ONLY_USE if file.test_only else "training and, in folds, test",
            "references": _references(survey_name(file.path)),
        }
        for file in files
    ]


def learnt_files(manifest: Manifest) -> set[str]:
    """Hashes of the files that a model, or one it was transferred from, has learnt from."""
    data = manifest.training.get("data", ())
    own = {each["sha256"] for each in data if each.get("used_for") != TEST_ONLY_USE}
    return own | set(manifest.training.get("files_of_pretraining", ()))


def _references(name: str) -> list[str]:
    return list(SURVEYS[name].references) if name in SURVEYS else []
