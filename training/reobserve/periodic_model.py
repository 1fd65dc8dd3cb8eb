"""Periodic light curves without their noise: a smooth curve through the folded points.

The curve (`training.reobserve.phase_curve`) is tried at the given period, refined, and at twice that, since
catalogues of binaries often have half of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.compilation.jit import kernel
from training.errors import TrainingError
from training.reobserve.phase_curve import BIC_MARGIN, N_PHASES, PhaseCurve, best_curve

F8 = NDArray[np.float64]

MAX_PHASE_GAP = 0.14
"""Longest gap in phase of a curve that is used."""
MAX_EXCESS = 0.6
"""Largest `PeriodicModel.excess`: not less, because the errors of faint ASAS stars are too small by factors
of two to six."""
ERROR_FACTOR = 1.3
"""Surveys' errors are taken to be too small by up to this."""
MAX_CURVE_ERROR = 0.2
"""Error of the curve from the noise of its parameters, over the scatter of the curve itself."""


@dataclass(frozen=True, slots=True)
class PeriodicModel:
    """A periodic light curve.

    Attributes
    ----------
    period_d : float
        Of one turn of the curve; twice the catalogue's where the two halves differ.
    curve : (N_PHASES,) float64
        Magnitudes at evenly spaced phases from 0.
    n_parameters : int
        Of the fit; odd for a Fourier series.
    scatter : float
        Weighted scatter of the points about the curve [mag].
    typical_error : float
        Weighted root mean square of the errors [mag].
    longest_gap : float
        Longest stretch of phase without a point.
    kept : (n,) bool
        Points that are not outliers, in the order they were given.
    cycles : int
        Of the star in one turn of the curve: 2 where the period was doubled.
    """

    period_d: float
    curve: F8
    n_parameters: int
    scatter: float
    typical_error: float
    longest_gap: float
    kept: NDArray[np.bool_]
    cycles: int = 1

    def mag(self, time: F8, phase: float = 0.0) -> F8:
        """Magnitudes (n,) at times [d] (n,), `phase` cycles later than in the original."""
        position = (time / self.period_d + phase) % 1.0 * N_PHASES
        left = np.minimum(position.astype(np.int64), N_PHASES - 1)
        part = position - left
        return np.asarray(self.curve[left] * (1.0 - part) + self.curve[(left + 1) % N_PHASES] * part)

    @property
    def excess(self) -> float:
        """Scatter about the curve that the errors do not explain, over the scatter of the curve itself."""
        unexplained = self.scatter**2 - (ERROR_FACTOR * self.typical_error) ** 2
        return math.sqrt(max(0.0, unexplained)) / max(float(self.curve.std()), 1e-12)

    @property
    def fault(self) -> str:
        """Why the curve does not stand for the star; empty if it does."""
        doubt = self.scatter * math.sqrt(self.n_parameters / max(1, int(self.kept.sum())))
        if self.longest_gap > MAX_PHASE_GAP:
            return "gap in phase"
        if self.n_parameters < 2 or doubt > MAX_CURVE_ERROR * float(self.curve.std()):
            return "too noisy"
        if self.excess > MAX_EXCESS:
            return "not periodic"
        return ""


def fit_periodic(time: F8, mag: F8, err: F8, *, period_d: float) -> PeriodicModel:
    """Fit the curve that the points (n,), n >= 20, at rising `time` [d] make when folded.

    Parameters
    ----------
    time, mag, err : (n,) float64
        In days and magnitudes; errors positive.
    period_d : float
        Known to about one part in the number of cycles observed.

    Raises
    ------
    TrainingError
        If the points are not finite.
    """
    weight = _weights(err)
    period = refined_period(time, mag, weight, period_d)
    best, lowest = None, math.inf
    for cycles in (1, 2):
        found = best_curve(time, mag, weight, cycles * period)
        if found.bic < lowest - BIC_MARGIN:
            lowest = found.bic
            best = _model(found, err, weight, cycles * period, cycles)
    if best is None:
        raise TrainingError(f"no curve fits {time.size} points at a period of {period_d} d: are they finite?")
    return best


def fit_as(other: PeriodicModel, time: F8, mag: F8, err: F8) -> PeriodicModel:
    """Fit the curve of the same star in another band, at the very period of the one that is known.

    Phases of both curves are then counted from the same time. Points are as in `fit_periodic`.
    """
    weight = _weights(err)
    found = best_curve(time, mag, weight, other.period_d)
    return _model(found, err, weight, other.period_d, other.cycles)


def _weights(err: F8) -> F8:
    return 1.0 / (err**2 + (0.5 * np.median(err)) ** 2)  # no point rules by a tiny error


def _model(found: PhaseCurve, err: F8, weight: F8, period_d: float, cycles: int) -> PeriodicModel:
    kept = found.kept
    return PeriodicModel(
        period_d=period_d,
        curve=found.curve,
        n_parameters=found.n_parameters,
        scatter=found.scatter,
        typical_error=math.sqrt(float(np.average(err[kept] ** 2, weights=weight[kept]))),
        longest_gap=found.longest_gap,
        kept=kept,
        cycles=cycles,
    )


@kernel
def refined_period(time: F8, mag: F8, weight: F8, period: float) -> float:
    """Period with the least scatter in bins of phase, of those within 1.5 cycles of `period`."""
    span = time[-1] - time[0]
    middle = 0.5 * (time[0] + time[-1])
    level = (weight * mag).sum() / weight.sum()
    n_bins = min(40, max(8, time.size // 6))
    best, highest = period, -1.0
    sums, products = np.empty(n_bins), np.empty(n_bins)
    for step in range(61):
        offset = 0.05 * ((step + 1) // 2)  # nearest first: a tie leaves the period alone
        frequency = 1.0 / period + (offset if step % 2 else -offset) / span
        if frequency <= 0.2 / period:
            continue
        sums[:] = 0.0
        products[:] = 0.0
        for i in range(time.size):
            cycles = (time[i] - middle) * frequency
            which = min(n_bins - 1, int((cycles - math.floor(cycles)) * n_bins))
            sums[which] += weight[i]
            products[which] += weight[i] * (mag[i] - level)
        explained = 0.0
        for b in range(n_bins):
            if sums[b] > 0.0:
                explained += products[b] ** 2 / sums[b]
        if explained > highest:
            best, highest = 1.0 / frequency, explained
    return best
