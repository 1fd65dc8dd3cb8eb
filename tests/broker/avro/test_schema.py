"""Writer schemas, of which a hostile sender may write anything."""

from __future__ import annotations

from typing import Any

import pytest

from broker.avro.budget import MAX_TYPES
from broker.avro.schema import parse_schema
from broker.errors import AlertError
from tests.broker.packets import record


def nested(depth: int) -> Any:
    kind: Any = "long"
    for _ in range(depth):
        kind = {"type": "array", "items": kind}
    return kind


def unions(depth: int) -> Any:
    kind: Any = "long"
    for _ in range(depth):
        kind = [kind]
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
    "a negative fixed": record("a", {"x": {"type": "fixed", "name": "f", "size": -1}}),
    "a fixed of a list of bytes": record("a", {"x": {"type": "fixed", "name": "f", "size": [2]}}),
    "a type of types": {"type": {"type": {"type": {"type": 5}}}},
}
OVER_BUDGET = {
    "an enormous fixed": record("a", {"x": {"type": "fixed", "name": "f", "size": 2**40}}),
    "deep nesting": record("a", {"x": nested(1000)}),
    "a union in a union in a union": record("a", {"x": unions(1000)}),
    "exponential growth": doubling(40),
    "many fields": record("a", {f"x{i}": "long" for i in range(MAX_TYPES)}),
    "many branches": record("a", {"x": ["null"] * MAX_TYPES}),
    "a long name": record("n" * 2000, {"x": "long"}),
    "a long namespace": record("a", {"x": "long"}) | {"namespace": "n" * 2000},
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_schema_is_refused(schema):
    with pytest.raises(AlertError) as refused:
        parse_schema(schema)
    assert refused.value.reason == "bad_schema"


@pytest.mark.parametrize("schema", OVER_BUDGET.values(), ids=OVER_BUDGET)
def test_a_schema_that_would_make_work_without_bound_is_refused(schema):
    with pytest.raises(AlertError) as refused:
        parse_schema(schema)
    assert refused.value.reason == "too_large"


def test_a_name_is_not_copied_into_every_type_inside():
    """A type inside inherits the namespace: 200 of them of a long one would fill the memory."""
    inside = {f"x{i}": {"type": "fixed", "name": f"f{i}", "size": 1} for i in range(200)}
    with pytest.raises(AlertError, match="a name of 100001 characters"):
        parse_schema(record("a", inside) | {"namespace": "n" * 100_000})


def test_the_most_values_of_a_type_are_known():
    inner = record("b", {"x": "null", "y": "long"})
    schema = record("a", {"one": ["null", inner], "many": {"type": "array", "items": "b"}, "text": "string"})
    tree = parse_schema(schema)
    assert tree.n_values == 1 + 3 + 1 + 1  # the record, b at most, the array without its items, the text
    assert tree.field("many").parts[0].n_values == 3


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
