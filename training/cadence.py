"""When a survey looks at a star, and how well it measures it: `ZTF_LIKE` and `LSST_LIKE`.

The numbers are facts measured on public data or published, written down here so that nothing is read when
light curves are made. ZTF, one band at a time:

- Nights. Twelve stars with forced photometry in two bands, 2018 to 2021: the next visit is 1 night later in
  35 %, 2 in 21 %, 3 in 17 %, 4 in 7 % of the cases, 8 or fewer in 90 %; the mean within a season is 2.4 to
  5.7 nights, of star and band (5 and 95 %). Light curves of 20 and more epochs of a DR5 field: 3.3 to 13
  nights. Geometric gaps whose mean is drawn from 2.2 to 10 nights give both.
- Nights with more than one exposure: 10 % (forced), 3 % (DR5 field), 70 % with three to five exposures each
  in high-cadence fields (the stars of Coughlin et al. 2021, MNRAS 505, 2954); 0.6 to 54 minutes apart. A
  fifth of the forced light curves hold a few nights with dozens of exposures 0.7 to 1.3 minutes apart.
- Seasons: complete ones last 197 to 283 days, the gaps between them 84 to 181 (10 and 90 %).
- Time of night: the standard deviation of the time of day is 0.12 d, all of the winter night.
- Brightness: stars with an alert have magnitude 13.1 (5 %), 14.9 (25 %), 16.2, 17.8 (75 %), 19.2 (95 %) in
  the reference image (706 alerts whose reference source is stellar and within 1 arcsec).
- Errors of the magnitude of reference plus difference in the same alerts: 0.006 at 13.2, 0.010 at 14.8, 0.017
  at 16.2, 0.030 at 17.2, 0.048 at 18.2, 0.091 at 19.2, 0.118 at 19.8; at a given magnitude 10 % and 90 % are
  factors 0.64 and 1.65 from the median. Errors of the DR5 field (81 thousand g epochs): 0.017 to 14.8, 0.019
  at 16.2, 0.030 at 17.2, 0.058 at 18.2, 0.119 at 19.2, 0.191 at 20.2. The constants of `Noise` are fits to
  both, within 22 % of every value down to 20.0, for g.
- A reference image has 15 frames (median; 95 %: 31).

LSST, one band at a time:

- Wide survey: 56, 74, 184, 184, 160 and 160 visits in u, g, r, i, z and y in ten years, seasons of about six
  months, so 18 visits in r a season; nights come in pairs of mostly different bands (Ivezic et al. 2019).
- Deep drilling: five alert packets of 2025 have, in each band, 5 to 14 nights in 4 to 65 days, 1 to 25
  exposures a night (median 13), 0.67 to 1.25 minutes apart, nights 1 to 2 days apart with gaps of up to 19.
- Errors: Ivezic et al. (2019), equations 4 and 5. The depths of g, r, i and z are those that reproduce the
  errors of the science fluxes in the same packets (0.0139 at g = 21.07, 0.0156 at r = 20.99, 0.0190 at
  i = 21.03, 0.0253 at z = 20.84); u and y are in Table 2, less the loss at an airmass of 1.2.

References
----------
Bellm et al. (2019), PASP 131, 018002; Masci et al. (2019), PASP 131, 018003; Ivezic et al. (2019), ApJ 873,
111, doi:10.3847/1538-4357/ab042c.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.errors import SettingsError

Array = NDArray[np.float64]

YEAR_D = 365.25
SIDEREAL_DRIFT_D = 1.0 / 366.25
"""A star culminates this much earlier every night [d]."""
LATEST_D = 0.2
"""Exposures are within this time from midnight [d]."""
FOLLOWED = 0.7
"""Exposures move with the star through the night by this part of the way: the time of day then scatters by
0.12 d, as measured."""
SEEING_MAG = 0.25
"""Scatter of the depth from exposure to exposure [mag], one sigma."""
FIELD_MAG = 0.2
"""Scatter of the depth from star to star [mag], one sigma: crowding, position on the detector."""
PER_MAGNITUDE = 2.5 / math.log(10.0)
"""Magnitude error of a relative flux error of one, 1.0857."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    r"""Error of a magnitude.

    .. math:: \sigma^2 = \sigma_\mathrm{sys}^2 + (0.04 - \gamma) x + \gamma x^2,
              \quad x = 10^{0.4 (m - m_5)}

    Attributes
    ----------
    floor : float
        Error of bright stars [mag].
    gamma : float
        Part of the sky: 0.04 if it is all there is, less where photons of the star count.

    References
    ----------
    Ivezic et al. (2019), ApJ 873, 111, equations 4 and 5.
    """

    floor: float
    gamma: float

    def error(self, mag: Array, depth: Array) -> Array:
        """One-sigma error [mag] (n,) at magnitudes `mag` (n,) in exposures of five-sigma `depth` (n,)."""
        x = 10.0 ** (0.4 * (mag - depth))
        return np.asarray(np.sqrt(self.floor**2 + (0.04 - self.gamma) * x + self.gamma * x**2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A filter.

    Attributes
    ----------
    name : str
        As in a stream.
    depth : float
        Median five-sigma magnitude of an exposure.
    share : float
        Of the stars that are seen in it.
    sparseness : float
        Factor on the nights between visits.
    """

    name: str
    depth: float
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
MARATHON_MINUTES = (0.7, 1.3)


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
    name : str
    bands : tuple of Band
    strategies : tuple of Strategy
    season_gap_d : (float, float)
        Nights of a year in which the star is not up.
    magnitudes : tuple of float
        Mean magnitudes of stars at even steps of their cumulative distribution, from 0 to 1.
    saturation : float
        Brighter exposures are lost [mag].
    noise : Noise
        Of alerts and forced photometry at depth `Band.depth`.
    archive_noise, archive_loss : Noise, float
        Of a data release, whose depth is less by the second [mag].
    reference_frames : int
        Exposures in the reference image.
    """

    name: str
    bands: tuple[Band, ...]
    strategies: tuple[Strategy, ...]
    season_gap_d: tuple[float, float]
    magnitudes: tuple[float, ...]
    saturation: float
    noise: Noise
    archive_noise: Noise
    archive_loss: float
    reference_frames: int

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
                    f"{what} of cadence {self.name!r} have shares that add up to {total}, not 1"
                )

    def draw_visits(self, rng: Generator) -> Visits:
        """Exposures of one star in one band, without clouds and Moon but for what they do to the gaps."""
        band = self.bands[rng.choice(len(self.bands), p=[b.share for b in self.bands])]
        strategy = self.strategies[rng.choice(len(self.strategies), p=[s.share for s in self.strategies])]
        nights = self._nights(strategy, band.sparseness, rng)
        transit = (0.5 - SIDEREAL_DRIFT_D * nights) % 1.0 - 0.5
        spread = rng.normal(0.0, 0.06, nights.size)
        start = nights + np.clip(FOLLOWED * transit + spread, -LATEST_D, LATEST_D)
        time = np.sort(np.concatenate([start, *_repeats(start, strategy, rng)]))
        depth = band.depth + rng.normal(0.0, FIELD_MAG) + rng.normal(0.0, SEEING_MAG, time.size)
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


def _repeats(start: Array, strategy: Strategy, rng: Generator) -> list[Array]:
    """Further exposures in the nights that begin at `start`."""
    extra = rng.geometric(1.0 - rng.uniform(*strategy.again), start.size) - 1
    delays = _log_uniform(strategy.minutes_between, rng, int(extra.sum())) / 1440.0
    night = np.repeat(np.arange(start.size), extra)
    before = np.concatenate([[0.0], np.cumsum(delays)])
    elapsed = before[1:] - before[:-1][np.repeat(np.cumsum(extra) - extra, extra)]
    within = elapsed < LATEST_D
    further = [start[night[within]] + elapsed[within]]
    for chosen in rng.permutation(start)[: rng.integers(strategy.marathons + 1)]:
        steps = _log_uniform(MARATHON_MINUTES, rng, int(rng.integers(*MARATHON_EXPOSURES))) / 1440.0
        further.append(chosen + np.cumsum(steps))
    return further


def _log_uniform(bounds: tuple[float, float], rng: Generator, size: int | None = None) -> Array:
    low, high = bounds
    return np.asarray(np.exp(rng.uniform(math.log(low), math.log(high), size)))


ZTF_LIKE = Cadence(
    name="ztf",
    bands=(Band(name="g", depth=20.5, share=0.45), Band(name="r", depth=20.4, share=0.55)),
    strategies=(
        Strategy(
            share=0.6,
            duration_d=(180.0, 2400.0),
            nights_between=(2.2, 10.0),
            again=(0.03, 0.18),
            minutes_between=(0.6, 55.0),
        ),
        Strategy(
            share=0.3,
            duration_d=(180.0, 2400.0),
            nights_between=(2.2, 6.0),
            again=(0.03, 0.18),
            minutes_between=(0.6, 55.0),
            marathons=3,
        ),
        Strategy(
            share=0.1,
            duration_d=(180.0, 1500.0),
            nights_between=(1.5, 3.5),
            again=(0.6, 0.8),
            minutes_between=(0.6, 45.0),
        ),
    ),
    season_gap_d=(80.0, 200.0),
    magnitudes=(13.0, 13.8, 14.6, 15.3, 15.9, 16.5, 17.2, 17.9, 18.6, 19.2, 20.3),
    saturation=12.5,
    noise=Noise(floor=0.004, gamma=0.022),
    archive_noise=Noise(floor=0.0155, gamma=0.0326),
    archive_loss=0.55,
    reference_frames=15,
)
"""The public survey, and the high-cadence fields of some of the stars."""

LSST_LIKE = Cadence(
    name="lsst",
    bands=(
        Band(name="u", depth=23.57, share=0.05, sparseness=184 / 56),
        Band(name="g", depth=24.15, share=0.15, sparseness=184 / 74),
        Band(name="r", depth=23.93, share=0.25),
        Band(name="i", depth=23.72, share=0.25),
        Band(name="z", depth=23.18, share=0.2, sparseness=184 / 160),
        Band(name="y", depth=22.32, share=0.1, sparseness=184 / 160),
    ),
    strategies=(
        Strategy(
            share=0.7,
            duration_d=(365.0, 3653.0),
            nights_between=(8.0, 20.0),
            again=(0.05, 0.3),
            minutes_between=(15.0, 45.0),
            rolling=0.4,
        ),
        Strategy(
            share=0.3,
            duration_d=(20.0, 400.0),
            nights_between=(1.2, 4.0),
            again=(0.8, 0.94),
            minutes_between=(0.66, 1.3),
        ),
    ),
    season_gap_d=(150.0, 200.0),
    magnitudes=(16.5, 17.2, 17.8, 18.4, 18.9, 19.4, 19.9, 20.4, 20.9, 21.5, 22.5),
    saturation=16.0,
    noise=Noise(floor=0.005, gamma=0.039),
    archive_noise=Noise(floor=0.005, gamma=0.039),
    archive_loss=0.0,
    reference_frames=15,
)
"""The wide survey, and deep drilling fields for more of the stars than lie there: alerts begin there."""

CADENCES = {cadence.name: cadence for cadence in (ZTF_LIKE, LSST_LIKE)}
"""By name."""
