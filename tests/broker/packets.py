"""Small alerts with the surveys' names and types, written by fastavro."""

from __future__ import annotations

import io
import struct
from typing import Any

import fastavro

from broker.alert import Alert, Origin, Packet
from broker.errors import AlertError, UnknownSchemaError
from broker.ingest.decoder import Decoder

PID = 2475433850215  # 2475.433850 days after 2017-01-01, readout channel 2, 15
JD = 2457754.5 + 2475.433850
MJD_TAI = 61105.25


def nullable(kind: Any) -> list[Any]:
    return ["null", kind]


def record(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields.items()]}


CANDIDATE = {
    "jd": "double",
    "fid": "int",
    "pid": "long",
    "diffmaglim": nullable("float"),
    "programid": "int",
    "candid": nullable("long"),
    "isdiffpos": nullable("string"),
    "tblid": nullable("long"),
    "ra": nullable("double"),
    "dec": nullable("double"),
    "magpsf": nullable("float"),
    "sigmapsf": nullable("float"),
    "distnr": nullable("float"),
    "magnr": nullable("float"),
    "sigmagnr": nullable("float"),
    "ssdistnr": nullable("float"),
    "ssmagnr": nullable("float"),
    "rbversion": "string",
    "exptime": nullable("float"),
}
FP_HIST = record(
    "fp_hist",
    {
        "field": nullable("int"),
        "jd": nullable("double"),
        "fid": nullable("int"),
        "pid": nullable("long"),
        "programid": "int",
        "exptime": nullable("float"),
        "forcediffimflux": nullable("float"),
        "forcediffimfluxunc": nullable("float"),
        "magzpsci": nullable("float"),
        "procstatus": nullable("string"),
        "distnr": nullable("float"),
        "magnr": nullable("float"),
        "sigmagnr": nullable("float"),
    },
)
ZTF_SCHEMA = record(
    "alert",
    {
        "schemavsn": "string",
        "objectId": "string",
        "candid": "long",
        "candidate": record("candidate", CANDIDATE),
        "prv_candidates": nullable({"type": "array", "items": record("prv_candidate", CANDIDATE)}),
        "fp_hists": nullable({"type": "array", "items": FP_HIST}),
        "cutoutScience": nullable("bytes"),
    },
)
DIA_SOURCE = {
    "diaSourceId": "long",
    "visit": "long",
    "detector": "int",
    "diaObjectId": nullable("long"),
    "ssObjectId": nullable("long"),
    "midpointMjdTai": "double",
    "ra": "double",
    "raErr": nullable("float"),
    "dec": "double",
    "isNegative": nullable("boolean"),
    "psfNdata": "int",
    "psfFlux": nullable("float"),
    "scienceFlux": nullable("float"),
    "scienceFluxErr": nullable("float"),
    "band": nullable("string"),
    "timeWithdrawnMjdTai": nullable("double"),
}
FORCED = record(
    "diaForcedSource",
    {
        "diaForcedSourceId": "long",
        "ra": nullable("double"),
        "dec": nullable("double"),
        "visit": "long",
        "detector": "int",
        "psfFlux": nullable("float"),
        "psfFluxErr": nullable("float"),
        "midpointMjdTai": "double",
        "scienceFlux": nullable("float"),
        "scienceFluxErr": nullable("float"),
        "band": nullable("string"),
        "timeProcessedMjdTai": nullable("double"),
        "timeWithdrawnMjdTai": nullable("double"),
    },
)
DIA_OBJECT = record("diaObject", {"diaObjectId": "long", "ra": "double", "raErr": "float", "dec": "double"})


def lsst_schema(dia_source: dict[str, Any] | None = None) -> dict[str, Any]:
    return record(
        "alert",
        {
            "diaSourceId": "long",
            "observation_reason": nullable("string"),
            "diaSource": record("diaSource", DIA_SOURCE if dia_source is None else dia_source),
            "prvDiaSources": nullable({"type": "array", "items": "diaSource"}),
            "prvDiaForcedSources": nullable({"type": "array", "items": FORCED}),
            "diaObject": nullable(DIA_OBJECT),
            "cutoutScience": nullable("bytes"),
        },
    )


LSST_SCHEMA = lsst_schema()


def candidate(**changes: Any) -> dict[str, Any]:
    return {
        "jd": JD,
        "fid": 1,
        "pid": PID,
        "diffmaglim": 20.5,
        "programid": 1,
        "candid": PID * 1000 + 7,
        "isdiffpos": "t",
        "tblid": None,
        "ra": 150.0,
        "dec": 2.0,
        "magpsf": 18.0,
        "sigmapsf": 0.1,
        "distnr": 0.3,
        "magnr": 17.0,
        "sigmagnr": 0.02,
        "ssdistnr": -999.0,
        "ssmagnr": -999.0,
        "rbversion": "t17_f5_c3",
        "exptime": 30.0,
    } | changes


def upper_limit(**changes: Any) -> dict[str, Any]:
    absent = ("candid", "isdiffpos", "ra", "dec", "magpsf", "sigmapsf", "distnr", "magnr", "sigmagnr")
    return candidate(**dict.fromkeys(absent), **changes)


def forced_ztf(days: float = 1.0, **changes: Any) -> dict[str, Any]:
    """A row of forced photometry, so long before the alert of `candidate`."""
    since = round((JD - days - 2457754.5) * 1e6)
    return {
        "field": 600,
        "jd": 2457754.5 + since / 1e6,
        "fid": 1,
        "pid": since * 1000 + 215,
        "programid": 1,
        "exptime": 30.0,
        "forcediffimflux": 2000.0,
        "forcediffimfluxunc": 20.0,
        "magzpsci": 26.0,
        "procstatus": "0",
        "distnr": 0.3,
        "magnr": 17.0,
        "sigmagnr": 0.02,
    } | changes


def ztf_alert(
    trigger: dict[str, Any], history: list[dict[str, Any]] | None = None, **changes: Any
) -> dict[str, Any]:
    return {
        "schemavsn": "4.02",
        "objectId": "ZTF18aaaaaaa",
        "candid": PID * 1000 + 7,
        "candidate": trigger,
        "prv_candidates": history,
        "fp_hists": None,
        "cutoutScience": b"\x1f\x8b" * 50,
    } | changes


def dia_source(**changes: Any) -> dict[str, Any]:
    return {
        "diaSourceId": 170094456480989258,
        "visit": 2026030600123,
        "detector": 94,
        "diaObjectId": 170094456480989001,
        "ssObjectId": None,
        "midpointMjdTai": MJD_TAI,
        "ra": 150.0,
        "raErr": 1e-5,
        "dec": 2.0,
        "isNegative": True,
        "psfNdata": 1681,
        "psfFlux": -500.0,
        "scienceFlux": 36307.805,
        "scienceFluxErr": 363.07805,
        "band": "r",
        "timeWithdrawnMjdTai": None,
    } | changes


def forced_lsst(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A row of forced photometry of a visit of its own, 0 that of `dia_source`, 1 the one before."""
    return {
        "diaForcedSourceId": 170094456480989258,
        "ra": 150.0,
        "dec": 2.0,
        "visit": 2026030600123 - number,
        "detector": 94,
        "psfFlux": -500.0,
        "psfFluxErr": 300.0,
        "midpointMjdTai": MJD_TAI - 0.01 * number,
        "scienceFlux": 36307.805,
        "scienceFluxErr": 363.07805,
        "band": "r",
        "timeProcessedMjdTai": MJD_TAI + 0.002,
        "timeWithdrawnMjdTai": None,
    } | changes


def lsst_alert(
    trigger: dict[str, Any], history: list[dict[str, Any]] | None = None, **changes: Any
) -> dict[str, Any]:
    return {
        "diaSourceId": trigger["diaSourceId"],
        "observation_reason": "ddf_cosmos",
        "diaSource": trigger,
        "prvDiaSources": history,
        "prvDiaForcedSources": None,
        "diaObject": {"diaObjectId": 170094456480989001, "ra": 150.0, "raErr": 1e-6, "dec": 2.0},
        "cutoutScience": b"\x1f\x8b" * 50,
    } | changes


def container(
    *alerts: dict[str, Any], schema: Any = ZTF_SCHEMA, codec: str = "null", **options: Any
) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, schema, alerts, codec=codec, sync_marker=b"0123456789abcdef", **options)
    return out.getvalue()


def confluent(alert: dict[str, Any], schema: Any = LSST_SCHEMA, schema_id: int = 1100) -> bytes:
    return struct.pack(">bi", 0, schema_id) + schemaless(alert, schema)


def schemaless(datum: Any, schema: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, datum)
    return out.getvalue()


def packet(payload: bytes) -> Packet:
    return Packet(payload, Origin())


def outcome(decoder: Decoder, one: Packet) -> str:
    """Name of the object, or the reason why there is none."""
    try:
        read = decoder.read(one)
    except AlertError as exc:
        return exc.reason
    return read.object_id if isinstance(read, Alert) else read.reason


class Schemas:
    """A registry in a dictionary, which counts what it is asked."""

    def __init__(self, schemas: dict[int, Any]) -> None:
        self._schemas = schemas
        self.asked: list[int] = []

    def schema(self, schema_id: int) -> Any:
        self.asked.append(schema_id)
        if schema_id not in self._schemas:
            raise UnknownSchemaError(schema_id, "unknown_schema_id", f"schema id {schema_id}")
        return self._schemas[schema_id]
