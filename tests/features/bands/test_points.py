from __future__ import annotations

import numpy as np
import pytest

from features.bands.points import band_points
from features.period.points import weighted_points
from tests.features.bands import oracle
from tests.features.bands.stars import canonical, make_star, points_of


@pytest.mark.parametrize("floors", [True, False])
@pytest.mark.parametrize("bands", ["r", "gr", "ugrizy"])
def test_points_are_those_of_the_definition(bands, floors):
    for seed in range(8):
        visits = make_star(seed, bands=bands)
        points = points_of(visits, floors=floors)
        star = oracle.star(*visits, floors=floors)
        assert points.letters.tolist() == ["ugrizy".index(band.letter) for band in star.bands]
        assert points.floor == pytest.approx([band.floor for band in star.bands], rel=1e-15)
        assert points.mean == pytest.approx([band.mean for band in star.bands], abs=1e-12)
        assert points.chi2 == pytest.approx(star.chi2, rel=1e-12)
        assert points.total == pytest.approx(sum(band.w.sum() for band in star.bands), rel=1e-12)
        assert (points.origin, points.baseline) == (star.origin, star.baseline)
        assert np.array_equal(points.x, np.concatenate([band.x for band in star.bands]))
        y = np.concatenate([band.y for band in star.bands])
        assert points.y * (points.chi2 / points.total) ** 0.5 == pytest.approx(y, abs=1e-12)


def test_floors_are_steps_of_two_and_none_is_below_a_128th_of_a_magnitude():
    for seed in range(20):
        for bands in ("g", "gri"):
            floor = points_of(make_star(seed, bands=bands, n=25)).floor
            assert np.array_equal(np.log2(floor), np.rint(np.log2(floor)))
            assert floor.min() >= 2.0**-7


def test_what_the_errors_explain_has_the_lowest_floor():
    rng = np.random.default_rng(1)
    err = np.full(40, 0.1)
    mag = 17.0 + rng.permutation(np.repeat([-0.09, 0.09], 20))
    points = band_points(np.arange(40.0), mag, err, np.array([0, 20, 40]), np.array([1, 2]), True)
    assert points.floor.tolist() == [2.0**-7, 2.0**-7]


def test_a_band_that_scatters_alone_has_a_floor_of_its_own():
    """0.4^2 of its sum of squares and twice the pooled one over n + 1; the others have the pool's part."""
    mag = np.concatenate([np.tile([-0.5, 0.5], 10), np.zeros(20)])
    bounds, err = np.array([0, 20, 40]), np.full(40, 1e-5)
    points = band_points(np.arange(40.0), mag, err, bounds, np.array([1, 2]), True)
    pooled = 5.0 / 38.0
    squares = 0.16 * (5.0 + 2 * pooled) / 21, 0.16 * 2 * pooled / 21
    assert points.floor == pytest.approx([2.0 ** np.rint(np.log2(square) / 2) for square in squares])


def test_points_of_one_band_without_floors_are_those_of_a_search_of_one_band():
    time, mag, err, bounds, letters = canonical(make_star(3, bands="r"))
    ours = band_points(time, mag, err, bounds, letters, False)
    theirs = weighted_points(time, mag, err, True)
    n = theirs.n
    assert np.array_equal(ours.x, theirs.x[:n])
    assert ours.w == pytest.approx(theirs.w[:n], rel=1e-12)
    assert ours.y == pytest.approx(theirs.y[:n], rel=1e-9, abs=1e-12)


def test_other_filters_have_the_amplitude_of_g():
    time, mag, err, bounds, _ = canonical(make_star(3, bands="gri"))
    points = band_points(time, mag, err, bounds, np.array([1, 5, 9]), True)
    assert points.pulsator.tolist() == [1.0, 0.47, 1.0]
    assert not points.alike
    assert band_points(time, mag, err, bounds, np.array([1, 8, 9]), True).alike
