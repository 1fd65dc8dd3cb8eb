"""Significance of a period: how probable it is, how probable without a signal, and how far off it may be."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel, part
from features.conventions import MIN_PERIOD_D, NIGHT_GAP_D
from features.sorting import SortingRoom, sort
from features.status import Status
from features.variability.phase import phase_fold

F8 = NDArray[np.float64]

LOGIT = 13.58
PER_LN_ETA, LEAST_ETA = -0.98, 0.01
PER_RIVAL, LEAST_RIVAL = -17.58, 0.75
PER_GAP = -5.38
PER_LN_NIGHTS = 0.83
PER_LN_LEFT, LEAST_LEFT = -0.54, 0.001
"""Of the logistic regression on right and wrong periods of real stars whose periods are known."""

MOST_ETA = 1.0
MOST_GAP_CYCLES = 0.3
FEW_NIGHTS_ARE = 10
MOST_RIVAL = 0.95
"""Where the bits begin."""

ONE_HOUR_D = 0.05
"""Exposures all within this of one hour of the day cannot tell aliases of the day apart [d]. Of real light
curves of 20 points in more than ten nights 0.25 of those had the right period, of those within twice as much
0.41, of all others 0.33."""

STEP_CYCLES = 0.02
"""Of the second difference that gives the curvature of a peak, in cycles over the baseline."""

CURVATURE_SIGMAS = 1.2
FLOOR_CYCLES = 0.02
"""Of the error of a frequency: factor on what the curvature says, and a floor in cycles over the baseline."""

HARMONIC_TERMS = 4
"""Coefficients of the two harmonics of a search's second stage."""

POOR_FIT = np.uint32(Status.POOR_FIT)
FEW_PHASES = np.uint32(Status.FEW_PHASES)
FEW_NIGHTS = np.uint32(Status.FEW_NIGHTS)
ALIAS = np.uint32(Status.ALIAS)


class Coverage(NamedTuple):
    """What a folded curve shows of its period.

    Attributes
    ----------
    eta : float
        Mean squared difference of neighbours in phase at twice the period, over the variance: 2 for noise,
        towards 0 for a smooth wave.
    gap : float
        Largest part of the cycle between two neighbours in phase at the period.
    nights : int
        Groups of epochs more than `features.conventions.NIGHT_GAP_D` apart.
    left : float
        Part of the variance that a robust fit leaves.
    one_hour : bool
        Whether all epochs lie within `ONE_HOUR_D` of one hour of the day.
    """

    eta: float
    gap: float
    nights: int
    left: float
    one_hour: bool


class Peak(NamedTuple):
    """What a search says of the peak that it took, and of the others.

    Attributes
    ----------
    power : float
        Highest power of its first stage: part of the weighted sum of squares, 0 to 1.
    rival : float
        Drop of chi^2 at the best other candidate over that at the peak; 0 where there is none.
    drops : float, float, float
        Drop of chi^2, not normalised, at `STEP_CYCLES` / T before the peak, at it, and after it.
    chi2 : float
        Sum of weights times squares about the bands' means, of which those are parts.
    bands : int
        Number of bands, each with a mean of its own.
    """

    power: float
    rival: float
    drops: tuple[float, float, float]
    chi2: float
    bands: int


class Significance(NamedTuple):
    """How far a period is to be believed.

    Attributes
    ----------
    p_period : float
        Probability that the period is right, see `period_probability`.
    false_alarm : float
        Probability of so high a power without any signal, see `false_alarm_probability`.
    period_error : float
        One sigma [d], given that the peak is the right one; NaN without curvature, and with `FEW_NIGHTS`.
    n_nights : int
        See `Coverage`.
    bits : uint32
        POOR_FIT, FEW_PHASES, FEW_NIGHTS and ALIAS of `features.Status`.
    """

    p_period: float
    false_alarm: float
    period_error: float
    n_nights: int
    bits: np.uint32


@kernel
def significance(
    time: F8, mag: F8, residuals: F8, frequency: float, peak: Peak, room: SortingRoom
) -> tuple[Significance, Coverage]:
    """How far the period of a light curve is to be believed, and what it was judged by.

    Parameters
    ----------
    time, mag : (n,) float64
        The points that the features are made of, in order of time; of several bands the merged curve
        [d, mag].
    residuals : (n,) float64
        Of the robust fit of them (`features.outliers.robust_fit.robust_fit`) [mag].
    frequency : float
        [1/d]
    peak : Peak
        Of the search that gave it.
    room : SortingRoom
        For n numbers.
    """
    n = time.size
    seen = coverage(time, mag, residuals, frequency, room)
    bits = np.uint32(0)
    if seen.eta > MOST_ETA:
        bits |= POOR_FIT
    if seen.gap > MOST_GAP_CYCLES:
        bits |= FEW_PHASES
    if seen.nights <= FEW_NIGHTS_ARE or seen.one_hour:
        bits |= FEW_NIGHTS
    if peak.rival > MOST_RIVAL:
        bits |= ALIAS
    baseline = time[n - 1] - time[0]
    error = frequency_error(peak, n, baseline) / frequency**2
    if bits & FEW_NIGHTS or not error < np.inf:
        error = math.nan
    found = Significance(
        period_probability(seen, peak.rival),
        false_alarm_probability(peak.power, n, peak.bands, baseline),
        error,
        seen.nights,
        bits,
    )
    return found, seen


@kernel
def coverage(time: F8, mag: F8, residuals: F8, frequency: float, room: SortingRoom) -> Coverage:
    """What a folded curve shows of its period; parameters as in `significance`."""
    n = time.size
    period = 1.0 / frequency
    since = np.empty(n)
    day = np.empty(n)
    nights = 1
    mean = 0.0
    for i in range(n):
        since[i] = time[i] - time[0]
        day[i] = time[i] - math.floor(time[i])
        nights += i > 0 and time[i] - time[i - 1] > NIGHT_GAP_D
        mean += mag[i] - mag[0]
    mean = mag[0] + mean / n
    _, in_phase = phase_fold(since, mag, period, room)
    steps = variance = rest = 0.0
    for i in range(n):
        variance += (mag[i] - mean) ** 2
        rest += residuals[i] ** 2
        if i > 0:
            steps += (in_phase[i] - in_phase[i - 1]) ** 2
    for i in range(n):
        since[i] = since[i] * frequency - math.floor(since[i] * frequency)
    gap = _largest_gap(since, room)
    one_hour = _largest_gap(day, room) >= 1.0 - 2.0 * ONE_HOUR_D
    return Coverage(steps / (n - 1) * n / variance, gap, nights, rest / variance, one_hour)


@part
def _largest_gap(phases: F8, room: SortingRoom) -> float:
    """Largest part of a cycle without any of these phases, of which each lies in [0, 1)."""
    ordered, _ = sort(phases, phases, room)
    gap = ordered[0] + 1.0 - ordered[ordered.size - 1]
    for i in range(1, ordered.size):
        gap = max(gap, ordered[i] - ordered[i - 1])
    return float(gap)


@kernel
def period_probability(seen: Coverage, rival: float) -> float:
    r"""Probability that a period is right: its peak that of the star, not of an alias or of noise.

    .. math:: p = \frac{1}{1 + e^{-z}}, \quad
              z = 13.58 - 0.98 \ln \max(\eta, 0.01) - 17.58 \max(\rho, 0.75) - 5.38 \, gap
                  + 0.83 \ln nights - 0.54 \ln \max(left, 0.001)

    a logistic regression on 4,978 stretches of the light curves of 1,100 real stars whose periods are known;
    :math:`\rho` is `Peak.rival`.
    """
    z = LOGIT + PER_LN_ETA * math.log(max(seen.eta, LEAST_ETA))
    z += PER_RIVAL * max(rival, LEAST_RIVAL)
    z += PER_GAP * seen.gap
    z += PER_LN_NIGHTS * math.log(seen.nights)
    z += PER_LN_LEFT * math.log(max(seen.left, LEAST_LEFT))
    return 1.0 / (1.0 + math.exp(-z))


@kernel
def false_alarm_probability(power: float, n: int, bands: int, baseline: float) -> float:
    r"""Probability of a power as high as this anywhere, if there is nothing but noise.

    .. math:: 1 - \big( 1 - (1 - p)^{(n - B - 2) / 2} \big)^M, \quad M = 2 T / (0.03 \, \mathrm{d})

    It means "not constant", never "this period": quasars pass, too.

    Parameters
    ----------
    power : float
        p, 0 to 1.
    n, bands : int
        Points, and bands B with a mean of their own.
    baseline : float
        T [d]

    Returns
    -------
    float
        1 where no degree of freedom is left.

    References
    ----------
    Zechmeister & Kuerster (2009), A&A 496, 577, section 4, with M of independent frequencies for two a cycle;
    Schwarzenberg-Czerny (1998), MNRAS 301, 831.
    """
    freedom = n - bands - 2
    if freedom <= 0:
        return 1.0
    single = max(0.0, 1.0 - power) ** (0.5 * freedom)
    if single >= 1.0:
        return 1.0
    return -math.expm1(2.0 * baseline / MIN_PERIOD_D * math.log1p(-single))


@kernel
def frequency_error(peak: Peak, n: int, baseline: float) -> float:
    r"""One sigma of a frequency [1/d], given that its peak is the right one; not finite without curvature.

    .. math:: \sigma_f^2 = (1.2 \, \sigma_c)^2 + (0.02 / T)^2, \quad \sigma_c^2 = 2 s^2 / |q''|,
              \quad s^2 = \frac{\sum w y^2 - q}{n - B - 5}

    with the second difference of the drop q of chi^2 over steps of 0.02 / T.

    Parameters
    ----------
    peak : Peak
        See there.
    n : int
        Points.
    baseline : float
        T [d]
    """
    freedom = n - peak.bands - HARMONIC_TERMS - 1
    if freedom <= 0:
        return math.nan
    before, at, after = peak.drops
    step = STEP_CYCLES / baseline
    curvature = abs(before - 2.0 * at + after) / step**2
    variance = 2.0 * max(0.0, peak.chi2 - at) / freedom / curvature
    return math.sqrt(CURVATURE_SIGMAS**2 * variance + (FLOOR_CYCLES / baseline) ** 2)
