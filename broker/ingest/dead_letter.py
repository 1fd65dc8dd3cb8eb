"""A packet that could not be read: what, where and why, and its bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from broker.alert import Packet

_ROOM = 1024  # bytes that the headers and the record's framing take
_MESSAGE_CHARACTERS = 200


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
            "message": self.message[:_MESSAGE_CHARACTERS],
            **{name: value for name, value in where.items() if value is not None},
            "offset": origin.offset,
            "length": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
        }

    def as_message(self, max_bytes: int) -> tuple[list[tuple[str, bytes]], bytes]:
        """Kafka headers, and the packet as it came, cut so that the message has at most `max_bytes`."""
        payload = self.packet.payload
        value = payload[: max(0, max_bytes - _ROOM)]
        truncated = "true" if len(value) < len(payload) else "false"
        fields = {**self.describe(), "truncated": truncated}
        return [
            (name, str(field).encode("utf-8", "backslashreplace")) for name, field in fields.items()
        ], value
