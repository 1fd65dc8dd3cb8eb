"""Light curves for the tests of the features: made here, or golden ones."""

from __future__ import annotations

import csv
from typing import NamedTuple

import numpy as np
import pytest

import features
from features.period.points import weighted_points
from features.period.search import find_period, room_for_search


class LightCurve(NamedTuple):
    time: np.ndarray
    mag: np.ndarray
    err: np.ndarray


class Golden(NamedTuple):
    """Light curves with the features that other programs found for them, in the same order."""

    ids: list[str]
    light_curves: list[LightCurve]
    published: np.ndarray  # the published code, (n, 16)
    refined: np.ndarray  # an independent program at refined classical periods, (n, 16)


def make_light_curve(seed, *, n=120, baseline=150.0, noise=0.02):
    """A sawtooth-like pulsator seen once a night at most, with uneven errors; read-only."""
    rng = np.random.default_rng(seed)
    night = np.sort(rng.choice(int(baseline), n, replace=n > int(baseline)))
    time = np.sort(night + 0.3 * rng.random(n))
    err = noise * rng.uniform(0.5, 2.0, n)
    phase = 2 * np.pi * time / 0.6123
    mag = 16 + sum(0.3 / k * np.sin(k * phase + 0.4 * k) for k in (1, 2, 3)) + err * rng.normal(size=n)
    arrays = LightCurve(time, mag, err)
    for array in arrays:
        array.flags.writeable = False
    return arrays


def even_points(x, y, *, floating_mean=True):
    """Points of equal weight."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    return weighted_points(x, y, np.ones(x.size), floating_mean)


def period_of(light_curve, convention):
    """Period of clean points in a convention of that name."""
    rules = features.CONVENTIONS[convention]
    points = weighted_points(*light_curve, rules.floating_mean)
    return find_period(points, rules.refine, room_for_search(points.n))


def as_batch(light_curves):
    """The four arguments of `features.extract` for a list of light curves."""
    sizes = [len(light_curve.time) for light_curve in light_curves]
    series = (np.concatenate(arrays) for arrays in zip(*light_curves, strict=True))
    return *series, np.concatenate(([0], np.cumsum(sizes)))


@pytest.fixture(scope="session")
def light_curves():
    """Ten different light curves of 8 to 300 points."""
    sizes = (8, 9, 20, 33, 50, 80, 120, 150, 200, 300)
    return [make_light_curve(seed, n=n, baseline=30 + 2.0 * n) for seed, n in enumerate(sizes)]


@pytest.fixture(scope="session")
def golden(shared_data):
    folder = shared_data / "features"
    published = _table(folder / "reference_upsilon.csv")
    refined = _table(folder / "canonical_refined.csv")
    with np.load(folder / "lightcurves.npz") as file:
        arrays = [[file[f"{i}/{key}"].astype(float) for key in "tme"] for i in published]
    ids = list(published)
    return Golden(
        ids=ids,
        light_curves=[LightCurve(*series) for series in arrays],
        published=np.array([published[i] for i in ids]),
        refined=np.array([refined[i] for i in ids]),
    )


def _table(path):
    with path.open(newline="") as file:
        return {
            row["id"]: [float(row[name]) for name in features.FEATURE_NAMES] for row in csv.DictReader(file)
        }
