"""Packets as LSST sends them: Confluent framing, total and difference fluxes, up to a year of history."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np

from broker.avro.container import write_varint
from broker.simulator.encoding import NULL, PRESENT, EncodedRows, load_schema, record_of, text
from broker.simulator.sky import SimulatedLightCurve, njy

SCHEMA_ID = 1100  # 100 * major + minor of the survey's schema 11.0
FRAME = struct.pack(">bi", 0, SCHEMA_ID)

HISTORY_D = 365.0
HISTORY_ROWS = 60  # the survey sends all; these packets stay small, and a store knows the older ones
FORCED_ROWS = 30
LATENCY_D = 160.0 / 86400.0
DETECTORS = 189
MJD_DAY_ZERO = date(1858, 11, 17)
SECONDS_PER_SEQUENCE_NUMBER = 15


def lsst_packets(curve: SimulatedLightCurve) -> Iterator[tuple[int, bytes]]:
    """Yield the row of every detection of a light curve, and its packet, in order of time."""
    schema = load_schema(f"{SCHEMA_ID}.avsc")
    exposures = _exposures(curve)
    seen = np.flatnonzero(curve.detected)
    sources = EncodedRows(record_of(schema, "diaSource"), _sources(curve, exposures))
    forced = EncodedRows(record_of(schema, "prvDiaForcedSources"), _forced(curve, exposures))
    objects = EncodedRows(record_of(schema, "diaObject"), _objects(curve, exposures))
    oldest = np.searchsorted(curve.mjd[seen], curve.mjd[seen] - HISTORY_D)
    for number, row in enumerate(seen.tolist()):
        body = b"".join(
            [
                FRAME,
                write_varint(exposures[row]["diaSourceId"]),
                PRESENT + text("science"),  # observation_reason
                NULL,  # target_name
                sources.record(number),
                sources.nullable_array(max(int(oldest[number]), number - HISTORY_ROWS), number),
                forced.nullable_array(max(int(seen[0]), row + 1 - FORCED_ROWS), row + 1),
                PRESENT + objects.record(number),
                5 * NULL,  # ssSource, mpc_orbits, cutouts
            ]
        )
        yield row, body


def _exposures(curve: SimulatedLightCurve) -> list[dict[str, Any]]:
    """Return what source and forced photometry of each exposure share."""
    rng = curve.chance("exposures")
    n = curve.mjd.size
    detector = rng.integers(0, DETECTORS, n)
    ra = curve.star.ra + rng.normal(0.0, 5e-6, n)
    dec = curve.star.dec + rng.normal(0.0, 5e-6, n)
    object_id = int(curve.object_id)
    exposures = []
    for i, mjd in enumerate(curve.mjd.tolist()):
        day, fraction = divmod(mjd - 0.5, 1.0)  # the observing day turns at noon in Greenwich
        day_obs = int((MJD_DAY_ZERO + timedelta(days=day)).strftime("%Y%m%d"))
        visit = day_obs * 100_000 + int(fraction * 86400.0 / SECONDS_PER_SEQUENCE_NUMBER)
        exposures.append(
            {
                "diaSourceId": (visit * 256 + int(detector[i])) * 4096 + object_id % 4096,
                "visit": visit,
                "detector": int(detector[i]),
                "diaObjectId": object_id,
                "midpointMjdTai": mjd,
                "ra": float(ra[i]) % 360.0,
                "dec": float(dec[i]),
                "band": bytes(curve.band[i]).decode(),
                "timeProcessedMjdTai": mjd + LATENCY_D,
                "timeWithdrawnMjdTai": None,
            }
        )
    return exposures


def _sources(curve: SimulatedLightCurve, exposures: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every detection."""
    rng = curve.chance("sources")
    difference, template = curve.difference_njy, njy(curve.reference_mag)
    for row in np.flatnonzero(curve.detected).tolist():
        err = float(curve.flux_err_njy[row])
        yield {
            **exposures[row],
            "isNegative": bool(difference[row] < 0.0),
            "snr": abs(float(difference[row])) / err,
            "psfFlux": float(difference[row]),
            "psfFluxErr": err,
            "scienceFlux": float(curve.flux_njy[row]),
            "scienceFluxErr": err,
            "templateFlux": float(template[row]),
            "templateFluxErr": 0.1 * err,
            "extendedness": 0.0,
            "reliability": float(rng.beta(4.0, 1.0)),
        }


def _forced(curve: SimulatedLightCurve, exposures: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every exposure again, measured at the object's place: the same light, not the same numbers."""
    noise = 0.5 * curve.chance("forced").normal(0.0, 1.0, curve.mjd.size) * curve.flux_err_njy
    for row, exposure in enumerate(exposures):
        yield {
            **exposure,
            "diaForcedSourceId": exposure["diaSourceId"],
            "ra": curve.star.ra,
            "dec": curve.star.dec,
            "psfFlux": float(curve.difference_njy[row] + noise[row]),
            "psfFluxErr": float(curve.flux_err_njy[row]),
            "scienceFlux": float(curve.flux_njy[row] + noise[row]),
            "scienceFluxErr": float(curve.flux_err_njy[row]),
        }


def _objects(curve: SimulatedLightCurve, exposures: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Summary of the object as of every detection."""
    seen = np.flatnonzero(curve.detected).tolist()
    for number, row in enumerate(seen, start=1):
        mjd = exposures[row]["midpointMjdTai"]
        yield {
            "diaObjectId": int(curve.object_id),
            "validityStartMjdTai": mjd + LATENCY_D,
            "ra": curve.star.ra,
            "dec": curve.star.dec,
            "firstDiaSourceMjdTai": exposures[seen[0]]["midpointMjdTai"],
            "lastDiaSourceMjdTai": mjd,
            "nDiaSources": number,
        }
