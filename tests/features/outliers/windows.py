"""Stretches of real stars in g and r whose true frequency is known, as they are or with an outlier."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from features.clean import clean
from features.period.points import weighted_points
from features.period.search import find_period, room_for_search
from tests.features.outliers.conftest import Star, canonical, series_of, survey

G, R = 1, 2
PERIODIC = ("RR", "RRc", "EA", "EW", "DSCT", "CEPII")
MOST_DAYS = 900.0


class Window(NamedTuple):
    star: Star
    frequency: float  # [1/d], of a binary that of its largest harmonic
    label: str


def exact(found, true, baseline):
    """Whether a frequency is right: within half a cycle over the baseline, and within 2 %."""
    return abs(found - true) * baseline <= 0.5 and abs(found - true) <= 0.02 * true


def with_outliers(star, rng, *, count=1, size=1.5):
    """Points of all bands drawn with equal probability, moved to one side or the other together."""
    mag = star.mag.copy()
    mag[rng.choice(mag.size, count, replace=False)] += size * rng.choice([-1, 1])
    return canonical(star.time, mag, star.err, star.band)


def stripe82(folder, n, *, every=2):
    """RR Lyrae stars seen in g in one night and in r in the next, n points each."""
    bands = [survey(folder, f"sdss_s82_rrl_{letter}") for letter in "gr"]
    for i in range(0, bands[0]["offsets"].size - 1, every):
        nights = {}
        for number, arrays in zip((G, R), bands, strict=True):
            for point in zip(*series_of(arrays, i), strict=True):
                nights.setdefault(round(point[0] - 0.3), {}).setdefault(number, point)
        turn, rows = G, []
        for _, night in sorted(nights.items()):
            if turn in night:
                rows.append((*night[turn], turn))
            turn = R if turn == G else G
        if len(rows) >= n:
            star = canonical(*np.array(rows[:n]).T)
            yield Window(star, 1.0 / float(bands[0]["period"][i]), str(bands[0]["native_class"][i]))


def own_frequency(time, mag, err):
    """Of all points of a band, by the search of one band."""
    *points, _ = clean(time, mag, err, np.inf)
    weighted = weighted_points(*points, True)
    return 1.0 / find_period(weighted, True, room_for_search(weighted.n))


def ztf_pairs(folder):
    """Periodic stars of the ZTF data releases: the series of g and r, their common frequency, their label."""
    g, r = (survey(folder, f"ztf_dr_labelled_{letter}") for letter in "gr")
    for i, name in enumerate(g["object_id"]):
        (other,) = np.flatnonzero(r["object_id"] == name)[:1] if name in r["object_id"] else (None,)
        if other is None or g["native_class"][i] not in PERIODIC:
            continue
        both = [series_of(arrays, k) for arrays, k in ((g, i), (r, other))]
        if min(series[0].size for series in both) < 40:
            continue
        frequencies = [own_frequency(*series) for series in both]
        if abs(frequencies[0] - frequencies[1]) <= 1e-3 * frequencies[0]:
            longest = max(both, key=lambda series: np.ptp(series[0]))
            frequency = frequencies[0] if longest is both[0] else frequencies[1]
            yield both, frequency, str(g["native_class"][i])


def ztf(folder, n, *, windows=5):
    """Stretches of n points over both bands, one exposure a band and night, of at most `MOST_DAYS`."""
    rng = np.random.default_rng(n)
    for both, frequency, label in ztf_pairs(folder):
        rows = []
        for number, (time, mag, err) in zip((G, R), both, strict=True):
            _, first = np.unique(np.floor(time), return_index=True)
            rows.append(np.column_stack([time, mag, err, np.full(time.size, number)])[first])
        rows = np.concatenate(rows)
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        starts = np.flatnonzero(rows[n - 1 :, 0] - rows[: rows.shape[0] - n + 1, 0] <= MOST_DAYS)
        for start in rng.choice(starts, min(windows, starts.size), replace=False):
            yield Window(canonical(*rows[start : start + n].T), frequency, label)
