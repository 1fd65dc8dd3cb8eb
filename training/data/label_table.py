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
        If a column is missing.
    TrainingError
        If it cannot be read, gives a star two labels, or has none of the stars.
    """
    columns = Columns(label=key)
    reading = {".parquet": read_parquet, ".avro": read_avro}.get(path.suffix, read_text)
    rows = reading(path, columns)
    missing = [name for name in ("object_id", key) if name not in rows.table.column_names]
    if missing:
        raise SettingsError(
            f"{path} has no column {missing[0]!r}, only {', '.join(rows.table.column_names)}: a table of "
            "labels names stars in 'object_id' and has the column that --label names"
        )
    stars, labels = (without_missing(strings(text(path, rows, name))) for name in ("object_id", key))
    of_star: dict[str, str] = {}
    for star, label in zip(stars.tolist(), labels.tolist(), strict=True):
        if of_star.setdefault(star, label) != label:
            raise TrainingError(f"{path}: {star} has the labels {of_star[star]!r} and {label!r}: leave one")
    found = np.array([of_star.get(star, "") for star in object_id.tolist()], np.str_)
    if not np.isin(object_id, stars).any():
        raise TrainingError(
            f"{path} has none of the {len(object_id)} light curves' stars, such as {object_id[0]}: its names "
            f"are {', '.join(stars[:3].tolist())}, ..."
        )
    return found
