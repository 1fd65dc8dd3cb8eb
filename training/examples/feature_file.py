"""The file of features of light curves: one row a light curve, resumed where it was interrupted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from features import BLOCKING, FEATURE_NAMES, extract, status_names
from training.data.light_curves import LabelledCurves, LightCurves
from training.errors import SettingsError
from training.examples.cached_pool import LIGHT_CURVES_A_TASK, compute_chunks
from training.examples.joined_types import joined
from training.progress import Bars
from training.result_cache import hash_of, name_of

LEADING_COLUMNS = ("object_id", "band", "label", "survey")
MEASURED_COLUMNS = ("n_epochs", "baseline_d", *FEATURE_NAMES, "status")
TABLE_FORMATS = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Features:
    """Features of n light curves, as `features.extract` gives them.

    Attributes
    ----------
    values : (n, 16) float64
        NaN where `status` blocks.
    status : (n,) uint32
        Bits of `features.Status`.
    """

    values: NDArray[np.float64]
    status: NDArray[np.uint32]

    @classmethod
    def join(cls, parts: Iterable[Features]) -> Features:
        """One after the other."""
        values, status = zip(*((part.values, part.status) for part in parts), strict=True)
        return cls(np.concatenate(values), np.concatenate(status))

    @property
    def n_blocked(self) -> int:
        """How many light curves have no features."""
        return int(np.count_nonzero(self.status & BLOCKING))

    def blocked(self) -> dict[str, int]:
        """Return for each reason how many light curves have no features, the most frequent first."""
        reasons = self.status & BLOCKING
        return dict(Counter(name for bits in reasons for name in status_names(bits)).most_common())


def compute_features(
    survey: LabelledCurves,
    *,
    convention: str,
    clip_sigma: float | None,
    cache_folder: Path | None,
    workers: int,
    progress: Bars,
) -> Features:
    """Features of all light curves of one file; chunks that are in the cache are not computed again.

    Parameters
    ----------
    survey : LabelledCurves
        What `training.data.read.read_light_curves` gives, shortened or not.
    convention, clip_sigma
        See `features.extract`.
    cache_folder : Path or None
        Where finished chunks are kept, by a hash of their points, the choices and the code.
    workers : int
        Processes; with 1 all is done in this one.
    progress : Bars
        Shown while computing.

    Raises
    ------
    TrainingError
        If a process is killed.
    SettingsError
        If the cache cannot be written.
    """
    tasks = []
    for start in range(0, len(survey.curves), LIGHT_CURVES_A_TASK):
        curves = survey.curves.take(np.arange(start, min(start + LIGHT_CURVES_A_TASK, len(survey.curves))))
        points = hash_of(curves.offsets, curves.time, curves.mag, curves.err)
        key = {"convention": convention, "clip_sigma": clip_sigma, "points": points}
        tasks.append(((curves, convention, clip_sigma), name_of("features", key, code=__name__)))
    parts = []
    with progress.bar(f"features of {survey.name}", len(survey.curves)) as advance:
        for part in compute_chunks(_work, tasks, cache_folder=cache_folder, workers=workers):
            parts.append(Features(**part))
            advance(len(parts[-1].status))
    return Features.join(parts)


def feature_rows(survey: LabelledCurves, made: Features) -> pa.Table:
    """Rows of the output table: what is known of each light curve, then what was measured.

    ``survey`` is the file's name. A column of the file that is called like one of ours, as a catalogue's
    ``period``, becomes ``period_given``.
    """
    curves = survey.curves
    ours = ("survey", *MEASURED_COLUMNS)
    known = {f"{name}_given" if name in ours else name: column for name, column in survey.columns.items()}
    known["survey"] = np.full(len(curves), survey.name)
    bounds = [curves.time[a:b] for a, b in zip(curves.offsets[:-1], curves.offsets[1:], strict=True)]
    measured: dict[str, Any] = {
        "n_epochs": curves.n_epochs,
        "baseline_d": np.array([np.ptp(time) if len(time) else np.nan for time in bounds]),
        **{name: made.values[:, i] for i, name in enumerate(FEATURE_NAMES)},
        "status": ["|".join(status_names(bits)) for bits in made.status],
    }
    return pa.table({**known, **measured})


def check_output(path: Path) -> None:
    """Refuse, before the work, a table that could not be written after it.

    Raises
    ------
    SettingsError
        If the suffix is unknown, or the folder is missing or not ours to write.
    """
    if path.suffix not in TABLE_FORMATS:
        raise SettingsError(f"{path} must end in {' or '.join(TABLE_FORMATS)}: the suffix says the format")
    if not path.parent.is_dir() or path.is_dir() or not os.access(path.parent, os.W_OK):
        raise SettingsError(f"cannot write {path}: give a file in a folder that exists and can be written")


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
    table = table.select([*leading, *(name for name in names if name not in leading), *MEASURED_COLUMNS])
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        if path.suffix == ".csv":
            pa_csv.write_csv(table, unfinished)
        else:
            pa_parquet.write_table(table, unfinished)
        unfinished.replace(path)
    except OSError as exc:
        unfinished.unlink(missing_ok=True)
        raise SettingsError(f"cannot write {path}: {exc}") from exc


def _work(task: tuple[LightCurves, str, float | None]) -> dict[str, NDArray[Any]]:
    curves, convention, clip_sigma = task
    values, status = extract(
        curves.time, curves.mag, curves.err, curves.offsets, convention=convention, clip_sigma=clip_sigma
    )
    return {"values": values, "status": status}
