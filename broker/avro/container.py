"""Avro object container files: a header with the schema, then blocks of records.

Format: https://avro.apache.org/docs/1.12.0/specification/#object-container-files
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import cramjam

from broker.avro.budget import (
    MAX_HEADER_BYTES,
    MAX_HEADER_ENTRIES,
    MAX_INFLATED_BYTES,
    MAX_SCHEMA_BYTES,
    over_budget,
)
from broker.errors import AlertError

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
MAX_VARINT_BYTES = 10
CHECKSUM_BYTES = 4  # behind a Snappy block: the CRC-32 of what it was


@dataclass(frozen=True, slots=True)
class Header:
    """The beginning of a container, up to its first block.

    `prefix` is its bytes as they are, without the 16 of the sync marker. All files of one producer and schema
    share them, and they end where they say: what starts with a known prefix has that header.
    """

    prefix: bytes
    schema_text: bytes
    codec: str

    @property
    def size(self) -> int:
        """Number of bytes before the first block."""
        return len(self.prefix) + SYNC_BYTES


@dataclass(frozen=True, slots=True)
class Block:
    """A block of records: how many, where its bytes are, and where the next block starts."""

    count: int
    start: int
    stop: int
    next: int


def parse_header(data: bytes) -> Header:
    """Read the header at the beginning of `data`.

    Raises
    ------
    AlertError
        ``bad_magic``, ``truncated``, ``corrupt``, ``bad_schema`` (there is none), or ``too_large``.
    """
    if data[: len(MAGIC)] != MAGIC:
        raise AlertError("bad_magic", f"starts with {data[:4]!r}: no Avro object container")
    meta, end = _read_meta(data, len(MAGIC))
    if end + SYNC_BYTES > len(data):
        raise AlertError("truncated", f"header of {end + SYNC_BYTES} bytes in {len(data)}")
    if b"avro.schema" not in meta:
        raise AlertError("bad_schema", "header without avro.schema")
    if len(meta[b"avro.schema"]) > MAX_SCHEMA_BYTES:
        raise over_budget(f"schema of {len(meta[b'avro.schema'])} bytes, at most {MAX_SCHEMA_BYTES} are read")
    codec = meta.get(b"avro.codec", b"null").decode("ascii", "backslashreplace")
    return Header(data[:end], meta[b"avro.schema"], codec)


def plain_header(schema_text: bytes) -> bytes:
    """Return a header of uncompressed records, up to the sync marker."""
    name = b"avro.schema"
    entry = write_varint(len(name)) + name + write_varint(len(schema_text)) + schema_text
    return MAGIC + write_varint(1) + entry + write_varint(0)


def frame(count: int, body: bytes | memoryview, sync: bytes) -> bytes:
    """Return a block."""
    return b"".join((write_varint(count), write_varint(len(body)), body, sync))


def parse_block(data: bytes, at: int, sync: bytes) -> Block:
    """Read the frame of the block that starts at `at`, up to and with the sync marker after it.

    Raises
    ------
    AlertError
        ``truncated`` or ``corrupt``.
    """
    count, start = read_varint(data, at)
    size, start = read_varint(data, start)
    if count < 0 or size < 0:
        raise AlertError("corrupt", f"block of {count} records in {size} bytes")
    stop = start + size
    if stop + SYNC_BYTES > len(data):
        raise AlertError("truncated", f"block ends at byte {stop + SYNC_BYTES} of {len(data)}")
    if data[stop : stop + SYNC_BYTES] != sync:
        raise AlertError("corrupt", f"block at byte {at} does not end in the sync marker")
    return Block(count, start, stop, stop + SYNC_BYTES)


def decompress(body: bytes, codec: str, max_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """Undo the compression of a block.

    Raises
    ------
    AlertError
        ``unsupported_codec``, ``corrupt``, or ``too_large`` where it would exceed `max_bytes`.
    """
    if codec == "null":
        return body
    if codec == "snappy":
        return _undo_snappy(body, max_bytes)
    if codec != "deflate":
        raise AlertError("unsupported_codec", f"codec {codec!r:.40}: null, deflate and snappy can be read")
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = stream.decompress(body, max_bytes)
    except zlib.error as exc:
        raise AlertError("corrupt", f"deflated block: {exc}") from exc
    if stream.unconsumed_tail or (len(plain) == max_bytes and not stream.eof):
        raise over_budget(f"block inflates to more than {max_bytes} bytes")
    if not stream.eof:
        raise AlertError("truncated", "deflated block ends early")
    return plain


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a zigzag integer at `at`; return it and where it ended.

    Raises
    ------
    AlertError
        ``truncated`` or ``corrupt``.
    """
    value = 0
    for i in range(MAX_VARINT_BYTES):
        if at + i >= len(data):
            raise AlertError("truncated", f"ends after {len(data)} bytes within an integer")
        byte = data[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at + i + 1
    raise AlertError("corrupt", f"integer at byte {at} is longer than 64 bits")


def write_varint(value: int) -> bytes:
    """Return the zigzag encoding of a 64-bit integer."""
    left = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while left > 0x7F:
        encoded.append(left & 0x7F | 0x80)
        left >>= 7
    encoded.append(left)
    return bytes(encoded)


def _undo_snappy(body: bytes, max_bytes: int) -> bytes:
    """Undo the compression of a Snappy block, once the size that it announces is known to be allowed."""
    compressed, checksum = memoryview(body)[:-CHECKSUM_BYTES], body[-CHECKSUM_BYTES:]
    try:
        size = cramjam.snappy.decompress_raw_len(compressed)
        if size > max_bytes:
            raise over_budget(f"block inflates to {size} bytes, at most {max_bytes} are read")
        plain = bytes(cramjam.snappy.decompress_raw(compressed, output_len=size))
    except cramjam.DecompressionError as exc:
        raise AlertError("corrupt", f"snappy block: {exc}") from exc
    if zlib.crc32(plain) != int.from_bytes(checksum, "big"):
        raise AlertError("corrupt", "snappy block: wrong checksum")
    return plain


def _read_meta(data: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    """Read the map of metadata: key -> value."""
    meta: dict[bytes, bytes] = {}
    n_entries = 0  # of one name, too
    while True:
        count, at = read_varint(data, at)
        if count == 0:
            return meta, at
        if count < 0:  # then the size of the block in bytes comes first
            _, at = read_varint(data, at)
        n_entries += abs(count)
        if n_entries > MAX_HEADER_ENTRIES:
            raise over_budget(f"header with {n_entries} entries, at most {MAX_HEADER_ENTRIES} are read")
        for _ in range(abs(count)):
            key, at = _read_bytes(data, at)
            value, at = _read_bytes(data, at)
            meta[key] = value


def _read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = read_varint(data, at)
    if size < 0 or at + size > len(data):
        raise AlertError("truncated", f"header entry of {size} bytes at byte {at} of {len(data)}")
    if at + size > MAX_HEADER_BYTES:
        raise over_budget(f"header of {at + size} bytes, at most {MAX_HEADER_BYTES} are read")
    return data[at : at + size], at + size
