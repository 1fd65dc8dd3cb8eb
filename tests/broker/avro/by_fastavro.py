"""Alerts as fastavro reads them: what the columnar reader must give, from an independent reader."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro
import numpy as np

from broker.avro.projection import (
    DTYPES,
    NULLS,
    OVERLONG_TEXT,
    TEXT_WIDTH,
    Kind,
    Projection,
    Record,
    Rows,
    no_trigger,
)
from broker.avro.schema import AvroType
from broker.errors import AlertError

PYTHON_TYPES: Mapping[Kind, tuple[type, ...]] = {"long": (int,), "double": (float, int), "text": (str,)}
READING_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
    struct.error,
)  # what fastavro is seen to raise on bytes that do not fit the schema


class FastavroReader:
    """Reads alerts of one writer schema, whatever the order and types of its fields."""

    def __init__(self, alert: AvroType, projection: Projection) -> None:
        self._schema = fastavro.parse_schema(_plain(alert))
        self._projection = projection

    def read(self, payload: bytes, start: int, stop: int) -> Record:
        """Read the alert that begins at `start`; the same as `columnar.ColumnarReader.read`.

        Raises
        ------
        AlertError
            ``corrupt``, ``missing_field`` (no trigger), or ``bad_schema`` where a wanted value is of a type
            that it cannot be.
        """
        try:
            alert: Any = fastavro.schemaless_reader(io.BytesIO(payload[start:stop]), self._schema, None)
        except READING_ERRORS as exc:
            raise AlertError("corrupt", f"record does not fit its schema: {exc!r}") from exc
        return project(alert, self._projection)


def project(alert: Mapping[str, Any], projection: Projection) -> Record:
    """Pick the wanted part out of a whole decoded alert.

    Raises
    ------
    AlertError
        ``missing_field`` if the trigger is null, ``bad_schema`` if a wanted value has an impossible type.
    """
    trigger = alert[projection.trigger]
    if trigger is None:
        raise no_trigger(projection)
    detections = _rows([trigger, *(alert.get(projection.history) or ())], projection.columns)
    return Record(
        columns=detections.columns,
        present=detections.present,
        fields={name: _checked(_field(alert, name), name, kind) for name, kind in projection.fields.items()},
        forced=_rows(alert.get(projection.forced) or (), projection.forced_columns),
    )


def _rows(rows: Sequence[Mapping[str, Any] | None], wanted: Mapping[str, Kind]) -> Rows:
    columns, present = {}, {}
    for name, kind in wanted.items():
        values = [_checked(row.get(name), name, kind) for row in rows if row is not None]
        present[name] = np.array([value is not None for value in values], dtype=bool)
        columns[name] = np.array(_filled(values, kind), dtype=DTYPES[kind])
    return Rows(columns, present)


def _field(alert: Mapping[str, Any], name: str) -> Any:
    outer, dot, inner = name.partition(".")
    return (alert.get(outer) or {}).get(inner) if dot else alert.get(name)


def _checked(value: Any, name: str, kind: Kind) -> Any:
    if value is not None and (isinstance(value, bool) or not isinstance(value, PYTHON_TYPES[kind])):
        raise AlertError("bad_schema", f"{name} is {value!r:.40}, not a {kind}")
    return value


def _filled(values: Sequence[Any], kind: Kind) -> list[Any]:
    if kind == "text":
        texts = [b"" if value is None else value.encode("utf-8") for value in values]
        return [text if len(text) <= TEXT_WIDTH else OVERLONG_TEXT for text in texts]
    return [NULLS[kind] if value is None else value for value in values]


def _plain(tree: AvroType) -> Any:
    """Write a type as a schema again: every named type in full under a name of its own, no logical types."""
    numbers = iter(range(tree.n_types))

    def write(part: AvroType) -> Any:
        match part.kind:
            case "record":
                fields = [
                    {"name": name, "type": write(p)} for name, p in zip(part.names, part.parts, strict=True)
                ]
                return {"type": "record", "name": f"t{next(numbers)}", "fields": fields}
            case "array":
                return {"type": "array", "items": write(part.parts[0])}
            case "map":
                return {"type": "map", "values": write(part.parts[0])}
            case "union":
                return [write(branch) for branch in part.parts]
            case "fixed":
                return {"type": "fixed", "name": f"t{next(numbers)}", "size": part.min_width}
            case "enum":
                return "int"  # on the wire it is one
            case primitive:
                return primitive

    return write(tree)
