"""Which exposures of a star come to be in its light curve, of alerts, forced photometry and archives."""

import dataclasses

import numpy as np
import pytest

from schemas.surveys import LSST, ZTF
from training.reobserve.cadence import Visits
from training.reobserve.epochs import Chances, CopyKind, brought, measure
from training.reobserve.noise import flux_of
from training.reobserve.ztf_and_lsst import LSST_LIKE, ZTF_LIKE

N = 20_000


def exposed(cadence, kind, truth, *, reference=15.0, band=2, seed=1):
    """Epochs of a star in exposures a day apart, and the exposures."""
    n = len(truth)
    visits = Visits(np.arange(n) * 1.0, np.full(n, 20.5), np.full(n, band, np.int8))
    chances = Chances.draw(np.random.default_rng(seed), n)
    fluxes = np.full(n, float(flux_of(np.array([reference]))[0]))
    return measure(truth, fluxes, visits, cadence=cadence, chances=chances, kind=kind), visits, chances


def test_half_of_the_exposures_make_an_alert_where_the_star_differs_by_eight_per_cent():
    fainter = np.full(N, 15.0 - 2.5 * np.log10(1.0 - 0.081))
    epochs, *_ = exposed(ZTF_LIKE, CopyKind.ALERTS, fainter)
    assert epochs.alert.mean() == pytest.approx(0.97 / 2, abs=0.02)
    assert epochs.kept.tolist() == epochs.alert.tolist()


def test_the_stream_of_ztf_has_its_share_of_the_exposures_of_thirty_days_before_an_alert():
    rng = np.random.default_rng(0)
    truth = np.where(rng.random(N) < 0.02, 15.5, 15.0)  # a tenth of a year between excursions
    epochs, visits, _ = exposed(ZTF_LIKE, CopyKind.FORCED, truth)
    alerts = visits.time[epochs.alert]
    wait = alerts[np.minimum(np.searchsorted(alerts, visits.time + 0.5), alerts.size - 1)] - visits.time
    within = (wait >= 0.5) & (wait <= 30.0) & ~epochs.alert
    assert epochs.kept[within].mean() == pytest.approx(0.56, abs=0.02)
    assert not epochs.kept[~within & ~epochs.alert].any()
    assert epochs.kept[epochs.alert].all()


def test_the_stream_of_lsst_has_every_exposure_from_the_second_alert_to_the_last():
    truth = np.full(400, 20.0)
    truth[[50, 120, 300]] = 19.0
    epochs, *_ = exposed(LSST_LIKE, CopyKind.FORCED, truth, reference=20.0, seed=3)
    first, *_, last = np.flatnonzero(epochs.alert)
    second = np.flatnonzero(epochs.alert)[1]
    wanted = np.zeros(400, np.bool_)
    wanted[first] = True
    wanted[second : last + 1] = True
    assert epochs.kept.tolist() == wanted.tolist()


def test_forced_photometry_is_not_brought_by_later_packets_than_it_reaches():
    time = np.array([0.0, 69.0, 70.5, 99.9, 100.0])
    alert = np.array([False, False, False, False, True])
    zeros = np.zeros(5)
    assert brought(time, alert, zeros, ZTF.forced).tolist() == [False, False, True, False, False]
    assert not brought(time, alert, zeros, LSST.forced).any()  # of the second alert on
    assert not brought(time, np.zeros(5, bool), zeros, ZTF.forced).any()


@pytest.mark.parametrize(("cadence", "floor"), [(ZTF_LIKE, 0.015), (LSST_LIKE, 0.006)], ids=["ztf", "lsst"])
def test_forced_errors_are_those_of_photons_and_a_floor_and_scatter_agrees(cadence, floor):
    truth = np.where(np.arange(N) % 10 == 0, 17.5, 17.0)
    epochs, visits, _ = exposed(cadence, CopyKind.FORCED, truth, reference=17.0)
    forced = epochs.kept & ~epochs.alert
    assert forced.sum() > 5000
    photons = cadence.survey.noise.error(truth, visits.depth)
    relative = epochs.flux_err[forced] / flux_of(truth[forced]) * 2.5 / np.log(10.0)
    assert relative == pytest.approx(np.hypot(photons, floor)[forced], rel=1e-9)
    pull = (epochs.flux - flux_of(truth))[forced] / epochs.flux_err[forced]
    assert pull.std() == pytest.approx(1.0, abs=0.03)


def test_a_detection_of_ztf_stays_and_one_of_lsst_gives_way():
    truth = np.where(np.arange(2000) % 2 == 0, 15.5, 15.0)
    for cadence, stays in ((ZTF_LIKE, True), (LSST_LIKE, False)):
        cadence = dataclasses.replace(  # noqa: PLW2901
            cadence, survey=dataclasses.replace(cadence.survey, saturation=10.0)
        )
        alone, *_ = exposed(cadence, CopyKind.ALERTS, truth)
        filled, *_ = exposed(cadence, CopyKind.FORCED, truth)
        assert filled.alert.tolist() == alone.alert.tolist()
        both = np.flatnonzero(alone.alert)[2:]
        assert (filled.flux[both] == alone.flux[both]).all() == stays


def test_no_forced_measurement_is_below_five_sigma_of_the_total():
    truth = np.where(np.arange(N) % 3 == 0, 18.0, 20.9)
    epochs, *_ = exposed(ZTF_LIKE, CopyKind.FORCED, truth, reference=20.0)
    forced = epochs.kept & ~epochs.alert
    assert forced.any()
    assert (epochs.flux >= 5.0 * epochs.flux_err)[forced].all()


def test_an_archive_has_every_exposure_that_shows_the_star():
    epochs, *_ = exposed(ZTF_LIKE, CopyKind.ARCHIVE, np.full(100, 15.0))
    assert epochs.kept.all()
    saturated, *_ = exposed(ZTF_LIKE, CopyKind.ARCHIVE, np.full(100, 12.0))
    assert not saturated.kept.any()
