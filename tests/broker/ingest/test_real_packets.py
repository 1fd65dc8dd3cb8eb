"""Packets that the surveys sent: fates and magnitudes against the rules spelled out over plain fastavro."""

from __future__ import annotations

import io
import math
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest

from broker.alert import FORCED, REFUSED, Alert, Packet
from broker.avro.columnar import ColumnarReader
from broker.avro.container import parse_block, parse_header
from broker.avro.projection import Record
from broker.avro.schema import parse_json, parse_schema
from broker.ingest.decoder import Decoder, make_codec
from broker.ingest.vetting import VettingRules
from broker.registry.schema_registry import SchemaRegistry, open_registry
from broker.transport.split.split_file import read_file
from tests.broker.avro.by_fastavro import FastavroReader
from tests.broker.packets import outcome, packet

LSST_FILES = ["lsst_hits_v7_4_lite", "lsst_or4_v7_1_lite", "lsst_hits_v9_0_lite", "elasticc_v0_9"]


@pytest.fixture(scope="module")
def registry() -> SchemaRegistry:
    lsst_alert_packet = pytest.importorskip("lsst.alert.packet", reason="lsst-alert-packet is not installed")
    return open_registry(str(Path(lsst_alert_packet.__file__).parent))


def packets_of(*paths: Path) -> Iterator[Packet]:
    for path in paths:
        yield from read_file(path)


def plain(message: Packet) -> dict[str, Any]:
    """The one record of a container, by fastavro alone."""
    (record,) = fastavro.reader(io.BytesIO(message.payload))
    return record


def flux(mag: float) -> float:
    return 10 ** (-0.4 * mag)


def ztf_fate(row: dict[str, Any], *, is_trigger: bool) -> str:
    if row.get("magpsf") is None and not is_trigger:
        return "non_detection"
    if row["programid"] != 1:
        return "not_public"
    brighter = row["isdiffpos"] in ("t", "1")
    distance, predicted = row.get("ssdistnr"), row.get("ssmagnr")
    if brighter and distance is not None and 0 <= distance < 5 and abs(row["magpsf"] - predicted) <= 1.5:
        return "solar_system"
    if row["magnr"] is not None and 0 < row["magnr"] < 35:
        if not brighter and flux(row["magnr"]) <= flux(row["magpsf"]):
            return "no_total_flux"
        if 0 <= row["distnr"] < 1.4:
            *_, error = ztf_epoch(row)
            return "uninformative" if error >= 1 else "used"
    return "no_reference_star"


def ztf_epoch(row: dict[str, Any]) -> tuple[int, float, float, float]:
    """candid, MJD, magnitude and error by the explanatory supplement."""
    sign = 1 if row["isdiffpos"] in ("t", "1") else -1
    total = flux(row["magnr"]) + sign * flux(row["magpsf"])
    error = math.hypot(flux(row["magnr"]) * row["sigmagnr"], flux(row["magpsf"]) * row["sigmapsf"]) / total
    return row["candid"], row["jd"] - 2400000.5, -2.5 * math.log10(total), error


def ztf_verdict(row: dict[str, Any]) -> str:
    """Of a row of forced photometry, in plain arithmetic; packets hold no bad value that is not flagged."""
    if row["programid"] != 1:
        return "not_public"
    if row["procstatus"] != "0":
        return "bad_status"
    if not 0 <= row["distnr"] < 1.4:
        return "no_reference_star"
    total = ztf_total(row)
    if total <= 0:
        return "no_total_flux"
    return "used" if total >= 5 * row["forcediffimfluxunc"] else "faint"


def ztf_total(row: dict[str, Any]) -> float:
    """Counts of reference and difference together."""
    return 10 ** (0.4 * (row["magzpsci"] - row["magnr"])) + row["forcediffimflux"]


def assert_forced(read: Alert, rows: list[dict[str, Any]]) -> None:
    """Compare the epochs of forced photometry with the rows that may be used, no two of one exposure."""
    assert read.forced["exposure"].tolist() == [row["pid"] for row in rows]
    assert read.forced["mjd"].tolist() == [row["jd"] - 2400000.5 for row in rows]
    assert read.forced["band"].tolist() == [b"?gri"[row["fid"] : row["fid"] + 1] for row in rows]
    mag = [row["magzpsci"] - 2.5 * math.log10(ztf_total(row)) for row in rows]
    np.testing.assert_allclose(read.forced["mag"], mag, rtol=0, atol=2e-6)
    parts = [
        (
            2.5 / math.log(10) * row["forcediffimfluxunc"],
            row["sigmagnr"] * (ztf_total(row) - row["forcediffimflux"]),
        )
        for row in rows
    ]
    errors = [math.hypot(*part) / ztf_total(row) for part, row in zip(parts, rows, strict=True)]
    np.testing.assert_allclose(read.forced["mag_err"], errors, rtol=1e-6)


def lsst_verdicts(alert: dict[str, Any]) -> list[str]:
    """Of every row of forced photometry, in plain arithmetic on the tangent plane."""
    centre, sources = alert["diaObject"], [alert["diaSource"], *(alert["prvDiaSources"] or [])]
    detected = {(source["visit"], source["detector"]) for source in sources}

    def verdict(row: dict[str, Any]) -> str:
        science, difference = row["scienceFlux"], row["psfFlux"]
        if (science or -1.0) <= 0:
            return "no_total_flux"
        if science < 5 * row["scienceFluxErr"]:
            return "faint"
        missing = difference < -10 * row["psfFluxErr"] and science < 0.8 * (science - difference)
        if missing and (row["visit"], row["detector"]) not in detected:
            return "vanished"
        east = (row["ra"] - centre["ra"]) * math.cos(math.radians(centre["dec"]))
        off = 3600 * math.hypot(east, row["dec"] - centre["dec"])
        return "used" if off <= 0.15 else "misplaced"

    return [verdict(row) for row in alert["prvDiaForcedSources"] or []]


def lsst_fate(source: dict[str, Any]) -> str:
    if not source["diaObjectId"]:
        return "solar_system" if source.get("ssObjectId") else "no_object"
    if (source.get("scienceFlux") or -1.0) <= 0:
        return "no_total_flux"
    error = 2.5 / math.log(10) * (source["scienceFluxErr"] or 0.0) / source["scienceFlux"]
    return "uninformative" if error >= 1 else "used"


@pytest.mark.parametrize("name", ["wire", "ztf_lite.avro"])
def test_every_ztf_packet_has_the_fate_and_the_epochs_that_the_rules_give(shared_data, name):
    path = shared_data / "alerts" / "ztf" / name
    decoder = Decoder(None, VettingRules())
    fates: Counter[str] = Counter()
    for message in packets_of(*(sorted(path.iterdir()) if path.is_dir() else [path])):
        alert = plain(message)
        history = alert["prv_candidates"] or []
        read = decoder.read(message)

        expected = ztf_fate(alert["candidate"], is_trigger=True)
        fates[expected] += 1
        assert (read.survey, "used" if isinstance(read, Alert) else read.reason) == ("ztf", expected)
        if isinstance(read, Alert):
            history_fates = [ztf_fate(row, is_trigger=False) for row in history]
            verdicts = Counter(f"forced_{ztf_verdict(row)}" for row in alert.get("fp_hists") or [])
            forced = {"forced": verdicts.total()} if verdicts else {}
            assert read.history_rows == Counter(history_fates) | verdicts | forced
            assert_forced(read, [row for row in alert.get("fp_hists") or [] if ztf_verdict(row) == "used"])
            used = [row for row, fate in zip(history, history_fates, strict=True) if fate == "used"]
            epochs = np.concatenate([read.detection, read.history])
            candid, mjd, mag, mag_err = zip(*map(ztf_epoch, [alert["candidate"], *used]), strict=True)
            assert read.object_id == alert["objectId"]
            assert epochs["source_id"].tolist() == list(candid)
            assert epochs["mjd"].tolist() == list(mjd)
            np.testing.assert_allclose(epochs["mag"], mag, rtol=0, atol=2e-6)  # float32 at magnitude 20
            known = epochs["mag_err"] > 0
            np.testing.assert_allclose(epochs["mag_err"][known], np.array(mag_err)[known], rtol=1e-6)
            assert (np.array(mag_err)[~known] <= 0).all()
    assert fates["used"] > 50
    assert fates["no_reference_star"] > 50
    assert fates["solar_system"] > 25


def test_every_lsst_message_has_the_fate_and_the_epochs_that_the_rules_give(shared_data, registry):
    folder = shared_data / "alerts" / "lsst"
    decoder = Decoder(registry, VettingRules())
    fates: Counter[str] = Counter()
    for message in packets_of(*sorted(folder.glob("wire*/*.bin"))):
        schema = fastavro.parse_schema(registry.schema(int.from_bytes(message.payload[1:5], "big")))
        alert = fastavro.schemaless_reader(io.BytesIO(message.payload[5:]), schema, None)
        read = decoder.read(message)

        expected = lsst_fate(alert["diaSource"])
        fates[expected] += 1
        assert (read.survey, "used" if isinstance(read, Alert) else read.reason) == ("lsst", expected)
        if isinstance(read, Alert):
            history = [row for row in alert["prvDiaSources"] or [] if (row["scienceFlux"] or -1.0) > 0]
            rows = [alert["diaSource"], *history]
            epochs = np.concatenate([read.detection, read.history])
            assert read.object_id == str(alert["diaSource"]["diaObjectId"])
            assert epochs["source_id"].tolist() == [row["diaSourceId"] for row in rows]
            assert epochs["mjd"].tolist() == [row["midpointMjdTai"] for row in rows]
            assert epochs["band"].tolist() == [row["band"].encode() for row in rows]
            mag = [31.4 - 2.5 * math.log10(row["scienceFlux"]) for row in rows]
            np.testing.assert_allclose(epochs["mag"], mag, rtol=0, atol=2e-6)
            verdicts = Counter(lsst_verdicts(alert))
            found = {name: n for name, n in read.history_rows.items() if name.startswith("forced_")}
            assert found == {f"forced_{verdict}": n for verdict, n in verdicts.items()}
            assert read.history_rows.get("forced", 0) == verdicts.total()
            assert (read.forced["kind"] == FORCED).sum() == verdicts["used"]
            assert (read.forced["kind"] == REFUSED).sum() == verdicts.total() - verdicts["used"]
    assert fates == {"used": 22, "solar_system": 4, "no_object": 7, "no_total_flux": 6}


@pytest.mark.parametrize("name", LSST_FILES)
def test_every_record_of_precursors_and_simulations_has_the_fate_that_the_rules_give(shared_data, name):
    decoder = Decoder(None, VettingRules())
    path = shared_data / "alerts" / "lsst" / f"{name}.avro"
    with path.open("rb") as file:
        sources = [alert["diaSource"] for alert in fastavro.reader(file)]
    for message, source in zip(read_file(path), sources, strict=True):
        fate, found = lsst_fate(source), outcome(decoder, message)
        assert found == (str(source["diaObjectId"]) if fate == "used" else fate)


def test_the_columnar_reader_gives_what_fastavro_gives_for_every_packet(shared_data, registry):
    alerts = shared_data / "alerts"
    readers: dict[str | bytes, tuple[ColumnarReader, FastavroReader]] = {}
    n_values = 0
    files = [
        *alerts.glob("*/wire*/*"),
        alerts / "ztf" / "ztf_lite.avro",
        alerts / "lsst" / "lsst_hits_v9_0_lite.avro",
    ]
    for message in packets_of(*sorted(files)):
        payload = message.payload
        if payload[0]:
            header = parse_header(payload)
            key, schema = header.prefix, parse_json(header.schema_text, "header")
            block = parse_block(payload, header.size, payload[len(header.prefix) : header.size])
            start, stop = block.start, block.stop
        else:
            key, schema = payload[1:5], registry.schema(int.from_bytes(payload[1:5], "big"))
            start, stop = 5, len(payload)
        if key not in readers:
            fast = make_codec(schema).reader
            assert isinstance(fast, ColumnarReader)
            readers[key] = fast, FastavroReader(parse_schema(schema), fast.projection)
        fast_record, slow_record = (reader.read(payload, start, stop) for reader in readers[key])
        n_values += assert_same(fast_record, slow_record)
    assert n_values > 400_000


def assert_same(one: Record, other: Record) -> int:
    """Compare everything, and return how many values that was."""
    assert dict(one.fields) == dict(other.fields)
    for rows, others in ((one, other), (one.forced, other.forced)):
        for name in rows.columns:
            np.testing.assert_array_equal(rows.columns[name], others.columns[name], strict=True)
            np.testing.assert_array_equal(rows.present[name], others.present[name], strict=True)
    return sum(column.size for rows in (one, one.forced) for column in rows.columns.values())


def test_cut_packets_are_refused_and_never_crash(shared_data, registry):
    alerts = shared_data / "alerts"
    decoder = Decoder(registry, VettingRules())
    ztf = sorted((alerts / "ztf" / "wire").iterdir())[0].read_bytes()
    ddf = next((alerts / "lsst" / "wire_transcoded").glob("real_ddf_id1100*")).read_bytes()
    rng = np.random.default_rng(7)
    for payload in (ztf, ddf):
        for cut in rng.integers(0, len(payload), 300):
            assert outcome(decoder, packet(payload[:cut])) in {"empty", "truncated"}


def test_damaged_real_packets_are_read_or_refused(shared_data, registry):
    alerts = shared_data / "alerts"
    decoder = Decoder(registry, VettingRules())
    files = [*sorted(alerts.glob("ztf/wire/*"))[::50], *sorted(alerts.glob("lsst/wire*/*"))[::8]]
    dice = random.Random(5)
    for payload in [path.read_bytes() for path in files]:
        for _ in range(150):
            hurt = bytearray(payload)
            for _ in range(dice.randrange(1, 4)):
                place = dice.randrange(min(len(hurt), dice.choice([100, 3000, 40_000, 10**9])))
                hurt[place : place + dice.randrange(12)] = dice.randbytes(dice.randrange(12))
            assert outcome(decoder, packet(bytes(hurt)))
