"""Packets of few bytes that would make much work: each kind by name, as bytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from broker.avro.budget import MAX_ITEMS
from broker.avro.container import MAGIC, frame, write_varint
from tests.broker.packets import CANDIDATE, ZTF_SCHEMA, candidate, record, schemaless, ztf_alert

SYNC = b"0123456789abcdef"
MANY_BYTES = 60 * 2**20
DETECTION = schemaless(candidate(), record("candidate", CANDIDATE))
ALERT = schemaless(ztf_alert(candidate()), ZTF_SCHEMA)


def framed(schema: Any, body: bytes, *, codec: bytes = b"null") -> bytes:
    """A container of one record; its schema as bytes is written as it is."""
    text = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    header = MAGIC + write_varint(2) + entry(b"avro.schema", text) + entry(b"avro.codec", codec) + b"\x00"
    return header + SYNC + frame(1, body, SYNC)


def entry(name: bytes, value: bytes) -> bytes:
    return write_varint(len(name)) + name + write_varint(len(value)) + value


def before_the_alert(kind: Any) -> Any:
    """The schema of a ZTF alert with another value before everything else."""
    fields = {field["name"]: field["type"] for field in ZTF_SCHEMA["fields"]}
    return record("alert", {"first": kind, **fields})


def history_first() -> Any:
    """The schema of a ZTF alert with its history before its trigger."""
    fields = {field["name"]: field["type"] for field in ZTF_SCHEMA["fields"]}
    first = {"prv_candidates": {"type": "array", "items": fields.pop("candidate")}}
    del fields["prv_candidates"]
    return record("alert", {**first, "candidate": "candidate", **fields})


def array(items: Any, depth: int = 1) -> Any:
    return {"type": "array", "items": array(items, depth - 1) if depth > 1 else items}


def nulls(n: int) -> Any:
    """A record of `n` nulls, which takes one byte."""
    return record("nulls", {**{f"n{i}": "null" for i in range(n)}, "byte": "boolean"})


def deflated(plain: bytes) -> bytes:
    stream = zlib.compressobj(9, wbits=-15)
    return stream.compress(plain) + stream.flush()


def alike(n: int, size: int) -> bytes:
    """A block of `n` items of `size` zeros, and the end of the array."""
    return write_varint(n) + bytes(n * size) + b"\x00"


TOO_LARGE: Mapping[str, Callable[[], bytes]] = {
    "an array of small records": lambda: framed(
        before_the_alert(array(record("small", {"x": "long", "y": "null"}))),
        deflated(alike(4_000_000, 1) + ALERT),
        codec=b"deflate",
    ),
    "an array of wide records of nulls": lambda: framed(
        before_the_alert(array(nulls(5000))), alike(5000, 1) + ALERT
    ),
    "arrays in arrays": lambda: framed(
        before_the_alert(array(nulls(200), depth=20)), b"\x02" * 19 + alike(400_000, 1) + b"\x00" * 19 + ALERT
    ),
    "blocks of one item": lambda: framed(
        before_the_alert(array("boolean")), b"\x02\x00" * (MANY_BYTES // 2) + b"\x00" + ALERT
    ),
    "blocks of one item that tell their size": lambda: framed(
        before_the_alert(array("boolean")), b"\x01\x02\x00" * (MANY_BYTES // 3) + b"\x00" + ALERT
    ),
    "a map of many keys": lambda: framed(
        before_the_alert({"type": "map", "values": "boolean"}), alike(MAX_ITEMS + 1, 2) + ALERT
    ),
    "a history of many rows": lambda: framed(
        history_first(), write_varint(100_000) + 100_000 * DETECTION + b"\x00" + ALERT
    ),
    "a block that inflates without bound": lambda: framed(
        ZTF_SCHEMA, deflated(bytes(MANY_BYTES)), codec=b"deflate"
    ),
    "a Snappy block that says it is large": lambda: framed(
        ZTF_SCHEMA, b"\x80\x80\x80\x80\x0f" + bytes(99), codec=b"snappy"
    ),
    "a schema of many fields": lambda: framed(before_the_alert(nulls(20_000)), b"\x00" + ALERT),
    "a schema of many branches": lambda: framed(before_the_alert(["null"] * 20_000), b"\x00" + ALERT),
    "a schema that doubles": lambda: framed(before_the_alert(doubled(40)), ALERT),
    "a schema in a schema": lambda: framed(before_the_alert(array("long", depth=100)), ALERT),
    "a schema of much JSON": lambda: framed(b"[" + b"{}," * (MANY_BYTES // 3) + b"1]", ALERT),
    "a schema of much text": lambda: framed(
        {**ZTF_SCHEMA, "doc": "a word or two " * 200_000}, ALERT
    ),
    "an enumeration of many symbols": lambda: framed(
        before_the_alert({"type": "enum", "name": "e", "symbols": [f"s{i}" for i in range(10**6)]}),
        b"\x00" + ALERT,
    ),
    "names that are handed down": lambda: framed(
        {
            **before_the_alert(
                record("a", {f"x{i}": {"type": "fixed", "name": f"f{i}", "size": 1} for i in range(5000)})
            ),
            "namespace": "n" * 500_000,
        },
        bytes(5000) + ALERT,
    ),
    "a header of many entries": lambda: MAGIC + b"\x02\x00\x00" * (MANY_BYTES // 3),
    "a header of many entries that tell their size": lambda: MAGIC + b"\x01\x04\x00\x00" * (MANY_BYTES // 4),
    "a header of one large entry": lambda: MAGIC + b"\x02" + entry(b"a", bytes(MANY_BYTES)),
}  # fmt: skip

BAD_SCHEMA: Mapping[str, Callable[[], bytes]] = {
    "lists without end": lambda: framed(b"[" * 10**6, ALERT),
    "types of types without end": lambda: framed(b'{"type":' * 10**5, ALERT),
    "a number of many digits": lambda: framed(b"9" * 10**6, ALERT),
    "many quotes": lambda: framed(b'"' + b'\\"' * 500_000, ALERT),
    "many empty unions": lambda: framed(b"[" + b"[]," * 300_000 + b"1]", ALERT),
    "a width that is a nest of lists": lambda: framed(
        b'{"type":"fixed","name":"f","size":' + b"[" * 900 + b"]" * 900 + b"}", ALERT
    ),
}


def doubled(times: int) -> Any:
    kind: Any = record("d0", {"x": "boolean"})
    for i in range(times):
        kind = record(f"d{i + 1}", {"x": kind, "y": f"d{i}"})
    return kind
