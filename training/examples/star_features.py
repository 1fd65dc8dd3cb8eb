"""Features of the stars of a file: of every band by itself, and of all bands of a star together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import BLOCKING, Measured, extract, extract_together, status_names
from training.data.light_curves import offsets_of
from training.examples.augment import Kind, SeriesOfBands
from training.examples.feature_table import Extraction, FeatureTable, View
from training.examples.rows_together import best_bands
from training.examples.some_stars import SomeStars

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Features:
    """Features of n rows, star by star, and what they were measured on: see `features.Measured`.

    A star has a row for each of its bands by itself. Where it has several that can be measured together it
    has one for their merged curve after these, and one for each of them at the period that all give.

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
    n_nights, n_outliers : (n,) int64
        Nights that they are of; points that no other supports.
    p_period, period_fap, period_err_d, period_rival_d : (n,) float64
        How far the period can be trusted; NaN where it is not known.
    curve : (n,) int64
        Number of the light curve in its file; the first of the star for a merged curve.
    view : (n,) int8
        `training.examples.feature_table.View`.
    star : (n,) int64
        Number of the star, from 0: the same for all rows of one.
    n_bands : (n,) int64
        Usable bands of a merged curve, and of its bands at the joint period; 1 for a band by itself.
    level, amplitude_ratio : (n,) float64
        Of a band at the joint period: magnitude about which the merged curve was laid [mag], amplitude over
        that in g. NaN elsewhere.
    """

    values: F8
    status: NDArray[np.uint32]
    n_used: I8
    baseline_d: F8
    n_nights: I8
    n_outliers: I8
    p_period: F8
    period_fap: F8
    period_err_d: F8
    period_rival_d: F8
    curve: I8
    view: NDArray[np.int8]
    star: I8
    n_bands: I8
    level: F8
    amplitude_ratio: F8

    @classmethod
    def none(cls) -> Features:
        """No row at all."""
        none = np.empty(0, np.int64)
        nothing = extract(np.empty(0), np.empty(0), np.empty(0), np.zeros(1, np.int64))
        return _rows(nothing, None, none, none, view=View.OWN)

    @classmethod
    def join(cls, parts: Iterable[Features]) -> Features:
        """One after the other; their stars are numbered on."""
        made = list(parts) or [cls.none()]
        columns = {f.name: np.concatenate([getattr(part, f.name) for part in made]) for f in fields(cls)}
        sizes = [int(part.star.max(initial=-1)) + 1 for part in made]
        before = np.repeat(np.cumsum([0, *sizes[:-1]]), [len(part.star) for part in made])
        return cls(**{**columns, "star": columns["star"] + before})

    def take(self, rows: I8 | NDArray[np.bool_]) -> Features:
        """Copy some of the rows."""
        return Features(*(getattr(self, f.name)[rows] for f in fields(self)))

    def table(self) -> FeatureTable:
        """Return the rows as examples, each star one."""
        kind = np.full(len(self.star), Kind.FULL, np.int8)
        _, star = np.unique(self.star, return_inverse=True)
        columns = (self.values, self.status, self.curve, kind, self.n_used, self.n_used, self.view, star)
        return FeatureTable(*columns, self.curve, self.n_bands)

    @property
    def n_blocked(self) -> int:
        """How many rows have no features."""
        return int(np.count_nonzero(self.status & BLOCKING))

    def blocked(self) -> dict[str, int]:
        """Return for each reason how many rows have no features, the most frequent first."""
        reasons = self.status & BLOCKING
        return dict(Counter(name for bits in reasons for name in status_names(bits)).most_common())


def measure_stars(
    some: SomeStars,
    extraction: Extraction,
    *,
    together: bool,
    best_band: bool = False,
    first_epochs: int | None = None,
) -> Features:
    """Measure some stars: all bands by themselves in one call, and all stars in several bands in another.

    Parameters
    ----------
    together : bool
        Whether to measure bands together, too, where the convention has it.
    best_band : bool
        Whether to measure the one with most epochs of these by itself, to hold answers against.
    first_epochs : int, optional
        Only so many first epochs: of each band by itself, and of all bands together.
    """
    if first_epochs is not None:
        some = some._replace(points=some.points.first_epochs(first_epochs))
    points = some.points
    measured = extract(
        points.time,
        points.mag,
        points.err,
        points.offsets,
        convention=extraction.convention,
        clip_sigma=extraction.clip_sigma,
    )
    own = _rows(measured, None, some.curves, some.star, view=View.OWN)
    several = some.in_several_bands() if together and extraction.together else []
    if not several:
        return own
    series = [_first(some.all_bands(places), first_epochs) for _, places in several]
    parts = [own, *_together(some, several, series, extraction)]
    if best_band:
        parts.append(_best_bands(some, several, series, extraction))
    joined = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Features)}
    return Features(**joined).take(np.lexsort((joined["curve"], joined["view"], joined["star"])))


def _together(
    some: SomeStars,
    several: Sequence[tuple[int, I8]],
    series: Sequence[SeriesOfBands],
    extraction: Extraction,
) -> tuple[Features, Features]:
    """Rows of merged curves, and of their bands at the joint period."""
    time, mag, err, band = (np.concatenate([each[i] for each in series]) for i in range(4))
    offsets = offsets_of(np.array([len(each[0]) for each in series], np.int64))
    made = extract_together(
        time, mag, err, band, offsets, convention=extraction.convention, n_bands=some.n_bands
    )
    star = np.array([number for number, _ in several], np.int64)
    n_bands = made.usable.sum(axis=1).astype(np.int64)
    first = np.array([some.curves[places].min() for _, places in several], np.int64)
    curve = np.stack([some.curve_in_bands(places) for _, places in several])
    rows = np.flatnonzero((made.usable & (n_bands > 1)[:, None]).ravel())
    of = rows // some.n_bands
    at_joint = _rows(made.bands, rows, curve.ravel()[rows], star[of], view=View.AT_JOINT, n_bands=n_bands[of])
    level, ratio = made.level.ravel()[rows], made.amplitude_ratio.ravel()[rows]
    merged = _rows(made.merged, None, first, star, view=View.MERGED, n_bands=n_bands)
    return merged, replace(at_joint, level=level, amplitude_ratio=ratio)


def _best_bands(
    some: SomeStars,
    several: Sequence[tuple[int, I8]],
    series: Sequence[SeriesOfBands],
    extraction: Extraction,
) -> Features:
    """Rows of the bands with most epochs, by themselves."""
    band, measured = best_bands(series, extraction)
    curve = np.array(
        [some.curve_in_bands(places)[each] for (_, places), each in zip(several, band, strict=True)], np.int64
    )
    star = np.array([number for number, _ in several], np.int64)
    return _rows(measured, None, curve, star, view=View.BEST_BAND)


def _first(series: SeriesOfBands, count: int | None) -> SeriesOfBands:
    time, mag, err, band = series
    return time[:count], mag[:count], err[:count], band[:count]


def _rows(
    measured: Measured, rows: I8 | None, curve: I8, star: I8, *, view: View, n_bands: I8 | None = None
) -> Features:
    """Rows of some of what was measured, all for None."""
    each = measured if rows is None else [column[rows] for column in measured]
    columns: dict[str, Any] = dict(zip(Measured._fields, each, strict=True))
    del columns["outlier"]  # of which point it is, a row for a whole light curve cannot say
    unknown = np.full(len(curve), np.nan)
    return Features(
        **columns,
        curve=curve,
        view=np.full(len(curve), view, np.int8),
        star=star,
        n_bands=np.ones(len(curve), np.int64) if n_bands is None else n_bands,
        level=unknown,
        amplitude_ratio=unknown,
    )
