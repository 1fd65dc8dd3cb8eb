"""Packets of one object in any order, from bytes to light curve: the same points, whoever comes first."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.alert import Alert
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.state.light_curve import LightCurve, band_series, merge
from tests.broker.packets import (
    LSST_SCHEMA,
    MJD_TAI,
    Schemas,
    candidate,
    confluent,
    container,
    dia_source,
    forced_lsst,
    forced_ztf,
    lsst_alert,
    packet,
    ztf_alert,
)

ARCSEC = 1 / 3600
DECODER = Decoder(Schemas({1100: LSST_SCHEMA}), VettingRules())
VISIT = dia_source()["visit"]


def curve_of(payloads: list[bytes]) -> LightCurve:
    curve = LightCurve.empty()
    for payload in payloads:
        alert = DECODER.read(packet(payload))
        assert isinstance(alert, Alert)
        curve, _ = merge(curve, alert)
    return curve


def points(curve: LightCurve, bands: str) -> list[tuple[object, ...]]:
    every = [band_series(curve, band) for band in bands]
    return [
        (s.band, *row)
        for s in every
        for row in zip(s.time, s.mag, s.mag_err, s.forced, s.exposure, s.mjd, strict=True)
    ]


VISITS = 7
FATES = st.sampled_from(["used", "used", "used", "faint", "gone", "absent"])


@st.composite
def rubin_packets(draw: st.DrawFn) -> list[bytes]:
    """Alerts of the same visits; the object's place wanders by up to what a row may be off, and further."""
    offs = draw(st.lists(st.floats(-0.2, 0.2), min_size=VISITS, max_size=VISITS))
    ids = [10**17 - number for number in range(VISITS)]  # later ones have lower ids
    payloads = []
    for trigger in draw(st.lists(st.integers(0, VISITS - 1), min_size=2, max_size=4, unique=True)):
        centre = 150.0 + draw(st.floats(-0.2, 0.2)) * ARCSEC / math.cos(math.radians(2.0))
        rows, history = [], []
        for visit in range(VISITS):
            fate = draw(FATES)
            changes = {"faint": {"scienceFlux": 1.0}, "gone": {"timeWithdrawnMjdTai": 61110.0}}.get(fate, {})
            place = {"ra": 150.0 + offs[visit] * ARCSEC}
            if fate != "absent":
                rows.append(forced_lsst(visit, **place, **changes))
            if visit != trigger and draw(st.booleans()):
                history.append(source(visit, ids))
        dia_object = {"diaObjectId": 1, "ra": centre, "raErr": 0.0, "dec": 2.0}
        alert = lsst_alert(source(trigger, ids), history, prvDiaForcedSources=rows, diaObject=dia_object)
        payloads.append(confluent(alert))
    return payloads


def source(visit: int, ids: list[int]) -> dict[str, object]:
    flux = 30_000.0 + 1000.0 * visit
    when = {"visit": VISIT - visit, "midpointMjdTai": MJD_TAI - 0.01 * visit}
    return dia_source(diaSourceId=ids[visit], scienceFlux=flux, **when)


@settings(max_examples=40)
@given(st.data(), rubin_packets())
def test_of_rubin_any_order_gives_the_same_points(data, payloads):
    order = data.draw(st.permutations(payloads))
    ours, theirs = curve_of(payloads), curve_of(order)
    assert points(ours, "r") == points(theirs, "r")
    assert points(curve_of(payloads + payloads), "r") == points(ours, "r")


NIGHTS = 6


@st.composite
def zwicky_packets(draw: st.DrawFn) -> list[bytes]:
    """Alerts whose forced photometry is measured anew each time, each at another distance from the star."""
    distances = draw(st.permutations(range(1, 130)))
    payloads = []
    for trigger in range(draw(st.integers(2, 4))):
        rows = [
            forced_ztf(
                night + 0.5,
                fid=1 + night % 2,
                distnr=(0.01 * distances[trigger * NIGHTS + night]),
                forcediffimflux=1000.0 * draw(st.integers(-3, 9)),
                procstatus=draw(st.sampled_from(["0", "0", "61"])),
            )
            for night in range(NIGHTS)
            if draw(st.booleans())
        ]
        history = [
            detection(forced_ztf(night + 0.5, fid=1 + night % 2))
            for night in range(NIGHTS)
            if draw(st.booleans())
        ]
        payloads.append(container(ztf_alert(detection(forced_ztf(-trigger)), history, fp_hists=rows)))
    return payloads


def detection(exposure: dict[str, object]) -> dict[str, object]:
    same = {name: exposure[name] for name in ("jd", "pid", "fid")}
    return candidate(**same, candid=int(exposure["pid"]) * 10**6 + 15)


@settings(max_examples=40)
@given(st.data(), zwicky_packets())
def test_of_zwicky_any_order_gives_the_same_points_where_no_two_rows_are_equally_near(data, payloads):
    order = data.draw(st.permutations(payloads))
    ours, theirs = curve_of(payloads), curve_of(order)
    assert points(ours, "gr") == points(theirs, "gr")
    detected = [p[5] for payload in payloads for p in points(curve_of([payload]), "gr") if not p[4]]
    assert not {p[5] for p in points(ours, "gr") if p[4]} & {*detected}
    assert points(curve_of(payloads + payloads), "gr") == points(ours, "gr")
    assert np.isfinite([p[2] for p in points(ours, "gr")]).all()
