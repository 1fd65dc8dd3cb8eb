"""The split of a file into the messages that it holds."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from broker.alert import Origin, Packet
from broker.avro.columnar import end_of_value
from broker.avro.compiler import compile_skip
from broker.avro.container import (
    MAGIC,
    Block,
    Header,
    decompress,
    frame,
    parse_block,
    parse_header,
    plain_header,
)
from broker.avro.schema import parse_schema
from broker.errors import AlertError
from broker.ingest.schema_registry import parse_json

MAX_MESSAGE_BYTES = 2**26 + 1  # more is not handed on: one byte over what is read by default
MAX_BLOCK_BYTES = 2**28


def read_file(path: Path) -> Iterator[Packet]:
    """Yield the packets in a file, each as it would have come over the wire.

    Every record of an Avro container becomes a container of its own, whatever the schema; any other file is
    one message. What is damaged becomes a packet that cannot be decoded, and the records of the undamaged
    blocks come out. The offset is the number of the record, as far as they can be counted.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    origin = str(path)
    with path.open("rb") as file:
        if not file.read(1):
            yield Packet(b"", Origin(file=origin))
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for number, payload in _messages(data):
                yield Packet(payload, Origin(file=origin, offset=number))


def _messages(data: mmap.mmap) -> Iterator[tuple[int, bytes]]:
    if data[: len(MAGIC)] != MAGIC:
        yield 0, data[:MAX_MESSAGE_BYTES]
        return
    try:
        header = parse_header(data)
        program = _skip_program(header.schema_text)
    except AlertError:  # the decoder will find the same and say so
        yield 0, data[:MAX_MESSAGE_BYTES]
        return
    yield from _records(data, header, program)


def _records(data: mmap.mmap, header: Header, program: NDArray[np.int32]) -> Iterator[tuple[int, bytes]]:
    """Yield every record with its number, behind a header of its own."""
    sync = data[len(header.prefix) : header.size]
    head = header.prefix + sync
    plain_head = head if header.codec == "null" else plain_header(header.schema_text) + sync
    number, at = 0, header.size
    while at < len(data):
        try:
            block = parse_block(data, at, sync)
        except AlertError:
            end = _after_next(data, sync, at)
            yield number, head + data[at : min(end, at + MAX_MESSAGE_BYTES)]
            number, at = number + 1, end
            continue
        try:
            body = decompress(data[block.start : block.stop], header.codec, MAX_BLOCK_BYTES)
        except AlertError:
            yield number, head + data[at : min(block.next, at + MAX_MESSAGE_BYTES)]
        else:
            for i, part in enumerate(_bodies(block, body, program)):
                yield number + i, plain_head + frame(*part, sync)
        number, at = number + block.count, block.next


def _bodies(block: Block, body: bytes, program: NDArray[np.int32]) -> Iterator[tuple[int, bytes]]:
    """Yield the records of a block one by one; from the first damaged one on, what is left with its count."""
    start = 0
    for done in range(block.count):
        try:
            end = end_of_value(program, body, start)
        except AlertError:
            yield block.count - done, body[start:]
            return
        yield 1, body[start:end]
        start = end
    if start < len(body):
        yield 0, body[start:]


def _after_next(data: mmap.mmap, sync: bytes, at: int) -> int:
    """Find where the next block may begin after damage at `at`."""
    found = data.find(sync, at)
    return len(data) if found < 0 else found + len(sync)


@lru_cache(maxsize=64)
def _skip_program(schema_text: bytes) -> NDArray[np.int32]:
    return compile_skip(parse_schema(parse_json(schema_text, "the file's header")))
