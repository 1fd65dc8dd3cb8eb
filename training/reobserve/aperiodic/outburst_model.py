r"""Light curves with outbursts: a star's own heights, duty cycle and quiescence, at other times.

A sparse light curve cannot be interpolated through an outburst: it has one or two points of it. What it does
tell, all outbursts together, is which share of the time the star is bright, and how bright. Outbursts are
simulated that have these:

- They begin at random, one after the other (a renewal process): durations and the waits between them are
  drawn about their means, `D` and `D (1 - d) / d`, so that the duty cycle is the star's own, `d`.
- An outburst rises within a day and declines. If :math:`H(q)` is the height that a share `q` of the star's
  own bright points does not reach, an outburst that is the part `u` of its decline old has the height
  :math:`H(1 - u)`: a decline that passes all heights in the shares of time that were observed, a plateau
  where many points are alike. From outburst to outburst `q` is moved and folded back into 0 to 1, which makes
  some higher than others and leaves the shares as they are.
- Quiescence is a damped random walk and white flickering, by the star's own variances from night to night and
  within nights, with its own distribution of magnitudes.

An outburst adds light of its own colour to that of quiescence: bluer stars in outburst are not written down,
they follow (`training.reobserve.band_table`).

References
----------
Warner (1995), *Cataclysmic Variable Stars*, doi:10.1017/CBO9780511586491: rise and decline.
Otulakowska-Hypka, Olech & Patterson (2016), MNRAS 460, 2526, arXiv:1605.02937: Bailey's relation holds for
long outbursts above the period gap, that of amplitude and recurrence (Kukarkin & Parenago) is doubtful; so
the recurrence here is by the duty cycle. Cox (1962), Renewal Theory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtr

from training.reobserve.aperiodic.quiescence import DURATIONS_D, States
from training.reobserve.aperiodic.random_walk_model import fit_random_walk

F8 = NDArray[np.float64]

RISE_D = 1.0
MAX_RISE_SHARE = 0.25
"""Of a short outburst, the most that the rise takes."""
REGULARITY = 4.0
"""Shape of the gamma distributions of durations and waits: they scatter by half of their means."""
HEIGHT_SHIFT = 0.2
"""Standard deviation of the shift of `q` from outburst to outburst."""
MIN_FOR_WALK = 20
"""Fewest points in quiescence that a random walk is fitted to; of fewer it takes `FEW_TIMESCALE_D`."""
FEW_TIMESCALE_D = 30.0


@dataclass(frozen=True, slots=True)
class OutburstModel:
    """A star with outbursts.

    Attributes
    ----------
    level : float
        Magnitude of quiescence.
    mean : float
        Mean magnitude.
    heights : (k,) float64
        Rising, of the star's own points in outburst: how much they are brighter than `level` [mag].
    share : (k,) float64
        Rising: share of the time in outburst in which the star is not as bright as each of them.
    duty_cycle : float
        Share of the time in outburst.
    duration_chance : (m,) float64
        Chance of each of `DURATIONS_D` as the mean duration.
    faint : (l,) float64
        Rising, of the star's own points in quiescence: magnitude less `level`, errors taken off.
    slow_share : float
        Of the variance in quiescence, the part that is alike within a night.
    timescale_d : float
        Of that part.
    """

    level: float
    mean: float
    heights: F8
    share: F8
    duty_cycle: float
    duration_chance: F8
    faint: F8
    slow_share: float
    timescale_d: float

    def simulate(self, time: F8, rng: Generator) -> tuple[F8, F8]:
        """Draw one history of the star.

        Parameters
        ----------
        time : (n,) float64
            Rising [d].
        rng : Generator
            Draws it.

        Returns
        -------
        height, quiescent : (n,) float64
            How much the outburst is brighter than `level` [mag], 0 outside; and what quiescence, by itself,
            is fainter than `level`.
        """
        duration_d = float(rng.choice(DURATIONS_D, p=self.duration_chance))
        return self._outbursts(time, duration_d, rng), self._quiescent(time, rng)

    def _outbursts(self, time: F8, duration_d: float, rng: Generator) -> F8:
        wait_d = duration_d * (1.0 - self.duty_cycle) / self.duty_cycle
        cycle_d = duration_d + wait_d
        start = time[0] - cycle_d * rng.uniform(5.0, 6.0)  # by the first epoch no phase is preferred
        n = 20 + math.ceil(1.5 * float(time[-1] - start) / cycle_d)
        shape = 1.0 / REGULARITY
        lasts = rng.gamma(REGULARITY, duration_d * shape, n)
        waits = rng.gamma(REGULARITY, wait_d * shape, n)
        begins = start + np.cumsum(lasts + waits) - lasts
        shift = rng.normal(0.0, HEIGHT_SHIFT, n)
        last = np.searchsorted(begins, time, side="right") - 1
        since, whole = time - begins[last], lasts[last]
        rise = np.minimum(RISE_D, MAX_RISE_SHARE * whole)
        rank = np.where(since < rise, since / rise, 1.0 - (since - rise) / (whole - rise))
        moved = np.abs(rank + shift[last])
        rank = 1.0 - np.abs(1.0 - moved % 2.0)
        during = (last >= 0) & (since < whole)
        return np.where(during, np.interp(rank, self.share, self.heights), 0.0)

    def _quiescent(self, time: F8, rng: Generator) -> F8:
        kicks = rng.normal(0.0, 1.0, time.size)
        memory = np.exp(-np.diff(time, prepend=time[:1]) / self.timescale_d)
        walk = kicks.copy()
        for i in range(1, time.size):
            walk[i] = memory[i] * walk[i - 1] + math.sqrt(1.0 - memory[i] ** 2) * kicks[i]
        flicker = rng.normal(0.0, 1.0, time.size)
        together = math.sqrt(self.slow_share) * walk + math.sqrt(1.0 - self.slow_share) * flicker
        return np.asarray(np.interp(ndtr(together), _middles(self.faint.size), self.faint))


def fit_outbursts(time: F8, mag: F8, err: F8, states: States) -> OutburstModel:
    """Take from n points at rising `time` [d] what the star's outbursts and its quiescence are like.

    Parameters
    ----------
    time, mag, err : (n,) float64
        In days and magnitudes; errors positive.
    states : States
        Of the points, without a fault.
    """
    bright = states.bright
    night = np.unique(np.floor(time), return_inverse=True)[1]
    weight = 1.0 / np.bincount(night)[night[bright]]  # all nights alike, however often they were observed
    order = np.argsort(-mag[bright], kind="stable")
    weight = weight[order] / weight.sum()
    faint = time[~bright], mag[~bright], err[~bright]
    total = max(float(faint[1].var()), 1e-12)
    own = max(0.0, total - float(np.mean(faint[2] ** 2)))
    fast = min(own, _variance_within_nights(*faint))
    middle = float(np.median(faint[1]))
    slow_scatter = np.sqrt(faint[2] ** 2 + fast)
    walk = fit_random_walk(faint[0], faint[1], slow_scatter) if faint[0].size >= MIN_FOR_WALK else None
    return OutburstModel(
        level=states.level,
        mean=float(mag.mean()),
        heights=states.level - mag[bright][order],
        share=np.cumsum(weight) - 0.5 * weight,
        duty_cycle=states.duty_cycle,
        duration_chance=states.duration_chance,
        faint=np.sort(middle - states.level + (faint[1] - middle) * math.sqrt(own / total)),
        slow_share=1.0 - fast / own if own > 0.0 else 0.0,
        timescale_d=FEW_TIMESCALE_D if walk is None else walk.timescale_d,
    )


def _variance_within_nights(time: F8, mag: F8, err: F8) -> float:
    """Variance within nights that the errors do not explain; 0 where no night has two points."""
    night = np.unique(np.floor(time), return_inverse=True)[1]
    count = np.bincount(night)
    mean = np.bincount(night, weights=mag) / count
    freedom = float((count - 1).sum())
    if freedom == 0.0:
        return 0.0
    several = count[night] > 1
    squares = float(((mag - mean[night]) ** 2)[several].sum())
    errors = float((err**2 * (1.0 - 1.0 / count[night]))[several].sum())
    return max(0.0, (squares - errors) / freedom)


def _middles(n: int) -> F8:
    return (np.arange(n) + 0.5) / n
