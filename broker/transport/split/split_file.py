"""The split of a file into the messages that it holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from broker.alert import Origin, Packet
from broker.avro.budget import MAX_HEADER_BYTES, over_budget
from broker.avro.columnar import end_of_value
from broker.avro.compiler import compile_skip
from broker.avro.container import (
    MAGIC,
    MAX_VARINT_BYTES,
    SYNC_BYTES,
    Block,
    Header,
    decompress,
    frame,
    parse_block,
    parse_header,
    plain_header,
    read_varint,
)
from broker.avro.schema import parse_json, parse_schema
from broker.errors import AlertError
from broker.transport.split.archives import parts_of
from broker.transport.split.window import Window

MAX_MESSAGE_BYTES = 2**26 + 1  # more is not handed on: one byte over what is read by default
MAX_BLOCK_BYTES = 2**26  # of many records, as it stands in the file and inflated


def read_file(path: Path) -> Iterator[Packet]:
    """Yield the packets in a file, each as it would have come over the wire.

    Every record of an Avro container becomes a container of its own, whatever the schema; any other file is
    one message. Gzipped files and tar archives are what they hold, see `archives`. What is damaged becomes a
    packet that cannot be decoded, and the records of the undamaged blocks come out. The offset is the number
    of the record, as far as they can be counted.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        name = os.fsencode(path).decode("utf-8", "backslashreplace")  # it stands in records and messages
        for part in parts_of(file.read, name):
            if part.damage is not None:
                yield Packet(b"", Origin(file=part.name), damage=part.damage)
                continue
            for number, payload in _messages(part.window):
                yield Packet(payload, Origin(file=part.name, offset=number))


def _messages(window: Window) -> Iterator[tuple[int, bytes]]:
    if window.peek(len(MAGIC)) != MAGIC:
        yield 0, window.take(MAX_MESSAGE_BYTES)
        return
    try:
        header = parse_header(window.peek(MAX_HEADER_BYTES))
        program = _skip_program(header.schema_text)
    except AlertError:  # the decoder will find the same and say so
        yield 0, window.take(MAX_MESSAGE_BYTES)
        return
    yield from _records(window, header, program)


def _records(window: Window, header: Header, program: NDArray[np.int32]) -> Iterator[tuple[int, bytes]]:
    """Yield every record with its number, behind a header of its own."""
    head = window.take(header.size)
    sync = head[len(header.prefix) :]
    plain_head = head if header.codec == "null" else plain_header(header.schema_text) + sync
    number = 0
    while window.peek(1):
        try:
            block, data = _next_block(window, sync)
        except AlertError:
            yield number, head + window.take_through(sync, MAX_MESSAGE_BYTES)
            number += 1
            continue
        window.pass_over(block.next)
        body = memoryview(data)[block.start : block.stop]  # a copy less of what may be large
        try:
            if header.codec != "null":
                body = memoryview(decompress(bytes(body), header.codec, MAX_BLOCK_BYTES))
        except AlertError:
            yield number, head + data[:MAX_MESSAGE_BYTES]
        else:
            for i, part in enumerate(_bodies(block, body, program)):
                yield number + i, plain_head + frame(*part, sync)
        number += block.count


def _next_block(window: Window, sync: bytes) -> tuple[Block, bytes]:
    """Look at the next block: its frame, and its bytes with it.

    Raises
    ------
    AlertError
        ``truncated``, ``corrupt`` or ``too_large``.
    """
    sizes = window.peek(2 * MAX_VARINT_BYTES)
    _, at = read_varint(sizes, 0)
    size, at = read_varint(sizes, at)
    if size > MAX_BLOCK_BYTES:
        raise over_budget(f"block of {size} bytes, at most {MAX_BLOCK_BYTES} are read")
    data = window.peek(at + max(size, 0) + SYNC_BYTES)
    return parse_block(data, 0, sync), data


def _bodies(block: Block, body: memoryview, program: NDArray[np.int32]) -> Iterator[tuple[int, memoryview]]:
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


@lru_cache(maxsize=64)
def _skip_program(schema_text: bytes) -> NDArray[np.int32]:
    return compile_skip(parse_schema(parse_json(schema_text, "the file's header")))
