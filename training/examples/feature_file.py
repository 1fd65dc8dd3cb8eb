"""The file of features of light curves: rows star by star, resumed where it was interrupted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features import FEATURE_NAMES, status_names
from training.data.filters import ALL_BANDS
from training.data.light_curves import LabelledCurves
from training.data.stars_in_bands import bands_of
from training.examples.cached_pool import LIGHT_CURVES_A_TASK, compute_chunks
from training.examples.feature_table import Extraction, View
from training.examples.some_stars import SomeStars, in_pieces
from training.examples.star_features import Features, measure_stars
from training.joined_types import joined
from training.progress import Bars
from training.result_cache import Arrays, name_of
from training.table_file import write_rows

LEADING_COLUMNS = ("object_id", "band", "label", "survey")
TRUST_COLUMNS = ("p_period", "period_fap", "period_err_d", "period_rival_d")
BAND_COLUMNS = ("level", "amplitude_ratio")
"""Of a band at the period of all."""

MEASURED_COLUMNS = (
    "view",
    "n_epochs",
    "baseline_d",
    "n_nights",
    "n_outliers",
    *FEATURE_NAMES,
    *TRUST_COLUMNS,
    *BAND_COLUMNS,
    "status",
)
VIEWS = {View.OWN: "own", View.MERGED: "merged", View.AT_JOINT: "at joint period"}
"""What the column ``view`` says."""


def compute_features(
    survey: LabelledCurves,
    extraction: Extraction,
    *,
    together: bool = False,
    first_epochs: int | None = None,
    cache_folder: Path | None,
    workers: int,
    progress: Bars,
) -> Features:
    """Features of all stars of one file; parameters and errors are those of `feature_chunks`."""
    return Features.join(
        feature_chunks(
            survey,
            extraction,
            together=together,
            first_epochs=first_epochs,
            cache_folder=cache_folder,
            workers=workers,
            progress=progress,
        )
    )


def feature_chunks(
    survey: LabelledCurves,
    extraction: Extraction,
    *,
    together: bool = False,
    first_epochs: int | None = None,
    cache_folder: Path | None,
    workers: int,
    progress: Bars,
) -> Iterator[Features]:
    """Yield features of the stars of one file, some after others in their order.

    Chunks that are in the cache are not computed again.

    Parameters
    ----------
    survey : LabelledCurves
        What `training.data.read.read_light_curves` gives.
    extraction : Extraction
        How light curves are measured.
    together, first_epochs
        See `training.examples.star_features.measure_stars`.
    cache_folder : Path or None
        Where finished chunks are kept, by a hash of their points, the choices and the code.
    workers : int
        Threads; the features do not depend on it.
    progress : Bars
        Shown while computing.

    Raises
    ------
    SettingsError
        If the cache cannot be written.
    """
    n = len(survey.curves)
    choices = {"together": together, "first_epochs": first_epochs}

    def work(some: SomeStars) -> Arrays:
        made = measure_stars(some, extraction, together=together, first_epochs=first_epochs)
        return {f.name: getattr(made, f.name) for f in fields(Features)}

    def task(some: SomeStars) -> tuple[SomeStars, str]:
        return some, name_of(
            "features", {**asdict(extraction), **choices, "stars": some.fingerprint()}, code=__name__
        )

    tasks = map(task, in_pieces(survey, np.arange(n), LIGHT_CURVES_A_TASK, by_star=together))
    with progress.bar(f"features of {survey.name}", n) as advance:
        for part in compute_chunks(work, tasks, cache_folder=cache_folder, workers=workers):
            made = Features(**part)
            yield made
            advance(int(np.count_nonzero(made.view == View.OWN)))


def feature_rows(survey: LabelledCurves, made: Features) -> pa.Table:
    """Rows of the output table: what is known of each light curve, then what was measured.

    ``survey`` is the survey's name. A column of the file that is called like one of ours, as a catalogue's
    ``period``, becomes ``period_given``. A merged curve has the band ``all``, and what is known of the star's
    first light curve; a band without a name is null. What is measured is in the same columns, whatever the
    stars: `BAND_COLUMNS` are NaN but for bands at the period of all.
    """
    ours = ("survey", *MEASURED_COLUMNS)
    known: dict[str, Any] = {
        f"{name}_given" if name in ours else name: column[made.curve]
        for name, column in survey.columns.items()
    }
    bands = np.where(made.view == View.MERGED, ALL_BANDS, bands_of(survey)[made.curve])
    known["band"] = pa.array([band or None for band in bands.tolist()], pa.string())
    known["survey"] = np.full(len(made.curve), survey.name)
    measured: dict[str, Any] = {
        "view": [VIEWS[View(view)] for view in made.view],
        "n_epochs": made.n_used,
        "baseline_d": made.baseline_d,
        "n_nights": made.n_nights,
        "n_outliers": made.n_outliers,
        **{name: made.values[:, i] for i, name in enumerate(FEATURE_NAMES)},
        **{name: getattr(made, name) for name in TRUST_COLUMNS},
        **{name: getattr(made, name) for name in BAND_COLUMNS},
        "status": ["|".join(status_names(bits)) for bits in made.status],
    }
    return pa.table({**known, **measured})


def write_table(path: Path, tables: Sequence[pa.Table]) -> None:
    """Write rows one after the other, whole or not at all; columns that a file lacks are null.

    Raises
    ------
    SettingsError
        If it cannot be written.
    """
    table = joined(tables)
    names = [name for name in table.column_names if name not in MEASURED_COLUMNS]
    leading = [name for name in LEADING_COLUMNS if name in names]
    measured = [name for name in MEASURED_COLUMNS if name in table.column_names]
    table = table.select([*leading, *(name for name in names if name not in leading), *measured])
    write_rows(path, table.schema, [table])
