"""Packets as ZTF sends them: one Avro container per alert, magnitudes of differences, 30 days of history."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.avro.container import frame, plain_header, write_varint
from broker.simulator.encoding import NULL, EncodedRows, load_schema, record_of, text, without_docs
from broker.simulator.sky import SimulatedLightCurve, magnitude
from schemas.surveys import AB_ZERO_POINT_NJY, MAG_PER_RELATIVE_FLUX

SCHEMA_FILE = "ztf_4.02.avsc"
SYNC = b"varstream-sky-01"  # any 16 bytes do; the same ones make the same packets
FID = {b"g": 1, b"r": 2, b"i": 3}

MJD_TO_JD = 2400000.5
JD_OF_NIGHT_ZERO = 2457754.5  # 2017 January 1
HISTORY_D = 30.0
COUNTS_ZERO_POINT = 26.325  # magzpsci
REFERENCE_MAG_ERR = 0.017  # sigmagnr: median of real ones
FORCED_FAILS = 0.4  # fraction; 41 % of real ones hold the sentinel
SENTINEL = -99999.0

# What the survey does when it sends a detection again as history: seen in 24,816 epochs of real packets.
_SPELLING = {True: "t", False: "f"}
_SPELLING_AGAIN = {True: "1", False: "0"}
_MAG_AGAIN = 5e-5


def ztf_packets(curve: SimulatedLightCurve) -> Iterator[tuple[int, bytes]]:
    """Yield the row of every detection of a light curve, and its packet, in order of time.

    A packet holds the history of its object as the survey sends it: detections, spelled a little differently
    than when they were alerts, upper limits full of nulls, and forced photometry, part of it failed.
    """
    schema = load_schema(SCHEMA_FILE)
    header = _header()
    common, detections = _rows(curve)
    candidates = EncodedRows(record_of(schema, "candidate"), _candidates(curve, common, detections))
    previous = EncodedRows(record_of(schema, "prv_candidates"), _previous(curve, common, detections))
    forced = EncodedRows(record_of(schema, "fp_hists"), _forced(curve, common))
    start = text(schema["version"]) + text("varstream simulator") + text(curve.object_id)
    oldest = np.searchsorted(curve.mjd, curve.mjd - HISTORY_D)
    for row in np.flatnonzero(curve.detected).tolist():
        body = b"".join(
            [
                start,
                write_varint(detections[row]["candid"]),
                candidates.record(row),
                previous.nullable_array(int(oldest[row]), row),
                forced.nullable_array(int(oldest[row]), row),
                3 * NULL,  # cutouts
            ]
        )
        yield row, header + frame(1, body, SYNC)


@cache
def _header() -> bytes:
    """Everything before the first block, the same in all packets: the schema without its documentation."""
    schema_text = json.dumps(without_docs(load_schema(SCHEMA_FILE)), separators=(",", ":"))
    return plain_header(schema_text.encode()) + SYNC


def _rows(curve: SimulatedLightCurve) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what is known of every exposure, and of the difference in it, detected or not."""
    rng = curve.chance("rows")
    n = curve.mjd.size
    jd = np.round(curve.mjd + MJD_TO_JD, 7)
    since = jd - JD_OF_NIGHT_ZERO
    night = np.floor(since).astype(np.int64)
    rcid = (zlib.crc32(curve.object_id.encode()) + 17 * curve.template) % 64
    # Night, five digits of its fraction, readout channel: 2481 39965 46 15
    pid = night * 10**9 + np.floor((since - night) * 1e5).astype(np.int64) * 10**4 + rcid * 100 + 15
    difference = curve.difference_njy
    with np.errstate(divide="ignore"):
        magpsf = magnitude(np.abs(difference))
        sigmapsf = MAG_PER_RELATIVE_FLUX * curve.flux_err_njy / np.abs(difference)
    ra = curve.star.ra + rng.normal(0.0, 1e-5, n)
    dec = curve.star.dec + rng.normal(0.0, 1e-5, n)
    distnr = rng.uniform(0.03, 0.45, n)
    score = rng.beta(12.0, 1.0, n)
    common = [
        {
            "jd": float(jd[i]),
            "fid": FID[bytes(curve.band[i])],
            "pid": int(pid[i]),
            "nid": int(night[i]),
            "rcid": int(rcid[i]),
            "field": 600 + int(rcid[i]),
            "diffmaglim": float(curve.depth[i]),
            "programid": 1,
            "magzpsci": COUNTS_ZERO_POINT,
            "exptime": curve.survey.facts.exposure_s,
        }
        for i in range(n)
    ]
    detections = [
        {
            "candid": int(pid[i]) * 10**6 + 15_000,
            "rising": bool(difference[i] > 0.0),
            "ra": float(ra[i]) % 360.0,
            "dec": float(dec[i]),
            "magpsf": float(magpsf[i]),
            "sigmapsf": float(sigmapsf[i]),
            "distnr": float(distnr[i]),
            "magnr": float(curve.reference_mag[i]),
            "sigmagnr": REFERENCE_MAG_ERR,
            "rb": float(score[i]),
        }
        for i in range(n)
    ]
    return common, detections


def _candidates(
    curve: SimulatedLightCurve, common: list[dict[str, Any]], detections: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Every exposure as the trigger of an alert."""
    n_detections = np.cumsum(curve.detected).tolist()
    for row, (exposure, detection) in enumerate(zip(common, detections, strict=True)):
        yield {
            **exposure,
            **detection,
            "isdiffpos": _SPELLING[detection["rising"]],
            "sgscore1": 0.98,
            "distpsnr1": detection["distnr"],
            "ndethist": n_detections[row],
            "ncovhist": 3 * (row + 1),
            "jdstarthist": common[0]["jd"],
            "drb": detection["rb"],
        }


def _previous(
    curve: SimulatedLightCurve, common: list[dict[str, Any]], detections: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Every exposure as part of a later alert's history: a detection, or an upper limit."""
    shift = curve.chance("again").uniform(-_MAG_AGAIN, _MAG_AGAIN, curve.mjd.size)
    nothing = dict.fromkeys([*detections[0], "isdiffpos"]) if detections else {}
    for exposure, detection, detected, moved in zip(
        common, detections, curve.detected.tolist(), shift.tolist(), strict=True
    ):
        if detected:
            again = {"isdiffpos": _SPELLING_AGAIN[detection["rising"]], "magpsf": detection["magpsf"] + moved}
            yield {**exposure, **detection, **again}
        else:
            yield {**exposure, **nothing}


def _forced(curve: SimulatedLightCurve, common: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every exposure as forced photometry, in counts of the zero point."""
    counts_per_njy = 10.0 ** (0.4 * (COUNTS_ZERO_POINT - AB_ZERO_POINT_NJY))
    rng = curve.chance("forced")
    noise: NDArray[np.float64] = 0.5 * rng.normal(0.0, 1.0, curve.mjd.size) * curve.flux_err_njy
    flux = (curve.difference_njy + noise) * counts_per_njy
    fails = rng.random(curve.mjd.size) < FORCED_FAILS
    for row, exposure in enumerate(common):
        failed = bool(fails[row])
        yield {
            **exposure,
            "forcediffimflux": SENTINEL if failed else float(flux[row]),
            "forcediffimfluxunc": SENTINEL if failed else float(curve.flux_err_njy[row]) * counts_per_njy,
            "procstatus": "61" if failed else "0",
            "distnr": 0.1,
            "magnr": float(curve.reference_mag[row]),
            "sigmagnr": REFERENCE_MAG_ERR,
        }
