"""The cadence of a survey: when it looks at a star, by season, night and exposure, in which band."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from schemas.surveys import Noise, SurveyFacts
from training.data.filters import UGRIZY
from training.errors import SettingsError

Array = NDArray[np.float64]
Bands = NDArray[np.int8]

YEAR_D = 365.25
SIDEREAL_DRIFT_D = 1.0 / 366.25
"""A star culminates this much earlier every night [d]."""
HALF_NIGHT_D = 0.2
"""Exposures are within this time from midnight [d]."""
FOLLOWED_SHARE = 0.7
"""Exposures move with the star through the night by this part of the way: the time of day then scatters by
0.12 d, as measured."""
SEEING_MAG = 0.25
"""Scatter of the depth from exposure to exposure [mag], one sigma."""
FIELD_MAG = 0.2
"""Scatter of the depth from star to star [mag], one sigma, alike in all bands: crowding, position on the
detector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A way to visit a field: nights, in each of them blocks in one band after the other.

    Attributes
    ----------
    share : float
        Of the stars.
    bands : mapping of str to float
        Share of the blocks that each band of `UGRIZY` has.
    duration_d : (float, float)
        Shortest and longest baseline [d]; drawn evenly in the logarithm.
    nights_between : (float, float)
        Least and greatest mean of the nights from one visit to the next within a season, in whatever bands,
        drawn evenly in the logarithm for each star. The nights themselves are geometric.
    next_band : (float, float)
        Chance that a block is followed by one in another band, least and greatest of a star.
    most_blocks : int
        In a night.
    minutes_to_next_band : (float, float)
        From the end of a block to the next, drawn evenly in the logarithm.
    again : (float, float)
        Chance that an exposure is followed by another of its block, least and greatest of a star.
    minutes_between : (float, float)
        Time from one exposure of a block to the next, drawn evenly in the logarithm.
    marathons : int
        Greatest number of nights with `MARATHON_EXPOSURES` in one band; each star has from none to that.
    rolling : float
        Visits go up and down by this fraction in alternate seasons.
    """

    share: float
    bands: Mapping[str, float]
    duration_d: tuple[float, float]
    nights_between: tuple[float, float]
    next_band: tuple[float, float]
    most_blocks: int
    minutes_to_next_band: tuple[float, float]
    again: tuple[float, float]
    minutes_between: tuple[float, float]
    marathons: int = 0
    rolling: float = 0.0


MARATHON_EXPOSURES = (30, 150)
"""Of one night, fewest and most, as far apart as `SurveyFacts.repeat_minutes`."""


@dataclass(frozen=True, slots=True)
class Visits:
    """Exposures of one star in all bands.

    Attributes
    ----------
    time : (n,) float64
        Rising [d]; whole numbers are midnights, the zero is that of the middle of a season.
    depth : (n,) float64
        Five-sigma magnitude of the exposures.
    band : (n,) int8
        Number in `training.data.filters.UGRIZY`.
    """

    time: Array
    depth: Array
    band: Bands

    def take(self, kept: NDArray[np.bool_]) -> Visits:
        """Leave exposures out."""
        return Visits(self.time[kept], self.depth[kept], self.band[kept])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """What a survey does with a star.

    Attributes
    ----------
    survey : SurveyFacts
        Depths, noise, saturation and reference images.
    strategies : tuple of Strategy
    season_gap_d : (float, float)
        Nights of a year in which the star is not up.
    magnitudes : tuple of float
        Mean magnitudes of stars in r at even steps of their cumulative distribution, from 0 to 1.
    archive_noise, archive_loss : Noise, float
        Of a data release, whose depth is less by the second [mag].
    """

    survey: SurveyFacts
    strategies: tuple[Strategy, ...]
    season_gap_d: tuple[float, float]
    magnitudes: tuple[float, ...]
    archive_noise: Noise
    archive_loss: float

    def __post_init__(self) -> None:
        """Check the shares.

        Raises
        ------
        SettingsError
            If the shares of the bands or strategies do not add up to one, or a band is none of `UGRIZY`.
        """
        shares = [("strategies", [strategy.share for strategy in self.strategies])]
        shares += [("bands of a strategy", [*strategy.bands.values()]) for strategy in self.strategies]
        for what, parts in shares:
            total = sum(parts)
            if not math.isclose(total, 1.0):
                raise SettingsError(
                    f"{what} of cadence {self.survey.name!r} have shares that add up to {total}, not 1"
                )
        bands = {name for strategy in self.strategies for name in strategy.bands}
        if unknown := bands - ({*UGRIZY} & self.survey.depth.keys()):
            raise SettingsError(f"cadence {self.survey.name!r} has no depth of its band {min(unknown)!r}")

    def by_main_strategy(self) -> Cadence:
        """Return the cadence of a survey that observes all stars by the first strategy."""
        return replace(self, strategies=(replace(self.strategies[0], share=1.0),))

    def draw_visits(self, rng: Generator) -> Visits:
        """Exposures of one star, without clouds and Moon but for what they do to the gaps."""
        strategy = self.strategies[rng.choice(len(self.strategies), p=[s.share for s in self.strategies])]
        nights = self._nights(strategy, rng)
        transit = (0.5 - SIDEREAL_DRIFT_D * nights) % 1.0 - 0.5
        spread = rng.normal(0.0, 0.06, nights.size)
        start = nights + np.clip(FOLLOWED_SHARE * transit + spread, -HALF_NIGHT_D, HALF_NIGHT_D)
        time, band = self._exposures(start, strategy, rng)
        order = np.argsort(time, kind="stable")
        time, band = time[order], band[order]
        of_band = np.array([self.survey.depth.get(name, math.nan) for name in UGRIZY])
        depth = of_band[band] + rng.normal(0.0, FIELD_MAG) + rng.normal(0.0, SEEING_MAG, time.size)
        return Visits(time, depth, band)

    def draw_mean_mag(self, rng: Generator) -> float:
        """Mean magnitude in r of a star that the survey sees vary."""
        steps = np.linspace(0.0, 1.0, len(self.magnitudes))
        return float(np.interp(rng.random(), steps, self.magnitudes))

    def _nights(self, strategy: Strategy, rng: Generator) -> Array:
        duration = float(_log_uniform(strategy.duration_d, rng))
        mean_gap = max(1.0, float(_log_uniform(strategy.nights_between, rng)))
        gap = rng.uniform(*self.season_gap_d)
        # The star culminates at midnight in the middle of its season, at night 0, and is lost half a year on.
        half_season = 0.5 * (YEAR_D - gap)
        first = np.floor(rng.uniform(-half_season, half_season))
        dense = max(1.0, mean_gap / (1.0 + strategy.rolling))
        gaps = rng.geometric(1.0 / dense, int(duration / dense * 1.5) + 20)
        nights = first + np.cumsum(gaps) - gaps[0]
        from_middle = (nights + YEAR_D / 2) % YEAR_D - YEAR_D / 2
        season = np.floor((nights + YEAR_D / 2) / YEAR_D).astype(np.int64)
        slow = (season + rng.integers(2)) % 2 == 1
        kept_share = np.where(slow, (1.0 - strategy.rolling) / (1.0 + strategy.rolling), 1.0)
        up = np.abs(from_middle) < half_season
        seen = nights[up & (rng.random(nights.size) < kept_share)]
        return np.asarray(seen[seen < first + duration], dtype=np.float64)

    def _exposures(self, start: Array, strategy: Strategy, rng: Generator) -> tuple[Array, Bands]:
        """Return times and bands of all exposures in the nights that begin at `start`, night by night."""
        more = rng.random((start.size, strategy.most_blocks - 1)) < rng.uniform(*strategy.next_band)
        blocks = 1 + np.logical_and.accumulate(more, axis=1).sum(axis=1)
        night = np.repeat(np.arange(start.size), blocks)
        first_block = np.diff(night, prepend=-1) > 0
        share = np.array([strategy.bands.get(name, 0.0) for name in UGRIZY])
        band = _bands(share, first_block, rng)
        size = rng.geometric(1.0 - rng.uniform(*strategy.again), night.size)
        block = np.repeat(np.arange(night.size), size)
        begins = np.diff(block, prepend=-1) > 0
        delay = np.where(
            begins,
            _log_uniform(strategy.minutes_to_next_band, rng, block.size),
            _log_uniform(strategy.minutes_between, rng, block.size),
        )
        delay[begins & first_block[block]] = 0.0
        passed = np.cumsum(delay) / 1440.0
        opening = np.flatnonzero(begins & first_block[block])
        since = passed - passed[opening][night[block]]
        within = since < HALF_NIGHT_D
        times, bands = [(start[night[block]] + since)[within]], [band[block][within]]
        for chosen in rng.permutation(start)[: rng.integers(strategy.marathons + 1)]:
            minutes = _log_uniform(self.survey.repeat_minutes, rng, int(rng.integers(*MARATHON_EXPOSURES)))
            times.append(chosen + np.cumsum(minutes) / 1440.0)
            bands.append(np.full(minutes.size, _drawn(share, rng.random(1))[0], np.int8))
        return np.concatenate(times), np.concatenate(bands)


def _bands(share: Array, first_block: NDArray[np.bool_], rng: Generator) -> Bands:
    """Band (n,) of each block, another one than that of the block before in the night."""
    band = _drawn(share, rng.random(first_block.size))
    other = share[None, :] * (1.0 - np.eye(share.size))
    bounds = np.cumsum(other / np.maximum(other.sum(axis=1, keepdims=True), 1e-300), axis=1)[:, :-1]
    chance = rng.random(first_block.size)
    place = np.arange(first_block.size)
    place -= np.maximum.accumulate(np.where(first_block, place, 0))
    for turn in range(1, int(place.max(initial=0)) + 1):
        late = np.flatnonzero(place == turn)
        band[late] = (chance[late, None] >= bounds[band[late - 1]]).sum(axis=1)
    return band


def _drawn(share: Array, chance: Array) -> Bands:
    """Bands (n,) by their shares (6,)."""
    return np.searchsorted(np.cumsum(share)[:-1], chance, side="right").astype(np.int8)


def _log_uniform(bounds: tuple[float, float], rng: Generator, size: int | None = None) -> Array:
    low, high = bounds
    return np.asarray(np.exp(rng.uniform(math.log(low), math.log(high), size)))
