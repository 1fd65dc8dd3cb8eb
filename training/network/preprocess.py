"""Preprocessing of raw features to standard scores: shift, log10, centre, scale, clip (section 3.2).

Nine of the sixteen features are heavy-tailed and go through ``log10(x - min)`` first. The published
code lets a value below the training minimum become NaN, and a NaN become the first class. Here the
argument of the logarithm has a floor, the score is clipped to the range seen in training, and both
are reported as bits, so that every finite row has a finite score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import FEATURE_NAMES
from training.errors import TrainingError

LOGARITHMIC_FEATURES = frozenset(
    {
        "period",
        "skewness",
        "kurtosis",
        "phase_eta",
        "phase_cusum",
        "quartile31",
        "hl_amp_ratio",
        "amplitude",
        "slope_per90",
    }
)
"""The features whose logarithm is taken (section 3.2)."""

MIN_SCALE = 1e-9
"""A feature that never varies in training is centred but not blown up."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Constants of the preprocessing, one per feature.

    Attributes
    ----------
    logged : (16,) bool
        Whether the logarithm is taken.
    shift : (16,) float64
        Subtracted before the logarithm; 0 where none is taken.
    floor : (16,) float64
        Smallest argument of the logarithm; 1 where none is taken.
    center, scale : (16,) float64
        Of the standard score.
    low, high : (16,) float64
        Range the standard score is clipped to; may be infinite.
    """

    logged: NDArray[np.bool_]
    shift: NDArray[np.float64]
    floor: NDArray[np.float64]
    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def transform(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the standard scores of finite rows.

        Parameters
        ----------
        values : (n, 16) float64
            Raw features, all finite.

        Returns
        -------
        scores : (n, 16) float64
            Finite, within `low` and `high`.
        out_of_range : (n,) int64
            Bit j is set where feature j met its floor or a clip.
        """
        argument = values - self.shift
        below_floor = self.logged & (argument < self.floor)
        logarithm = np.log10(np.maximum(argument, self.floor))
        scores = (np.where(self.logged, logarithm, values) - self.center) / self.scale
        clipped = below_floor | (scores < self.low) | (scores > self.high)
        bits = np.left_shift(np.int64(1), np.arange(values.shape[1], dtype=np.int64))
        return np.clip(scores, self.low, self.high), (clipped * bits).sum(axis=1)

    def inverse(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Raw features whose standard scores are `scores`, up to rounding."""
        transformed = scores * self.scale + self.center
        return np.where(
            self.logged, 10.0 ** np.where(self.logged, transformed, 0.0) + self.shift, transformed
        )

    def to_manifest(self) -> dict[str, Any]:
        """Constants by feature name, as JSON holds them: a range without an end is null."""
        return {
            name: {
                "log10": bool(self.logged[j]),
                "shift": float(self.shift[j]),
                "floor": float(self.floor[j]),
                "center": float(self.center[j]),
                "scale": float(self.scale[j]),
                "low": float(self.low[j]) if np.isfinite(self.low[j]) else None,
                "high": float(self.high[j]) if np.isfinite(self.high[j]) else None,
            }
            for j, name in enumerate(FEATURE_NAMES)
        }

    @classmethod
    def from_manifest(cls, constants: Mapping[str, Any]) -> Preprocessing:
        """Return the constants `to_manifest` wrote.

        Raises
        ------
        TrainingError
            If a feature or one of its constants is missing.
        """
        try:
            rows = [constants[name] for name in FEATURE_NAMES]
            column = {key: [row[key] for row in rows] for key in ("shift", "floor", "center", "scale")}
            low = [-np.inf if row["low"] is None else row["low"] for row in rows]
            high = [np.inf if row["high"] is None else row["high"] for row in rows]
            logged = np.array([row["log10"] for row in rows], dtype=bool)
        except (KeyError, TypeError) as exc:
            raise TrainingError(f"the preprocessing constants lack {exc}: export the model again") from exc
        arrays = {key: np.array(values, dtype=np.float64) for key, values in column.items()}
        return cls(logged, low=np.array(low), high=np.array(high), **arrays)


CLIPPED_SHARE = 0.002
"""Share of the training values beyond either end of the range that a robust preprocessing keeps."""

MAX_ROBUST_SCORE = 8.0
"""Largest robust score."""

NORMAL_DECILE_SPAN = 2.563
"""Standard deviations of a normal distribution from its first to its last decile."""


def fit_preprocessing(values: NDArray[np.float64], *, robust: bool = False) -> Preprocessing:
    """Constants of the training part: never fit them on what is tested.

    As in the published code: shift by the minimum, median, population standard deviation. Unlike it,
    the minimum's own logarithm is taken at the smallest positive distance from it, not at 1e-10.

    A few light curves have slopes a hundred times those of all others: a standard deviation and a range that
    they set leave the others no room. The robust constants take the scale from the deciles, and clip at the
    ends of the bulk.

    Parameters
    ----------
    values : (n, 16) float64
        Raw features of the training light curves.
    robust : bool
        Scale by the deciles and clip 0.2 % at either end, in the place of standard deviation and range.

    Raises
    ------
    TrainingError
        If there are fewer than two rows or a value is not finite.
    """
    if len(values) < 2:
        raise TrainingError(f"the preprocessing needs at least 2 light curves to fit, got {len(values)}")
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise TrainingError(
            f"feature {FEATURE_NAMES[column]} of row {row} is {values[row, column]}: leave out light curves "
            "whose status blocks"
        )
    logged = np.array([name in LOGARITHMIC_FEATURES for name in FEATURE_NAMES])
    shift = np.where(logged, values.min(axis=0), 0.0)
    distance = values - shift
    smallest = np.where(distance > 0.0, distance, np.inf).min(axis=0)
    floor = np.where(logged & np.isfinite(smallest), smallest, 1.0)
    transformed = np.where(logged, np.log10(np.maximum(distance, floor)), values)
    center = np.median(transformed, axis=0)
    if not robust:
        scale = np.maximum(transformed.std(axis=0), MIN_SCALE)
        scores = (transformed - center) / scale
        return Preprocessing(logged, shift, floor, center, scale, scores.min(axis=0), scores.max(axis=0))
    first, last = np.quantile(transformed, (0.1, 0.9), axis=0)
    scale = np.maximum((last - first) / NORMAL_DECILE_SPAN, MIN_SCALE)
    low, high = np.quantile((transformed - center) / scale, (CLIPPED_SHARE, 1.0 - CLIPPED_SHARE), axis=0)
    return Preprocessing(
        logged,
        shift,
        floor,
        center,
        scale,
        np.maximum(low, -MAX_ROBUST_SCORE),
        np.minimum(high, MAX_ROBUST_SCORE),
    )
