"""Simulated packets against the surveys' formats, read by fastavro and by the formulae their users apply."""

from __future__ import annotations

import io
import itertools
import json
import struct
from pathlib import Path

import fastavro
import numpy as np
import pytest
from astropy.time import Time

from broker.alert import FORCED, Origin, Packet, Skipped
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.registry.schema_registry import open_registry
from broker.simulator.sky import simulate_sky
from broker.simulator.stream import alert_stream, alerts_of

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas" / "simulator"
LSST_SCHEMA = json.loads((SCHEMAS / "1100.avsc").read_text())
ZTF_SCHEMA = json.loads((SCHEMAS / "ztf_4.02.avsc").read_text())
MAG_PER_RELATIVE_FLUX = 2.5 / np.log(10.0)


def read(alert):
    if alert.survey == "ztf":
        (record,) = fastavro.reader(io.BytesIO(alert.payload))
        return record
    assert alert.payload[:5] == b"\x00" + struct.pack(">i", 1100)
    body = io.BytesIO(alert.payload[5:])
    record = fastavro.schemaless_reader(body, fastavro.parse_schema(LSST_SCHEMA), None)
    assert body.read() == b""
    return record


@pytest.fixture(scope="module")
def curves():
    """Light curves of every class, ten of each survey."""
    return {survey: simulate_sky(10, 4, survey, days=250) for survey in ("ztf", "lsst")}


@pytest.fixture(scope="module")
def alerts(curves):
    """Light curve, its row, its alert and the alert's content, of both surveys."""
    return {
        survey: [
            (curve, row, alert, read(alert))
            for curve in curves[survey]
            for row, alert in zip(np.flatnonzero(curve.detected), alerts_of(curve), strict=True)
        ]
        for survey in curves
    }


@pytest.mark.parametrize("schema", [ZTF_SCHEMA, LSST_SCHEMA], ids=["ztf", "lsst"])
def test_the_schemas_are_valid_and_say_what_their_fields_mean(schema):
    fastavro.parse_schema(schema)
    assert all("doc" in field for field in schema["fields"][:6])


def test_every_ztf_packet_is_a_container_of_one_alert(alerts):
    for curve, _, alert, record in alerts["ztf"]:
        assert alert.payload[:4] == b"Obj\x01"
        assert record["objectId"] == curve.object_id == alert.object_id
        assert record["candid"] == record["candidate"]["candid"]
        assert record["cutoutScience"] is None


def test_ztf_differences_and_references_give_the_total_magnitude_back(alerts):
    # The sum of reference and difference, and its error, as in the surveys' explanatory supplement.
    for curve, row, _, record in alerts["ztf"]:
        found = record["candidate"]
        reference, difference = 10.0 ** (-0.4 * found["magnr"]), 10.0 ** (-0.4 * found["magpsf"])
        total = reference + (difference if found["isdiffpos"] in ("t", "1") else -difference)
        expected = 10.0 ** (-0.4 * 31.4) * curve.flux_njy[row]
        # float32 holds a magnitude to 1e-6; where reference and difference nearly cancel it counts for more
        tolerance = 1e-5 * expected if total > 0.2 * reference else 2e-6 * reference
        assert total == pytest.approx(expected, abs=abs(tolerance))
        assert found["sigmapsf"] * difference == pytest.approx(
            10.0 ** (-0.4 * 31.4) * MAG_PER_RELATIVE_FLUX * curve.flux_err_njy[row], rel=1e-5
        )


def test_ztf_identifiers_tell_the_time(alerts):
    for curve, row, _, record in alerts["ztf"]:
        found = record["candidate"]
        assert found["jd"] - 2400000.5 == pytest.approx(curve.mjd[row], abs=1e-7)
        assert 2457754.5 + int(str(found["pid"])[:-3]) / 1e6 == pytest.approx(found["jd"], abs=1.1e-5)
        assert str(found["candid"]).startswith(str(found["pid"]))


def test_ztf_history_is_of_thirty_days_and_mostly_repeats_what_was_sent(alerts):
    sent = {r["candid"]: r["candidate"] for _, _, _, r in alerts["ztf"]}
    n_limits = n_detections = 0
    for _, _, _, record in alerts["ztf"]:
        for row in record["prv_candidates"] or []:
            assert 0.0 < record["candidate"]["jd"] - row["jd"] <= 30.0
            if row["magpsf"] is None:
                n_limits += 1
                blank = ("candid", "isdiffpos", "ra", "dec", "sigmapsf", "distnr", "magnr", "rb")
                assert all(row[name] is None for name in blank)
                assert row["diffmaglim"] is not None
            else:
                n_detections += 1
                first = sent[row["candid"]]
                assert abs(row["magpsf"] - first["magpsf"]) <= 6e-5
                assert (first["isdiffpos"], row["isdiffpos"]) in {("t", "1"), ("f", "0")}
    assert n_limits > 50
    assert n_detections > 200


def test_ztf_forced_photometry_gives_the_same_light_where_it_did_not_fail(alerts):
    pulls, failed = [], []
    for curve, row, _, record in alerts["ztf"]:
        for forced in record["fp_hists"] or []:
            failed.append(forced["procstatus"] != "0")
            assert failed[-1] == (forced["forcediffimflux"] == -99999.0)
            if not failed[-1]:
                at = np.argmin(np.abs(curve.mjd[:row] + 2400000.5 - forced["jd"]))
                zero_point = 10.0 ** (0.4 * (31.4 - forced["magzpsci"]))
                difference = curve.flux_njy[at] - 10.0 ** (0.4 * (31.4 - forced["magnr"]))
                excess = forced["forcediffimflux"] * zero_point - difference
                pulls.append(excess / (forced["forcediffimfluxunc"] * zero_point))
    assert np.std(pulls) == pytest.approx(0.5, abs=0.05)
    assert np.mean(failed) == pytest.approx(0.4, abs=0.05)


def test_a_constant_star_alerts_for_its_reference_and_keeps_its_magnitude():
    for curve in simulate_sky(3, 5, "ztf", mix={"NonVar": 1.0}):
        packets = [read(alert)["candidate"] for alert in alerts_of(curve)]
        assert len(packets) > 10
        assert {p["isdiffpos"] for p in packets} == {"f"}
        for fid, band in ((1, "g"), (2, "r")):
            total = [
                -2.5 * np.log10(10.0 ** (-0.4 * p["magnr"]) - 10.0 ** (-0.4 * p["magpsf"]))
                for p in packets
                if p["fid"] == fid
            ]
            assert np.mean(total) == pytest.approx(curve.star.mean_mag[band], abs=0.03)


def test_lsst_fluxes_are_the_measured_ones(alerts):
    for curve, row, alert, record in alerts["lsst"]:
        source = record["diaSource"]
        assert source["scienceFlux"] == pytest.approx(curve.flux_njy[row], rel=1e-6)
        assert source["scienceFluxErr"] == pytest.approx(curve.flux_err_njy[row], rel=1e-6)
        assert source["psfFlux"] + source["templateFlux"] == pytest.approx(source["scienceFlux"], rel=1e-5)
        assert source["midpointMjdTai"] == curve.mjd[row] == alert.mjd
        assert source["band"].encode() == curve.band[row]
        assert source["timeWithdrawnMjdTai"] is None
        assert source["diaObjectId"] == int(curve.object_id) == record["diaObject"]["diaObjectId"] > 2**53


def test_lsst_identifiers_are_unique_and_hold_the_observing_day(alerts):
    sources = [r["diaSource"] for _, _, _, r in alerts["lsst"]]
    assert len({s["diaSourceId"] for s in sources}) == len(sources)
    assert all(0 <= s["detector"] < 189 for s in sources)
    for source in sources:  # the day turns at noon in Greenwich
        noon_to_noon = Time(source["midpointMjdTai"] - 0.5, format="mjd").strftime("%Y%m%d")
        assert str(source["visit"]).startswith(noon_to_noon)


def test_lsst_history_is_of_earlier_detections_and_stays_short(alerts):
    for curve, row, _, record in alerts["lsst"]:
        times = [s["midpointMjdTai"] for s in record["prvDiaSources"] or []]
        expected = curve.mjd[:row][curve.detected[:row]][-60:]
        np.testing.assert_array_equal(times, expected)
        assert record["prvDiaForcedSources"][-1]["visit"] == record["diaSource"]["visit"]


def test_the_lsst_schema_is_a_part_of_the_surveys_own():
    packet = pytest.importorskip("lsst.alert.packet", reason="the survey's schemas are a development tool")
    folder = Path(packet.__file__).parent / "schema" / "11" / "0"
    theirs = fastavro.schema.load_schema(str(folder / "lsst.v11_0.alert.avsc"))
    assert_part_of(LSST_SCHEMA, theirs)


def test_the_ztf_schema_is_a_part_of_the_surveys_own(shared_data):
    with (shared_data / "alerts" / "ztf" / "ztf_lite.avro").open("rb") as file:
        theirs = json.loads(fastavro.reader(file).metadata["avro.schema"])
    without_cutouts = {**ZTF_SCHEMA, "fields": ZTF_SCHEMA["fields"][:-3]}
    assert_part_of(without_cutouts, theirs)


def assert_part_of(ours, theirs):
    """Every field is one of theirs, of the same type, in the same order, at every level."""
    named = {}

    def records(kind):
        if isinstance(kind, dict) and kind.get("type") == "record":
            named[kind["name"].rpartition(".")[2]] = kind
        return kind

    def shape(kind):
        if isinstance(kind, list):
            return [shape(branch) for branch in kind]
        if isinstance(kind, str):
            return kind.rpartition(".")[2]
        records(kind)
        return (
            {"array": shape(kind["items"])}
            if kind["type"] == "array"
            else kind.get("name", kind["type"]).rpartition(".")[2]
        )

    def compare(mine, reference):
        kinds = {field["name"]: field["type"] for field in reference["fields"]}
        names = [field["name"] for field in mine["fields"]]
        assert [name for name in kinds if name in names] == names
        for field in mine["fields"]:
            assert shape(field["type"]) == shape(kinds[field["name"]]), field["name"]

    compare(ours, theirs)
    mine = {}
    for source, into in ((ours, mine), (theirs, named)):
        named = into
        for field in source["fields"]:
            shape(field["type"])
    for name, record in mine.items():
        compare(record, named[name])


def test_the_worker_can_use_every_alert_of_a_bright_star(alerts):
    decoder = Decoder(open_registry(str(SCHEMAS)), VettingRules())
    for survey, entries in alerts.items():
        for curve, row, alert, _ in entries:
            if curve.flux_njy[row] <= 0.0:
                continue
            decoded = decoder.read(Packet(alert.payload, Origin()))
            assert not isinstance(decoded, Skipped)
            assert (decoded.survey, decoded.object_id) == (survey, curve.object_id)
            expected = 31.4 - 2.5 * np.log10(curve.flux_njy[row])
            assert decoded.detection["mag"][0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("survey", "others"), [("ztf", {"bad_status", "faint"}), ("lsst", {"faint"})])
def test_forced_photometry_reaches_the_light_curve_as_the_light_that_was_there(alerts, survey, others):
    decoder = Decoder(open_registry(str(SCHEMAS)), VettingRules())
    pulls, verdicts = [], set()
    for curve, _, alert, _ in alerts[survey]:
        found = decoder.read(Packet(alert.payload, Origin()))
        if isinstance(found, Skipped):
            continue
        verdicts |= {name for name in found.history_rows if name.startswith("forced_")}
        used = found.forced[found.forced["kind"] == FORCED]
        at = np.abs(curve.mjd - used["mjd"][:, None]).argmin(axis=1)
        assert np.abs(curve.mjd[at] - used["mjd"]).max(initial=0.0) < 1e-6
        excess = 10.0 ** (0.4 * (31.4 - used["mag"].astype(float))) - curve.flux_njy[at]
        pulls.append(excess / curve.flux_err_njy[at])
    pulled = np.concatenate(pulls)
    assert pulled.size > 1000
    assert abs(np.mean(pulled)) < 0.05
    assert np.std(pulled) == pytest.approx(0.5, abs=0.05)  # half an error from the detection of the exposure
    assert verdicts <= {"forced_used", *(f"forced_{verdict}" for verdict in others)}


def test_a_stream_is_in_the_order_of_time_and_of_both_surveys():
    stream = list(alert_stream(n_objects=6, seed=2, days=90))
    assert {alert.survey for alert in stream} == {"ztf", "lsst"}
    assert all(a.mjd <= b.mjd for a, b in itertools.pairwise(stream))


def test_the_same_seed_gives_the_same_bytes():
    def payloads(seed):
        return [alert.payload for alert in alert_stream(n_objects=4, seed=seed, days=60)]

    assert payloads(1) == payloads(1)
    assert payloads(1) != payloads(2)


def test_what_happened_before_the_stream_is_in_its_first_packets():
    first = {}
    for alert in alert_stream(n_objects=8, seed=3, days=60, history_d=30.0, surveys=("ztf",)):
        first.setdefault(alert.object_id, alert)
    before = [len(read(alert)["prv_candidates"] or []) for alert in first.values()]
    assert max(before) > 5
