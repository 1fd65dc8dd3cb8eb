"""The columnar reader: the wanted part of alerts as columns, by a compiled program over the bytes.

fastavro makes a Python object of every value, and to project by a reader schema costs it more, not less; most
of an alert's values are not wanted. `tests/benchmarks/bench_decode.py` measures the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.avro.budget import MAX_ITEMS, MAX_ROWS, TOO_LARGE, over_budget
from broker.avro.compiler import wanted_names
from broker.avro.interpreter import (
    BAD_COUNT,
    LONG_INTEGER,
    NEGATIVE_LENGTH,
    NO_BRANCH,
    OF_WRONG_TYPE,
    SPAN_BITS,
    TOO_MANY_ITEMS,
    TOO_MANY_ROWS,
    TRUNCATED,
    execute,
)
from broker.avro.projection import (
    DTYPES,
    NULLS,
    Kind,
    Projection,
    Record,
    Rows,
    Scalar,
    decode_text,
    no_trigger,
)
from broker.errors import AlertError, FatalError
from features.compilation.machine_code import KernelError

FAULTS = {
    TRUNCATED: ("truncated", "record ends early"),
    LONG_INTEGER: ("corrupt", "an integer is longer than 64 bits"),
    NO_BRANCH: ("corrupt", "a union names a branch that it does not have"),
    NEGATIVE_LENGTH: ("corrupt", "a length is negative"),
    BAD_COUNT: ("corrupt", "an array has more items than there are bytes"),
    TOO_MANY_ITEMS: (TOO_LARGE, f"arrays and maps of more than {MAX_ITEMS} values"),
}
USUAL_ROWS = 1024  # of a deep-drilling LSST alert; the room for them grows where it does not do
KEPT_ROWS = 8 * USUAL_ROWS  # room for more is given back: there is a reader for every schema


def end_of_value(program: NDArray[np.int32], data: bytes | memoryview, start: int) -> int:
    """Find where the value that begins at `start` ends, by a program of `compiler.compile_skip`.

    Raises
    ------
    AlertError
        ``truncated``, ``corrupt`` or ``too_large``.
    FatalError
        If the kernel cannot be run on this machine.
    """
    nothing = np.zeros((0, 1), dtype=np.int64)
    unset = np.zeros((0, 1), dtype=np.bool_)
    view = np.frombuffer(data, dtype=np.uint8)
    at, *_ = _walk(program, view, start, view.size, nothing[:, 0], nothing, unset, nothing[:, 0], unset[:, 0])
    if at < 0:
        raise AlertError(*FAULTS[-at])
    return int(at)


class ColumnarReader:
    """Reads alerts of one writer schema, by a program for `projection`.

    Not for two threads at a time: its buffers are reused.
    """

    def __init__(self, program: NDArray[np.int32], projection: Projection) -> None:
        self._program = program
        self.projection = projection
        self._names = wanted_names(projection)
        columns = projection.all_columns
        self._of_detections = {name: kind for name, kind in columns.items() if name in projection.columns}
        self._of_forced = {name: kind for name, kind in columns.items() if name in projection.forced_columns}
        self._nulls = np.array([_bits(kind) for kind in columns.values()], dtype=np.int64)
        nothing = np.zeros((len(self._of_forced), 0), dtype=np.int64)
        self._no_forced = _rows(self._of_forced, nothing, nothing.astype(np.bool_))
        self._fields = np.zeros(len(projection.fields), dtype=np.int64)
        self._fields_present = np.zeros(len(projection.fields), dtype=np.bool_)
        self._reserve(USUAL_ROWS)

    def read(self, payload: bytes, start: int, stop: int) -> Record:
        """Read the alert that begins at `start` and ends at `stop`.

        Raises
        ------
        AlertError
            ``truncated``, ``corrupt`` (also where the record ends before `stop`: another schema wrote it),
            ``too_large`` (rows or values), ``missing_field`` (no trigger), or ``bad_schema`` where a wanted
            value is of a type that it cannot be.
        FatalError
            If the kernel cannot be run on this machine.
        """
        data = np.frombuffer(payload, dtype=np.uint8)
        while True:
            at, n_rows, trigger_row, n_forced = _walk(
                self._program,
                data,
                start,
                stop,
                self._nulls,
                self._cells,
                self._present,
                self._fields,
                self._fields_present,
            )
            if at != -TOO_MANY_ROWS:
                break
            n_all = n_rows + n_forced
            if n_all >= MAX_ROWS:
                raise over_budget(f"alert with more than {n_all} detections and forced measurements")
            self._reserve(min(8 * n_all, MAX_ROWS))
        if -at >= OF_WRONG_TYPE:
            name = self._names[-at - OF_WRONG_TYPE]
            raise AlertError("bad_schema", f"{name} is of a type that it cannot be in an alert")
        if at < 0:
            raise AlertError(*FAULTS[-at])
        if at != stop:
            raise AlertError("corrupt", f"its record ends {stop - at} bytes early: is it of another schema?")
        if trigger_row < 0:
            raise no_trigger(self.projection)
        record = self._record(payload, n_rows, trigger_row, n_forced)
        if self._cells.shape[1] > KEPT_ROWS:
            self._reserve(USUAL_ROWS)
        return record

    def _reserve(self, n_rows: int) -> None:
        self._cells = np.zeros((self._nulls.size, n_rows), dtype=np.int64)
        self._present = np.zeros((self._nulls.size, n_rows), dtype=np.bool_)

    def _record(self, payload: bytes, n_rows: int, trigger_row: int, n_forced: int) -> Record:
        cells = self._cells[: len(self._of_detections), :n_rows].copy()
        present = self._present[: len(self._of_detections), :n_rows].copy()
        if trigger_row > 0:  # the history stands before it
            for each in (cells, present):
                each[:, : trigger_row + 1] = np.roll(each[:, : trigger_row + 1], 1, axis=1)
        detections = _rows(self._of_detections, cells, present)
        return Record(
            columns=detections.columns,
            present=detections.present,
            fields=dict(zip(self.projection.fields, self._field_values(payload), strict=True)),
            forced=self._forced(n_forced) if n_forced else self._no_forced,
        )

    def _forced(self, n_forced: int) -> Rows:
        """Rows of forced photometry, which stand at the end, the last one first."""
        first = self._nulls.size - len(self._of_forced)
        cells = np.ascontiguousarray(self._cells[first:, : -n_forced - 1 : -1])
        present = np.ascontiguousarray(self._present[first:, : -n_forced - 1 : -1])
        return _rows(self._of_forced, cells, present)

    def _field_values(self, payload: bytes) -> Iterator[Scalar]:
        kinds = self.projection.fields.values()
        for kind, value, is_present in zip(
            kinds, self._fields.tolist(), self._fields_present.tolist(), strict=True
        ):
            if not is_present:
                yield None
            elif kind == "long":
                yield value
            elif kind == "double":
                yield float(np.int64(value).view(np.float64))
            else:
                start, length = value >> SPAN_BITS, value & (2**SPAN_BITS - 1)
                yield decode_text(payload[start : start + length])


def _walk(*arguments: Any) -> tuple[int, int, int, int]:
    """Run the interpreter; where this machine cannot, no packet is to blame."""
    try:
        return execute(*arguments)
    except (KernelError, MemoryError) as exc:
        raise FatalError(f"packets cannot be decoded: {str(exc) or 'out of memory'}") from exc


def _rows(columns: Mapping[str, Kind], cells: NDArray[np.int64], present: NDArray[np.bool_]) -> Rows:
    """Rows of bit patterns (c, n), by the kind of each column."""
    views = {kind: cells.view(dtype) for kind, dtype in DTYPES.items()}
    values = {name: views[kind][i] for i, (name, kind) in enumerate(columns.items())}
    return Rows(values, dict(zip(columns, present, strict=True)))


def _bits(kind: Kind) -> int:
    """Bit pattern of the null of a column."""
    return int(np.array([NULLS[kind]], dtype=DTYPES[kind]).view(np.int64)[0])
