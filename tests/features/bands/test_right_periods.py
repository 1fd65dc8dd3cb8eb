"""How often the period is right: of real stars in two bands, and of made ones with a bad band among six."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from features.bands.joint_search import joint_search, room_for_joint_search
from tests.features.bands.real_stars import one_a_night, right, right_or_alias, stripe_82, ztf_dr
from tests.features.bands.stars import Visits, points_of
from tests.features.conftest import period_of


class Seen(NamedTuple):
    """What was seen of a star, and its frequency and class."""

    frequency: float
    visits: Visits
    kind: str = "of a kind"


def shares(stars, *, floors=True, stages=2):
    """Parts of the stars whose frequency is right, and right or an alias; classes weigh equally."""
    room = room_for_joint_search(2000)
    exact, alias = {}, {}
    for truth, visits, kind in stars:
        points = points_of(visits, floors=floors)
        found = joint_search(points, stages, room).frequency
        exact.setdefault(kind, []).append(right(found, truth, points.baseline))
        alias.setdefault(kind, []).append(right_or_alias(found, truth, points.baseline))
    return of_classes(exact), of_classes(alias)


def of_classes(answers):
    return np.mean([np.mean(each) for each in answers.values()])


def best_band(stars):
    """Part that is right of a search of the band that has most points, as it is in `refined`."""
    exact = {}
    for truth, visits, kind in stars:
        letter = max("rg", key=lambda each: (visits.letter == each).sum())
        one = visits.picked(visits.letter == letter)
        one = one.picked(np.lexsort((one.err, one.mag, one.time)))
        found = 1.0 / period_of(one[:3], "refined")
        exact.setdefault(kind, []).append(right(found, truth, np.ptp(one.time)))
    return of_classes(exact)


def test_a_band_a_night_of_thirty_nights_of_stripe_82(shared_data):
    stars = [Seen(f, visits.picked(slice(30))) for f, visits in stripe_82(shared_data, every=2)]
    assert len(stars) >= 200
    exact, alias = shares(stars)
    assert exact >= 0.57
    assert alias >= 0.93
    assert best_band(stars) <= exact - 0.3


def distinct(points):
    return [np.ascontiguousarray(column) for column in np.unique(np.column_stack(points), axis=0).T]


def windows(bands, n, count=20):
    """Of so many successive points in 900 d, as many as can be told apart, evenly over the light curve."""
    visits = one_a_night(bands)
    visits = visits.picked(np.argsort(visits.time, kind="stable"))
    for begin in np.linspace(0, visits.time.size - n, count).astype(int):
        window = visits.picked(slice(begin, begin + n))
        if np.ptp(window.time) <= 900.0 and min((window.letter == each).sum() for each in "gr") >= 2:
            yield window


@pytest.fixture(scope="module")
def agreeing(shared_data):
    """Stars for which all epochs of g and all epochs of r give the same frequency: it, class, points."""
    found = []
    for kind, bands in ztf_dr(shared_data):
        each = [distinct(points) for points in bands.values()]
        g, r = (1.0 / period_of(points, "refined") for points in each)
        baseline = min(np.ptp(points[0]) for points in each)
        if abs(g - r) * baseline <= 0.5:
            found.append((0.5 * (g + r), kind, bands))
    return found


@pytest.mark.parametrize(("n", "least"), [(20, 0.45), (30, 0.72)])
def test_windows_of_the_data_release_of_ztf(agreeing, n, least):
    assert len(agreeing) >= 50
    stars = [Seen(f, window, kind) for f, kind, bands in agreeing for window in windows(bands, n)]
    assert len(stars) >= 200
    exact, _ = shares(stars)
    assert exact >= least
    assert best_band(stars) <= exact - 0.15


def seen_in_six_bands(seed, n=40):
    """A pulsator or a contact binary on n visits in a season or two, six bands by turns, two a night."""
    rng = np.random.default_rng(seed)
    night = np.sort(
        rng.choice(np.concatenate([np.arange(0, 200), np.arange(365, 480)]), n // 2, replace=False)
    )
    time = np.repeat(night + 0.25 * rng.random(n // 2), 2) + np.tile([0.0, 0.023], n // 2)
    letter = rng.choice(list("ugrizy"), n, p=[0.07, 0.1, 0.22, 0.22, 0.2, 0.19])
    err = rng.uniform(0.01, 0.04, n)
    if seed % 2:
        period = rng.uniform(0.27, 0.75)
        phase = 2 * np.pi * (time / period + rng.random())
        wave, frequency = 0.3 * np.cos(phase) + 0.12 * np.cos(2 * phase + 2.0), 1.0 / period
        ratio = dict(zip("ugrizy", (0.95, 1.0, 0.7, 0.54, 0.48, 0.47), strict=True))
        wave *= np.array([ratio[each] for each in letter])
    else:
        period = rng.uniform(0.25, 0.6)
        phase = 2 * np.pi * (time / period + rng.random())
        wave, frequency = 0.22 * np.cos(2 * phase) + 0.06 * np.cos(phase), 2.0 / period
    colour = np.array(["ugrizy".index(each) for each in letter])
    return Seen(frequency, Visits(time, 18.0 - 0.3 * colour + wave + err * rng.normal(size=n), err, letter))


def test_a_band_of_hidden_scatter_among_six_does_not_rule_the_others():
    stars = [seen_in_six_bands(seed) for seed in range(200)]
    rng = np.random.default_rng(13)
    for _, visits, _ in stars:
        visits.mag[visits.letter == "i"] += rng.normal(0.0, 0.3, (visits.letter == "i").sum())
    exact, _ = shares(stars)
    assert exact >= 0.45
    assert shares(stars, floors=False)[0] <= exact - 0.2
