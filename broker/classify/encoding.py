"""The encoding of annotations: messages in JSON or Avro with their headers, and Avro files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any, Literal

import fastavro
from fastavro.write import Writer

from broker.alert import Annotation
from schemas.classification import classification_schema

Format = Literal["avro", "json"]


def encoder(form: Format) -> Callable[[dict[str, Any]], bytes]:
    """Return the function that writes one record as the bytes of one message.

    ``"json"`` is one UTF-8 object without newlines; ``"avro"`` an object container file of one record,
    readable without any registry.
    """
    if form == "json":
        return lambda record: json.dumps(record, allow_nan=False, separators=(",", ":")).encode()
    schema = fastavro.parse_schema(classification_schema())

    def to_avro(record: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        fastavro.writer(out, schema, [record])
        return out.getvalue()

    return to_avro


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
        ("survey", record["survey"].encode()),
        ("classifier", classifier.encode()),
        ("label", (record["label"] or "").encode()),
    ]
