"""What a period of a star is worth, measured as `features` does from the points that are kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from features.bands.merged_curve import levels, merged_curve
from features.bands.points import band_points
from features.bands.shared_shape import drop
from features.compilation.jit import kernel
from features.outliers.robust_fit import robust_fit
from features.outliers.robust_period import robust_period
from features.period.significance import STEP_CYCLES, Coverage, Peak, Significance, significance
from features.sorting import room_for_sorting
from tests.features.outliers.conftest import canonical


class Judged(NamedTuple):
    """A star's period [1/d], what speaks for it, and how many searches it took."""

    frequency: float
    baseline: float
    rival: float
    found: Significance
    seen: Coverage
    searches: int


@kernel
def drops_about(points, frequency, step):
    return drop(points, frequency - step), drop(points, frequency), drop(points, frequency + step)


def judged(star, room):
    """Search a star as the convention "robust" does, and judge its period by the merged curve."""
    period = robust_period(*star[:5], room)
    keep = ~period.out
    kept = canonical(star.time[keep], period.drawn_mag[keep], star.err[keep], star.band[keep])
    points = band_points(*kept[:5], True)
    curve = merged_curve(*kept[:4], levels(points, kept.mag, period.frequency))
    n = kept.time.size
    residuals, _ = robust_fit(*curve, np.array([0, n]), period.frequency)
    drops = drops_about(points, period.frequency, STEP_CYCLES / points.baseline)
    peak = Peak(period.found.power, period.found.rival, drops, points.chi2, kept.letters.size)
    args = (curve.time, curve.mag, residuals, period.frequency, peak, room_for_sorting(n))
    found, seen = significance(*args)
    return Judged(period.frequency, points.baseline, period.found.rival, found, seen, period.searches)
