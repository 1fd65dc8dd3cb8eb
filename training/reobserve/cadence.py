"""The cadence of a survey: when it looks at a star, by season, night and exposure, and how deep."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from schemas.surveys import Noise, SurveyFacts
from training.errors import SettingsError

Array = NDArray[np.float64]

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
"""Scatter of the depth from star to star [mag], one sigma: crowding, position on the detector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A filter.

    Attributes
    ----------
    name : str
        As in a stream.
    share : float
        Of the stars that are seen in it.
    sparseness : float
        Factor on the nights between visits.
    """

    name: str
    share: float
    sparseness: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A way to visit a field.

    Attributes
    ----------
    share : float
        Of the stars.
    duration_d : (float, float)
        Shortest and longest baseline [d]; drawn evenly in the logarithm.
    nights_between : (float, float)
        Least and greatest mean of the nights from one visit to the next within a season, drawn evenly in the
        logarithm for each star. The nights themselves are geometric.
    again : (float, float)
        Chance that an exposure is followed by another in the same night, least and greatest of a star.
    minutes_between : (float, float)
        Time from one exposure to the next in a night, drawn evenly in the logarithm.
    marathons : int
        Greatest number of nights with `MARATHON_EXPOSURES`; each star has from none to that.
    rolling : float
        Visits go up and down by this fraction in alternate seasons.
    """

    share: float
    duration_d: tuple[float, float]
    nights_between: tuple[float, float]
    again: tuple[float, float]
    minutes_between: tuple[float, float]
    marathons: int = 0
    rolling: float = 0.0


MARATHON_EXPOSURES = (30, 150)
"""Of one night, fewest and most, as far apart as `SurveyFacts.repeat_minutes`."""


@dataclass(frozen=True, slots=True)
class Visits:
    """Exposures of one star in one band.

    Attributes
    ----------
    time : (n,) float64
        Rising [d]; whole numbers are midnights, the zero is that of the middle of a season.
    depth : (n,) float64
        Five-sigma magnitude of the exposures.
    band : str
    """

    time: Array
    depth: Array
    band: str

    def take(self, kept: NDArray[np.bool_]) -> Visits:
        """Leave exposures out."""
        return Visits(self.time[kept], self.depth[kept], self.band)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """What a survey does with a star.

    Attributes
    ----------
    survey : SurveyFacts
        Depths, noise, saturation and reference images.
    bands : tuple of Band
    strategies : tuple of Strategy
    season_gap_d : (float, float)
        Nights of a year in which the star is not up.
    magnitudes : tuple of float
        Mean magnitudes of stars at even steps of their cumulative distribution, from 0 to 1.
    archive_noise, archive_loss : Noise, float
        Of a data release, whose depth is less by the second [mag].
    """

    survey: SurveyFacts
    bands: tuple[Band, ...]
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
            If the shares of the bands or strategies do not add up to one.
        """
        shares = {
            "bands": [band.share for band in self.bands],
            "strategies": [strategy.share for strategy in self.strategies],
        }
        for what, parts in shares.items():
            total = sum(parts)
            if not math.isclose(total, 1.0):
                raise SettingsError(
                    f"{what} of cadence {self.survey.name!r} have shares that add up to {total}, not 1"
                )

    def draw_visits(self, rng: Generator) -> Visits:
        """Exposures of one star in one band, without clouds and Moon but for what they do to the gaps."""
        band = self.bands[rng.choice(len(self.bands), p=[b.share for b in self.bands])]
        strategy = self.strategies[rng.choice(len(self.strategies), p=[s.share for s in self.strategies])]
        nights = self._nights(strategy, band.sparseness, rng)
        transit = (0.5 - SIDEREAL_DRIFT_D * nights) % 1.0 - 0.5
        spread = rng.normal(0.0, 0.06, nights.size)
        start = nights + np.clip(FOLLOWED_SHARE * transit + spread, -HALF_NIGHT_D, HALF_NIGHT_D)
        time = np.sort(np.concatenate([start, *self._repeats(start, strategy, rng)]))
        depth_here = self.survey.depth[band.name] + rng.normal(0.0, FIELD_MAG)
        depth = depth_here + rng.normal(0.0, SEEING_MAG, time.size)
        return Visits(time, depth, band.name)

    def draw_mean_mag(self, rng: Generator) -> float:
        """Mean magnitude of a star that the survey sees vary."""
        steps = np.linspace(0.0, 1.0, len(self.magnitudes))
        return float(np.interp(rng.random(), steps, self.magnitudes))

    def _nights(self, strategy: Strategy, sparseness: float, rng: Generator) -> Array:
        duration = float(_log_uniform(strategy.duration_d, rng))
        mean_gap = max(1.0, sparseness * float(_log_uniform(strategy.nights_between, rng)))
        gap = rng.uniform(*self.season_gap_d)
        # The star culminates at midnight in the middle of its season, at night 0, and is lost half a year on.
        half_season = 0.5 * (YEAR_D - gap)
        first = np.floor(rng.uniform(-half_season, half_season))
        dense = mean_gap / (1.0 + strategy.rolling)
        gaps = rng.geometric(min(1.0, 1.0 / dense), int(duration / dense * 1.5) + 20)
        nights = first + np.cumsum(gaps) - gaps[0]
        from_middle = (nights + YEAR_D / 2) % YEAR_D - YEAR_D / 2
        season = np.floor((nights + YEAR_D / 2) / YEAR_D).astype(np.int64)
        slow = (season + rng.integers(2)) % 2 == 1
        kept_share = np.where(slow, (1.0 - strategy.rolling) / (1.0 + strategy.rolling), 1.0)
        up = np.abs(from_middle) < half_season
        seen = nights[up & (rng.random(nights.size) < kept_share)]
        return np.asarray(seen[seen < first + duration], dtype=np.float64)

    def _repeats(self, start: Array, strategy: Strategy, rng: Generator) -> list[Array]:
        """Further exposures in the nights that begin at `start`."""
        extra = rng.geometric(1.0 - rng.uniform(*strategy.again), start.size) - 1
        delays = _log_uniform(strategy.minutes_between, rng, int(extra.sum())) / 1440.0
        night = np.repeat(np.arange(start.size), extra)
        before = np.concatenate([[0.0], np.cumsum(delays)])
        elapsed = before[1:] - before[:-1][np.repeat(np.cumsum(extra) - extra, extra)]
        within = elapsed < HALF_NIGHT_D
        further = [start[night[within]] + elapsed[within]]
        for chosen in rng.permutation(start)[: rng.integers(strategy.marathons + 1)]:
            steps = (
                _log_uniform(self.survey.repeat_minutes, rng, int(rng.integers(*MARATHON_EXPOSURES))) / 1440.0
            )
            further.append(chosen + np.cumsum(steps))
        return further


def _log_uniform(bounds: tuple[float, float], rng: Generator, size: int | None = None) -> Array:
    low, high = bounds
    return np.asarray(np.exp(rng.uniform(math.log(low), math.log(high), size)))
