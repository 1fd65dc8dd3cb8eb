"""Augmentation: examples made of light curves, as an alert stream sees stars before it has seen all.

A classifier trained on complete light curves is confidently wrong about the first twenty epochs. So
every star is also shown cut short and thinned out, and stars that do not vary, or vary without a period,
are drawn at the epochs and errors of real ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from training.errors import SettingsError
from training.imitations.damped_random_walk import damped_random_walk
from training.imitations.outliers import bump, flux_as_magnitudes, saturated, stray_points

F8 = NDArray[np.float64]
Series = tuple[F8, F8, F8]
SeriesOfBands = tuple[F8, F8, F8, NDArray[np.int8]]
"""Time [d], magnitude and error [mag] and the number of the band of each point."""


class Kind(IntEnum):
    """How an example was made from a light curve."""

    FULL = 0
    PREFIX = 1
    """The first epochs, as a stream sees them."""
    THINNED = 2
    """A random choice of epochs over the whole baseline, as a sparser survey sees them."""
    SHUFFLED = 3
    """The magnitudes in random order: variation without memory."""
    CONSTANT = 4
    """A constant star: noise of the size of the errors."""
    DAMPED_WALK = 5
    """A quasar: a damped random walk and noise."""
    FIRST = 6
    """The first epochs, as many as asked for: to measure and calibrate with, never learnt from."""
    WINDOW = 7
    """Consecutive epochs from any time on, as a stream that is joined late sees them."""
    BUMP = 8
    """A constant star that brightens once."""
    STRAY = 9
    """A constant star with one to three points that are far off."""
    AS_FLUX = 10
    """Flux where magnitudes are expected."""
    SATURATED = 11
    """A star that is too bright for the detector."""


TRUNCATIONS = (Kind.PREFIX, Kind.WINDOW, Kind.THINNED)
"""Ways to shorten a light curve, taken in turn."""

OUTLYING = (Kind.BUMP, Kind.STRAY, Kind.AS_FLUX, Kind.SATURATED)
"""Examples of what is in no class, see `training.imitations.outliers`."""

SIMULATED = (Kind.SHUFFLED, Kind.CONSTANT, Kind.DAMPED_WALK, *OUTLYING)
"""Examples that borrow a star's epochs and errors but are of another class, or of none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Which examples are made of every star: of each of its bands, and of all of them together.

    Attributes
    ----------
    truncations : int
        Shortened versions of a light curve: `TRUNCATIONS` in turn.
    first_epochs : tuple of int
        Lengths of the light curves of kind `FIRST`.
    shuffled, constant, damped_walk, outlying : float
        Fraction of the light curves that lend their epochs and errors to such an example; of each of
        `OUTLYING`.
    min_epochs : int
        Shortest example, of one band or of all.
    truncations_together, first_epochs_together : int, tuple of int
        The same of all bands of a star together, whose epochs count alike.
    bands_by_themselves : int or None
        At most so many bands of a star in several, drawn at random, are shown by themselves as well; None
        for all.
    seed : int
        Of all draws.
    """

    truncations: int = 0
    first_epochs: tuple[int, ...] = ()
    shuffled: float = 0.0
    constant: float = 0.0
    damped_walk: float = 0.0
    outlying: float = 0.0
    min_epochs: int = 10
    truncations_together: int = 0
    first_epochs_together: tuple[int, ...] = ()
    bands_by_themselves: int | None = None
    seed: int = 0

    def to_measure(self) -> Sampling:
        """Return what is made of stars that are measured only: whole and by their first epochs."""
        whole = replace(self, truncations=0, truncations_together=0)
        return replace(whole, shuffled=0.0, constant=0.0, damped_walk=0.0, outlying=0.0)

    def __post_init__(self) -> None:
        for name, fewest in (("truncations", 0), ("truncations_together", 0), ("min_epochs", 1)):
            if getattr(self, name) < fewest:
                raise SettingsError(f"{name} must be at least {fewest}, got {getattr(self, name)}")
        if self.bands_by_themselves is not None and self.bands_by_themselves < 1:
            raise SettingsError(
                f"bands_by_themselves must be at least 1, or None for all, got {self.bands_by_themselves}"
            )
        for name in ("shuffled", "constant", "damped_walk", "outlying"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SettingsError(f"{name} must be a fraction from 0 to 1, got {getattr(self, name)}")


def augmented(series: Series, curve: int, sampling: Sampling) -> Iterator[tuple[Kind, Series]]:
    """Examples made of one light curve, the same whenever they are made.

    Parameters
    ----------
    series : tuple of (n,) float64
        Time [d], magnitude and error [mag], in order of time.
    curve : int
        Number of the light curve in its file: seeds the draws.
    sampling : Sampling
        What to make.
    """
    of_one_band = (*series, np.zeros(len(series[0]), np.int8))
    rng = np.random.default_rng([sampling.seed, curve])
    lengths = (sampling.first_epochs, sampling.truncations)
    for kind, (time, mag, err, _) in _examples(of_one_band, rng, sampling, *lengths):
        yield kind, (time, mag, err)


def augmented_together(
    series: SeriesOfBands, curve: int, sampling: Sampling
) -> Iterator[tuple[Kind, SeriesOfBands]]:
    """Examples made of all bands of a star, the same whenever they are made.

    Epochs of all bands count alike, and are shortened as one light curve. Simulated examples vary about the
    mean of each band: magnitudes are shuffled within their band, a quasar's walk is the same in all bands.

    Parameters
    ----------
    series : tuple of (n,) arrays
        Of all bands, in order of time.
    curve : int
        Number of the first of the star's light curves in its file: seeds the draws.
    sampling : Sampling
        What to make.
    """
    rng = np.random.default_rng([sampling.seed, curve, 1])
    lengths = (sampling.first_epochs_together, sampling.truncations_together)
    yield from _examples(series, rng, sampling, *lengths)


def _examples(
    series: SeriesOfBands,
    rng: np.random.Generator,
    sampling: Sampling,
    first_epochs: tuple[int, ...],
    truncations: int,
) -> Iterator[tuple[Kind, SeriesOfBands]]:
    n = len(series[0])
    yield Kind.FULL, series
    for count in first_epochs:
        if count < n:
            yield Kind.FIRST, _kept(series, np.arange(count))
    if n <= sampling.min_epochs:
        return
    for i in range(truncations):
        kind = TRUNCATIONS[i % len(TRUNCATIONS)]
        yield kind, _kept(series, _cut(rng, n, sampling.min_epochs, kind))
    of_class = (sampling.shuffled, sampling.constant, sampling.damped_walk)
    fractions = (*of_class, *(sampling.outlying for _ in OUTLYING))
    for kind, fraction in zip(SIMULATED, fractions, strict=True):
        if rng.random() < fraction:
            kept = _cut(rng, n, sampling.min_epochs, Kind.PREFIX if rng.random() < 0.5 else Kind.THINNED)
            yield kind, _imitate(rng, kind, _kept(series, kept))


def _kept(series: SeriesOfBands, points: NDArray[np.int64]) -> SeriesOfBands:
    time, mag, err, band = series
    return time[points], mag[points], err[points], band[points]


def _cut(rng: np.random.Generator, n: int, min_epochs: int, kind: Kind) -> NDArray[np.int64]:
    """Draw which points stay; their number is uniform in its logarithm, since early epochs matter most."""
    count = int(np.exp(rng.uniform(np.log(min_epochs), np.log(n + 1))))
    if kind is Kind.PREFIX:
        return np.arange(count)
    if kind is Kind.WINDOW:
        return np.arange(count) + rng.integers(n - count + 1)
    return np.sort(rng.choice(n, count, replace=False))


def _imitate(rng: np.random.Generator, kind: Kind, series: SeriesOfBands) -> SeriesOfBands:
    time, mag, err, band = series
    if kind is Kind.SATURATED:
        told = mag.copy()
        for each in np.unique(band):
            told[band == each] = saturated(rng, mag[band == each])
        return time, told, err, band
    if kind is Kind.AS_FLUX:
        return time, *flux_as_magnitudes(rng, mag, err), band
    mean, shuffled = np.empty(len(mag)), np.empty(len(mag))
    for each in np.unique(band):
        of_band = band == each
        mean[of_band] = mag[of_band].mean()
        if kind is Kind.SHUFFLED:
            shuffled[of_band] = rng.permutation(mag[of_band])
    if kind is Kind.SHUFFLED:
        return time, shuffled, err, band
    # Surveys misjudge their errors by some tens of per cent: ours must not be the only honest ones.
    noise = err * np.exp(rng.normal(0.0, 0.2)) * rng.standard_normal(len(err))
    if kind is Kind.CONSTANT:
        return time, mean + noise, err, band
    if kind is Kind.BUMP:
        return time, bump(rng, time, mean + noise, err), err, band
    if kind is Kind.STRAY:
        return time, stray_points(rng, mean + noise), err, band
    return time, mean + damped_random_walk(rng, time) + noise, err, band
