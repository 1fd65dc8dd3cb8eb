"""Examples of all bands of a star by their rows of a feature table, and what is fused from these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features import MIN_POINTS
from schemas.model.fusion import fuse
from training.examples.feature_table import FeatureTable, View

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FusedExamples:
    """Examples (e) of all bands of a star, by their rows of a table.

    Attributes
    ----------
    merged : (e,) int64
        Row of the merged curve.
    bands : (e, b) int64
        Rows of its bands at the joint period, those with too few points left out; -1 beyond the last.
    best_band : (e,) int64
        Row of its band with most epochs by itself, the first of equals; -1 where that was not measured. It is
        of `View.BEST_BAND` where there is one, since a band by itself may show more epochs than the example.
    one_band : (e,) bool
        Whether it has a single usable band.
    """

    merged: Rows
    bands: Rows
    best_band: Rows
    one_band: NDArray[np.bool_]

    @classmethod
    def of(cls, table: FeatureTable) -> FusedExamples:
        """Return all of a table."""
        merged = np.flatnonzero(table.view == View.MERGED)
        place = np.full(int(table.example.max(initial=-1)) + 1, -1, np.int64)
        place[table.example[merged]] = np.arange(len(merged))
        rows = np.flatnonzero((table.view == View.AT_JOINT) & table.scorable(MIN_POINTS))
        rows = rows[np.lexsort((table.curve[rows], table.example[rows]))]
        number = np.arange(len(rows)) - np.searchsorted(table.example[rows], table.example[rows])
        bands = np.full((len(merged), int(number.max(initial=0)) + 1), -1, np.int64)
        bands[place[table.example[rows]], number] = rows
        best = np.flatnonzero(np.isin(table.view, (View.OWN, View.BEST_BAND)) & (place[table.example] >= 0))
        keys = (-table.curve[best], table.n_epochs[best], table.view[best] == View.BEST_BAND)
        best = best[np.lexsort(keys)]  # of several the last one stays
        best_band = np.full(len(merged), -1, np.int64)
        best_band[place[table.example[best]]] = best
        return cls(merged, bands, best_band, table.n_bands[merged] <= 1)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.merged)

    def take(self, chosen: NDArray[np.bool_] | Rows) -> FusedExamples:
        """Copy some of them."""
        merged, bands, best_band = (each[chosen] for each in (self.merged, self.bands, self.best_band))
        return FusedExamples(merged, bands, best_band, self.one_band[chosen])

    def probabilities(
        self, of_rows: NDArray[np.float64] | NDArray[np.float32], temperature: float
    ) -> NDArray[np.float64]:
        """Fused probabilities (e, k) of those of the rows (m, k); NaN where the merged curve has none."""
        bands = np.where((self.bands >= 0)[:, :, None], of_rows[self.bands], np.nan)
        return fuse(of_rows[self.merged], bands, self.one_band, temperature=temperature)

    def scored(self, table: FeatureTable, *, min_epochs: int, min_epochs_of_band: int) -> NDArray[np.bool_]:
        """Whether each is long enough (e,) to be answered: by the limit of a band where it has but one."""
        fewest = np.where(self.one_band, min_epochs_of_band, min_epochs)
        enough = table.n_epochs[self.merged] >= fewest
        scored: NDArray[np.bool_] = table.scorable(MIN_POINTS)[self.merged] & enough
        return scored
