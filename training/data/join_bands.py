"""Files of one survey, each in another band: which belong together, and their light curves in one piece.

``stars_g.npz`` and ``stars_r.npz`` are the survey ``stars``; a star has the same `object_id` in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.filters import FILTERS
from training.data.light_curves import LabelledCurves, LightCurves, is_table, offsets_of, survey_name
from training.data.places import MATCH_RADIUS_ARCSEC, mean_places
from training.errors import SettingsError, TrainingError
from training.surveys.public import SURVEYS


def surveys_of(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Put the files of each survey together, as `by_survey` does, and make sure that names tell them apart.

    Raises
    ------
    SettingsError
        If two files that are to be joined, or two surveys of which one is joined, have the same name.
    """
    surveys = by_survey(paths)
    for survey in surveys:
        check_file_names(survey)
    names = [joint_name(survey) for survey in surveys]
    joined = [name for name, survey in zip(names, surveys, strict=True) if len(survey) > 1]
    twice = next((name for name in joined if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(
            f"two surveys are called {twice!r}, one of them by files of its bands: rename one"
        )
    return surveys


def check_file_names(paths: Sequence[Path]) -> None:
    """Make sure that no two files have the same name.

    Raises
    ------
    SettingsError
        If two have.
    """
    names = [survey_name(path) for path in paths]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"two files of light curves are called {twice!r}: rename one")


def by_survey(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Put files together whose names differ by a filter at the end; tables and npz are kept apart.

    Returns
    -------
    list of tuple of Path
        In the order of their first files; those of one survey in the order of `FILTERS`.
    """
    groups: dict[tuple[Path, str, bool] | int, list[Path]] = {}
    for number, path in enumerate(paths):
        stem, band = _stem_and_filter(path)
        groups.setdefault((path.parent, stem, is_table(path)) if band else number, []).append(path)
    return [tuple(sorted(group, key=_filter_number)) for group in groups.values()]


def joint_name(paths: Sequence[Path]) -> str:
    """Return the name of the survey of some files: of several, what their names have in common."""
    return survey_name(paths[0]) if len(paths) == 1 else _stem_and_filter(paths[0])[0]


def join_bands(
    paths: Sequence[Path], surveys: Sequence[LabelledCurves], label_key: str | None
) -> LabelledCurves:
    """Put the light curves of several files in one piece, with the columns that all of them have.

    A file without a column ``band`` is of the filter in its name.

    Parameters
    ----------
    paths : sequence of Path
        The files of one survey.
    surveys : sequence of LabelledCurves
        What was read from each.
    label_key : str or None
        Column of labels; None for the one that files of their kind and name have, if these have it.

    Raises
    ------
    TrainingError
        If a star has two labels, or is at two places.
    """
    counts = [len(survey.curves) for survey in surveys]
    columns = [dict(survey.columns) for survey in surveys]
    for path, given, n in zip(paths, columns, counts, strict=True):
        given.setdefault("band", np.full(n, _stem_and_filter(path)[1]))
    shared = [name for name in columns[0] if all(name in each for each in columns)]
    joined: dict[str, NDArray[Any]] = {
        name: np.concatenate([each[name] for each in columns]) for name in shared
    }
    time, mag, err = (
        np.concatenate([getattr(survey.curves, key) for survey in surveys]) for key in ("time", "mag", "err")
    )
    offsets = offsets_of(np.concatenate([survey.curves.n_epochs for survey in surveys]))
    left_out: Counter[str] = Counter()
    for survey in surveys:
        left_out.update(survey.left_out)
    made = LabelledCurves(joint_name(paths), LightCurves(time, mag, err, offsets), joined, dict(left_out))
    file = np.repeat(np.arange(len(paths)), counts)
    if label_key is None and (usual := _usual_label_key(paths[0])) in joined:
        label_key = usual
    if label_key is not None:
        _check_labels(paths, made, file, label_key)
    _check_places(paths, made)
    return made


def _usual_label_key(path: Path) -> str | None:
    """Return the column of labels that a table has if any, or a public survey; None for other archives."""
    if is_table(path):
        return "label"
    known = SURVEYS.get(survey_name(path))
    return None if known is None else known.label_key


def _check_labels(
    paths: Sequence[Path], survey: LabelledCurves, file: NDArray[np.int64], label_key: str
) -> None:
    """Make sure that what is called alike has one label."""
    names, first, star = _stars(survey)
    labels = survey.labels(label_key)
    differs = labels != labels[first[star]]
    if differs.any():
        row = int(differs.argmax())
        other = first[star[row]]
        raise TrainingError(
            f"{label_key} of {names[star[row]]} is {str(labels[other])!r} in {paths[file[other]]} and "
            f"{str(labels[row])!r} in {paths[file[row]]}, which are taken for bands of one survey by "
            "their names: give a star the same label in both, or rename one of the files"
        )


def _check_places(paths: Sequence[Path], survey: LabelledCurves) -> None:
    """Make sure that what is called alike is at one place, where places are told."""
    if not {"ra", "dec"} <= survey.columns.keys():
        return
    names, _, star = _stars(survey)
    ra, dec = (survey.columns[key].astype(np.float64) for key in ("ra", "dec"))
    distance = mean_places(ra, dec, star)[2]
    if (distance > MATCH_RADIUS_ARCSEC).any():
        row = int((distance > MATCH_RADIUS_ARCSEC).argmax())
        raise TrainingError(
            f"{names[star[row]]} is at two places in {', '.join(map(str, paths))}, which are taken for bands "
            "of one survey by their names: give each star its own object_id, or rename the files"
        )


def _stars(survey: LabelledCurves) -> tuple[NDArray[np.str_], NDArray[np.int64], NDArray[np.int64]]:
    """Names of stars, the first light curve of each, and the number of its star for each light curve."""
    ids = survey.columns["object_id"].astype(np.str_)
    names, first, star = np.unique(ids, return_index=True, return_inverse=True)
    return names, first.astype(np.int64), star.astype(np.int64)


def _stem_and_filter(path: Path) -> tuple[str, str]:
    """Return the name without the filter that ends it, and that; the whole name and '' where none does."""
    name = survey_name(path)
    stem, _, last = name.rpartition("_")
    return (stem, last) if stem and last in FILTERS else (name, "")


def _filter_number(path: Path) -> int:
    _, last = _stem_and_filter(path)
    return FILTERS.index(last) if last else -1
