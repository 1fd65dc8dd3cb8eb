"""Features of light curves as a pandas table, and what a table must hold before a model is asked about it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from features import CONVENTIONS, FEATURE_NAMES, Status, status_names
from training.data.bad_points import BRIGHTEST, FAINTEST
from training.data.light_curves import LabelledCurves, LightCurves, offsets_of
from training.errors import SettingsError, TrainingError
from training.examples.augment import Kind
from training.examples.feature_file import compute_features
from training.examples.feature_table import Extraction, FeatureTable
from training.progress import QUIET

Points = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
Curves = (
    Iterable[tuple[ArrayLike, ArrayLike, ArrayLike]]
    | Mapping[Hashable, tuple[ArrayLike, ArrayLike, ArrayLike]]
    | LightCurves
    | LabelledCurves
)

FRAME_COLUMNS = (*FEATURE_NAMES, "n_epochs", "status", "convention", "clip_sigma")
"""What `light_curve_features` gives, in this order. More columns do no harm."""


def light_curve_features(
    light_curves: Curves, *, convention: str = "refined", clip_sigma: float | None = None, workers: int = 1
) -> pd.DataFrame:
    """Measure the 16 features of every light curve (Kim et al. 2021, Table 2).

    Parameters
    ----------
    light_curves : iterable or mapping of (time, mag, err), LightCurves or LabelledCurves
        Each is three arrays of one length, in any order of time: times [d] in double precision, magnitudes
        and their one-sigma errors [mag]. A mapping names its light curves. Points whose time or magnitude is
        masked, NaN or infinite are left out.
    convention : str
        ``"refined"``, or ``"kim2021"`` for models that were trained with the published code.
    clip_sigma : float, optional
        Cut points farther than this many standard deviations from the median, once.
    workers : int
        Processes. A script that asks for more than one starts its work under
        ``if __name__ == "__main__":``, since each process imports it.

    Returns
    -------
    DataFrame
        A row a light curve, by its name or number: the features (float64, NaN where there are none),
        ``n_epochs`` (points that were used), ``status`` (names of `features.Status` joined by ``|``),
        ``convention`` and ``clip_sigma`` (NaN for no cut) as asked for.

    Raises
    ------
    SettingsError
        If the convention or the cut is impossible, or a light curve is not three arrays of one length.
    TrainingError
        If a magnitude is one that stands for "not measured", such as 99.999.
    """
    if convention not in CONVENTIONS:
        raise SettingsError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}")
    if clip_sigma is not None and not clip_sigma > 0.0:
        raise SettingsError(f"clip_sigma must be above 0, or None for no cut, got {clip_sigma!r}")
    index, curves = _gather(light_curves)
    made = compute_features(
        LabelledCurves("light curves", curves, {}),
        convention=convention,
        clip_sigma=clip_sigma,
        cache_folder=None,
        workers=workers,
        progress=QUIET,
    )
    columns: dict[str, Any] = {name: made.values[:, j] for j, name in enumerate(FEATURE_NAMES)}
    columns["n_epochs"] = made.n_used
    columns["status"] = ["|".join(status_names(int(bits))) for bits in made.status]
    columns["convention"] = [convention] * len(curves)
    columns["clip_sigma"] = np.full(len(curves), np.nan if clip_sigma is None else clip_sigma)
    return pd.DataFrame(columns, index=index)


def read_frame(table: pd.DataFrame) -> FeatureTable:
    """Return the features of a table, each row as a complete light curve of its own.

    Raises
    ------
    SettingsError
        If it is no table, lacks a column or has one twice, or a column does not hold what it must.
    """
    if not isinstance(table, pd.DataFrame):
        raise SettingsError(
            f"the features must be a table of light_curve_features, got {type(table).__name__}"
        )
    missing = [name for name in FRAME_COLUMNS if name not in table.columns]
    if missing:
        raise SettingsError(
            f"the table lacks {', '.join(missing)}: make it with light_curve_features; what "
            "`varstream-train features` wrote needs table.assign(convention=..., clip_sigma=...)"
        )
    twice = [name for name in FRAME_COLUMNS if list(table.columns).count(name) > 1]
    if twice:
        raise SettingsError(f"the table has {', '.join(twice)} twice: keep one of each")
    n_epochs = _numbers(table, "n_epochs")
    if not (np.isfinite(n_epochs) & (n_epochs >= 0.0) & (n_epochs == np.floor(n_epochs))).all():
        raise SettingsError(
            "n_epochs of the table must be whole numbers: take them from light_curve_features"
        )
    values = np.empty((len(table), len(FEATURE_NAMES)))
    for j, name in enumerate(FEATURE_NAMES):
        values[:, j] = _numbers(table, name)
    return FeatureTable(
        values,
        _status_bits(table["status"]),
        np.arange(len(table)),
        np.full(len(table), Kind.FULL, np.int8),
        n_epochs.astype(np.int64),
        n_epochs.astype(np.int64),
    )


def extractions_of(table: pd.DataFrame) -> list[Extraction]:
    """Return the ways, usually one, in which the rows of a table were measured."""
    ways = table[["convention", "clip_sigma"]].drop_duplicates().itertuples(index=False)
    return [
        Extraction(convention=str(convention), clip_sigma=None if pd.isna(clip) else float(clip))
        for convention, clip in ways
    ]


def stars_of(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the star of each row: those of one ``star``, or without that column of one index, are the same.

    Raises
    ------
    TrainingError
        If a row's star is missing, or the index has several parts and no column says which is the star.
    """
    if "star" not in table.columns and table.index.nlevels > 1:
        raise TrainingError(
            "the table's index has several parts: add a column 'star', rows of one star must stay together"
        )
    codes, _ = pd.factorize(table["star"] if "star" in table.columns else table.index)
    if (codes < 0).any():
        raise TrainingError(
            f"row {int(codes.argmin())} of the table has no star: fill its index or column 'star'"
        )
    return np.asarray(codes, np.int64)


def read_labels(table: pd.DataFrame, labels: Sequence[object] | pd.Series) -> NDArray[np.str_]:
    """Return the label of each row; '' where it is missing.

    Raises
    ------
    SettingsError
        If they are of another length or index than the table, or are no text.
    """
    if isinstance(labels, pd.Series) and not labels.index.equals(table.index):
        raise SettingsError(
            "the labels have another index than the table: give labels.reindex(table.index), or "
            "labels.to_numpy() where they are in the order of the rows"
        )
    if len(labels) != len(table):
        raise SettingsError(f"{len(labels)} labels for {len(table)} rows: give one a row, None for no label")
    texts = ["" if label is None or label is pd.NA or label != label else label for label in labels]  # noqa: PLR0124 - NaN
    wrong = next((text for text in texts if not isinstance(text, str)), None)
    if wrong is not None:
        raise SettingsError(f"labels must be text, got {wrong!r}: give names, None for no label")
    return np.array([str(text).strip() for text in texts], dtype=np.str_)


def _gather(light_curves: Curves) -> tuple[pd.Index, LightCurves]:
    """Return the names of the light curves, and all points in one piece."""
    if isinstance(light_curves, LabelledCurves):
        ids = light_curves.columns.get("object_id")
        curves = light_curves.curves
        return (pd.RangeIndex(len(curves)) if ids is None else _index(ids)), curves
    if isinstance(light_curves, LightCurves):
        return pd.RangeIndex(len(light_curves)), light_curves
    if isinstance(light_curves, Mapping):
        index, series = _index(list(light_curves)), [_points(*item) for item in light_curves.items()]
    else:
        series = [_points(number, curve) for number, curve in enumerate(light_curves)]
        index = pd.RangeIndex(len(series))
    time, mag, err = (np.concatenate([np.empty(0), *(each[i] for each in series)]) for i in range(3))
    return index, LightCurves(
        time, mag, err, offsets_of(np.array([len(each[0]) for each in series], np.int64))
    )


def _index(names: Sequence[Hashable] | NDArray[Any]) -> pd.Index:
    index = pd.Index(names)
    return index.rename("object_id") if index.nlevels == 1 else index  # pairs, such as star and band, are two


def _points(name: object, curve: object) -> Points:
    """Return the points of one light curve that have a time and a magnitude."""
    what = f"light curve {name!r}"
    try:
        time, mag, err = (
            np.ma.filled(np.ma.asarray(part, dtype=np.float64), np.nan)
            for part in curve  # type: ignore[attr-defined] # what cannot be walked through is told below
        )
    except (TypeError, ValueError) as exc:
        raise SettingsError(
            f"{what} must be three arrays of numbers (time, mag, err): {exc}; a single one goes in a list"
        ) from exc
    if not time.ndim == mag.ndim == err.ndim == 1 or not len(time) == len(mag) == len(err):
        raise SettingsError(
            f"{what}: time, mag and err must be 1-d and of one length, "
            f"got {time.shape}, {mag.shape} and {err.shape}"
        )
    kept = np.isfinite(time) & np.isfinite(mag)
    sentinel = kept & ~((mag > BRIGHTEST) & (mag < FAINTEST))
    if sentinel.any():
        point = int(sentinel.argmax())
        raise TrainingError(
            f"{what}: magnitude {mag[point]:g} of point {point} is no measurement: leave such points out, "
            "or make them NaN"
        )
    return time[kept], mag[kept], err[kept]


def _numbers(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    try:
        numbers = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as exc:
        raise SettingsError(f"column {name} of the table must hold numbers: {exc}") from exc
    return np.asarray(numbers, np.float64)


def _status_bits(column: pd.Series) -> NDArray[np.uint32]:
    """Return the bits of a column of names; a table that was written as CSV gives NaN for none."""
    texts = ["" if pd.isna(text) else str(text) for text in column]
    bits = {}
    for text in set(texts):
        names = text.split("|") if text else []
        unknown = [name for name in names if name not in Status.__members__]
        if unknown:
            raise SettingsError(
                f"status {unknown[0]!r} of the table is unknown: take it from light_curve_features"
            )
        bits[text] = sum(int(Status[name]) for name in set(names))
    return np.array([bits[text] for text in texts], np.uint32)
