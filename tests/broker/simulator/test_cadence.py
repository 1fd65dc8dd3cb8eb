"""When the simulated surveys look, and how well: against astropy's sky and closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy.coordinates import get_sun
from astropy.time import Time

from broker.simulator.cadence import SURVEYS, cadence, clear_nights, draw_place, moon_illumination
from broker.simulator.sky import MIX, njy, observe, simulate_sky
from broker.simulator.stars import make_star
from schemas.surveys import LSST, MAG_PER_RELATIVE_FLUX

NIGHTS = np.arange(61041.0, 61041.0 + 365.0)
PLACES = {"ztf": (120.0, 20.0), "lsst": (52.98, -28.12)}


@pytest.fixture(scope="module", params=SURVEYS)
def seen(request):
    """A survey, the place it looks at, and its exposures of a year without clouds."""
    survey, (ra, dec) = SURVEYS[request.param], PLACES[request.param]
    return survey, ra, dec, cadence(survey, ra=ra, dec=dec, clear=NIGHTS, rng=np.random.default_rng(1))


def test_exposures_are_at_night_with_the_star_high(seen):
    survey, ra, dec, exposures = seen
    sun = get_sun(Time(exposures["mjd"], format="mjd", scale="utc"))
    # UT1 is within a second of UTC; said to be it, nothing has to be downloaded.
    earth = Time(exposures["mjd"], format="mjd", scale="ut1")
    sidereal = earth.sidereal_time("mean", "greenwich", model="IAU1982").deg + survey.longitude_deg

    def altitude(right_ascension, declination):
        hour_angle = np.deg2rad(sidereal - right_ascension)
        latitude, declination = np.deg2rad(survey.latitude_deg), np.deg2rad(declination)
        sine = np.sin(latitude) * np.sin(declination)
        sine += np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
        return np.rad2deg(np.arcsin(sine))

    # The mean Sun is up to 16 minutes from the true one, and precession since 2000 is a third of a degree.
    assert altitude(sun.ra.deg, sun.dec.deg).max() < -14.0
    assert altitude(ra, dec).min() > 29.5


def test_the_sun_makes_a_gap_between_seasons(seen):
    _, _, _, exposures = seen
    assert 60.0 < np.diff(exposures["mjd"]).max() < 250.0


def test_exposures_are_in_order_and_never_at_once(seen):
    survey, _, _, exposures = seen
    assert np.diff(exposures["mjd"]).min() * 86400.0 > survey.facts.exposure_s


def test_ztf_returns_after_two_or_three_days():
    exposures = cadence(SURVEYS["ztf"], ra=250.0, dec=75.0, clear=NIGHTS, rng=np.random.default_rng(2))
    gaps = np.diff(np.unique(np.floor(exposures["mjd"])))
    assert np.median(gaps) in {2.0, 3.0}
    assert set(exposures["band"].tolist()) == {b"g", b"r"}


def test_lsst_visits_come_in_clumps_of_many_bands():
    ra, dec = PLACES["lsst"]
    exposures = cadence(SURVEYS["lsst"], ra=ra, dec=dec, clear=NIGHTS, rng=np.random.default_rng(3))
    assert set(exposures["band"].tolist()) == {b"u", b"g", b"r", b"i", b"z", b"y"}
    assert np.median(np.diff(exposures["mjd"])) * 1440.0 < 5.0


def depths_of(survey, n_years=20):
    """Depths of the exposures in each band, in years with other weather; the place of the star is drawn."""
    years = []
    for year in range(n_years):
        rng = np.random.default_rng(year)
        clear = clear_nights(NIGHTS[0] + 365.0 * year, 365, rng)
        years += [cadence(survey, **place_of(survey, rng), clear=clear, rng=rng) for _ in range(4)]
    exposures = np.concatenate(years)
    return {band: exposures["depth"][exposures["band"] == band.encode()] for band in survey.facts.depth}


def place_of(survey, rng):
    return dict(zip(("ra", "dec"), draw_place(survey, rng), strict=True))


@pytest.mark.parametrize("name", SURVEYS)
def test_over_moon_and_seeing_the_median_depth_is_that_of_the_survey(name):
    depths = depths_of(SURVEYS[name])
    medians = {band: np.median(depth) for band, depth in depths.items()}
    # 1500 and more nights in every band but u and y, scatter 0.45 at most: 0.015
    assert medians == pytest.approx(dict(SURVEYS[name].facts.depth), abs=0.05)


@pytest.mark.parametrize(
    ("mag", "measured"), [(14.75, 0.0097), (16.25, 0.0174), (17.25, 0.0299), (18.2, 0.048)]
)
def test_simulated_detections_have_the_errors_of_real_alerts(mag, measured):
    curves = simulate_sky(150, 21, "ztf")
    errors = np.concatenate([mag_err(c)[c.detected & (c.band == b"g") & near(c, mag)] for c in curves])
    assert errors.size > 100
    assert np.median(errors) == pytest.approx(measured, rel=0.22)


@pytest.mark.parametrize(
    ("band", "mag", "measured"),
    [("g", 21.07, 0.0139), ("r", 20.99, 0.0156), ("i", 21.03, 0.0190), ("z", 20.84, 0.0253)],
)
def test_simulated_visits_have_the_errors_of_real_packets(band, mag, measured):
    star = make_star("NonVar", ra=52.98, dec=-28.12, r_mag=0.0, rng=np.random.default_rng(0))
    star = replace(star, mean_mag=dict.fromkeys(star.mean_mag, mag))
    errors = []
    for year in range(20):
        rng = np.random.default_rng(year)
        clear = clear_nights(NIGHTS[0] + 365.0 * year, 365, rng)
        curve = observe(star, SURVEYS["lsst"], clear=clear, object_id="1", rng=rng)
        errors.append(mag_err(curve)[curve.band == band.encode()])
    error = np.median(np.concatenate(errors))
    assert np.sqrt(error**2 - LSST.noise.floor**2) == pytest.approx(measured, rel=0.07)  # 0.07 mag of depth


def mag_err(curve):
    return MAG_PER_RELATIVE_FLUX * curve.flux_err_njy / njy(curve.true_mag)


def near(curve, mag):
    return np.abs(curve.true_mag - mag) < 0.25


@pytest.mark.parametrize(
    ("mjd", "lit"),
    [  # total eclipse of the Moon on 2026 March 3, annular one of the Sun on 2026 February 17
        (61102.48, 1.0),
        (61088.51, 0.0),
    ],
)
def test_the_moon_is_full_and_new_when_it_is(mjd, lit):
    assert moon_illumination(mjd) == pytest.approx(lit, abs=0.02)


def test_seven_nights_in_ten_are_clear_and_clouds_stay_for_days():
    nights = clear_nights(60000.0, 20_000, np.random.default_rng(4))
    assert nights.size / 20_000 == pytest.approx(0.70, abs=0.03)
    assert np.diff(nights).max() > 5.0


@pytest.mark.parametrize("survey", SURVEYS)
def test_noise_is_as_large_as_the_error_says(survey):
    pulls = np.concatenate(
        [(c.flux_njy - njy(c.true_mag)) / c.flux_err_njy for c in simulate_sky(30, 8, survey)]
    )
    assert pulls.mean() == pytest.approx(0.0, abs=5.0 / np.sqrt(pulls.size))
    assert pulls.std() == pytest.approx(1.0, abs=5.0 / np.sqrt(2.0 * pulls.size))


def test_a_star_keeps_time_at_the_sun():
    # On the ecliptic light arrives up to 500 s early or late: a tenth of this star's period.
    star = make_star("DSCT", ra=180.0, dec=0.0, r_mag=16.0, rng=np.random.default_rng(5))
    curve = observe(star, SURVEYS["ztf"], clear=NIGHTS, object_id="a", rng=np.random.default_rng(6))
    middle = curve.mjd + 15.0 / 86400.0
    sun = get_sun(Time(middle, format="mjd", scale="utc"))
    # The star is at the equinox of autumn, so that its direction is (-1, 0, 0).
    delay_d = sun.cartesian.x.to_value("au") * 499.004784 / 86400.0
    red = curve.band == b"r"
    assert curve.true_mag[red] == pytest.approx(star.mag((middle + delay_d)[red], "r"), abs=1e-3)


def test_saturated_exposures_are_lost():
    star = make_star("NonVar", ra=180.0, dec=20.0, r_mag=12.0, rng=np.random.default_rng(7))
    curve = observe(star, SURVEYS["ztf"], clear=NIGHTS, object_id="a", rng=np.random.default_rng(8))
    assert curve.mjd.size == 0


@pytest.mark.parametrize("survey", SURVEYS)
def test_alerts_are_differences_of_five_sigma(survey):
    for curve in simulate_sky(10, 9, survey):
        significance = np.abs(curve.flux_njy - njy(curve.reference_mag)) / curve.flux_err_njy
        assert (significance[curve.detected] >= 5.0).all()
        assert (significance[~curve.detected] < 5.0).all()


def test_a_star_is_the_same_in_a_larger_sky():
    small, large = simulate_sky(3, 10, "ztf"), simulate_sky(6, 10, "ztf")
    for one, other in zip(small, large, strict=False):
        assert one.object_id == other.object_id
        np.testing.assert_array_equal(one.flux_njy, other.flux_njy)


def test_classes_come_in_the_fractions_asked_for():
    curves = simulate_sky(400, 11, "lsst", days=5, mix={"RRL_ab": 3.0, "QSO": 1.0})
    share = np.mean([curve.star.class_name == "RRL_ab" for curve in curves])
    assert share == pytest.approx(0.75, abs=0.09)  # four standard deviations
    assert sum(MIX.values()) == pytest.approx(1.0)


def test_the_names_of_lsst_objects_are_more_than_a_double_holds():
    names = [int(curve.object_id) for curve in simulate_sky(3, 12, "lsst", days=5)]
    assert all(name > 2**53 and int(float(name)) != name for name in names)
