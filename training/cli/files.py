"""The files of light curves that a command is given, and the names of their columns."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.data.light_curves import FOLDER_SUFFIXES, Columns, LabelledCurves
from training.data.read import read_light_curves
from training.errors import SettingsError


def columns_of(arguments: argparse.Namespace) -> Columns | None:
    """Return what ``--columns`` says, None where it is not given."""
    return Columns.parse(arguments.columns) if arguments.columns is not None else None


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Return the files, and the light curves of each folder by name."""
    return [file for path in paths for file in _files(path)]


def read_each(arguments: argparse.Namespace) -> Iterator[LabelledCurves]:
    """Read the files of ``light_curves`` one after the other."""
    columns = columns_of(arguments)
    for path in files_of(arguments.light_curves):
        yield read_light_curves(path, columns, skip_bad_rows=arguments.skip_bad_rows)


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
