"""The types that travel: packets and where they came from, alerts, annotations, dead letters."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from broker.errors import AlertError
from schemas.surveys import TimeScale

Partition = tuple[str, int]
"""A partition of a topic: (topic, number)."""

MAX_REASON_CHARACTERS = 200
"""Longest text of what was wrong in a dead letter."""

_MAX_HEADER_BYTES = 300  # of a text in a dead letter's headers
_FRAMING_BYTES = 100  # of a message that is alone in its batch: 61 of the batch, at most 36 of the message
_HEADER_FRAMING_BYTES = 10  # of each header: two lengths

DETECTION, FORCED, REFUSED = range(3)
"""Kinds of an epoch: the detection of an alert; forced photometry; forced photometry that is not to be used,
remembered so that an older packet cannot bring it back."""

UNKNOWN_OFFSET = 255
"""Stands for an offset that is larger than a byte holds, or not known."""

EPOCH = np.dtype(
    [
        ("source_id", "<i8"),  # the survey's identifier of this detection; forced: see `Alert.forced`
        ("exposure", "<i8"),  # one point is kept per (band, exposure)
        ("mjd", "<f8"),  # time as the survey reports it, in its own scale [d]
        ("mag", "<f4"),  # total magnitude, not of the difference [mag]
        ("mag_err", "<f4"),  # one sigma; NaN where the survey gives none [mag]
        ("time_correction_s", "<f4"),  # to the middle of the exposure, as seen from the Sun [s]
        ("band", "S1"),  # one of u g r i z y
        ("withdrawn", "?"),  # taken back by the survey: remembered, so that it cannot come back, never used
        ("kind", "u1"),  # DETECTION, FORCED or REFUSED
        ("offset", "u1"),  # of forced photometry from its star, or UNKNOWN_OFFSET [0.01 arcsec]
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

    @property
    def topic_partition(self) -> Partition | None:
        """The partition of a topic; None for a file."""
        return None if self.topic is None or self.partition is None else (self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Packet:
    """One message as it arrived, before anything was read from it.

    Attributes
    ----------
    upstream_ms : int or None
        When the survey's producer sent it [Unix ms].
    damage : AlertError or None
        What its transport found wrong; it is not decoded then.
    """

    payload: bytes
    origin: Origin
    upstream_ms: int | None = None
    damage: AlertError | None = None


class Arrival(NamedTuple):
    """How an alert came to us.

    Attributes
    ----------
    origin : Origin
        Where its packet was.
    upstream_ms : int or None
        When the survey's producer sent it [Unix ms].
    ingest_time_us : int
        When it was read [Unix us].
    """

    origin: Origin = Origin()
    upstream_ms: int | None = None
    ingest_time_us: int = 0


class Place(NamedTuple):
    """Where an object is: the place of its latest detection that triggered an alert.

    Attributes
    ----------
    mjd : float
        Of that detection [d].
    ra, dec : float
        [deg].
    """

    mjd: float
    ra: float
    dec: float

    def or_later(self, other: Place | None) -> Place:
        """Return the later of the two."""
        return self if other is None else max(self, other)


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
        How many history rows met which fate: ``"used"`` or a reason; and how many rows of forced photometry
        there are (``"forced"``), of which verdicts (``"forced_used"``, ``"forced_faint"``, ...).
    forced : (f,) EPOCH
        Forced photometry in the packet, at most one row for each exposure of a band. Where `forced_wins`, all
        rows that can be named are here, with the verdict of this packet (FORCED, REFUSED or withdrawn), and
        their `source_id` is the time of the alert [ms since MJD 0]: the newest packet judges. Otherwise the
        usable ones are, of source id 0.
    forced_wins : bool
        Whether a forced measurement takes the place of a detection in the same exposure; otherwise it fills
        exposures without one, and of two of them the one nearer to the star stays.
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
    forced: NDArray[np.void] = field(default_factory=lambda: np.empty(0, EPOCH))
    forced_wins: bool = False
    arrival: Arrival = field(default_factory=Arrival)
    vetting: str = ""

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

    @property
    def place(self) -> Place:
        """Where its detection is."""
        return Place(self.mjd, self.ra, self.dec)


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
        What is published, field by field as in `schemas.classification`, but for ``publish_time_us``, which
        the sink adds when the record leaves.
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
        fields = {
            "reason": self.reason,
            "message": self.message[:MAX_REASON_CHARACTERS],
            **{name: value for name, value in where.items() if value is not None},
            "offset": origin.offset,
            "length": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
        return {
            name: as_utf8(value).decode() if isinstance(value, str) else value
            for name, value in fields.items()
        }

    def as_message(self, max_bytes: int) -> tuple[list[tuple[str, bytes]], bytes]:
        """Kafka headers, and the packet as it came, cut so that the message has at most `max_bytes`.

        With its headers and the framing of Kafka, that is; where they leave no room the packet is cut to
        nothing. Texts in the headers are cut too, a file's name at its beginning.
        """
        payload = self.packet.payload
        tags = [(name, _bounded(name, str(value))) for name, value in self.describe().items()]
        # the longest of what can be said of the cut, as it is settled last
        taken = message_bytes(b"", headers=[*tags, ("truncated", b"false")])
        value = payload[: max(0, max_bytes - taken)]
        return [*tags, ("truncated", b"true" if len(value) < len(payload) else b"false")], value


def partition_name(partition: Partition) -> str:
    """Return a partition as log lines and errors name it, ``topic[3]``."""
    topic, number = partition
    return f"{topic}[{number}]"


def message_bytes(value: bytes, *, key: bytes = b"", headers: Sequence[tuple[str, bytes]] = ()) -> int:
    """Return the most bytes that a Kafka message takes, alone in its batch and not compressed."""
    sizes = (len(name) + len(text) + _HEADER_FRAMING_BYTES for name, text in headers)
    return _FRAMING_BYTES + len(key) + len(value) + sum(sizes)


def as_utf8(text: str) -> bytes:
    """Encode text, with an escape for what is no character: half of a surrogate, a byte of a file's name."""
    return text.encode("utf-8", "backslashreplace")


def _bounded(name: str, text: str) -> bytes:
    """Encode the text of a header, cut between characters; the end of a file's name tells more."""
    encoded = as_utf8(text)
    if len(encoded) > _MAX_HEADER_BYTES:
        part = encoded[-_MAX_HEADER_BYTES:] if name == "file" else encoded[:_MAX_HEADER_BYTES]
        encoded = part.decode("utf-8", "ignore").encode()
    return encoded
