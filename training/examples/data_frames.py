"""Features of light curves as a pandas table, and what a table must hold before a model is asked about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import CONVENTIONS, FEATURE_NAMES, Status, status_names
from training.data.filters import ALL_BANDS
from training.data.labels import without_missing
from training.data.stars_in_bands import bands_of
from training.errors import SettingsError, TrainingError
from training.examples.array_points import Curves, gather
from training.examples.feature_file import TRUST_COLUMNS, compute_features
from training.examples.feature_table import Extraction, FeatureTable, View
from training.examples.frame_examples import TOGETHER_COLUMNS, examples_of, together_columns
from training.progress import QUIET

FRAME_COLUMNS = (*FEATURE_NAMES, "n_epochs", "status", "convention", "clip_sigma")
"""What a table must have for a model to be asked about it. More columns do no harm."""


def light_curve_features(
    light_curves: Curves,
    *,
    convention: str = "robust",
    clip_sigma: float | None = None,
    together: bool = True,
    workers: int = 1,
) -> pd.DataFrame:
    """Measure the 16 features (Kim et al. 2021, Table 2) of light curves, and of a star's bands together.

    Parameters
    ----------
    light_curves : iterable or mapping of (time, mag, err) or (time, mag, err, band), LightCurves or
    LabelledCurves
        Each is three arrays of one length, in any order of time: times [d] in double precision, magnitudes
        and their one-sigma errors [mag]. A fourth names the band of each point, such as ``"g"``: it is then a
        star in several bands. A mapping names its light curves. Points whose time or magnitude is masked, NaN
        or infinite are left out, and those with an error of a magnitude or more. Arrays that know their unit
        (Astropy's, datetime64) are converted: dates and times become modified Julian dates.
    convention : str
        ``"robust"``; ``"refined"`` for models before version 2, ``"kim2021"`` for models that were trained
        with the published code.
    clip_sigma : float, optional
        Cut points farther than this many standard deviations from the median, once.
    together : bool
        Measure the bands u g r i z y of a star together as well, where the convention is ``"robust"`` and
        nothing is cut.
    workers : int
        Threads; the features do not depend on it.

    Returns
    -------
    DataFrame
        A row a light curve, by its name or number: the features (float64, NaN where there are none),
        ``n_epochs`` (points that were used), ``n_nights``, ``n_outliers``, ``p_period``, ``period_fap``,
        ``period_err_d``, ``period_rival_d`` (see `features.Measured`), ``status`` (names of `features.Status`
        joined by ``|``), ``convention`` and ``clip_sigma`` (NaN for no cut) as asked for; ``band``, '' where
        it has no name; ``view``: "own" for a band by itself, and of stars in several "merged", of band "all",
        for all together, and "at joint period" for a band at the period of all, with its ``level`` [mag] and
        ``amplitude_ratio``, which are NaN elsewhere. ``example`` and ``n_bands`` tell
        `training.Classifier.predict` which rows belong together.

    Raises
    ------
    SettingsError
        If the convention or the cut is impossible, or a light curve is not three or four arrays of one
        length, or has a band that is called ``all``.
    TrainingError
        If a point is no measurement, such as a magnitude of 99.999, or of 0 among those of a star; if a
        unit is another than of time or magnitude; if times are on two scales, or in single precision that
        cannot hold a minute.
    """
    if convention not in CONVENTIONS:
        raise SettingsError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}")
    if clip_sigma is not None and not clip_sigma > 0.0:
        raise SettingsError(f"clip_sigma must be above 0, or None for no cut, got {clip_sigma!r}")
    index, survey = gather(light_curves)
    made = compute_features(
        survey,
        Extraction(convention=convention, clip_sigma=clip_sigma),
        together=together,
        cache_folder=None,
        workers=workers,
        progress=QUIET,
    )
    n = len(made.status)
    columns: dict[str, Any] = {name: made.values[:, j] for j, name in enumerate(FEATURE_NAMES)}
    columns["n_epochs"] = made.n_used
    columns |= {name: getattr(made, name) for name in ("n_nights", "n_outliers", *TRUST_COLUMNS)}
    columns["status"] = ["|".join(status_names(int(bits))) for bits in made.status]
    columns["convention"] = [convention] * n
    columns["clip_sigma"] = np.full(n, np.nan if clip_sigma is None else clip_sigma)
    bands = np.where(made.view == View.MERGED, ALL_BANDS, bands_of(survey)[made.curve])
    columns |= together_columns(made, bands, index)
    as_given = np.array_equal(made.curve, np.arange(n))
    return pd.DataFrame(columns, index=index if as_given else index.take(made.curve))


def read_frame(table: pd.DataFrame) -> FeatureTable:
    """Return the features of a table, each light curve as a complete one.

    Raises
    ------
    SettingsError
        If it is no table, lacks a column or has one twice, a column does not hold what it must, or it lacks
        some rows of a star in several bands.
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
    known = (*FRAME_COLUMNS, *TOGETHER_COLUMNS)
    twice = [name for name in known if list(table.columns).count(name) > 1]
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
    return examples_of(table, values, _status_bits(table["status"]), n_epochs.astype(np.int64))


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
    return without_missing(np.array(texts, dtype=np.str_))


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
