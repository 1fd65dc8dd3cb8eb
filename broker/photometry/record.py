"""The photometry record: an alert as bytes, for the stage that classifies it, and back."""

from __future__ import annotations

import io
import re
from functools import cache
from typing import Any, Literal

import fastavro
import numpy as np
from fastavro.schema import fingerprint, to_parsing_canonical_form
from numpy.typing import NDArray

from broker.alert import EPOCH, Alert, Arrival, Origin, Packet
from broker.errors import AlertError
from broker.photometry.partitioner import partition_of
from schemas.photometry import photometry_schema
from schemas.surveys import TimeScale

USED: Literal["used"] = "used"
SEED: Literal["seed"] = "seed"

MALFORMED = "bad_photometry"  # reason: not a record of ours, or one that cannot be
MISPLACED = "wrong_partition"  # reason: its object lives in another one

_MAGIC = b"\xc3\x01"  # Avro's encoding of a single object: these, and the fingerprint of its schema
_FINGERPRINT_BYTES = 8
_TIME_SCALES: dict[str, TimeScale] = {"UTC": "UTC", "TAI": "TAI"}
_NAMES = EPOCH.names or ()
_LAYOUT = " ".join(f"{name}:{EPOCH[name].str}" for name in _NAMES)
_COLUMN = re.compile(r"(\w{1,40}):([<|][iufSb]\d{1,3})")
_ID = np.dtype("<i8")


def encode(alert: Alert, *, verdict: Literal["used", "seed"] = USED) -> bytes:
    """Return an alert as the value of a message; its key is `Alert.key`."""
    origin = alert.arrival.origin
    out = io.BytesIO()
    out.write(_prefix())
    fastavro.schemaless_writer(
        out,
        _schema(),
        {
            "survey": alert.survey,
            "object_id": alert.object_id,
            "verdict": verdict,
            "vetting": alert.vetting,
            "time_scale": alert.time_scale,
            "ra": alert.ra,
            "dec": alert.dec,
            "source": {
                "file": origin.file,
                "topic": origin.topic,
                "partition": origin.partition,
                "offset": origin.offset,
            },
            "upstream_time_ms": alert.arrival.upstream_ms,
            "ingest_time_us": alert.arrival.ingest_time_us,
            "history_rows": alert.history_rows,
            "withdrawn": alert.withdrawn.astype(_ID).tobytes(),
            "forced_wins": alert.forced_wins,
            "layout": _LAYOUT,
            "n_detections": alert.detection.size,
            "n_history": alert.history.size,
            "epochs": alert.detection.tobytes() + alert.history.tobytes() + alert.forced.tobytes(),
        },
    )
    return out.getvalue()


class PhotometryReader:
    """Turns messages of the photometry topic into alerts, as they were when they were ingested.

    Parameters
    ----------
    n_partitions : int
        Of the topic.
    """

    def __init__(self, n_partitions: int) -> None:
        self._n_partitions = n_partitions

    def read(self, packet: Packet) -> Alert:
        """Read a message.

        Raises
        ------
        AlertError
            If it is no record of ours, or its object lives in another partition.
        """
        record = _decode(packet.payload)
        epochs = _epochs(record["layout"], record["epochs"])
        n_detections, n_history = record["n_detections"], record["n_history"]
        if n_detections not in (0, 1) or n_history < 0 or n_detections + n_history > epochs.size:
            raise AlertError(
                MALFORMED,
                f"{epochs.size} epochs, of which {n_detections} and {n_history} are to be detections",
            )
        if record["verdict"] not in (USED, SEED) or (n_detections == 0 and record["verdict"] != SEED):
            raise AlertError(MALFORMED, f"verdict {record['verdict']!r:.40} on {n_detections} detections")
        if len(record["withdrawn"]) % _ID.itemsize:
            raise AlertError(MALFORMED, f"ids of withdrawn detections of {len(record['withdrawn'])} bytes")
        if record["time_scale"] not in _TIME_SCALES:
            raise AlertError(MALFORMED, f"time scale {record['time_scale']!r:.40}")
        alert = Alert(
            survey=record["survey"],
            object_id=record["object_id"],
            time_scale=_TIME_SCALES[record["time_scale"]],
            ra=record["ra"],
            dec=record["dec"],
            detection=epochs[:n_detections],
            history=epochs[n_detections : n_detections + n_history],
            withdrawn=np.frombuffer(record["withdrawn"], _ID),
            history_rows=record["history_rows"],
            forced=epochs[n_detections + n_history :],
            forced_wins=record["forced_wins"],
            arrival=Arrival(Origin(**record["source"]), record["upstream_time_ms"], record["ingest_time_us"]),
            vetting=record["vetting"],
        )
        self._check_place(alert.key, packet.origin.partition)
        return alert

    def _check_place(self, key: str, partition: int | None) -> None:
        if partition != (expected := partition_of(key, self._n_partitions)):
            raise AlertError(
                MISPLACED,
                f"{key!r:.80} lives in partition {expected} of {self._n_partitions}, this is {partition}: "
                "the topic has another number of partitions than when it was written, or another writer",
            )


def _decode(payload: bytes) -> dict[str, Any]:
    if not payload.startswith(_prefix()):
        start = payload[: len(_MAGIC) + _FINGERPRINT_BYTES].hex()
        raise AlertError(MALFORMED, f"starts with {start}: no photometry record, or one of another version")
    body = io.BytesIO(payload[len(_prefix()) :])
    try:
        record: dict[str, Any] = fastavro.schemaless_reader(body, _schema(), None)  # type: ignore[assignment]
    except Exception as exc:  # whatever fastavro makes of noise
        raise AlertError(MALFORMED, f"cannot be read: {type(exc).__name__}: {exc!s:.100}") from exc
    if rest := body.read(1):
        raise AlertError(MALFORMED, f"goes on behind its end with {rest.hex()}")
    return record


def _epochs(layout: str, packed: bytes) -> NDArray[np.void]:
    """Epochs from their bytes; columns that we do not know are left out, those that it lacks are zero."""
    written = EPOCH if layout == _LAYOUT else _dtype(layout)
    if len(packed) % written.itemsize:
        raise AlertError(MALFORMED, f"epochs of {written.itemsize} bytes in {len(packed)} bytes")
    rows = np.frombuffer(packed, written)
    if written == EPOCH:
        return rows
    epochs = np.zeros(rows.size, EPOCH)
    for name in {*(written.names or ())}.intersection(_NAMES):
        epochs[name] = rows[name]
    return epochs


def _dtype(layout: str) -> np.dtype[np.void]:
    columns = [match.groups() for match in map(_COLUMN.fullmatch, layout.split()) if match]
    names = [name for name, _ in columns]
    if not columns or len(columns) < len(layout.split()) or len({*names}) < len(names):
        raise AlertError(MALFORMED, f"layout of epochs {layout!r:.80}")
    dtype = np.dtype(columns)
    for name in {*names}.intersection(_NAMES):
        if dtype[name].kind != EPOCH[name].kind or not np.can_cast(dtype[name], EPOCH[name], "safe"):
            raise AlertError(MALFORMED, f"epochs have {name} of type {dtype[name]}")
    return dtype


@cache
def _schema() -> Any:
    return fastavro.parse_schema(photometry_schema())


@cache
def _prefix() -> bytes:
    canonical = to_parsing_canonical_form(photometry_schema())
    crc = bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))
    return _MAGIC + crc
