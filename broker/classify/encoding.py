"""The encoding of annotations: messages in Avro or JSON with their headers, and Avro files."""

from __future__ import annotations

import io
import json
import struct
import time
from collections.abc import Callable
from typing import Any, Literal

import fastavro
from fastavro.write import Writer

from broker.alert import Annotation, as_utf8
from broker.avro.container import frame, plain_header
from schemas.classification import classification_schema

FileFormat = Literal["avro", "json"]
Format = Literal["avro", "json", "confluent"]

_SYNC = bytes.fromhex("8d1f6a90c3e7425bb06e2f94d85a17c3")  # any 16 bytes; one block has nothing to find again
_CONFLUENT = struct.Struct(">bi")  # zero, and the id of the schema


def published(annotation: Annotation) -> dict[str, Any]:
    """Return the record as it leaves: published now, the name of its file in text that all can read."""
    record = {**annotation.record, "publish_time_us": time.time_ns() // 1000}
    source = record["source"]
    if source["file"] is not None:
        record["source"] = {**source, "file": as_utf8(source["file"]).decode()}
    return record


def encoder(form: Format, *, schema_id: int | None = None) -> Callable[[dict[str, Any]], bytes]:
    """Return the function that writes one record as the bytes of one message.

    ``"json"`` is one UTF-8 object without newlines; ``"avro"`` an object container file of one record,
    readable without any registry, whose schema is the published one less its documentation; ``"confluent"``
    a zero, the four bytes of `schema_id`, and the record.
    """
    if form == "json":
        return lambda record: json.dumps(record, allow_nan=False, separators=(",", ":")).encode()
    schema = fastavro.parse_schema(classification_schema())

    def body(record: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, record)
        return out.getvalue()

    if form == "confluent":
        if schema_id is None:
            raise ValueError("messages in Confluent's framing need the id of their schema")
        prefix = _CONFLUENT.pack(0, schema_id)
        return lambda record: prefix + body(record)
    short = json.dumps(_without_docs(classification_schema()), separators=(",", ":")).encode()
    header = plain_header(short) + _SYNC
    return lambda record: header + frame(1, body(record), _SYNC)


def avro_file(out: Any) -> Any:
    """Return a writer (``write(record)``, ``flush()``) of one container file to an open binary file."""
    return Writer(out, fastavro.parse_schema(classification_schema()), codec="deflate")


def headers(annotation: Annotation, form: Format) -> list[tuple[str, bytes]]:
    """Kafka headers to filter and de-duplicate by without reading the record."""
    record = annotation.record
    classifier = f"{record['model']['name']} {record['model']['version']}"
    return [
        ("_id", annotation.id.bytes),
        ("_format", form.encode()),
        ("survey", as_utf8(record["survey"])),
        ("band", as_utf8(record["band"])),
        ("classifier", as_utf8(classifier)),
        ("label", as_utf8(record["label"] or "")),
    ]


def _without_docs(schema: Any) -> Any:
    """Return `schema` less its documentation: what is sent a million times may be short."""
    if isinstance(schema, dict):
        return {key: _without_docs(value) for key, value in schema.items() if key != "doc"}
    return [_without_docs(item) for item in schema] if isinstance(schema, list) else schema
