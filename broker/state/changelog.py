"""The changelog: what a partition's light curves are now, in a compacted topic that any worker can read.

A record has the key and the value that the store has, see `broker.state.object_record`; one of no value is
gone. The *marker* of a partition says how much of its photometry the records before it have seen: both are
written in one transaction, so a store that has read up to a marker is at that place exactly.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from broker.errors import FatalError

MARKER_KEY = b"\0pos"

_VERSION = 1
_MARKER = struct.Struct("<B3xIqq")  # version, partitions, photometry to read next, time of the partition
_MAX_ID_BYTES = 64


@dataclass(frozen=True, slots=True)
class Marker:
    """How far a partition's photometry has gone into its light curves.

    Attributes
    ----------
    n_partitions : int
        Of the photometry topic: an object lives in one of so many.
    input_next : int
        Offset of the first photometry that the light curves have not seen.
    clock_ms : int
        The time of the partition: the latest time stamp of its photometry so far [Unix ms].
    topic_id : str
        The id of the photometry topic, which offsets are of; empty where the cluster tells none.
    """

    n_partitions: int
    input_next: int
    clock_ms: int
    topic_id: str = ""

    def encode(self) -> bytes:
        """Return the value of the record whose key is `MARKER_KEY`."""
        packed = _MARKER.pack(_VERSION, self.n_partitions, self.input_next, self.clock_ms)
        return packed + self.topic_id.encode()

    @classmethod
    def decode(cls, value: bytes, where: str) -> Marker:
        """Read one.

        Raises
        ------
        FatalError
            If it is of another version or none of ours; `where` it stands is for the message.
        """
        if not _MARKER.size <= len(value) <= _MARKER.size + _MAX_ID_BYTES or value[0] != _VERSION:
            raise FatalError(
                f"the marker of {where} is {value[:40].hex()}: it was written by another version of "
                "varstream, or by another program"
            )
        _, n_partitions, input_next, clock_ms = _MARKER.unpack_from(value)
        return cls(n_partitions, input_next, clock_ms, value[_MARKER.size :].decode("ascii", "replace"))
