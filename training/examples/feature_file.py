"""The file of features of light curves: one row a light curve, resumed where it was interrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features import BLOCKING, FEATURE_NAMES, extract, status_names
from training.data.light_curves import LabelledCurves, LightCurves
from training.examples.cached_pool import LIGHT_CURVES_A_TASK, compute_chunks
from training.examples.joined_types import joined
from training.progress import Bars
from training.result_cache import Arrays, hash_of, name_of
from training.table_file import write_rows

LEADING_COLUMNS = ("object_id", "band", "label", "survey")
MEASURED_COLUMNS = ("n_epochs", "baseline_d", *FEATURE_NAMES, "status")


@dataclass(frozen=True, slots=True)
class Features:
    """Features of n light curves, and what they were measured on: see `features.Measured`.

    Attributes
    ----------
    values : (n, 16) float64
        NaN where `status` blocks.
    status : (n,) uint32
        Bits of `features.Status`.
    n_used : (n,) int64
        Points that were used.
    baseline_d : (n,) float64
        From the first to the last of them [d].
    """

    values: NDArray[np.float64]
    status: NDArray[np.uint32]
    n_used: NDArray[np.int64]
    baseline_d: NDArray[np.float64]

    @classmethod
    def join(cls, parts: Iterable[Features]) -> Features:
        """One after the other."""
        made = [NOTHING, *parts]
        return cls(*(np.concatenate([getattr(part, f.name) for part in made]) for f in fields(cls)))

    @property
    def n_blocked(self) -> int:
        """How many light curves have no features."""
        return int(np.count_nonzero(self.status & BLOCKING))

    def blocked(self) -> dict[str, int]:
        """Return for each reason how many light curves have no features, the most frequent first."""
        reasons = self.status & BLOCKING
        return dict(Counter(name for bits in reasons for name in status_names(bits)).most_common())


NOTHING = Features(
    np.empty((0, len(FEATURE_NAMES))), np.empty(0, np.uint32), np.empty(0, np.int64), np.empty(0)
)


def compute_features(
    survey: LabelledCurves,
    *,
    convention: str,
    clip_sigma: float | None,
    cache_folder: Path | None,
    workers: int,
    progress: Bars,
) -> Features:
    """Features of all light curves of one file; parameters and errors are those of `feature_chunks`."""
    return Features.join(
        feature_chunks(
            survey,
            convention=convention,
            clip_sigma=clip_sigma,
            cache_folder=cache_folder,
            workers=workers,
            progress=progress,
        )
    )


def feature_chunks(
    survey: LabelledCurves,
    *,
    convention: str,
    clip_sigma: float | None,
    cache_folder: Path | None,
    workers: int,
    progress: Bars,
) -> Iterator[Features]:
    """Yield features of the light curves of one file, some after others in their order.

    Chunks that are in the cache are not computed again.

    Parameters
    ----------
    survey : LabelledCurves
        What `training.data.read.read_light_curves` gives, shortened or not.
    convention, clip_sigma
        See `features.extract`.
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

    def task(start: int) -> tuple[Any, str]:
        curves = survey.curves.take(np.arange(start, min(start + LIGHT_CURVES_A_TASK, n)))
        points = hash_of(curves.offsets, curves.time, curves.mag, curves.err)
        key = {"convention": convention, "clip_sigma": clip_sigma, "points": points}
        return (curves, convention, clip_sigma), name_of("features", key, code=__name__)

    tasks = map(task, range(0, n, LIGHT_CURVES_A_TASK))
    with progress.bar(f"features of {survey.name}", n) as advance:
        for part in compute_chunks(_work, tasks, cache_folder=cache_folder, workers=workers):
            made = Features(**part)
            yield made
            advance(len(made.status))


def feature_rows(survey: LabelledCurves, made: Features) -> pa.Table:
    """Rows of the output table: what is known of each light curve, then what was measured.

    ``survey`` is the file's name. A column of the file that is called like one of ours, as a catalogue's
    ``period``, becomes ``period_given``.
    """
    curves = survey.curves
    ours = ("survey", *MEASURED_COLUMNS)
    known = {f"{name}_given" if name in ours else name: column for name, column in survey.columns.items()}
    known["survey"] = np.full(len(curves), survey.name)
    measured: dict[str, Any] = {
        "n_epochs": made.n_used,
        "baseline_d": made.baseline_d,
        **{name: made.values[:, i] for i, name in enumerate(FEATURE_NAMES)},
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
    table = table.select([*leading, *(name for name in names if name not in leading), *MEASURED_COLUMNS])
    write_rows(path, table.schema, [table])


def _work(task: tuple[LightCurves, str, float | None]) -> Arrays:
    curves, convention, clip_sigma = task
    measured = extract(
        curves.time, curves.mag, curves.err, curves.offsets, convention=convention, clip_sigma=clip_sigma
    )
    return measured._asdict()
