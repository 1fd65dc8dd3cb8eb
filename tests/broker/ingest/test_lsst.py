"""LSST alerts against the definition of an AB magnitude in nanojansky."""

from __future__ import annotations

import math

import numpy as np
import pytest

from broker.alert import Alert, Skipped
from broker.errors import AlertError
from broker.ingest.heliocentric import light_travel_s
from tests.broker.packets import DIA_SOURCE, MJD_TAI, dia_source, forced_lsst, lsst_alert, lsst_schema


def test_the_magnitude_is_of_the_total_flux(read_lsst):
    alert = read_lsst(lsst_alert(dia_source(scienceFlux=3630780.5, scienceFluxErr=36307.805)))
    assert alert.detection["mag"][0] == pytest.approx(15.0, abs=2e-6)  # AB: 3630.78 Jy is magnitude 0
    assert alert.detection["mag_err"][0] == pytest.approx(0.01 * 2.5 / math.log(10), rel=1e-6)


def test_an_epoch_names_its_source_exposure_band_and_time(read_lsst):
    alert = read_lsst(lsst_alert(dia_source()))

    assert (alert.survey, alert.object_id, alert.time_scale) == ("lsst", "170094456480989001", "TAI")
    assert (alert.source_id, alert.band, alert.mjd) == (170094456480989258, "r", MJD_TAI)
    assert divmod(int(alert.detection["exposure"][0]), 256) == (2026030600123, 94)
    expected = light_travel_s(MJD_TAI, 150.0, 2.0)
    assert alert.detection["time_correction_s"][0] == pytest.approx(expected, abs=1e-4)


def test_history_is_used_forced_rows_counted_and_withdrawn_sources_named(read_lsst):
    history = [
        dia_source(diaSourceId=1, band="u"),
        dia_source(diaSourceId=2, timeWithdrawnMjdTai=61110.0),
        dia_source(diaSourceId=3, scienceFlux=None),
        dia_source(diaSourceId=4, scienceFlux=-1.0),
        dia_source(diaSourceId=5, band="w"),
        dia_source(diaSourceId=6, midpointMjdTai=math.nan),
        dia_source(diaSourceId=7, band="y", scienceFluxErr=None),
        dia_source(diaSourceId=8, scienceFlux=100.0, scienceFluxErr=93.0),
        dia_source(diaSourceId=9, scienceFlux=100.0, scienceFluxErr=92.0),
        dia_source(diaSourceId=10, scienceFlux=1e20),
        dia_source(diaSourceId=11, scienceFlux=0.01),
        dia_source(diaSourceId=12, ssObjectId=4711),
    ]
    forced = [forced_lsst(number) for number in range(3)]
    alert = read_lsst(lsst_alert(dia_source(), history, prvDiaForcedSources=forced))

    assert alert.history["source_id"].tolist() == [1, 7, 9]
    assert alert.history["band"].tolist() == [b"u", b"y", b"r"]
    assert np.isnan(alert.history["mag_err"]).tolist() == [False, True, False]
    assert alert.withdrawn.tolist() == [2]
    assert alert.history_rows == {
        "used": 3,
        "withdrawn": 1,
        "solar_system": 1,
        "no_total_flux": 3,
        "bad_value": 3,
        "uninformative": 1,
        "forced": 3,
        "forced_used": 3,
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"diaObjectId": None, "ssObjectId": 4711}, "solar_system"),
        ({"diaObjectId": 0, "ssObjectId": 4711}, "solar_system"),
        ({"ssObjectId": 4711}, "solar_system"),
        ({"ssObjectId": 4711, "scienceFlux": None}, "solar_system"),
        ({"diaObjectId": 0, "ssObjectId": 0}, "no_object"),
        ({"diaObjectId": None}, "no_object"),
        ({"scienceFlux": None}, "no_total_flux"),
        ({"scienceFlux": 0.0}, "no_total_flux"),
        ({"scienceFlux": -3.0, "band": "w"}, "no_total_flux"),
        ({"scienceFlux": math.nan}, "no_total_flux"),
        ({"scienceFlux": math.inf}, "no_total_flux"),
        ({"scienceFlux": 0.01}, "no_total_flux"),  # of magnitude 36.4
        ({"scienceFlux": 0.1}, "uninformative"),
        ({"scienceFluxErr": 36307.8}, "uninformative"),
        ({"scienceFluxErr": math.inf}, "uninformative"),
    ],
)
def test_an_alert_is_passed_over_by_the_first_rule_its_source_breaks(read_lsst, changes, reason):
    assert read_lsst(lsst_alert(dia_source(**changes))) == Skipped("lsst", reason)


def test_how_large_an_error_may_be_can_be_set(read_lsst):
    row = dia_source(scienceFlux=1000.0, scienceFluxErr=300.0)  # 0.326 mag
    for limit, used in ((0.3, False), (0.33, True), (1.0, True)):
        fate = read_lsst(lsst_alert(row), max_mag_err=limit)
        assert isinstance(fate, Alert) if used else fate == Skipped("lsst", "uninformative")


@pytest.mark.parametrize("error", [None, 0.0, -1.0, math.nan])
def test_an_unknown_error_leaves_the_magnitude(read_lsst, error):
    alert = read_lsst(lsst_alert(dia_source(scienceFluxErr=error)))
    assert np.isnan(alert.detection["mag_err"][0])
    assert np.isfinite(alert.detection["mag"][0])


@pytest.mark.parametrize(
    "changes",
    [*({"scienceFlux": flux} for flux in (1000.0, None, -5.0, 1e20, 0.01)), {"ssObjectId": 4711}],
)
def test_a_withdrawn_trigger_is_named_so_that_it_leaves_its_light_curve(read_lsst, changes):
    trigger = dia_source(timeWithdrawnMjdTai=61110.0, **changes)
    alert = read_lsst(lsst_alert(trigger, [dia_source(diaSourceId=1)]))
    assert alert.is_withdrawn
    assert alert.withdrawn.tolist() == [alert.source_id]
    assert alert.history["source_id"].tolist() == [1]


@pytest.mark.parametrize(
    ("changes", "reason", "named"),
    [
        ({"midpointMjdTai": -1.0}, "bad_value", "midpointMjdTai is -1.0"),
        ({"visit": 2**55}, "bad_value", f"visit is {2**55}"),
        ({"visit": -1}, "bad_value", "visit is -1"),
        ({"detector": 256}, "bad_value", "detector is 256"),
        ({"band": "lsst_r_broad"}, "bad_value", "band is"),
        ({"band": None}, "missing_field", "band is null"),
        ({"scienceFlux": 1e15}, "bad_value", "scienceFlux is "),  # of magnitude -6.1
        ({"dec": 91.0}, "bad_value", "dec is 91.0"),
    ],
)
def test_an_impossible_source_is_refused_with_the_name_and_the_value(read_lsst, changes, reason, named):
    with pytest.raises(AlertError, match=f"diaSource.{named}") as refused:
        read_lsst(lsst_alert(dia_source(**changes)))
    assert refused.value.reason == reason


def test_a_field_inserted_in_the_middle_changes_nothing(read_lsst):
    evolved = {}
    for name, kind in DIA_SOURCE.items():
        evolved[name] = kind
        if name == "visit":
            evolved |= {"exposureTime": ["null", "double"], "trail_flag": ["null", "boolean"]}
    alert = lsst_alert(dia_source(), [dia_source(diaSourceId=1, scienceFlux=9.0)])
    before = read_lsst(alert)
    for source in (alert["diaSource"], *alert["prvDiaSources"]):
        source |= {"exposureTime": 30.0, "trail_flag": False}

    after = read_lsst(alert, lsst_schema(evolved))

    assert isinstance(after, Alert)
    assert (after.detection.tobytes(), after.history.tobytes()) == (
        before.detection.tobytes(),
        before.history.tobytes(),
    )


def test_a_schema_without_total_flux_is_read_and_passed_over(read_lsst):
    old = {name: kind for name, kind in DIA_SOURCE.items() if not name.startswith("science")}
    alert = lsst_alert({name: value for name, value in dia_source().items() if name in old})
    assert read_lsst(alert, lsst_schema(old)) == Skipped("lsst", "no_total_flux")
