"""The compiler: a writer schema and a projection become instructions that walk over a record's bytes.

An instruction is four integers: an operation and up to three operands. Bytes that nobody wants are skipped,
runs of them in one step; wanted values go to a column. `broker.avro.interpreter` has what each operation
does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from broker.avro.projection import FieldKind, Kind, Projection
from broker.avro.schema import AvroType

VARINT_KINDS = frozenset({"int", "long", "enum"})
PREFIXED_KINDS = frozenset({"bytes", "string"})
VARINT_WIDTH, PREFIXED_WIDTH = -1, -2  # in place of a number of bytes
NOT_NULL = -1  # in place of the branch that is null
HISTORY_ROW, TRIGGER_ROW, FORCED_ROW = range(3)


class Op(IntEnum):
    """What an instruction does; operands in parentheses."""

    HALT = 0
    SKIP_FIXED = 1  # (bytes)
    SKIP_VARINT = 2
    SKIP_PREFIXED = 3
    SKIP_NULLABLE = 4  # (branch of null, width, how many in a row)
    UNION = 5  # (branches); as many JUMPs to them follow
    JUMP = 6  # (target)
    BLOCKS = 7  # (target after the array, depth): opens a block of an array or map
    NEXT = 8  # (its BLOCKS, depth, values in an item): closes one of its items
    ROW = 9  # (whose: HISTORY_ROW, TRIGGER_ROW, FORCED_ROW)
    LONG = 10  # (column, branch of null or NOT_NULL), and so for all that follow
    FLOAT = 11
    DOUBLE = 12
    TEXT = 13
    INTEGER = 14  # an integer into a column of numbers with fractions
    FIELD_LONG = 15  # (field, branch of null or NOT_NULL)
    FIELD_FLOAT = 16
    FIELD_DOUBLE = 17
    FIELD_TEXT = 18
    WRONG_TYPE = 19  # (place in `wanted_names`): a wanted value of a type that it cannot be


COLUMN_OPS: Mapping[Kind, Mapping[str, Op]] = {
    "long": {"int": Op.LONG, "long": Op.LONG},
    "double": {"float": Op.FLOAT, "double": Op.DOUBLE, "int": Op.INTEGER, "long": Op.INTEGER},
    "text": {"string": Op.TEXT},
}
FIELD_OPS: Mapping[Kind, Mapping[str, Op]] = {
    "long": {"int": Op.FIELD_LONG, "long": Op.FIELD_LONG},
    "double": {"float": Op.FIELD_FLOAT, "double": Op.FIELD_DOUBLE},
    "text": {"string": Op.FIELD_TEXT},
}
"""The Avro types that each kind of value is read from; a union may add null."""


def wanted_names(projection: Projection) -> list[str]:
    """All that a projection names, in the order in which instructions refer to it."""
    return [
        *projection.all_columns,
        *projection.fields,
        projection.trigger,
        projection.history,
        projection.forced,
    ]


def compile_projection(alert: AvroType, projection: Projection) -> NDArray[np.int32]:
    """Compile the reading of an alert, all of it: by another schema than its writer's it ends elsewhere.

    Where a union has a branch of a type that a wanted value cannot be, the value is refused, not the schema.

    Parameters
    ----------
    alert : AvroType
        The writer's record.
    projection : Projection
        What is wanted of it.

    Returns
    -------
    (n, 4) int32
        Instructions for `broker.avro.interpreter.execute`.
    """
    program = _Program(projection)
    for name, part in zip(alert.names, alert.parts, strict=True):
        if name == projection.trigger:
            program.row(part, name, TRIGGER_ROW)
        elif name == projection.history:
            program.rows(part, name, HISTORY_ROW)
        elif name == projection.forced:
            program.rows(part, name, FORCED_ROW)
        else:
            program.field(part, name)
    return program.finish()


def compile_skip(tree: AvroType) -> NDArray[np.int32]:
    """Compile the search for the end of a value: nothing of it is wanted."""
    program = _Program()
    program.skip(tree)
    return program.finish()


class _Program:
    """Instructions being written."""

    def __init__(self, projection: Projection | None = None) -> None:
        self._names: list[str] = []
        self._fields: Mapping[str, FieldKind] = {}
        self._columns: dict[int, Mapping[str, Kind]] = {}
        if projection is not None:
            self._names, self._fields = wanted_names(projection), projection.fields
            self._columns = dict.fromkeys((HISTORY_ROW, TRIGGER_ROW), projection.columns)
            self._columns[FORCED_ROW] = projection.forced_columns
        self._code: list[list[int]] = []
        self._label = 0  # latest place that a jump leads to: instructions are not merged across it
        self._depth = 0

    def finish(self) -> NDArray[np.int32]:
        self._emit(Op.HALT)
        return np.array(self._code, dtype=np.int32)

    def skip(self, tree: AvroType) -> None:
        """Pass over a value."""
        width = _width(tree)
        if width is not None:
            self._skip_simple(width)
        elif tree.kind == "record":
            for part in tree.parts:
                self.skip(part)
        elif tree.kind == "union":
            self._skip_union(tree)
        else:
            with self._loop(tree):
                if tree.kind == "map":
                    self._skip_simple(PREFIXED_WIDTH)  # the key
                self.skip(tree.parts[0])

    def leaf(self, tree: AvroType, name: str, slot: int, ops: Mapping[str, Op]) -> None:
        """Read a scalar, or null, into a column or field."""
        null, value = _nullable(tree)
        if value.kind in ops:
            self._emit(ops[value.kind], slot, null)
        elif tree.kind == "union":
            self._union(tree, lambda branch: self.leaf(branch, name, slot, ops))
        else:
            self._wrong_unless_null(tree, name)

    def field(self, tree: AvroType, name: str) -> None:
        """Read the field `name` of the alert, or what is wanted of the record in it."""
        if name in self._fields:
            slot = list(self._fields).index(name)
            self.leaf(tree, name, slot, FIELD_OPS[self._fields[name]])
        elif any(wanted.startswith(f"{name}.") for wanted in self._fields):
            self._record_of_fields(tree, name)
        else:
            self.skip(tree)

    def row(self, tree: AvroType, name: str, whose: int) -> None:
        """Read a record, or null, as a row."""
        if tree.kind == "union":
            self._union(tree, lambda branch: self.row(branch, name, whose))
        elif tree.kind == "record":
            self._emit(Op.ROW, whose)
            columns = self._columns[whose]
            for column, part in zip(tree.names, tree.parts, strict=True):
                if column in columns:
                    self.leaf(part, column, self._names.index(column), COLUMN_OPS[columns[column]])
                else:
                    self.skip(part)
        else:
            self._wrong_unless_null(tree, name)

    def rows(self, tree: AvroType, name: str, whose: int) -> None:
        """Read an array of records, or null, as rows."""
        if tree.kind == "union":
            self._union(tree, lambda branch: self.rows(branch, name, whose))
        elif tree.kind == "array":
            with self._loop(tree):
                self.row(tree.parts[0], name, whose)
        else:
            self._wrong_unless_null(tree, name)

    def _record_of_fields(self, tree: AvroType, name: str) -> None:
        """Read the wanted fields of a record; where something else stands, there are none."""
        if tree.kind == "union":
            self._union(tree, lambda branch: self._record_of_fields(branch, name))
        elif tree.kind == "record":
            for inner, part in zip(tree.names, tree.parts, strict=True):
                self.field(part, f"{name}.{inner}")
        else:
            self.skip(tree)

    def _wrong_unless_null(self, tree: AvroType, name: str) -> None:
        if tree.kind != "null":
            self._emit(Op.WRONG_TYPE, self._names.index(name))

    def _emit(self, op: Op, a: int = 0, b: int = 0, c: int = 0) -> None:
        self._code.append([op, a, b, c])

    def _here(self) -> int:
        self._label = len(self._code)
        return self._label

    def _previous(self, op: Op, a: int | None = None, b: int | None = None) -> list[int] | None:
        """Return the previous instruction if it is this one and nothing jumps to behind it."""
        if len(self._code) == self._label:
            return None
        last = self._code[-1]
        return last if last[0] == op and a in (None, last[1]) and b in (None, last[2]) else None

    def _skip_simple(self, width: int) -> None:
        if width == VARINT_WIDTH:
            self._emit(Op.SKIP_VARINT)
        elif width == PREFIXED_WIDTH:
            self._emit(Op.SKIP_PREFIXED)
        elif previous := self._previous(Op.SKIP_FIXED):
            previous[1] = min(previous[1] + width, 2**31 - 1)  # larger than any packet either way
        elif width:
            self._emit(Op.SKIP_FIXED, width)

    def _skip_union(self, tree: AvroType) -> None:
        null, value = _nullable(tree)
        width = _width(value)
        if null == NOT_NULL or width is None:
            self._union(tree, self.skip)
        elif previous := self._previous(Op.SKIP_NULLABLE, null, width):
            previous[3] += 1
        else:
            self._emit(Op.SKIP_NULLABLE, null, width, 1)

    def _union(self, tree: AvroType, read: Callable[[AvroType], None]) -> None:
        """Emit UNION, the table of jumps to the branches, the branches."""
        self._emit(Op.UNION, len(tree.parts))
        table = len(self._code)
        for _ in tree.parts:
            self._emit(Op.JUMP)
        exits = []
        for place, branch in enumerate(tree.parts, start=table):
            self._code[place][1] = self._here()
            read(branch)
            exits.append(len(self._code))
            self._emit(Op.JUMP)
        end = self._here()
        for place in exits:
            self._code[place][1] = end

    @contextmanager
    def _loop(self, tree: AvroType) -> Iterator[None]:
        """Repeat what is emitted inside for every item of an array or map."""
        start = len(self._code)
        self._emit(Op.BLOCKS, 0, self._depth)
        self._here()
        self._depth += 1
        yield
        self._depth -= 1
        self._emit(Op.NEXT, start, self._depth, tree.parts[0].n_values)
        self._code[start][1] = self._here()


def _width(tree: AvroType) -> int | None:
    """Bytes that a value takes, or how they tell; None for types made of others."""
    if tree.kind in VARINT_KINDS:
        return VARINT_WIDTH
    if tree.kind in PREFIXED_KINDS:
        return PREFIXED_WIDTH
    return None if tree.parts or tree.kind == "record" else tree.min_width


def _nullable(tree: AvroType) -> tuple[int, AvroType]:
    """Split a union of null and another type into the branch of null and that type."""
    kinds = [part.kind for part in tree.parts]
    if tree.kind != "union" or len(kinds) != 2 or "null" not in kinds:
        return NOT_NULL, tree
    null = kinds.index("null")
    return null, tree.parts[1 - null]
