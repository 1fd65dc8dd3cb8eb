"""Simulated stars against what the literature says of their kind."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.timeseries import LombScargle
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.simulator.shapes import Binary, CosineSeries, pulsation
from broker.simulator.stars import CLASSES, make_star

# Periods [d] and full amplitudes in g [mag] within which practically all stars of the class lie: OGLE-III and
# OGLE-IV catalogues of variable stars, Stripe 82 for RR Lyrae stars in g.
RANGES = {
    "RRL_ab": ((0.40, 0.85), (0.25, 1.45)),
    "RRL_c": ((0.20, 0.45), (0.20, 0.70)),
    "CEPH_F": ((1.0, 80.0), (0.25, 1.45)),
    "DSCT": ((0.03, 0.20), (0.05, 0.80)),
    "LPV": ((80.0, 700.0), (2.4, 8.0)),
    "EB_EC": ((0.20, 1.0), (0.1, 1.0)),
    "EB_ESD": ((0.3, 10.0), (0.2, 1.5)),
    "EB_ED": ((0.3, 30.0), (0.3, 1.2)),
}
PULSATORS = ("RRL_ab", "RRL_c", "CEPH_F", "DSCT", "LPV")
SEEDS = range(25)


def star_of(class_name, seed):
    return make_star(class_name, ra=10.0, dec=20.0, r_mag=16.0, rng=np.random.default_rng(seed))


def fourier(star, n_harmonics):
    """Amplitude ratios and phase differences of a cosine series, by least squares."""
    phase = np.arange(400) / 400.0
    mag = star.mag(60000.0 + phase * star.period_d, "g")
    angle = 2.0 * np.pi * np.multiply.outer(phase, np.arange(1, n_harmonics + 1))
    design = np.hstack([np.ones((400, 1)), np.cos(angle), np.sin(angle)])
    solution = np.linalg.lstsq(design, mag, rcond=None)[0][1:]
    a, b = solution[:n_harmonics], solution[n_harmonics:]
    amplitude, phi = np.hypot(a, b), np.arctan2(-b, a)
    order = np.arange(1, n_harmonics + 1)
    return amplitude / amplitude[0], (phi - order * phi[0]) % (2.0 * np.pi)


@pytest.mark.parametrize("class_name", RANGES)
def test_periods_and_amplitudes_are_those_of_the_class(class_name):
    (shortest, longest), (smallest, largest) = RANGES[class_name]
    for seed in SEEDS:
        star = star_of(class_name, seed)
        assert shortest < star.period_d < longest
        two_cycles = star.mag(np.linspace(60000.0, 60000.0 + 2.0 * star.period_d, 4000), "g")
        assert smallest < np.ptp(two_cycles) < largest


def test_rr_lyrae_ab_have_the_fourier_parameters_of_stripe_82():
    # Medians of the RRab of Sesar et al. (2010) in g, six harmonics, cosines: R21 0.44, R31 0.30, phi21 3.88,
    # phi31 1.83; the tolerances are a third of their scatter.
    ratios, phases = map(np.array, zip(*(fourier(star_of("RRL_ab", s), 6) for s in SEEDS), strict=True))
    assert np.median(ratios[:, 1]) == pytest.approx(0.44, abs=0.04)
    assert np.median(ratios[:, 2]) == pytest.approx(0.30, abs=0.04)
    assert np.median(phases[:, 1]) == pytest.approx(3.88, abs=0.1)
    assert np.median(phases[:, 2]) == pytest.approx(1.83, abs=0.2)


def test_rr_lyrae_ab_brighten_faster_than_they_fade():
    for seed in SEEDS:
        star = star_of("RRL_ab", seed)
        mag = star.mag(60000.0 + star.period_d * np.arange(1000) / 1000.0, "g")
        rise = (np.argmin(mag) - np.argmax(mag)) % 1000 / 1000.0
        assert rise < 0.35


def test_rr_lyrae_stars_are_less_variable_in_red():
    # Sesar et al. (2010), section 3: amplitudes in r are 0.71 of those in g, in i 0.56.
    amplitude = star_of("RRL_ab", 1).amplitude
    assert amplitude["r"] / amplitude["g"] == pytest.approx(0.71, abs=0.02)
    assert amplitude["i"] / amplitude["g"] == pytest.approx(0.56, abs=0.02)


@pytest.mark.parametrize("class_name", [name for name in PULSATORS if name != "LPV"])
def test_the_strongest_period_of_a_pulsating_star_is_its_period(class_name):
    for seed in range(5):
        assert strongest_period(star_of(class_name, seed)) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("class_name", ["EB_EC", "EB_ED", "EB_ESD"])
def test_the_strongest_period_of_a_binary_is_half_its_orbit_or_the_orbit(class_name):
    for seed in range(5):
        found = strongest_period(star_of(class_name, seed))
        assert min(abs(found / p - 1.0) for p in (0.5, 1.0)) < 1e-3


def strongest_period(star):
    """Period that the Lomb-Scargle periodogram of astropy finds, in units of the star's."""
    rng = np.random.default_rng(99)
    time = 60000.0 + np.sort(rng.uniform(0.0, 60.0 * star.period_d, 500))
    frequency = np.arange(0.2, 4.0, 0.001) / star.period_d
    power = LombScargle(time, star.mag(time, "r")).power(frequency)
    return 1.0 / (frequency[np.argmax(power)] * star.period_d)


def test_no_two_cycles_of_a_mira_are_alike():
    star = star_of("LPV", 3)
    cycles = star.mag(60000.0 + star.period_d * np.arange(3000).reshape(3, 1000) / 1000.0, "r")
    assert np.ptp(cycles.min(axis=1)) > 0.05


def test_quasars_wander_as_a_damped_random_walk():
    # Structure function of the walk: SF^2 = 2 sigma^2 (1 - exp(-dt / tau)); with the shortest and the longest
    # waves left out and tau scattered by 0.2 dex, an ensemble keeps to it within a sixth.
    rng = np.random.default_rng(5)
    lag = np.array([10.0, 100.0, 1000.0])
    squares = []
    for seed in range(150):
        shape = star_of("QSO", seed).shape
        start = rng.uniform(50000.0, 70000.0, 200)
        squares.append([np.mean((shape(start + dt) - shape(start)) ** 2) for dt in lag])
    expected = np.sqrt(2.0 * (1.0 - np.exp(-lag / 10.0**2.5)))
    assert np.sqrt(np.mean(squares, axis=0)) == pytest.approx(expected, rel=0.17)


def test_a_constant_star_is_constant():
    assert np.ptp(star_of("NonVar", 0).mag(np.linspace(60000.0, 61000.0, 50), "r")) == 0.0


def test_eclipses_are_as_deep_as_the_light_that_is_lost():
    binary = Binary(period_d=2.0, phase=0.0, primary=0.4, secondary=0.1, width=0.02, ellipsoidal=0.0)
    middle_of_primary, quadrature, middle_of_secondary = binary(np.array([4.0, 4.5, 5.0]))
    assert middle_of_primary == pytest.approx(-2.5 * np.log10(0.6), abs=1e-9)
    assert quadrature == pytest.approx(0.0, abs=1e-9)
    assert middle_of_secondary == pytest.approx(-2.5 * np.log10(0.9), abs=1e-9)


def test_a_distorted_star_is_brightest_at_quadrature():
    binary = Binary(period_d=1.0, phase=0.0, primary=0.0, secondary=0.0, width=0.05, ellipsoidal=0.2)
    assert binary(np.array([0.25, 0.75])) == pytest.approx(0.0, abs=1e-9)
    assert binary(np.array([0.0, 0.5])) == pytest.approx(-2.5 * np.log10(0.8), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    period_d=st.floats(0.05, 500.0),
    r21=st.floats(0.0, 0.5),
    phi21=st.floats(0.0, 6.3),
    seed=st.integers(0, 2**32),
)
def test_a_pulsation_repeats_after_its_period_with_unit_range(period_d, r21, phi21, seed):
    shape = pulsation(period_d, np.array([r21]), np.array([phi21]), np.random.default_rng(seed))
    time = np.linspace(0.0, period_d, 300)
    assert np.ptp(shape(time)) == pytest.approx(1.0, abs=2e-3)
    assert shape(time + 7.0 * period_d) == pytest.approx(shape(time), abs=1e-9)


def test_one_cosine_is_a_cosine():
    shape = CosineSeries(np.array([0.5]), np.array([2.0]), np.array([0.0]))
    assert shape(np.array([0.0, 0.5, 1.0])) == pytest.approx([2.0, 0.0, -2.0], abs=1e-12)


def test_all_classes_can_be_drawn_in_every_band():
    for class_name in CLASSES:
        star = star_of(class_name, 7)
        for band in "ugrizy":
            assert np.isfinite(star.mag(np.linspace(60000.0, 60400.0, 200), band)).all()
