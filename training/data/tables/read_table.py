"""The reading of labelled light curves from a table with a row for every epoch.

A light curve is what one object has in one band. Rows may come in any order; points are sorted by time,
light curves keep the order in which they first appear. Names are trimmed, and a CSV has no types: what is
asked for as a number is read as one, and every other column is text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from training.data.bad_points import RULES, UNINFORMATIVE, say_once, unusable, usable_rows
from training.data.light_curves import (
    NEEDED_KEYS,
    SERIES,
    Columns,
    LabelledCurves,
    LightCurves,
    offsets_of,
    survey_name,
)
from training.data.places import MATCH_RADIUS_ARCSEC, mean_places
from training.data.tables.cells import Coded, constant, empty, is_single, numbers, strings, text
from training.data.tables.records import read_avro, read_parquet
from training.data.tables.rows import Rows
from training.data.tables.text_rows import read_text
from training.data.times import check_times
from training.errors import SettingsError, TrainingError
from training.surveys.public import is_public

TEXT_KEYS = ("object_id", "label", "band")
PLACE_KEYS = ("ra", "dec")


def read_table(path: Path, columns: Columns, *, skip_bad_rows: bool) -> LabelledCurves:
    """Read light curves from a table; see `training.data.read.read_light_curves`.

    The result's columns are ``object_id`` and, if the file has them, ``label`` (under its name in the file
    as well), ``band``, ``ra`` and ``dec``, and whatever else is constant within each light curve.

    Raises
    ------
    SettingsError
        If a column is missing.
    TrainingError
        If the file cannot be read, has no rows, a bad row, a star of two labels or places, or times that
        are too coarse.
    """
    rows = _read_rows(path, columns)
    if not columns.object_id:
        rows, columns = _of_one_star(rows, survey_name(path)), replace(columns, object_id="object_id")
    if not rows.table.num_rows:
        raise TrainingError(f"{path} has no rows: give a file with a row for every epoch")
    names = _present(path, rows.table, columns)
    values = {key: numbers(path, rows, names[key], key) for key in (*SERIES, *PLACE_KEYS) if key in names}
    rows, values, left_out = _good(path, rows, names, values, skip_bad_rows=skip_bad_rows)
    texts = {key: Coded.of(text(path, rows, names[key])) for key in TEXT_KEYS if key in names}
    star = texts["object_id"]
    if "label" in names:
        _require_one_label(path, rows, names["label"], texts["label"], star)
    curve, first = _light_curves(star, texts.get("band"))
    order = np.lexsort((values["time"], curve))
    time, mag, err = (values[key][order] for key in SERIES)
    known: dict[str, NDArray[Any]] = {
        key: strings(column.values.take(pa.array(column.code[first]))) for key, column in texts.items()
    }
    if "ra" in names:
        ra, dec = _places(path, rows, names, values, star)
        known |= {"ra": ra[star.code[first]], "dec": dec[star.code[first]]}
    if "label" in known:
        known[columns.label] = known["label"]
    apart = {*names.values(), *(key for key, name in columns.items().items() if not name), *PLACE_KEYS}
    others = constant(
        rows.table.drop_columns([name for name in rows.table.column_names if name in apart]), curve, first
    )
    curves = LightCurves(time, mag, err, offsets_of(np.bincount(curve)))
    survey = survey_name(path)
    single = is_single(rows.table[names["time"]])
    check_times(str(path), curves, known["object_id"], say_once, single=single, refuse=not is_public(survey))
    return LabelledCurves(survey, curves, {**others, **known}, left_out)


def _read_rows(path: Path, columns: Columns) -> Rows:
    if path.suffix == ".parquet":
        return read_parquet(path, columns)
    return read_avro(path, columns) if path.suffix == ".avro" else read_text(path, columns)


def _of_one_star(rows: Rows, name: str) -> Rows:
    """Give all rows one name, whatever the column of that name holds."""
    others = [column for column in rows.table.column_names if column != "object_id"]
    names = pa.array(np.full(rows.table.num_rows, name), pa.large_string())
    return replace(rows, table=rows.table.select(others).append_column("object_id", names))


def _present(path: Path, table: pa.Table, columns: Columns) -> dict[str, str]:
    """Names in the file of the keys that it has."""
    names = columns.items()
    missing = [
        name
        for key, name in names.items()
        if name not in table.column_names and (key in NEEDED_KEYS or columns.chosen(key))
    ]
    if missing:
        has = ", ".join(table.column_names[:30]) or "none"
        alone = "; or --columns object_id= for a file of one star, which is called as the file"
        raise SettingsError(
            f"{path} has no column {', '.join(missing)}; it has {has}: "
            "say which is which, as in --columns object_id=star,time=hjd,mag=vmag,err=e_vmag"
            f"{alone if missing == [columns.object_id] else ''}"
        )
    present = {key: name for key, name in names.items() if name in table.column_names}
    if not {*PLACE_KEYS} <= present.keys():  # half a place is none
        present = {key: name for key, name in present.items() if key not in PLACE_KEYS}
    return present


def _good(
    path: Path,
    rows: Rows,
    names: Mapping[str, str],
    values: dict[str, NDArray[np.float64]],
    *,
    skip_bad_rows: bool,
) -> tuple[Rows, dict[str, NDArray[np.float64]], dict[str, int]]:
    """Refuse bad rows, or leave them out."""
    star = Coded.of(text(path, rows, names["object_id"]))
    band = Coded.of(text(path, rows, names["band"])) if "band" in names else None
    curve, _ = _light_curves(star, band)
    nameless = pc.equal(star.values, "").to_numpy(zero_copy_only=False)[star.code]
    broken = {"row": rows.malformed, "object_id": nameless & ~rows.malformed}
    broken |= unusable(values["time"], values["mag"], values["err"], curve)
    for key in PLACE_KEYS:
        if key not in names:
            continue
        low, high = (-180.0, 360.0) if key == "ra" else (-90.0, 90.0)
        broken[key] = ~((values[key] >= low) & (values[key] <= high)) & ~empty(rows.table[names[key]])
    kept, left_out = usable_rows(
        path,
        broken,
        lambda row, reason: _describe(rows, names, row, reason),
        skip_bad_rows=skip_bad_rows,
        left_out=UNINFORMATIVE if is_public(survey_name(path)) else (),
    )
    if kept.all():
        return rows, values, left_out
    return rows.filter(kept), {key: each[kept] for key, each in values.items()}, left_out


def _describe(rows: Rows, names: Mapping[str, str], row: int, reason: str) -> str:
    """Return the place of a bad row, the rule that it breaks and its value, in words."""
    if reason == "row":
        return f"{rows.place(row)}: {rows.why}"
    key, wanted = RULES[reason]
    value = rows.table[names[key]][row].as_py()
    value = value.strip() if isinstance(value, str) else value
    got = "nothing" if value in (None, "") else repr(value)[:60]
    if isinstance(value, str) and value.replace(",", "", 1).lstrip("+-").isdigit() and "," in value:
        got += f": write {value.replace(',', '.')}, with a point"
    return f"{rows.place(row)}: {names[key]} {wanted}, got {got}"


def _places(
    path: Path,
    rows: Rows,
    names: Mapping[str, str],
    values: Mapping[str, NDArray[np.float64]],
    star: Coded,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean place (n_stars,) of every star."""
    ra, dec, distance = mean_places(values["ra"], values["dec"], star.code)
    if (distance > MATCH_RADIUS_ARCSEC).any():
        row = int((distance > MATCH_RADIUS_ARCSEC).argmax())
        others = np.flatnonzero((star.code == star.code[row]) & (distance > 0.0))
        pairs = [(key, other) for other in others.tolist() for key in PLACE_KEYS]
        key, other = max(pairs, key=lambda pair: abs(values[pair[0]][pair[1]] - values[pair[0]][row]))
        first, second = sorted((row, other))
        raise TrainingError(
            f"{path}: {names[key]} of {star.values[star.code[row]].as_py()} is {values[key][first]} in "
            f"{rows.place(first)} and {values[key][second]} in {rows.place(second)}: places within "
            f"{MATCH_RADIUS_ARCSEC:g} arcsec of their mean are one star's; give each star its own object_id, "
            "or --columns ra=,dec= to say that there are no places"
        )
    return ra, dec


def _require_one_label(path: Path, rows: Rows, name: str, label: Coded, star: Coded) -> None:
    first = np.unique(star.code, return_index=True)[1][star.code]
    differs = label.code != label.code[first]
    if differs.any():
        row = int(differs.argmax())
        one, other = (label.values[label.code[r]].as_py() for r in (first[row], row))
        raise TrainingError(
            f"{path}: {name} of {star.values[star.code[row]].as_py()} is {one!r} in {rows.place(first[row])} "
            f"and {other!r} in {rows.place(row)}: give all rows of a star the same, or --columns label= to "
            "say that there are no labels"
        )


def _light_curves(star: Coded, band: Coded | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Light curve (n,) of every row, in order of first appearance, and the first row of each."""
    pair = star.code if band is None else star.code * len(band.values) + band.code
    _, first, curve = np.unique(pair, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(first), np.int64)
    rank[order] = np.arange(len(first))
    return rank[curve], first[order]
