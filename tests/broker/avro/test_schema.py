"""Writer schemas, of which a hostile sender may write anything."""

from __future__ import annotations

from typing import Any

import pytest

from broker.avro.schema import parse_schema
from broker.errors import AlertError
from tests.broker.packets import record


def nested(depth: int) -> Any:
    kind: Any = "long"
    for _ in range(depth):
        kind = {"type": "array", "items": kind}
    return kind


def doubling(times: int) -> dict[str, Any]:
    """A small schema of 2**times types."""
    fields: dict[str, Any] = {"f0": record("r0", {"x": "long"})}
    for i in range(times):
        fields[f"f{i + 1}"] = record(f"r{i + 1}", {"x": f"r{i}", "y": f"r{i}"})
    return record("all", fields)


HOSTILE = {
    "null": None,
    "a number": 7,
    "an unknown name": "star",
    "nothing": {},
    "a record without fields": {"type": "record", "name": "a"},
    "a record without name": {"type": "record", "fields": []},
    "a field without name": {"type": "record", "name": "a", "fields": [{"type": "long"}]},
    "two fields of one name": {"type": "record", "name": "a", "fields": [{"name": "x", "type": "long"}] * 2},
    "an empty record": record("a", {}),
    "an empty union": record("a", {"x": []}),
    "a type that contains itself": record("a", {"x": ["null", "a"]}),
    "an array of nothing": record("a", {"x": {"type": "array", "items": "null"}}),
    "an array of empty records": record("a", {"x": {"type": "array", "items": record("b", {"y": "null"})}}),
    "an enormous fixed": record("a", {"x": {"type": "fixed", "name": "f", "size": 2**40}}),
    "a negative fixed": record("a", {"x": {"type": "fixed", "name": "f", "size": -1}}),
    "deep nesting": record("a", {"x": nested(1000)}),
    "a type of types": {"type": {"type": {"type": {"type": 5}}}},
    "exponential growth": doubling(40),
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_schema_is_refused(schema):
    with pytest.raises(AlertError) as refused:
        parse_schema(schema)
    assert refused.value.reason == "bad_schema"


def test_names_are_found_in_their_namespace():
    schema = {
        "type": "record",
        "namespace": "lsst.v11_0",
        "name": "alert",
        "fields": [
            {"name": "now", "type": record("source", {"x": "long"})},
            {"name": "full", "type": "lsst.v11_0.source"},
            {"name": "short", "type": {"type": "array", "items": "source"}},
        ],
    }
    tree = parse_schema(schema)
    assert tree.field("full") == tree.field("now")
    assert tree.field("short").parts[0].names == ("x",)
    assert tree.field("absent") is None


def test_logical_types_are_read_as_what_they_are_made_of():
    tree = parse_schema(record("a", {"when": {"type": "long", "logicalType": "timestamp-micros"}}))
    assert tree.field("when").kind == "long"


def test_the_fewest_bytes_of_a_value_are_known():
    tree = parse_schema(record("a", {"x": "double", "y": ["null", "double"], "z": "string"}))
    assert tree.min_width == 8 + 1 + 1
