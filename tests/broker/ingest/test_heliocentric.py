"""The light-travel correction against an ephemeris and against plain geometry."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import get_body_barycentric, solar_system_ephemeris
from astropy.time import Time

from broker.ingest.heliocentric import LIGHT_TIME_OF_AU_S, light_travel_s

SPEED_OF_LIGHT_KM_S = 299792.458


def test_the_correction_is_within_a_third_of_a_second_of_an_ephemeris():
    rng = np.random.default_rng(20260224)
    mjd = rng.uniform(33282.0, 69807.0, 2000)  # 1950 to 2050
    ra, dec = rng.uniform(0.0, 360.0, mjd.size), np.rad2deg(np.arcsin(rng.uniform(-1.0, 1.0, mjd.size)))
    times = Time(mjd, format="mjd", scale="tdb")
    with solar_system_ephemeris.set("builtin"):  # ERFA's, nothing is downloaded
        orbit = get_body_barycentric("earth", times) - get_body_barycentric("sun", times)
    cos_dec = np.cos(np.deg2rad(dec))
    towards = (cos_dec * np.cos(np.deg2rad(ra)), cos_dec * np.sin(np.deg2rad(ra)), np.sin(np.deg2rad(dec)))
    expected = (
        sum(r * n for r, n in zip(orbit.xyz.to_value("km"), towards, strict=True)) / SPEED_OF_LIGHT_KM_S
    )

    error = light_travel_s(mjd, ra, dec) - expected

    assert np.abs(error).max() < 0.3


def test_a_star_at_the_pole_of_the_ecliptic_needs_no_correction():
    year = 60000.0 + np.arange(366.0)
    assert np.abs(light_travel_s(year, 270.0, 66.5607)).max() < 0.1


def test_a_star_on_the_ecliptic_swings_by_the_light_time_of_the_orbit():
    year = 60000.0 + np.arange(0.0, 366.0, 0.25)
    swing = light_travel_s(year, 0.0, 0.0)
    assert swing.max() == pytest.approx(LIGHT_TIME_OF_AU_S, rel=0.017)  # orbit's eccentricity
    assert swing.min() == pytest.approx(-LIGHT_TIME_OF_AU_S, rel=0.017)


def test_scalars_and_arrays_broadcast():
    assert light_travel_s(60000.0, 10.0, [20.0, -20.0]).shape == (2,)
