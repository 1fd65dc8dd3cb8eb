"""The types that travel: packets and where they came from, alerts, annotations, dead letters."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.surveys import TimeScale

Partition = tuple[str, int]
"""A partition of a topic: (topic, number)."""

HEADERS_AND_FRAMING_BYTES = 1024
"""Room that a dead letter leaves in its message for its headers and the broker's framing."""

MAX_REASON_CHARACTERS = 200
"""Longest text of what was wrong in a dead letter's headers."""

EPOCH = np.dtype(
    [
        ("source_id", "<i8"),  # the survey's identifier of this detection
        ("exposure", "<i8"),  # one point is kept per (band, exposure)
        ("mjd", "<f8"),  # time as the survey reports it, in its own scale [d]
        ("mag", "<f4"),  # total magnitude, not of the difference [mag]
        ("mag_err", "<f4"),  # one sigma; NaN where the survey gives none [mag]
        ("time_correction_s", "<f4"),  # to the middle of the exposure, as seen from the Sun [s]
        ("band", "S1"),  # one of u g r i z y
        ("withdrawn", "?"),  # taken back by the survey: remembered, so that it cannot come back, never used
        ("pad", "V2"),  # room to grow: records stay 40 bytes
    ]
)
"""One measurement of one object, as stored: little-endian, 40 bytes."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a packet came from: a file, or a partition of a topic.

    `offset` is the message's in its partition, or the number of the record in the file.
    """

    file: str | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Packet:
    """One message as it arrived, before anything was read from it."""

    payload: bytes
    origin: Origin
    upstream_ms: int | None = None  # when the survey's producer sent it [Unix ms]


@dataclass(frozen=True, slots=True)
class Alert:
    """A usable detection of one object, with what its packet tells of the past.

    Attributes
    ----------
    detection : (1,) EPOCH
        The detection that triggered the alert.
    history : (h,) EPOCH
        Earlier detections in the packet that pass the same rules, in packet order.
    withdrawn : (m,) int64
        Source ids in the packet that the survey has taken back.
    history_rows : mapping of str to int
        How many history rows met which fate: ``"used"`` or a reason.
    """

    survey: str
    object_id: str
    time_scale: TimeScale
    ra: float
    dec: float
    detection: NDArray[np.void]
    history: NDArray[np.void]
    withdrawn: NDArray[np.int64]
    history_rows: Mapping[str, int]

    @property
    def key(self) -> str:
        """Object id with the survey in front: the store's key and the Kafka key."""
        return f"{self.survey}:{self.object_id}"

    @property
    def source_id(self) -> int:
        """Identifier of the triggering detection."""
        return int(self.detection["source_id"][0])

    @property
    def is_withdrawn(self) -> bool:
        """Whether the survey has taken the triggering detection itself back."""
        return self.source_id in self.withdrawn

    @property
    def band(self) -> str:
        """Band of the triggering detection."""
        return bytes(self.detection["band"][0]).decode("ascii")

    @property
    def mjd(self) -> float:
        """Time of the triggering detection as the survey reports it [d]."""
        return float(self.detection["mjd"][0])


@dataclass(frozen=True, slots=True)
class Skipped:
    """A readable alert that is not used, and why: ``"not_public"``, ``"no_total_flux"``, ..."""

    survey: str
    reason: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """One record on its way out.

    Attributes
    ----------
    key : str
        Kafka key: the object id with the survey in front.
    id : UUID
        Of survey, object, detection, band, the band's epochs and the derivation of the record: the same
        however often it is published, another after a correction.
    record : dict
        What is published, field by field as in `schemas.classification`.
    """

    key: str
    id: uuid.UUID
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A packet that could not be read, and why.

    Attributes
    ----------
    reason : str
        Short code to count by.
    message : str
        What was found.
    """

    packet: Packet
    reason: str
    message: str

    def describe(self) -> dict[str, str | int]:
        """Reason, coordinates, length and hash; coordinates that do not apply are left out."""
        origin, payload = self.packet.origin, self.packet.payload
        where = {"file": origin.file, "topic": origin.topic, "partition": origin.partition}
        return {
            "reason": self.reason,
            "message": self.message[:MAX_REASON_CHARACTERS],
            **{name: value for name, value in where.items() if value is not None},
            "offset": origin.offset,
            "length": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
        }

    def as_message(self, max_bytes: int) -> tuple[list[tuple[str, bytes]], bytes]:
        """Kafka headers, and the packet as it came, cut so that the message has at most `max_bytes`."""
        payload = self.packet.payload
        value = payload[: max(0, max_bytes - HEADERS_AND_FRAMING_BYTES)]
        truncated = "true" if len(value) < len(payload) else "false"
        fields = {**self.describe(), "truncated": truncated}
        return [
            (name, str(field).encode("utf-8", "backslashreplace")) for name, field in fields.items()
        ], value
