"""How well ZTF and LSST measure: facts measured on their data, and published ones."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.surveys import LSST, MAG_PER_RELATIVE_FLUX, ZTF, Noise


@pytest.mark.parametrize(
    ("mag", "measured"),
    [
        (13.25, 0.0061),
        (14.75, 0.0097),
        (16.25, 0.0174),
        (17.25, 0.0299),
        (18.25, 0.048),
        (19.25, 0.0914),
        (19.8, 0.118),
    ],
)
def test_errors_of_ztf_alerts_are_as_measured(mag, measured):
    assert ZTF.noise.error(np.array([mag]), np.array([20.5]))[0] == pytest.approx(measured, rel=0.22)
    assert ZTF.depth["g"] == 20.5


@pytest.mark.parametrize(
    ("band", "mag", "measured"),
    [("g", 21.07, 0.0139), ("r", 20.99, 0.0156), ("i", 21.03, 0.0190), ("z", 20.84, 0.0253)],
)
def test_errors_of_lsst_are_those_of_real_packets(band, mag, measured):
    error = LSST.noise.error(np.array([mag]), np.array([LSST.depth[band]]))[0]
    assert np.sqrt(error**2 - LSST.noise.floor**2) == pytest.approx(measured, rel=0.02)


def test_the_error_at_the_depth_is_a_fifth():
    noise = Noise(floor=0.0, gamma=0.039)
    assert noise.error(np.array([24.0]), np.array([24.0]))[0] == pytest.approx(0.2)  # signal to noise of five


def test_bright_stars_have_the_error_of_the_calibration():
    noise = Noise(floor=0.012, gamma=0.039)
    assert noise.error(np.array([13.0]), np.array([20.8]))[0] == pytest.approx(0.012, rel=0.01)


def test_a_relative_flux_error_of_a_per_mille_is_one_of_a_millimagnitude():
    assert -2.5 * np.log10(1.0 - 1e-6) / 1e-6 == pytest.approx(MAG_PER_RELATIVE_FLUX, rel=1e-5)


@pytest.mark.parametrize(
    ("low", "high", "measured"),
    [(0.01, 0.03, 0.04), (0.03, 0.06, 0.10), (0.06, 0.10, 0.30), (0.10, 0.20, 0.87)],
)
def test_alerts_of_ztf_are_as_rare_as_measured_where_stars_differ_little(low, high, measured):
    difference = np.geomspace(low, high, 101)
    chance = ZTF.alert_chance.at(np.full(101, 30.0), difference).mean()
    assert chance == pytest.approx(measured, abs=0.16)  # 188 exposures in all: some 40 a bin


def test_half_of_the_alerts_of_ztf_are_left_at_eight_per_cent_of_the_reference():
    many, few = np.array([0.081, 1.0]), np.array([0.081, 0.01])
    assert ZTF.alert_chance.at(np.full(2, 9.0), many) == pytest.approx([0.97 / 2.0, 0.97], abs=1e-3)
    assert ZTF.alert_chance.at(np.full(2, 4.99), many).tolist() == [0.0, 0.0]
    logistic = 0.97 / (1.0 + np.exp(-(np.log(few) - np.log(0.081)) / 0.26))
    assert ZTF.alert_chance.at(np.full(2, 9.0), few) == pytest.approx(logistic, rel=1e-9)


def test_alerts_of_lsst_depend_on_the_significance_alone():
    significance = np.array([4.0, 5.5, 7.0, 40.0])
    for difference in (0.001, 1.0):
        chance = LSST.alert_chance.at(significance, np.full(4, difference))
        assert chance == pytest.approx([0.0, 0.45, 0.95, 0.95], abs=0.1)
