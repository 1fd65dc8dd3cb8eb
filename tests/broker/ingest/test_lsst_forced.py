"""Forced photometry of LSST against the definition of a magnitude, and values made without this code."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.alert import FORCED, REFUSED, Alert, Skipped
from broker.ingest.decoder import Decoder
from broker.ingest.heliocentric import light_travel_s
from broker.ingest.vetting import VettingRules
from broker.registry.schema_registry import open_registry
from broker.transport.split.split_file import read_file
from tests.broker.golden import FOLDER, golden_id, golden_rows
from tests.broker.packets import (
    FORCED as FORCED_SCHEMA,
)
from tests.broker.packets import (
    LSST_SCHEMA,
    MJD_TAI,
    Schemas,
    confluent,
    dia_source,
    forced_lsst,
    lsst_alert,
    lsst_schema,
    nullable,
    packet,
    record,
)

ARCSEC = 1 / 3600
COSINE = math.cos(math.radians(2.0))


def with_forced(*rows, history=None, **changes):
    return lsst_alert(dia_source(), history, prvDiaForcedSources=list(rows), **changes)


def verdict(read_lsst, row, history=None, **rules) -> str:
    """What becomes of a row."""
    alert = read_lsst(with_forced(row, history=history), **rules)
    assert alert.history_rows["forced"] == 1
    (name,) = [name for name in alert.history_rows if name.startswith("forced_")]
    used = (alert.forced["kind"] == FORCED) & ~alert.forced["withdrawn"]
    assert used.sum() == (name == "forced_used")
    return name.removeprefix("forced_")


def test_the_magnitude_is_of_the_total_flux_and_the_place_that_of_the_row(read_lsst):
    row = forced_lsst(3, scienceFlux=3630780.5, scienceFluxErr=36307.805, band="y", dec=2.0 - 0.1 * ARCSEC)
    alert = read_lsst(with_forced(row))
    (epoch,) = alert.forced
    assert epoch["mag"] == pytest.approx(15.0, abs=2e-6)  # AB: 3630.78 Jy is magnitude 0
    assert epoch["mag_err"] == pytest.approx(0.01 * 2.5 / math.log(10), rel=1e-6)
    assert (epoch["band"], epoch["kind"], epoch["offset"]) == (b"y", FORCED, 10)
    assert divmod(int(epoch["exposure"]), 256) == (row["visit"], 94)
    assert epoch["mjd"] == row["midpointMjdTai"]
    expected = float(light_travel_s(row["midpointMjdTai"], row["ra"], row["dec"]))
    assert epoch["time_correction_s"] == pytest.approx(expected, abs=1e-4)
    assert alert.forced_wins


def test_a_row_keeps_the_time_of_the_alert_that_judged_it(read_lsst):
    """Not its id: those of 2026 February are half of those of January."""
    alert = read_lsst(with_forced(forced_lsst(1), forced_lsst(2, scienceFlux=1.0)))
    assert alert.forced["kind"].tolist() == [FORCED, REFUSED]
    assert alert.forced["source_id"].tolist() == [round(MJD_TAI * 86_400_000)] * 2


VANISHED = {"scienceFlux": 4000.0, "scienceFluxErr": 300.0, "psfFlux": -30000.0, "psfFluxErr": 300.0}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "used"),
        ({"timeWithdrawnMjdTai": 61110.0, "scienceFlux": None}, "withdrawn"),
        ({"timeWithdrawnMjdTai": math.nan}, "used"),
        ({"scienceFlux": None}, "no_total_flux"),
        ({"scienceFlux": math.nan, "band": None}, "no_total_flux"),
        ({"scienceFlux": 0.0}, "no_total_flux"),
        ({"scienceFlux": -9.0}, "no_total_flux"),
        ({"scienceFluxErr": 0.0}, "bad_value"),
        ({"scienceFluxErr": -1.0}, "bad_value"),
        ({"scienceFluxErr": None}, "bad_value"),
        ({"scienceFluxErr": math.inf}, "bad_value"),
        ({"scienceFlux": math.inf}, "bad_value"),
        ({"scienceFlux": 1e15}, "bad_value"),  # of magnitude -6.1
        ({"visit": -1}, "bad_value"),
        ({"visit": 2**60}, "bad_value"),
        ({"detector": 256}, "bad_value"),
        ({"band": "w"}, "bad_value"),
        ({"band": None}, "bad_value"),
        ({"midpointMjdTai": math.nan}, "bad_value"),
        ({"midpointMjdTai": 2461105.0}, "bad_value"),
        ({"scienceFlux": 1499.0, "scienceFluxErr": 300.0}, "faint"),
        ({"scienceFlux": 1501.0, "scienceFluxErr": 300.0}, "used"),
        ({"scienceFlux": 0.02, "scienceFluxErr": 1e-3}, "faint"),  # of magnitude 35.6
        ({"scienceFlux": 10.0, "scienceFluxErr": 300.0, "psfFlux": -30000.0}, "faint"),
        (VANISHED, "vanished"),
        (VANISHED | {"psfFluxErr": 3001.0}, "used"),
        (VANISHED | {"psfFluxErr": None}, "used"),
        (VANISHED | {"psfFlux": None}, "used"),
        (VANISHED | {"scienceFlux": 120001.0}, "used"),  # of 150,001
        (VANISHED | {"scienceFlux": 119999.0}, "vanished"),
        (VANISHED | {"ra": 151.0}, "vanished"),
        ({"ra": 150.0 + 0.149 * ARCSEC / COSINE}, "used"),
        ({"ra": 150.0 + 0.151 * ARCSEC / COSINE}, "misplaced"),
        ({"dec": 2.0 + 0.149 * ARCSEC}, "used"),
        ({"dec": 2.0 - 0.151 * ARCSEC}, "misplaced"),
        ({"ra": None}, "misplaced"),
        ({"dec": math.nan}, "misplaced"),
    ],
)
def test_a_row_has_the_first_verdict_that_applies(read_lsst, changes, expected):
    assert verdict(read_lsst, forced_lsst(1, **changes)) == expected


@pytest.mark.parametrize("changes", [{}, {"timeWithdrawnMjdTai": 61110.0}, {"scienceFlux": None}])
def test_a_star_that_was_detected_has_not_vanished(read_lsst, changes):
    row = forced_lsst(1, **VANISHED)
    same, other = ({"visit": row["visit"], "detector": d, "diaSourceId": 1} for d in (94, 95))
    assert verdict(read_lsst, row, [dia_source(**same, **changes)]) == "used"
    assert verdict(read_lsst, row, [dia_source(**other, **changes)]) == "vanished"
    assert verdict(read_lsst, forced_lsst(0, **VANISHED)) == "used"  # the alert's own visit


def test_the_rules_of_detections_are_those_of_forced_rows(read_lsst):
    row = forced_lsst(1, scienceFlux=1501.0, scienceFluxErr=300.0)  # 0.217 mag
    for limit, expected in ((0.2, "uninformative"), (0.22, "used")):
        assert verdict(read_lsst, row, max_mag_err=limit) == expected


def test_forced_photometry_can_be_left_unused_and_is_counted_all_the_same(read_lsst):
    alert = read_lsst(with_forced(forced_lsst(), forced_lsst(1)), forced_photometry=False)
    assert alert.history_rows == {"forced": 2}
    assert alert.forced.size == 0


@pytest.mark.parametrize("ra", [0.0, 1e-6, 359.9999999])
def test_the_place_of_the_object_may_lie_where_right_ascension_begins_anew(read_lsst, ra):
    for off, expected in ((0.1, FORCED), (-0.1, FORCED), (0.2, REFUSED), (-0.2, REFUSED)):
        row = forced_lsst(1, ra=(ra + off * ARCSEC / COSINE) % 360.0)
        place = {"diaObjectId": 1, "ra": ra, "raErr": 0.0, "dec": 2.0}
        assert read_lsst(with_forced(row, diaObject=place)).forced["kind"].tolist() == [expected]


def test_without_an_object_the_place_is_that_of_the_alerts_own_visit(read_lsst):
    moved = {"ra": 150.0 + 0.5 * ARCSEC}
    own, near, far = forced_lsst(0, **moved), forced_lsst(1, **moved), forced_lsst(2)
    kinds = read_lsst(with_forced(far, near, own, diaObject=None)).forced["kind"]
    assert kinds.tolist() == [REFUSED, FORCED, FORCED]
    assert read_lsst(with_forced(far, near, diaObject=None)).forced["kind"].tolist() == [REFUSED, REFUSED]


def test_of_two_rows_of_a_visit_and_detector_the_one_that_was_processed_later_is_judged(read_lsst):
    early = {"timeProcessedMjdTai": MJD_TAI + 1, "diaForcedSourceId": 9}
    late = {"timeProcessedMjdTai": MJD_TAI + 2, "diaForcedSourceId": 1}
    for rows in ([early, late | {"ra": 151.0}], [late | {"ra": 151.0}, early]):
        alert = read_lsst(with_forced(*(forced_lsst(1, **row) for row in rows)))
        assert alert.forced["kind"].tolist() == [REFUSED]
        assert {k: n for k, n in alert.history_rows.items() if k.startswith("forced_")} == {
            "forced_used": 1,
            "forced_misplaced": 1,
        }
    for rows in ([early | {"ra": 151.0}, late], [late, early | {"ra": 151.0}]):
        alert = read_lsst(with_forced(*(forced_lsst(1, **row) for row in rows)))
        assert alert.forced["kind"].tolist() == [FORCED]


def test_ids_of_forced_rows_name_nothing(read_lsst):
    """They are numbers of the diaSources' kind, unique in one run of one detector alone."""
    rows = [forced_lsst(number, diaForcedSourceId=dia_source()["diaSourceId"]) for number in (1, 2)]
    alert = read_lsst(with_forced(*rows))
    assert alert.forced["kind"].tolist() == [FORCED, FORCED]
    assert len(set(alert.forced["exposure"].tolist())) == 2


def test_a_withdrawn_row_is_named_and_a_withdrawn_source_withdraws_no_row(read_lsst):
    row = forced_lsst(1, timeWithdrawnMjdTai=61110.0)
    alert = read_lsst(with_forced(row))
    assert alert.forced["withdrawn"].tolist() == [True]
    assert alert.withdrawn.size == 0
    taken_back = {"midpointMjdTai": MJD_TAI - 0.01, "timeWithdrawnMjdTai": 61110.0}
    source = dia_source(diaSourceId=4, visit=forced_lsst(1)["visit"], **taken_back)
    alert = read_lsst(with_forced(forced_lsst(1), history=[source]))
    assert alert.withdrawn.tolist() == [4]
    assert alert.forced[["kind", "withdrawn"]].tolist() == [(FORCED, False)]


def test_a_row_that_cannot_be_named_is_no_mark(read_lsst):
    rows = [forced_lsst(1, visit=-1), forced_lsst(2, band="w"), forced_lsst(3, midpointMjdTai=math.nan)]
    assert read_lsst(with_forced(*rows)).forced.size == 0


def test_schema_8_0_says_in_other_words_when_a_row_was_processed(read_lsst):
    fields = {f["name"]: f["type"] for f in FORCED_SCHEMA["fields"]}
    fields |= {"time_processed": {"type": "long", "logicalType": "timestamp-micros"}}
    del fields["timeProcessedMjdTai"], fields["timeWithdrawnMjdTai"]
    schema = lsst_schema()
    (place,) = [f for f in schema["fields"] if f["name"] == "prvDiaForcedSources"]
    place["type"] = nullable({"type": "array", "items": record("diaForcedSource", fields)})
    rows = [{k: v for k, v in forced_lsst(1).items() if k in fields} for _ in range(2)]
    rows[0] |= {"time_processed": 1_700_000_000_000_000}
    rows[1] |= {"time_processed": 1_600_000_000_000_000, "ra": 151.0}
    assert read_lsst(with_forced(*rows), schema).forced["kind"].tolist() == [FORCED]


def test_schemas_without_total_flux_bring_no_alert_and_no_row(read_lsst):
    alert = with_forced(forced_lsst(1))
    alert["diaSource"]["scienceFlux"] = None
    assert read_lsst(alert) == Skipped("lsst", "no_total_flux")


ANY_NUMBER = st.one_of(
    st.none(),
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 3.4e38, -3.4e38, 1e-45]),
    st.floats(width=32),
)
ANY_ROW = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("psfFlux", "psfFluxErr", "scienceFlux", "scienceFluxErr"), ANY_NUMBER),
        **dict.fromkeys(("ra", "dec", "timeWithdrawnMjdTai"), st.one_of(st.none(), st.floats())),
        "midpointMjdTai": st.floats(),
        "visit": st.integers(-(2**63), 2**63 - 1),
        "detector": st.integers(-(2**31), 2**31 - 1),
        "band": st.one_of(st.none(), st.text(max_size=12)),
    },
)
DECODER = Decoder(Schemas({1100: LSST_SCHEMA}), VettingRules())


@given(st.lists(ANY_ROW, max_size=6))
def test_whatever_a_row_holds_it_has_a_verdict_and_what_is_used_is_a_measurement(changes):
    rows = [forced_lsst(1 + i, **change) for i, change in enumerate(changes)]
    alert = DECODER.read(packet(confluent(with_forced(*rows))))
    assert isinstance(alert, Alert)
    verdicts = {name: n for name, n in alert.history_rows.items() if name.startswith("forced_")}
    assert sum(verdicts.values()) == alert.history_rows.get("forced", 0) == len(rows)
    used = alert.forced[(alert.forced["kind"] == FORCED) & ~alert.forced["withdrawn"]]
    assert used.size <= verdicts.get("forced_used", 0)
    assert ((used["mag"] >= -5) & (used["mag"] <= 35)).all()
    assert (used["mag_err"] > 0).all()
    assert (np.abs(used["time_correction_s"]) < 510).all()
    assert (used["offset"] <= 15).all()


@pytest.fixture(scope="module")
def read_once(shared_data):
    """Alert of a file; each is read once."""
    package = pytest.importorskip("lsst.alert.packet", reason="lsst-alert-packet is not installed")
    decoder = Decoder(open_registry(str(Path(package.__file__).parent)), VettingRules())
    kept: dict[str, Any] = {}

    def read(file: str) -> Any:
        if file not in kept:
            (message,) = read_file(shared_data / "alerts" / "lsst" / file)
            kept[file] = decoder.read(message)
        return kept[file]

    return read


@pytest.mark.parametrize("row", golden_rows("lsst"), ids=golden_id)
def test_a_row_of_a_real_packet_has_the_value_of_plain_arithmetic(read_once, row):
    alert = read_once(row["file"])
    if row["schema"] == "701" or row["schema"] == "704":  # no total flux
        assert alert == Skipped("lsst", "no_total_flux")
        assert row["verdict"] == "no_total_flux"
        return
    (epoch,) = alert.forced[alert.forced["exposure"] == int(row["exposure"])]
    assert epoch["band"] == row["band"].encode()
    assert epoch["kind"] == (FORCED if row["verdict"] == "used" else REFUSED)
    if epoch["kind"] == FORCED:
        assert epoch["mjd"] == pytest.approx(float(row["mjd_mid_tai"]), abs=1e-8)
        assert epoch["mag"] == pytest.approx(float(row["mag"]), abs=2e-5)
        assert epoch["mag_err"] == pytest.approx(float(row["err"]), abs=2e-5)
        assert epoch["offset"] / 100 == pytest.approx(float(row["offset_arcsec"]), abs=0.00506)
    sources = np.concatenate([alert.detection, alert.history])
    same = sources[sources["exposure"] == int(row["exposure"])]
    assert same.size == bool(row["source_mag"])
    for source in same:
        assert source["mag"] == pytest.approx(float(row["source_mag"]), abs=2e-5)
        assert source["mag_err"] == pytest.approx(float(row["source_err"]), abs=2e-5)


def golden_counts() -> dict[str, dict[str, int]]:
    path = FOLDER / "golden_lsst_counts.json"
    counts: dict[str, dict[str, int]] = json.loads(path.read_text()) if path.is_file() else {}
    return counts


@pytest.mark.parametrize(("file", "counts"), golden_counts().items())
def test_the_verdicts_of_a_real_packet_are_counted(read_once, file, counts):
    alert = read_once(f"wire_transcoded/{file}")
    found = {k.removeprefix("forced_"): n for k, n in alert.history_rows.items() if k.startswith("forced_")}
    assert found == counts
    assert alert.history_rows["forced"] == sum(counts.values())


def test_the_two_schemas_of_one_alert_are_read_alike(read_once, shared_data):
    folder = shared_data / "alerts" / "lsst" / "wire_transcoded"
    for newer in folder.glob("real_ddf_id1100*"):
        one = read_once(f"wire_transcoded/{newer.name}")
        other = read_once(f"wire_transcoded/{newer.name.replace('id1100', 'id1000')}")
        if isinstance(one, Skipped):  # without an object
            assert one == other
        else:
            assert one.forced.tobytes() == other.forced.tobytes()
            assert one.forced.size > 300
