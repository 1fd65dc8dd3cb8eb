"""Stars in several bands for the tests, made here or real ones, and as the kernels take them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from features.bands.joint_search import joint_search, room_for_joint_search
from features.bands.points import band_points
from tests.features.bands.oracle import BANDS


class Visits(NamedTuple):
    """Points of a star in any order."""

    time: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    letter: np.ndarray

    def picked(self, which):
        return Visits(*(array[which] for array in self))


def canonical(visits):
    """What the kernels take: time, mag, err, bounds, letters; repeats and bands of one point are left out."""
    number = np.array([BANDS.index(letter) for letter in visits.letter], float)
    rows = np.unique(np.column_stack([number, visits.time, visits.mag, visits.err]), axis=0)
    letters, counts = np.unique(rows[:, 0], return_counts=True)
    rows = rows[np.isin(rows[:, 0], letters[counts >= 2])]
    letters, counts = letters[counts >= 2], counts[counts >= 2]
    series = [np.ascontiguousarray(rows[:, k]) for k in (1, 2, 3)]
    for array in series:
        array.flags.writeable = False
    return *series, np.concatenate([[0], np.cumsum(counts)]), letters.astype(np.int64)


def points_of(visits, *, floors=True):
    return band_points(*canonical(visits), floors)


def search(visits, *, stages=2, floors=True):
    points = points_of(visits, floors=floors)
    return joint_search(points, stages, room_for_joint_search(points.n))


def make_star(seed, *, n=40, bands="gr", baseline=200.0, noise=0.03, kind=None):
    """A pulsator, a contact binary, eclipses or noise, seen once or twice a night in changing bands."""
    rng = np.random.default_rng(seed)
    kind = kind if kind is not None else ("pulsator", "binary", "eclipses", "noise")[seed % 4]
    night = rng.choice(int(baseline), n, replace=n > int(baseline))
    time = night + 0.3 * rng.random(n)
    letter = np.array(list(bands))[rng.integers(0, len(bands), n)]
    letter[: 2 * len(bands)] = list(2 * bands)  # no band of one point
    err = noise * rng.uniform(0.5, 2.0, n)
    phase = time / np.exp(rng.uniform(np.log(0.2), np.log(20.0))) + rng.random()
    shape = {
        "pulsator": 0.4 * np.cos(2 * np.pi * phase) + 0.2 * np.cos(4 * np.pi * phase + 1.0),
        "binary": 0.3 * np.cos(4 * np.pi * phase) + 0.05 * np.cos(2 * np.pi * phase),
        "eclipses": 0.7 * (np.abs((phase % 0.5) - 0.25) > 0.2),
        "noise": np.zeros(n),
    }[kind]
    ratio = np.array([(1.0, 1.0, 0.7, 0.55, 0.5, 0.45)[BANDS.index(each)] for each in letter])
    if kind != "pulsator":
        ratio[:] = 1.0
    colour = np.array([0.4 * BANDS.index(each) for each in letter])
    mag = 18.0 - colour + ratio * shape + err * rng.normal(size=n)
    return Visits(2_458_000.0 + time, mag, err, letter)
