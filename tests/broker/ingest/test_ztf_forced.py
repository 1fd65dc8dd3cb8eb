"""Forced photometry of ZTF against the survey's formulae, and against values made without this code."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.alert import FORCED, Alert, Skipped
from broker.ingest.decoder import Decoder
from broker.ingest.heliocentric import light_travel_s
from broker.ingest.vetting import VettingRules
from broker.transport.split.split_file import read_file
from tests.broker.golden import golden_id, golden_rows
from tests.broker.packets import (
    PID,
    candidate,
    container,
    forced_ztf,
    packet,
    ztf_alert,
)

REFERENCE = 10 ** (0.4 * (26.0 - 17.0))  # counts of the star of `forced_ztf`
MEASURED = 2000.0
NOT_MEASURED = -99999.0


def verdict(read_ztf, row, **rules) -> str:
    """What becomes of a row."""
    alert = read_ztf(ztf_alert(candidate(), fp_hists=[row]), **rules)
    assert alert.history_rows["forced"] == 1
    (name,) = alert.history_rows.keys() - {"forced"}
    assert alert.forced.size == (name == "forced_used")
    return name.removeprefix("forced_")


def test_the_magnitude_is_that_of_the_star_and_the_difference_together(read_ztf):
    for flux in (MEASURED, -MEASURED, -0.9 * REFERENCE):
        row = forced_ztf(fid=2, forcediffimflux=flux)
        alert = read_ztf(ztf_alert(candidate(), fp_hists=[row]), max_mag_err=10.0)
        (epoch,) = alert.forced
        total = REFERENCE + flux
        assert epoch["mag"] == pytest.approx(26.0 - 2.5 * math.log10(total), abs=2e-6)
        error = math.hypot(2.5 / math.log(10) * 20.0, REFERENCE * 0.02) / total
        assert epoch["mag_err"] == pytest.approx(error, rel=1e-6)
        assert (epoch["band"], epoch["exposure"], epoch["source_id"]) == (b"r", row["pid"], 0)
        assert (epoch["kind"], epoch["offset"], epoch["withdrawn"]) == (FORCED, 30, False)
        assert epoch["mjd"] == row["jd"] - 2400000.5


def test_the_error_of_the_difference_alone_has_the_floor_of_repeated_exposures(read_ztf):
    alert = read_ztf(ztf_alert(candidate(), fp_hists=[forced_ztf()]), ztf_error="difference")
    error = math.hypot(2.5 / math.log(10) * 20.0 / (REFERENCE + MEASURED), 0.012)
    assert alert.forced["mag_err"][0] == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize("unknown", [None, 0.0, NOT_MEASURED, math.nan])
def test_an_unknown_error_of_the_reference_leaves_the_magnitude(read_ztf, unknown):
    alert = read_ztf(ztf_alert(candidate(), fp_hists=[forced_ztf(sigmagnr=unknown)]))
    assert np.isnan(alert.forced["mag_err"][0])
    assert np.isfinite(alert.forced["mag"][0])


@pytest.mark.parametrize(("exptime", "half_s"), [(30.0, 15.0), (90.0, 45.0), (None, 15.0), (-999.0, 15.0)])
def test_times_go_to_mid_exposure_and_to_the_sun_in_the_direction_of_the_candidate(read_ztf, exptime, half_s):
    row = forced_ztf(20.0, exptime=exptime)
    alert = read_ztf(ztf_alert(candidate(ra=10.0, dec=60.0), fp_hists=[row]))
    expected = half_s + light_travel_s(row["jd"] - 2400000.5, 10.0, 60.0)
    assert alert.forced["time_correction_s"][0] == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "used"),
        ({"programid": 2, "procstatus": "61"}, "not_public"),
        ({"procstatus": "61", "forcediffimflux": NOT_MEASURED}, "bad_status"),
        ({"procstatus": "56"}, "bad_status"),
        ({"procstatus": "0,57"}, "bad_status"),
        ({"procstatus": "61,62,63,64"}, "bad_status"),  # more than a column holds
        ({"procstatus": None}, "bad_status"),
        ({"forcediffimflux": NOT_MEASURED}, "bad_value"),
        ({"forcediffimflux": NOT_MEASURED, "magnr": NOT_MEASURED}, "bad_value"),
        ({"forcediffimflux": None}, "bad_value"),
        ({"forcediffimflux": math.nan}, "bad_value"),
        ({"forcediffimflux": math.inf}, "bad_value"),
        ({"forcediffimflux": 1e35}, "bad_value"),  # of magnitude -61
        ({"forcediffimfluxunc": 0.0}, "bad_value"),
        ({"forcediffimfluxunc": -20.0}, "bad_value"),
        ({"forcediffimfluxunc": NOT_MEASURED}, "bad_value"),
        ({"forcediffimfluxunc": math.nan}, "bad_value"),
        ({"forcediffimfluxunc": math.inf}, "bad_value"),
        ({"forcediffimfluxunc": None}, "bad_value"),
        ({"magzpsci": 14.9}, "bad_value"),
        ({"magzpsci": 35.1}, "bad_value"),
        ({"magzpsci": None}, "bad_value"),
        ({"fid": 4}, "bad_value"),
        ({"fid": None}, "bad_value"),
        ({"pid": None}, "bad_value"),
        ({"pid": PID}, "bad_value"),  # of another time
        ({"jd": math.nan}, "bad_value"),
        ({"jd": 60000.0}, "bad_value"),
        ({"magnr": NOT_MEASURED, "distnr": NOT_MEASURED}, "no_reference_star"),
        ({"magnr": None}, "no_reference_star"),
        ({"magnr": 0.0}, "no_reference_star"),
        ({"distnr": NOT_MEASURED}, "no_reference_star"),
        ({"distnr": None}, "no_reference_star"),
        ({"distnr": 1.41}, "no_reference_star"),
        ({"distnr": 1.39}, "used"),
        ({"distnr": 0.0}, "used"),
        ({"forcediffimflux": -REFERENCE - 1.0}, "no_total_flux"),
        ({"forcediffimflux": -REFERENCE + 99.0}, "faint"),
        ({"forcediffimflux": -REFERENCE + 101.0, "sigmagnr": 1e-4}, "used"),
        ({"forcediffimflux": -REFERENCE + 101.0, "sigmagnr": 0.03}, "uninformative"),  # 1.2 mag
        ({"sigmagnr": 99.0}, "uninformative"),
    ],
)
def test_a_row_has_the_first_verdict_that_applies(read_ztf, changes, expected):
    assert verdict(read_ztf, forced_ztf(**changes)) == expected


def test_a_star_that_fades_by_more_than_half_the_sentinel_is_real(read_ztf):
    """Nothing but -99999.0 itself stands for no measurement."""
    bright = {"magnr": 13.0, "sigmagnr": 0.001}  # 158,489 counts
    for flux in (-50_001.0, -58_000.0, -99_998.0, -99_999.01, -120_000.0):
        alert = read_ztf(ztf_alert(candidate(), fp_hists=[forced_ztf(forcediffimflux=flux, **bright)]))
        total = 10 ** (0.4 * 13.0) + np.float32(flux)
        assert alert.forced["mag"][0] == pytest.approx(26.0 - 2.5 * math.log10(total), abs=2e-6)
    assert verdict(read_ztf, forced_ztf(forcediffimflux=-99_999.0, **bright)) == "bad_value"


def test_the_rules_of_detections_are_those_of_forced_rows(read_ztf):
    assert verdict(read_ztf, forced_ztf(programid=3), programids=None) == "used"
    assert verdict(read_ztf, forced_ztf(distnr=0.5), max_distnr_arcsec=0.4) == "no_reference_star"
    assert verdict(read_ztf, forced_ztf(forcediffimfluxunc=500.0), max_mag_err=0.05) == "uninformative"
    alone = ztf_alert(candidate(), fp_hists=[forced_ztf(distnr=5.0)])
    alert = read_ztf(alone, require_reference_star=False)
    assert alert.forced["mag"][0] == pytest.approx(26.0 - 2.5 * math.log10(MEASURED), abs=2e-6)
    assert alert.forced["mag_err"][0] == pytest.approx(2.5 / math.log(10) * 0.01, rel=1e-6)


def test_forced_photometry_can_be_left_unused_and_is_counted_all_the_same(read_ztf):
    alert = read_ztf(ztf_alert(candidate(), fp_hists=[forced_ztf()] * 3), forced_photometry=False)
    assert alert.history_rows == {"forced": 3}
    assert alert.forced.size == 0


def test_an_alert_that_is_passed_over_brings_no_forced_photometry(read_ztf):
    alert = ztf_alert(candidate(ssdistnr=0.0, ssmagnr=18.4), fp_hists=[forced_ztf()])
    assert read_ztf(alert) == Skipped("ztf", "solar_system")


def test_of_two_rows_of_one_exposure_the_nearer_stays_and_of_equal_ones_the_first(read_ztf):
    rows = [
        forced_ztf(1.0, distnr=0.5, magnr=16.0),
        forced_ztf(2.0, distnr=0.2, magnr=15.0),
        forced_ztf(1.0, distnr=0.1),
        forced_ztf(2.0, distnr=0.2, magnr=14.0),
        forced_ztf(1.0, distnr=0.5, fid=2),
    ]
    alert = read_ztf(ztf_alert(candidate(), fp_hists=rows))
    assert alert.history_rows["forced_used"] == 5
    assert alert.forced["exposure"].tolist() == [rows[i]["pid"] for i in (1, 2, 4)]
    assert alert.forced["offset"].tolist() == [20, 10, 50]
    assert alert.forced["mag"][0] == pytest.approx(
        26.0 - 2.5 * math.log10(10 ** (0.4 * 11.0) + MEASURED), abs=2e-6
    )


ANY_NUMBER = st.one_of(
    st.none(),
    st.sampled_from([NOT_MEASURED, 0.0, -0.0, math.nan, math.inf, -math.inf, 3.4e38, -3.4e38, 1e-45]),
    st.floats(width=32),
)
ANY_ROW = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            ("exptime", "forcediffimflux", "forcediffimfluxunc", "magzpsci", "distnr", "magnr", "sigmagnr"),
            ANY_NUMBER,
        ),
        "jd": st.one_of(st.none(), st.floats()),
        "fid": st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)),
        "pid": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        "procstatus": st.one_of(st.none(), st.text(max_size=12)),
        "programid": st.integers(-3, 3),
    },
)
DECODER = Decoder(None, VettingRules())


@given(st.lists(ANY_ROW, max_size=6))
def test_whatever_a_row_holds_it_has_a_verdict_and_what_is_used_is_a_measurement(changes):
    rows = [forced_ztf(1.0 + i, **change) for i, change in enumerate(changes)]
    alert = DECODER.read(packet(container(ztf_alert(candidate(), fp_hists=rows))))
    assert isinstance(alert, Alert)
    verdicts = {name: n for name, n in alert.history_rows.items() if name.startswith("forced_")}
    assert sum(verdicts.values()) == alert.history_rows.get("forced", 0) == len(rows)
    assert alert.forced.size == verdicts.get("forced_used", 0)
    assert ((alert.forced["mag"] >= -5) & (alert.forced["mag"] <= 35)).all()
    assert (~(alert.forced["mag_err"] <= 0)).all()
    assert (np.abs(alert.forced["time_correction_s"]) < 3000).all()


@pytest.fixture(scope="module")
def read_once(shared_data):
    """Alert of a file's record; each is read once."""
    kept: dict[tuple[str, int], Any] = {}

    def read(file: str, record: int) -> Any:
        if (file, record) not in kept:
            messages = read_file(shared_data / "alerts" / "ztf" / file)
            kept[file, record] = DECODER.read(next(m for i, m in enumerate(messages) if i == record))
        return kept[file, record]

    return read


@pytest.mark.parametrize("row", golden_rows("ztf"), ids=golden_id)
def test_a_row_of_a_real_packet_has_the_value_of_plain_arithmetic(read_once, row):
    alert = read_once(row["file"], int(row["record"]))
    if isinstance(alert, Skipped):  # an asteroid, and a programme that is not public
        assert row["verdict"] != "used"
        assert alert.reason in {"solar_system", "not_public"}
        return
    found = alert.forced[(alert.forced["exposure"] == int(row["exposure"]))]
    assert found.size == (row["verdict"] == "used")
    for epoch in found:
        assert epoch["band"] == row["band"].encode()
        assert epoch["mjd"] == pytest.approx(float(row["mjd_start_utc"]), abs=1e-7)
        assert epoch["mag"] == pytest.approx(float(row["mag"]), abs=2e-5)
        assert epoch["mag_err"] == pytest.approx(float(row["err"]), abs=2e-5)
        assert epoch["offset"] / 100 == pytest.approx(float(row["distnr_arcsec"]), abs=0.00501)
    detections = np.concatenate([alert.detection, alert.history])
    same = detections[detections["exposure"] == int(row["exposure"])]
    assert bool(same.size) == bool(row["detection_mag"])
    for epoch in same[np.argsort(same["source_id"])][-1:]:  # of several the one that stays
        assert epoch["mag"] == pytest.approx(float(row["detection_mag"]), abs=2e-5)
        assert epoch["mag_err"] == pytest.approx(float(row["detection_err"]), abs=2e-5)
