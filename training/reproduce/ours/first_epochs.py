"""Stars in several bands by their first epochs: rows of all bands together, and of each band by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features import MIN_POINTS, extract
from training.data.light_curves import LabelledCurves, offsets_of
from training.examples.augment import Kind, SeriesOfBands
from training.examples.cached_pool import LIGHT_CURVES_A_TASK, compute_chunks
from training.examples.feature_table import Extraction, FeatureTable, View
from training.examples.rows_together import Shown, rows_together
from training.examples.some_stars import SomeStars, in_pieces
from training.progress import Bars
from training.result_cache import Arrays, name_of

I8 = NDArray[np.int64]

WAYS = ("together", "robust", "refined")
"""All bands together; each band by itself, by today's features and by those of before."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The same examples in three ways; they have the same numbers in each table.

    Attributes
    ----------
    together, robust, refined : FeatureTable
        See `WAYS`. Bands have a row where they have `features.MIN_POINTS` epochs.
    """

    together: FeatureTable
    robust: FeatureTable
    refined: FeatureTable

    @classmethod
    def join(cls, parts: Sequence[Ways]) -> Ways:
        """One after the other; the light curves of each are numbered as they are."""
        joined: dict[str, FeatureTable] = {}
        sizes = [int(part.together.example.max(initial=-1)) + 1 for part in parts]
        for way in WAYS:
            tables = [getattr(part, way) for part in parts]
            columns = {
                f.name: np.concatenate([getattr(t, f.name) for t in tables]) for f in fields(FeatureTable)
            }
            before = np.repeat(np.cumsum([0, *sizes[:-1]]), [len(t.example) for t in tables])
            joined[way] = FeatureTable(**{**columns, "example": columns["example"] + before})
        return cls(**joined)


def first_epochs(
    survey: LabelledCurves,
    lengths: Sequence[int],
    *,
    cache_folder: Path | None,
    workers: int,
    progress: Bars,
) -> Ways:
    """Measure stars in several bands by their first epochs over all bands, by those that they have."""
    tasks = [
        ((some, tuple(lengths)), name_of("first-epochs", _key(some, lengths), code=__name__))
        for some in in_pieces(survey, np.arange(len(survey.curves)), LIGHT_CURVES_A_TASK)
    ]
    parts = []
    with progress.bar(f"first epochs of {survey.name}", len(tasks)) as advance:
        for arrays in compute_chunks(_work, tasks, cache_folder=cache_folder, workers=workers):
            parts.append(_read(arrays))
            advance(1)
    return Ways.join([part for part in parts if part is not None])


def measure(shown: Sequence[Shown]) -> Ways:
    """Measure examples in three ways."""
    own = {name: _bands(shown, Extraction(convention=name)) for name in ("robust", "refined")}
    whole = rows_together(shown, Extraction())
    together = whole.take(np.flatnonzero(whole.view != View.BEST_BAND))
    return Ways(together, **own)


def _key(some: SomeStars, lengths: Sequence[int]) -> dict[str, object]:
    return {"stars": some.fingerprint(), "lengths": list(lengths)}


def _work(task: tuple[SomeStars, tuple[int, ...]]) -> Arrays:
    some, lengths = task
    shown = []
    for _, places in some.in_several_bands():
        time, mag, err, band = some.all_bands(places)
        for count in lengths:
            if count <= len(time):
                first = (time[:count], mag[:count], err[:count], band[:count])
                shown.append(Shown(some.curve_in_bands(places), Kind.PREFIX, first))
    if not shown:
        return {}
    ways = measure(shown)
    return {
        f"{way}.{f.name}": getattr(getattr(ways, way), f.name) for way in WAYS for f in fields(FeatureTable)
    }


def _read(arrays: Arrays) -> Ways | None:
    if not arrays:
        return None
    return Ways(
        **{
            way: FeatureTable(**{f.name: arrays[f"{way}.{f.name}"] for f in fields(FeatureTable)})
            for way in WAYS
        }
    )


def _bands(shown: Sequence[Shown], extraction: Extraction) -> FeatureTable:
    """Rows of all bands by themselves that have enough epochs."""
    rows = [
        (number, band, _of_band(each.series, band))
        for number, each in enumerate(shown)
        for band in np.flatnonzero(np.bincount(each.series[3]) >= MIN_POINTS).tolist()
    ]
    counts = np.array([len(series[0]) for _, _, series in rows], np.int64)
    time, mag, err = (np.concatenate([np.empty(0), *(series[i] for _, _, series in rows)]) for i in range(3))
    measured = extract(time, mag, err, offsets_of(counts), convention=extraction.convention)
    example = np.array([number for number, _, _ in rows], np.int64)
    curve = np.array([shown[number].curve[band] for number, band, _ in rows], np.int64)
    n = len(rows)
    return FeatureTable(
        measured.values,
        measured.status,
        curve,
        np.full(n, Kind.PREFIX, np.int8),
        measured.n_used,
        np.array([len(shown[number].series[0]) for number in example], np.int64),
        np.full(n, View.OWN, np.int8),
        example,
        np.array([shown[number].first_band for number in example], np.int64),
        np.ones(n, np.int64),
    )


def _of_band(series: SeriesOfBands, number: int) -> tuple[NDArray[np.float64], ...]:
    time, mag, err, band = series
    return time[band == number], mag[band == number], err[band == number]
