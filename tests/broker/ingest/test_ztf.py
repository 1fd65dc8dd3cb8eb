"""ZTF alerts against the survey's formulae, written out here once more."""

from __future__ import annotations

import math

import numpy as np
import pytest

from broker.alert import Alert, Skipped
from broker.errors import AlertError, ConfigError
from broker.ingest.heliocentric import light_travel_s
from broker.ingest.vetting import VettingRules
from tests.broker.packets import CANDIDATE, JD, PID, candidate, forced_ztf, record, upper_limit, ztf_alert

NO_MAGNITUDES = [
    0.0,
    -0.0,
    99.999,
    99.0,
    88.888,
    50.0,
    35.1,
    -5.1,
    -9.99,
    -999.0,
    -99999.0,
    math.nan,
    math.inf,
]


def flux(mag: float) -> float:
    return 10 ** (-0.4 * mag)


@pytest.mark.parametrize(
    ("spelling", "sign"), [("t", 1), ("1", 1), ("true", 1), ("f", -1), ("0", -1), ("false", -1)]
)
def test_the_magnitude_is_that_of_reference_and_difference_together(read_ztf, spelling, sign):
    alert = read_ztf(ztf_alert(candidate(isdiffpos=spelling)))

    total = flux(17.0) + sign * flux(18.0)
    epoch = alert.detection[0]
    assert epoch["mag"] == pytest.approx(-2.5 * math.log10(total), abs=2e-6)  # float32 at 17
    error = math.hypot(flux(17.0) * 0.02, flux(18.0) * 0.1) / total
    assert epoch["mag_err"] == pytest.approx(error, rel=1e-6)


def test_the_error_can_be_that_of_the_difference_alone(read_ztf):
    alert = read_ztf(ztf_alert(candidate()), ztf_error="difference")
    assert alert.detection["mag_err"][0] == pytest.approx(
        flux(18.0) * 0.1 / (flux(17.0) + flux(18.0)), rel=1e-6
    )


@pytest.mark.parametrize("unknown", [None, 0.0, -999.0, math.nan])
@pytest.mark.parametrize("name", ["sigmapsf", "sigmagnr"])
def test_an_unknown_part_of_the_error_leaves_the_magnitude(read_ztf, name, unknown):
    alert = read_ztf(ztf_alert(candidate(**{name: unknown})))
    assert np.isnan(alert.detection["mag_err"][0])
    assert np.isfinite(alert.detection["mag"][0])


def test_an_epoch_names_its_candidate_exposure_band_and_time(read_ztf):
    alert = read_ztf(ztf_alert(candidate(fid=2)))

    assert (alert.survey, alert.object_id, alert.key) == ("ztf", "ZTF18aaaaaaa", "ztf:ZTF18aaaaaaa")
    assert (alert.source_id, alert.band, alert.time_scale) == (PID * 1000 + 7, "r", "UTC")
    assert alert.detection["exposure"][0] == PID
    assert alert.mjd == JD - 2400000.5
    assert (alert.ra, alert.dec) == (150.0, 2.0)


@pytest.mark.parametrize(("exptime", "half_s"), [(30.0, 15.0), (90.0, 45.0), (None, 15.0), (-999.0, 15.0)])
def test_the_time_correction_goes_to_mid_exposure_and_to_the_sun(read_ztf, exptime, half_s):
    alert = read_ztf(ztf_alert(candidate(exptime=exptime)))
    expected = half_s + light_travel_s(JD - 2400000.5, 150.0, 2.0)
    assert alert.detection["time_correction_s"][0] == pytest.approx(expected, abs=1e-4)


def test_history_of_all_bands_is_used_and_each_other_row_counted_by_its_first_reason(read_ztf):
    history = [
        candidate(fid=2, candid=1),
        candidate(fid=3, candid=2, magnr=16.0),
        upper_limit(),
        upper_limit(programid=3),
        candidate(programid=2, distnr=9.0),
        candidate(isdiffpos="f", magpsf=16.5, distnr=9.0),
        candidate(distnr=1.41),
        candidate(magnr=None),
        candidate(magnr=-999.0),
        candidate(fid=7),
        candidate(jd=math.nan),
        candidate(candid=None),
        candidate(magpsf=-999.0),
        candidate(ssdistnr=0.0, ssmagnr=18.4),
        candidate(ssdistnr=0.0, ssmagnr=18.4, programid=2),
        candidate(sigmapsf=4.0),
        candidate(sigmapsf=4.0, distnr=1.41),
    ]
    alert = read_ztf(ztf_alert(candidate(), history, fp_hists=[forced_ztf()] * 5))

    assert alert.history_rows == {
        "used": 2,
        "non_detection": 2,
        "not_public": 2,
        "solar_system": 1,
        "no_total_flux": 1,
        "no_reference_star": 4,
        "bad_value": 4,
        "uninformative": 1,
        "forced": 5,
        "forced_used": 5,
    }
    assert alert.history["band"].tolist() == [b"r", b"i"]
    assert alert.history["source_id"].tolist() == [1, 2]
    assert alert.history["mag"][1] == pytest.approx(-2.5 * math.log10(flux(16.0) + flux(18.0)), abs=2e-6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"programid": 2}, "not_public"),
        ({"programid": 3, "magnr": None}, "not_public"),
        ({"isdiffpos": "f", "magpsf": 16.9}, "no_total_flux"),
        ({"isdiffpos": "f", "magpsf": 16.9, "distnr": 5.0}, "no_total_flux"),
        ({"distnr": 1.41}, "no_reference_star"),
        ({"distnr": -999.0}, "no_reference_star"),
        ({"distnr": None}, "no_reference_star"),
        ({"magnr": None}, "no_reference_star"),
        *(({"magnr": none}, "no_reference_star") for none in NO_MAGNITUDES),
        ({"sigmapsf": 4.0}, "uninformative"),
        ({"sigmapsf": 4.0, "distnr": 1.41}, "no_reference_star"),
        ({"isdiffpos": "f", "magpsf": 17.004}, "uninformative"),
        ({"ssdistnr": 0.0, "ssmagnr": 18.4}, "solar_system"),
        ({"ssdistnr": 0.0, "ssmagnr": 18.4, "magnr": None}, "solar_system"),
        ({"ssdistnr": 0.0, "ssmagnr": 18.4, "programid": 2}, "not_public"),
    ],
)
def test_an_alert_is_passed_over_by_the_first_rule_its_candidate_breaks(read_ztf, changes, reason):
    assert read_ztf(ztf_alert(candidate(**changes))) == Skipped("ztf", reason)


@pytest.mark.parametrize("mag", [-4.9, -1.46, 34.9])
def test_a_magnitude_that_can_be_is_taken_as_it_is(read_ztf, mag):
    alert = read_ztf(ztf_alert(candidate(magpsf=mag, distnr=5.0)), require_reference_star=False)
    assert alert.detection["mag"][0] == pytest.approx(mag, rel=1e-6)


@pytest.mark.parametrize(("error", "used"), [(0.99, True), (0.9999, True), (1.0001, False), (99.99, False)])
def test_an_epoch_whose_error_is_a_magnitude_says_nothing(read_ztf, error, used):
    """Of a star that its difference doubles: the error of the sum is half that of the difference."""
    row = candidate(magnr=18.0, sigmagnr=None, sigmapsf=2 * error)
    alert = read_ztf(ztf_alert(candidate(), [row]), ztf_error="difference")
    assert alert.history_rows == {"used" if used else "uninformative": 1}
    assert alert.history.size == used


@pytest.mark.parametrize("error", [50.0, 88.888, 99.99, 999.0, math.inf])
@pytest.mark.parametrize("name", ["sigmapsf", "sigmagnr"])
def test_a_limit_that_is_written_as_a_magnitude_says_nothing_of_a_bright_star_either(read_ztf, name, error):
    """The other part is 10,000 times as bright, so that an error of 99.99 would be one of 0.01 of the sum."""
    mags = {"magpsf": 24.0, "magnr": 14.0} if name == "sigmapsf" else {"magpsf": 14.0, "magnr": 24.0}
    row = candidate(**mags, **{name: error})
    assert read_ztf(ztf_alert(row)) == Skipped("ztf", "uninformative")
    assert read_ztf(ztf_alert(candidate(), [row]), max_mag_err=1000.0).history_rows == {"uninformative": 1}


def test_the_error_of_a_reference_that_is_not_added_is_not_asked_for(read_ztf):
    row = candidate(distnr=5.0, sigmagnr=99.99)
    assert isinstance(read_ztf(ztf_alert(row), require_reference_star=False), Alert)


def test_how_large_an_error_may_be_can_be_set(read_ztf):
    row = candidate(sigmapsf=1.0)  # of the sum: 0.285, of which the reference is 0.014
    for limit, used in ((0.2, False), (0.28, False), (0.29, True), (5.0, True)):
        fate = read_ztf(ztf_alert(row), max_mag_err=limit)
        assert isinstance(fate, Alert) if used else fate == Skipped("ztf", "uninformative")


@pytest.mark.parametrize("unknown", [None, -999.0])
def test_what_is_known_of_an_error_may_be_too_much_already(read_ztf, unknown):
    """The difference all but cancels the reference: its own error says so, whatever the reference's is."""
    row = candidate(isdiffpos="f", magpsf=17.02, sigmapsf=0.05, sigmagnr=unknown)
    assert read_ztf(ztf_alert(row)) == Skipped("ztf", "uninformative")


def test_light_that_cancels_to_less_than_any_star_has_is_none(read_ztf):
    fields = CANDIDATE | {"magpsf": "double", "magnr": "double"}
    schema = record("alert", {"objectId": "string", "candid": "long", "candidate": record("c", fields)})
    for above, reason in ((1e-9, "no_total_flux"), (1e-6, "uninformative")):  # 40 and 32 mag are left
        row = candidate(isdiffpos="f", magnr=17.0, magpsf=17.0 + above)
        alert = {"objectId": "ZTF1", "candid": 1, "candidate": row}
        assert read_ztf(alert, schema) == Skipped("ztf", reason)


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        ({"ssdistnr": 0.0, "ssmagnr": 18.4}, False),
        ({"ssdistnr": 4.9, "ssmagnr": 18.0}, False),
        ({"ssdistnr": 1.0, "ssmagnr": 16.6}, False),
        ({"ssdistnr": 1.0, "ssmagnr": 19.4}, False),
        ({"ssdistnr": 5.1, "ssmagnr": 18.0}, True),
        ({"ssdistnr": -999.0, "ssmagnr": 18.0}, True),
        ({"ssdistnr": None, "ssmagnr": 18.0}, True),
        ({"ssdistnr": 0.0, "ssmagnr": 21.0}, True),  # a faint one passes a star that varies by more
        ({"ssdistnr": 0.0, "ssmagnr": 15.0}, True),  # a bright one is elsewhere, or much more would be seen
        ({"ssdistnr": 0.0, "ssmagnr": -999.0}, True),
        ({"ssdistnr": 0.0, "ssmagnr": None}, True),
        ({"ssdistnr": 0.0, "ssmagnr": 18.0, "isdiffpos": "f"}, True),  # no asteroid takes light away
    ],
)
def test_a_known_asteroid_of_the_detected_brightness_is_no_epoch_of_a_star(read_ztf, changes, used):
    as_trigger = read_ztf(ztf_alert(candidate(**changes)))
    assert isinstance(as_trigger, Alert) if used else as_trigger == Skipped("ztf", "solar_system")
    as_history = read_ztf(ztf_alert(candidate(), [candidate(**changes)]))
    assert as_history.history_rows == {"used" if used else "solar_system": 1}


def test_packets_without_words_about_asteroids_are_read_as_ever(read_ztf):
    fields = {name: kind for name, kind in CANDIDATE.items() if not name.startswith("ss")}
    schema = record("alert", {"objectId": "string", "candid": "long", "candidate": record("c", fields)})
    row = {name: value for name, value in candidate().items() if name in fields}
    assert isinstance(read_ztf({"objectId": "ZTF1", "candid": 1, "candidate": row}, schema), Alert)


def test_all_programmes_are_used_when_none_is_named(read_ztf):
    assert isinstance(read_ztf(ztf_alert(candidate(programid=3)), programids=None), Alert)


def test_without_a_reference_star_the_difference_can_be_taken_as_all_light(read_ztf):
    alert = read_ztf(ztf_alert(candidate(distnr=5.0)), require_reference_star=False)
    assert alert.detection["mag"][0] == pytest.approx(18.0, abs=2e-6)
    assert alert.detection["mag_err"][0] == pytest.approx(0.1, rel=1e-6)
    fading = read_ztf(ztf_alert(candidate(distnr=5.0, isdiffpos="f")), require_reference_star=False)
    assert fading == Skipped("ztf", "no_total_flux")


@pytest.mark.parametrize(
    ("changes", "reason", "named"),
    [
        ({"jd": math.nan}, "bad_value", "jd is nan"),
        ({"jd": 60000.0}, "bad_value", "jd is 60000.0"),
        ({"jd": JD + 0.02}, "bad_value", f"pid is {PID}"),
        ({"fid": 4}, "bad_value", "fid is 4"),
        ({"ra": 361.0}, "bad_value", "ra is 361.0"),
        ({"dec": math.nan}, "bad_value", "dec is nan"),
        ({"ra": None}, "missing_field", "ra is null"),
        *(({"magpsf": none}, "bad_value", "magpsf is ") for none in NO_MAGNITUDES),
        ({"magpsf": None}, "missing_field", "magpsf is null"),
        ({"isdiffpos": "maybe"}, "bad_value", "isdiffpos is 'maybe'"),
    ],
)
def test_an_impossible_candidate_is_refused_with_the_name_and_the_value(read_ztf, changes, reason, named):
    with pytest.raises(AlertError, match=f"candidate.{named}") as refused:
        read_ztf(ztf_alert(candidate(**changes)))
    assert refused.value.reason == reason


def test_an_alert_without_a_name_is_refused(read_ztf):
    with pytest.raises(AlertError, match="objectId") as refused:
        read_ztf(ztf_alert(candidate(), objectId=""))
    assert refused.value.reason == "missing_field"


def test_old_candidates_without_candid_take_the_alerts(read_ztf):
    assert read_ztf(ztf_alert(candidate(candid=None), candid=42)).source_id == 42


def test_rules_that_would_use_nothing_are_refused():
    for wrong in (
        {"programids": frozenset()},
        {"max_distnr_arcsec": 0.0},
        {"ztf_error": "both"},
        {"max_mag_err": 0.0},
        {"max_mag_err": math.nan},
        {"max_packet_bytes": 0},
    ):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            VettingRules(**wrong)
