"""The interpreter: a compiled program walks over a record's bytes and writes what is wanted as columns.

The functions are arithmetic on integers: they read at a place and return the next one, or the negative of a
fault. None of them reads outside its bytes, whatever is in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from broker.avro.budget import MAX_DEPTH, MAX_ITEMS
from broker.avro.compiler import FORCED_ROW, NOT_NULL, PREFIXED_WIDTH, TRIGGER_ROW, VARINT_WIDTH, Op
from broker.avro.projection import TEXT_WIDTH
from features.compilation.jit import kernel

TRUNCATED, LONG_INTEGER, NO_BRANCH, NEGATIVE_LENGTH, BAD_COUNT, TOO_MANY_ROWS, TOO_MANY_ITEMS = range(1, 8)
OF_WRONG_TYPE = 8  # and the place of its name: the highest fault
SPAN_BITS = 32  # a field's text is kept as start << 32 | length
OVERLONG_BITS = -1  # the bit pattern of projection.OVERLONG_TEXT
NOT_A_BRANCH = np.uint8(255)

# A kernel compares plain integers.
HALT, SKIP_FIXED, SKIP_VARINT, SKIP_PREFIXED, SKIP_NULLABLE, UNION, JUMP, BLOCKS = (
    int(op) for op in list(Op)[:8]
)
(
    NEXT,
    ROW,
    LONG,
    FLOAT,
    DOUBLE,
    TEXT,
    INTEGER,
    FIELD_LONG,
    FIELD_FLOAT,
    FIELD_DOUBLE,
    FIELD_TEXT,
    WRONG_TYPE,
) = (int(op) for op in list(Op)[8:])


@kernel
def read_varint(data: NDArray[np.uint8], at: int, stop: int) -> tuple[int, int]:
    """Read a zigzag integer: its value and where it ends, or 0 and a negative fault."""
    if at < stop and data[at] < 0x80:  # nearly always: branches, flags, short texts
        return int(np.int64(data[at] >> 1) ^ -np.int64(data[at] & 1)), at + 1
    bits = np.uint64(0)
    for i in range(10):
        if at >= stop:
            return 0, -TRUNCATED
        byte = data[at]
        at += 1
        if i == 9 and byte > 1:
            break
        bits |= np.uint64(byte & 0x7F) << np.uint64(7 * i)
        if byte < 0x80:
            return int(np.int64(bits >> np.uint64(1)) ^ -np.int64(bits & np.uint64(1))), at
    return 0, -LONG_INTEGER


@kernel
def read_length(data: NDArray[np.uint8], at: int, stop: int) -> tuple[int, int]:
    """Read the length of what follows, all of which is there: length and start, or 0 and a negative fault."""
    length, at = read_varint(data, at, stop)
    if at < 0:
        return 0, at
    if length < 0:
        return 0, -NEGATIVE_LENGTH
    return (length, at) if length <= stop - at else (0, -TRUNCATED)


@kernel
def read_count(data: NDArray[np.uint8], at: int, stop: int) -> tuple[int, int]:
    """Read how many items the next block of an array has, each of at least a byte."""
    count, at = read_varint(data, at, stop)
    if at >= 0 and count < 0:  # then its size in bytes comes first, for readers that want to pass over it
        _, at = read_varint(data, at, stop)
        count = -count
    if at < 0:
        return 0, at
    return (count, at) if 0 <= count <= stop - at else (0, -BAD_COUNT)


@kernel
def little_endian(data: NDArray[np.uint8], at: int, size: int) -> int:
    """Return `size` bytes as one integer, the first byte the lowest."""
    bits = np.uint64(0)
    for i in range(size):
        bits |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return int(np.int64(bits))


@kernel
def skip(data: NDArray[np.uint8], at: int, stop: int, width: int) -> int:
    """Pass over `width` bytes, an integer, or bytes behind their length: where they end, or a fault."""
    if width >= 0:
        return at + width if width <= stop - at else -TRUNCATED
    if width == VARINT_WIDTH:
        _, at = read_varint(data, at, stop)
        return at
    length, at = read_length(data, at, stop)
    return at + length if at >= 0 else at


@kernel
def read_null(data: NDArray[np.uint8], at: int, stop: int, null: int) -> tuple[bool, int]:
    """Read the branch of a union of null and another type: is it null, and where its value is, or a fault."""
    branch, at = read_varint(data, at, stop)
    if at >= 0 and branch not in (0, 1):
        at = -NO_BRANCH
    return branch == null, at


@kernel
def skip_nullable(data: NDArray[np.uint8], at: int, stop: int, null: int, width: int) -> int:
    """Pass over a union of null and another type: where it ends, or a fault."""
    is_null, at = read_null(data, at, stop, null)
    return at if at < 0 or is_null else skip(data, at, stop, width)


@kernel
def read_value(
    op: int,
    data: NDArray[np.uint8],
    at: int,
    stop: int,
    scratch: NDArray[np.float64],
) -> tuple[int, int]:
    """Read a wanted value as 64 bits: them and where it ends, or a fault. `scratch` has one element."""
    if op in (LONG, FIELD_LONG):
        return read_varint(data, at, stop)
    if op == INTEGER:
        value, at = read_varint(data, at, stop)
        scratch[0] = value
        return int(scratch.view(np.int64)[0]), at
    if op in (DOUBLE, FIELD_DOUBLE):
        return (little_endian(data, at, 8), at + 8) if stop - at >= 8 else (0, -TRUNCATED)
    if op in (FLOAT, FIELD_FLOAT):
        if stop - at < 4:
            return 0, -TRUNCATED
        scratch.view(np.uint32)[0] = little_endian(data, at, 4)
        scratch[0] = scratch.view(np.float32)[0]
        return int(scratch.view(np.int64)[0]), at + 4
    length, at = read_length(data, at, stop)
    if at < 0:
        return 0, at
    if op == FIELD_TEXT:
        return at << SPAN_BITS | length, at + length
    return little_endian(data, at, length) if length <= TEXT_WIDTH else OVERLONG_BITS, at + length


@kernel
def execute(  # noqa: PLR0912, PLR0915, PLR0917 (an interpreter is one loop; numba has no keyword-only)
    program: NDArray[np.int32],
    data: NDArray[np.uint8],
    start: int,
    stop: int,
    nulls: NDArray[np.int64],
    cells: NDArray[np.int64],
    present: NDArray[np.bool_],
    fields: NDArray[np.int64],
    fields_present: NDArray[np.bool_],
) -> tuple[int, int, int, int]:
    """Walk over one record.

    Never reads outside ``data[start:stop]`` nor writes outside the outputs. Jumps lead forward, but for loops
    over items of at least one byte each, and `MAX_ITEMS` bounds the values in these.

    Parameters
    ----------
    program : (p, 4) int32
        From `broker.avro.compiler`.
    data : (m,) uint8
        The packet; the record begins at `start` and ends not after `stop`.
    nulls : (c,) int64
        What a null leaves in each column.
    cells, present : (c, r) int64 and bool, written
        Columns, as the bit patterns of their values, and which values are not null.
        Rows of forced photometry fill them from the end, the others from the beginning.
    fields, fields_present : (f,) int64 and bool, written
        The alert's own fields; a text as ``start << SPAN_BITS | length``.

    Returns
    -------
    at : int
        Where the walk ended; if negative, the fault: `TOO_MANY_ROWS` stands for more than r rows.
    n_rows, trigger_row, n_forced : int
        Detections, which of them is the trigger (-1: none), rows of forced photometry.
    """
    scratch = np.zeros(1, np.float64)
    left = np.zeros(MAX_DEPTH + 1, np.int64)  # items left in the open block of each nested array
    n_rows, trigger_row, n_forced, n_items, row = 0, -1, 0, 0, 0
    fields_present[:] = False
    at, pc = start, 0
    while at >= 0:
        op, a, b, c = program[pc, 0], program[pc, 1], program[pc, 2], program[pc, 3]
        pc += 1
        if op == SKIP_NULLABLE:
            for _ in range(c):
                branch_byte = data[at] if 0 <= b < stop - at else NOT_A_BRANCH
                if branch_byte in (0, 2):  # zigzag of 0 and 1: x2.5 faster than by the general way
                    at += 1 if branch_byte == 2 * a else 1 + b
                else:
                    at = skip_nullable(data, at, stop, a, b)
                    if at < 0:
                        break
        elif LONG <= op <= FIELD_TEXT:
            is_null = False
            if b != NOT_NULL:
                is_null, at = read_null(data, at, stop, b)
            if at >= 0 and not is_null:
                bits, at = read_value(op, data, at, stop, scratch)
                if op >= FIELD_LONG:
                    fields[a], fields_present[a] = bits, True
                else:
                    cells[a, row], present[a, row] = bits, True
        elif op == SKIP_FIXED:
            at = skip(data, at, stop, a)
        elif op == SKIP_VARINT:
            at = skip(data, at, stop, VARINT_WIDTH)
        elif op == SKIP_PREFIXED:
            at = skip(data, at, stop, PREFIXED_WIDTH)
        elif op == UNION:
            branch, at = read_varint(data, at, stop)
            if 0 <= branch < a:
                pc = program[pc + branch, 1]
            else:
                at = -NO_BRANCH
        elif op == JUMP:
            pc = a
        elif op == NEXT:
            left[b] -= 1
            pc = a + 1 if left[b] > 0 else a
            n_items += c
            if n_items > MAX_ITEMS:
                at = -TOO_MANY_ITEMS
        elif op == BLOCKS:
            left[b], at = read_count(data, at, stop)
            if left[b] == 0:
                pc = a
        elif op == ROW:
            if n_rows + n_forced == cells.shape[1]:
                at = -TOO_MANY_ROWS
            else:
                if a == FORCED_ROW:
                    n_forced += 1
                    row = cells.shape[1] - n_forced
                else:
                    row = n_rows
                    n_rows += 1
                trigger_row = row if a == TRIGGER_ROW else trigger_row
                cells[:, row] = nulls
                present[:, row] = False
        elif op == WRONG_TYPE:
            at = -(OF_WRONG_TYPE + a)
        else:  # HALT
            break
    return at, n_rows, trigger_row, n_forced
