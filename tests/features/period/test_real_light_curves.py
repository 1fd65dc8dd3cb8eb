"""Periods of light curves that people measured, against the plain search by direct sums."""

from __future__ import annotations

import numpy as np
import pytest

from features.clean import clean
from features.period.direct_sum import lomb_scargle_power
from features.period.points import weighted_points
from features.status import BLOCKING
from tests import reference
from tests.features.conftest import period_of

LIGHT_CURVES_A_SET = 4
MOST_WORK = 1e7
"""Points times frequencies of the plain search: more takes a second and more."""


def chosen(path):
    """Some light curves of a file, clean, not the longest."""
    with np.load(path, allow_pickle=True) as data:
        time, mag, err, offsets = (data[name] for name in ("time", "mag", "err", "offsets"))
    rng = np.random.default_rng(1)
    for i in rng.permutation(offsets.size - 1)[: 3 * LIGHT_CURVES_A_SET]:
        at = slice(offsets[i], offsets[i + 1])
        *points, status = clean(*(np.asarray(a[at], np.float64) for a in (time, mag, err)), np.inf)
        if not status & BLOCKING and 100 * np.ptp(points[0]) * points[0].size < MOST_WORK:
            yield tuple(points)


@pytest.mark.slow
def test_no_other_period_of_a_real_light_curve_has_more_power(shared_data):
    compared = 0
    lower = []
    for path in sorted((shared_data / "lightcurves").glob("*.npz")):
        for light_curve in list(chosen(path))[:LIGHT_CURVES_A_SET]:
            points = weighted_points(*light_curve, True)
            own = lomb_scargle_power(points, 1 / period_of(light_curve, "refined"))
            plain = lomb_scargle_power(points, 1 / reference.find_period(*light_curve, "refined"))
            compared += 1
            if own < plain * (1 - 1e-9):
                lower.append((path.stem, points.n, own, plain))
    assert compared > 100
    assert lower == []
