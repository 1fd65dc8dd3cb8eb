"""Undoes Snappy compression, the usual one of Avro files written by Spark.

Format: https://github.com/google/snappy/blob/main/format_description.txt
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from broker.errors import AlertError
from features.jit import kernel

CRC_BYTES = 4
MAX_LENGTH_BYTES = 5


@kernel
def inflate(data: NDArray[np.uint8], at: int, out: NDArray[np.uint8]) -> bool:
    """Fill `out` from the elements that begin at `at`: whether they fill it, and nothing is left over.

    An element is a literal, or a copy of up to 64 bytes from what was written before. Nothing outside the
    two arrays is touched, whatever the bytes are.
    """
    done = 0
    while at < data.size:
        tag = int(np.int64(data[at]))
        at += 1
        kind, length = tag & 3, (tag >> 2) + 1
        n_extra = kind if kind < 3 else 4  # bytes of the copy's offset
        if kind == 0 and length > 60:
            n_extra = length - 60  # bytes of the literal's length
        if n_extra > data.size - at:
            return False
        extra = 0
        for i in range(n_extra):
            extra |= int(np.int64(data[at + i])) << (8 * i)
        at += n_extra
        if kind == 0:
            length = extra + 1 if n_extra else length
            if length > data.size - at or length > out.size - done:
                return False
            out[done : done + length] = data[at : at + length]
            at += length
        else:
            if kind == 1:
                length, extra = ((tag >> 2) & 7) + 4, extra | (tag >> 5) << 8
            if not 0 < extra <= done or length > out.size - done:
                return False
            for i in range(done, done + length):  # may overlap itself: that is how a run is written
                out[i] = out[i - extra]
        done += length
    return done == out.size


def decompress_block(body: bytes, max_bytes: int) -> bytes:
    """Undo the compression of an Avro block, which ends in the checksum of what it was.

    Raises
    ------
    AlertError
        ``corrupt``, or ``too_large`` where it would exceed `max_bytes`.
    """
    compressed, checksum = body[:-CRC_BYTES], body[-CRC_BYTES:]
    size, start = 0, 0
    for start, byte in enumerate(compressed[:MAX_LENGTH_BYTES], start=1):
        size |= (byte & 0x7F) << (7 * (start - 1))
        if byte < 0x80:
            break
    if size > max_bytes:
        raise AlertError("too_large", f"block inflates to {size} bytes, at most {max_bytes} are read")
    plain = np.empty(size, dtype=np.uint8)
    if not inflate(np.frombuffer(compressed, dtype=np.uint8), start, plain):
        raise AlertError("corrupt", "snappy block: its elements do not make what it announces")
    undone = plain.tobytes()
    if zlib.crc32(undone) != int.from_bytes(checksum, "big"):
        raise AlertError("corrupt", "snappy block: wrong checksum")
    return undone
