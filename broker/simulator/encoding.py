"""Avro records that are encoded once and then pasted into every packet whose history they are part of."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import fastavro

from broker.avro.container import write_varint

NULL = b"\x00"  # first branch of a union ["null", ...]
PRESENT = b"\x02"  # second branch
END_OF_ARRAY = b"\x00"


class EncodedRows:
    """Records of one schema, any run of which can be written as an Avro array without encoding it again.

    Parameters
    ----------
    schema : dict
        The record's schema, complete in itself.
    records : iterable of dict
        In the order in which they are to appear.
    """

    def __init__(self, schema: Any, records: Iterable[dict[str, Any]]) -> None:
        parsed = fastavro.parse_schema(schema)
        out = io.BytesIO()
        self._ends = [0]
        for record in records:
            fastavro.schemaless_writer(out, parsed, record)
            self._ends.append(out.tell())
        self._bytes = out.getvalue()

    def record(self, row: int) -> bytes:
        """Return one record, encoded."""
        return self._bytes[self._ends[row] : self._ends[row + 1]]

    def nullable_array(self, first: int, last: int) -> bytes:
        """Return records `first` to `last`, excluding that, as a value of ``["null", array]``."""
        if first >= last:
            return NULL
        items = self._bytes[self._ends[first] : self._ends[last]]
        return PRESENT + write_varint(last - first) + items + END_OF_ARRAY


def text(value: str) -> bytes:
    """Encode a string."""
    encoded = value.encode()
    return write_varint(len(encoded)) + encoded


@cache
def load_schema(name: str) -> Any:
    """Read one of the simulator's writer schemas."""
    return json.loads(files("schemas").joinpath("simulator", name).read_text(encoding="utf-8"))


def record_of(schema: Any, field: str) -> Any:
    """Return the schema of the record in a field of `schema`, within an array or union where it is."""
    kind = next(entry["type"] for entry in schema["fields"] if entry["name"] == field)
    while not (isinstance(kind, dict) and kind["type"] == "record"):
        kind = kind[1] if isinstance(kind, list) else kind["items"]
    return kind if "namespace" in kind else {**kind, "namespace": schema["namespace"]}


def without_docs(schema: Any) -> Any:
    """Return `schema` less its documentation: what is sent a million times may be short."""
    if isinstance(schema, dict):
        return {key: without_docs(value) for key, value in schema.items() if key != "doc"}
    return [without_docs(item) for item in schema] if isinstance(schema, list) else schema
