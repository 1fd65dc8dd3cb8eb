"""Stars in several bands in a pandas table: which of its rows belong together, written and read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.data.filters import numbered
from training.errors import SettingsError
from training.examples.augment import Kind
from training.examples.feature_file import BAND_COLUMNS, VIEWS
from training.examples.feature_table import FeatureTable, View
from training.examples.star_features import Features

TOGETHER_COLUMNS = ("band", "view", "example", "n_bands")
"""Of stars in several bands: band, `VIEWS`, name of the example that rows share, usable bands of it."""

REMEDY = "keep all rows of a star together, or take those of light_curve_features(..., together=False)"


def together_columns(made: Features, bands: NDArray[np.str_], index: pd.Index) -> Mapping[str, Any]:
    """Return the columns of a table of features that stars in several bands need, and all others have too.

    Parameters
    ----------
    bands : (n,) str
        Name of the band of each row, '' for none.
    index : Index
        Names of the light curves.
    """
    several = np.isin(made.star, made.star[made.view == View.MERGED])
    names = {}
    for row in np.flatnonzero(made.view == View.MERGED):
        told = f"{index[made.curve[row]]}\n{made.n_used[row]}\n".encode() + made.values[row].tobytes()
        names[made.star[row]] = hashlib.sha256(told).hexdigest()[:16]
    return {
        "band": bands,
        "view": [VIEWS[View(view)] for view in made.view],
        "example": [names[star] if of else "" for star, of in zip(made.star, several, strict=True)],
        "n_bands": made.n_bands,
        **{name: getattr(made, name) for name in BAND_COLUMNS},
    }


def examples_of(
    table: pd.DataFrame,
    values: NDArray[np.float64],
    status: NDArray[np.uint32],
    n_epochs: NDArray[np.int64],
) -> FeatureTable:
    """Return the rows (n,) of a table as examples; without the columns of `TOGETHER_COLUMNS` each is one.

    Raises
    ------
    SettingsError
        If rows of a star in several bands are missing or there twice, or a column holds what it cannot.
    """
    n = len(table)
    kind = np.full(n, Kind.FULL, np.int8)
    view = _views(table)
    if (view == View.OWN).all():
        return FeatureTable.of_one_band(
            values, status, np.arange(n), kind, n_epochs=n_epochs, n_shown=n_epochs
        )
    lacking = [name for name in TOGETHER_COLUMNS if name not in table.columns]
    if lacking:
        raise SettingsError(f"the table has stars in several bands, but no {', '.join(lacking)}: {REMEDY}")
    texts = ["" if pd.isna(text) else str(text) for text in table["example"]]
    example, _ = pd.factorize(np.array([text or f"row {row}" for row, text in enumerate(texts)], np.str_))
    n_bands = _whole(table["n_bands"])
    _check_whole(table.index, view, example.astype(np.int64), n_bands)
    letters = [str(band) for band in table["band"]]
    place, _ = numbered(np.array(letters, np.str_))
    curve = np.empty(n, np.int64)
    curve[np.lexsort((np.arange(n), place))] = np.arange(
        n
    )  # bands are fused in their order, not that of rows
    least = np.full(int(example.max()) + 1, n)
    np.minimum.at(least, example, curve)
    return FeatureTable(
        values,
        status,
        curve,
        kind,
        n_epochs,
        n_epochs,
        view,
        example.astype(np.int64),
        least[example],
        n_bands,
    )


def _views(table: pd.DataFrame) -> NDArray[np.int8]:
    """Return the view of each row; a band by itself where the table does not say."""
    if "view" not in table.columns:
        return np.full(len(table), View.OWN, np.int8)
    meaning = {text: view for view, text in VIEWS.items()}
    texts = [VIEWS[View.OWN] if pd.isna(text) else str(text) for text in table["view"]]
    unknown = next((text for text in texts if text not in meaning), None)
    if unknown is not None:
        raise SettingsError(
            f"view {unknown!r} of the table is unknown: take it from light_curve_features, which says "
            f"{', '.join(meaning)}"
        )
    return np.array([meaning[text] for text in texts], np.int8)


def _whole(column: pd.Series) -> NDArray[np.int64]:
    numbers = pd.to_numeric(column, errors="coerce").fillna(1).to_numpy(np.float64)
    if not ((numbers >= 0) & (numbers == np.floor(numbers))).all():
        raise SettingsError("n_bands of the table must be whole numbers: take them from light_curve_features")
    return np.asarray(numbers, np.int64)


def _check_whole(
    index: pd.Index, view: NDArray[np.int8], example: NDArray[np.int64], n_bands: NDArray[np.int64]
) -> None:
    """Make sure that each example of several bands has its merged curve once, and all of its bands."""
    size = int(example.max()) + 1
    merged = np.bincount(example[view == View.MERGED], minlength=size)
    at_joint = np.bincount(example[view == View.AT_JOINT], minlength=size)
    wanted = np.zeros(size, np.int64)
    rows = view == View.MERGED
    wanted[example[rows]] = np.where(n_bands[rows] > 1, n_bands[rows], 0)
    wrong = (merged > 1) | (at_joint != wanted)
    if wrong.any():
        row = int(np.flatnonzero(wrong[example])[0])
        count, bands = merged[example[row]], at_joint[example[row]]
        raise SettingsError(
            f"star {index[row]!r} has {count} merged curves and {bands} bands at their period in the table, "
            f"not 1 and {wanted[example[row]]}: {REMEDY}"
        )
