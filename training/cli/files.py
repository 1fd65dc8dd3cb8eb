"""The files of light curves that a command is given, and the names of their columns."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.data.join_bands import join_bands, surveys_of
from training.data.light_curves import FOLDER_SUFFIXES, Columns, LabelledCurves
from training.data.read import read_light_curves
from training.errors import SettingsError


def columns_of(arguments: argparse.Namespace) -> Columns | None:
    """Return what ``--columns`` says, None where it is not given."""
    return Columns.parse(arguments.columns) if arguments.columns is not None else None


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Return the files, and the light curves of each folder by name."""
    return [file for path in paths for file in _files(path)]


def read_each(
    arguments: argparse.Namespace, *, columns_are_written: bool = False
) -> Iterator[LabelledCurves]:
    """Read the surveys of ``light_curves`` one after the other, and say which files are the bands of one.

    Parameters
    ----------
    columns_are_written : bool
        Whether the columns of files matter, so that those which joined files do not share are named as well.

    Raises
    ------
    SettingsError, TrainingError
        If a file cannot be read, or files cannot be joined.
    """
    columns = columns_of(arguments)
    label_key = columns.label if columns is not None and columns.chosen("label") else None
    for paths in surveys_of(files_of(arguments.light_curves)):
        each = [read_light_curves(path, columns, skip_bad_rows=arguments.skip_bad_rows) for path in paths]
        if len(paths) == 1:
            yield each[0]
            continue
        survey = join_bands(paths, each, label_key)
        lost = {name for one in each for name in one.columns} - survey.columns.keys()
        without = f", without what not all of them have: {', '.join(sorted(lost))}" if lost else ""
        print(
            f"varstream-train: {', '.join(path.name for path in paths)} are read as the bands of one survey, "
            f"{survey.name}{without if columns_are_written else ''}",
            file=sys.stderr,
        )
        yield survey


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.name.endswith(FOLDER_SUFFIXES))
    if not files:
        raise SettingsError(
            f"no {', '.join(f'*{suffix}' for suffix in FOLDER_SUFFIXES)} in the folder {path} itself: give "
            "the files, or the folder that they lie in"
        )
    return files
