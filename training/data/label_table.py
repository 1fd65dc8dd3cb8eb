"""Labels that stand in a table of their own, by the names of the stars: a catalogue beside light curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.labels import without_missing
from training.data.light_curves import Columns
from training.data.tables.cells import strings, text
from training.data.tables.records import read_avro, read_parquet
from training.data.tables.text_rows import read_text
from training.errors import SettingsError, TrainingError


def labels_from_table(path: Path, key: str, object_id: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return the label of each light curve (n,) by the table; '' of stars that it does not have.

    Parameters
    ----------
    path : Path
        A table (text, Parquet or Avro) with a row for each star, and the columns ``object_id`` and `key`.
    object_id : (n,) str
        Star of each light curve.

    Raises
    ------
    SettingsError
        If there is no such file, or a column is missing.
    TrainingError
        If it cannot be read, a row lacks values, it gives a star two labels, or has none of the stars.
    """
    if not path.is_file():
        raise SettingsError(f"no table of labels at {path}: give a file")
    reading = {".parquet": read_parquet, ".avro": read_avro}.get(path.suffix, read_text)
    rows = reading(path, Columns(label=key))
    missing = [name for name in ("object_id", key) if name not in rows.table.column_names]
    if missing:
        raise SettingsError(
            f"{path} has no column {missing[0]!r}, only {', '.join(rows.table.column_names)}: a table of "
            "labels names stars in 'object_id' and has the column that --label names"
        )
    if rows.malformed.any():
        first = int(np.flatnonzero(rows.malformed)[0])
        raise TrainingError(f"{path}, {rows.place(first)}: it {rows.why}; mend the row, or take it out")
    stars, labels = (without_missing(strings(text(path, rows, name))) for name in ("object_id", key))
    of_star: dict[str, str] = {}
    for star, label in zip(stars.tolist(), labels.tolist(), strict=True):
        if star and label and of_star.setdefault(star, label) != label:
            raise TrainingError(f"{path}: {star} has the labels {of_star[star]!r} and {label!r}: leave one")
    if not np.isin(object_id, [*of_star]).any():
        raise TrainingError(
            f"{path} labels none of the {len(object_id)} light curves' stars, such as {object_id[0]}: it has "
            f"labels of {len(of_star)} stars ({', '.join([*of_star][:3])}): are they named as there?"
        )
    return np.array([of_star.get(star, "") for star in object_id.tolist()], np.str_)
