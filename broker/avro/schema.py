"""Avro schemas as a tree of types, read with suspicion: in a container the sender wrote them.

Format: https://avro.apache.org/docs/1.12.0/specification/#schema-declaration
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from broker.avro.budget import (
    MAX_DEPTH,
    MAX_FIXED_BYTES,
    MAX_NAME_CHARACTERS,
    MAX_SCHEMA_BYTES,
    MAX_TYPES,
    over_budget,
)
from broker.errors import AlertError

PRIMITIVE_WIDTHS = {  # fewest bytes that a value takes
    "null": 0,
    "boolean": 1,
    "int": 1,
    "long": 1,
    "float": 4,
    "double": 8,
    "bytes": 1,
    "string": 1,
}


@dataclass(frozen=True, slots=True)
class AvroType:
    """A type, with named references resolved.

    Attributes
    ----------
    kind : str
        Name of a primitive type, or ``record``, ``enum``, ``fixed``, ``array``, ``map``, ``union``.
    parts : tuple of AvroType
        Types of a record's fields, of an array's items or map's values (one), or of a union's branches.
    names : tuple of str
        Names of a record's fields.
    min_width : int
        Fewest bytes that a value takes.
    n_types : int
        Types in this tree.
    n_values : int
        Most values that one of this type holds beside those in arrays and maps, itself included.
    """

    kind: str
    parts: tuple[AvroType, ...] = ()
    names: tuple[str, ...] = ()
    min_width: int = 0
    n_types: int = 1
    n_values: int = 1

    def field(self, name: str) -> AvroType | None:
        """Type of a record's field, None where there is none."""
        return self.parts[self.names.index(name)] if name in self.names else None


def parse_json(text: str | bytes, where: str) -> Any:
    """Parse the JSON of a schema, which may be any text; `where` says in messages where it stands.

    Raises
    ------
    AlertError
        ``bad_schema``, or ``too_large`` where it is longer than any survey's.
    """
    if len(text) > MAX_SCHEMA_BYTES:
        raise over_budget(f"schema in {where} of {len(text)} bytes, at most {MAX_SCHEMA_BYTES} are read")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise AlertError("bad_schema", f"schema in {where} is not JSON: {exc}") from exc


def parse_schema(schema: Any) -> AvroType:
    """Read a schema given as parsed JSON.

    Raises
    ------
    AlertError
        ``bad_schema``: not a schema, or one whose values could not be counted by their bytes (types that
        contain themselves, arrays of items without bytes). ``too_large``: over the budget in types, depth,
        names or widths.
    """
    tree = _Parser().parse(schema, namespace="", depth=0)
    if tree.min_width == 0:
        raise _bad("values of this schema take no bytes")
    return tree


@dataclass(slots=True)
class _Parser:
    named: dict[str, AvroType | None] = field(default_factory=dict)  # None: still open, so self-reference

    def parse(self, schema: Any, namespace: str, depth: int) -> AvroType:
        if depth > MAX_DEPTH:
            raise over_budget(f"writer schema: types nested more than {MAX_DEPTH} deep")
        if isinstance(schema, str):
            return self._reference(schema, namespace)
        if isinstance(schema, list):
            branches = tuple(self.parse(branch, namespace, depth + 1) for branch in schema)
            if not branches:
                raise _bad("union of nothing")
            return _tree("union", branches, min_width=1 + min(branch.min_width for branch in branches))
        if not isinstance(schema, dict):
            raise _bad(f"type {_shown(schema)}")
        kind = schema.get("type")
        match kind:
            case "record" | "error":
                return self._record(schema, namespace, depth)
            case "enum":
                return self._name(schema, namespace, _tree("enum", (), min_width=1))
            case "fixed":
                return self._name(schema, namespace, _fixed(schema))
            case "array":
                return _array(self.parse(schema.get("items"), namespace, depth + 1))
            case "map":
                return _tree("map", (self.parse(schema.get("values"), namespace, depth + 1),), min_width=1)
            case _:  # {"type": "long", "logicalType": ...}: only the bytes matter here
                return self.parse(kind, namespace, depth + 1)

    def _reference(self, name: str, namespace: str) -> AvroType:
        if name in PRIMITIVE_WIDTHS:
            return _tree(name, (), min_width=PRIMITIVE_WIDTHS[name])
        for full_name in (_full_name(name, namespace), name):
            if full_name in self.named:
                known = self.named[full_name]
                if known is None:
                    raise _bad(f"type {_shown(full_name)} contains itself")
                return known
        raise _bad(f"type {_shown(name)} is not defined")

    def _record(self, schema: dict[str, Any], namespace: str, depth: int) -> AvroType:
        full_name = _full_name(schema.get("name"), schema.get("namespace", namespace))
        self.named[full_name] = None
        inner = full_name.rpartition(".")[0]
        fields = schema.get("fields")
        if not isinstance(fields, list) or not all(isinstance(item, dict) for item in fields):
            raise _bad(f"record {_shown(full_name)} without fields")
        names = tuple(item.get("name") for item in fields)
        if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise _bad(f"record {_shown(full_name)} has a field without name, or two of one name")
        parts = tuple(self.parse(item.get("type"), inner, depth + 1) for item in fields)
        record = _tree("record", parts, names, min_width=sum(part.min_width for part in parts))
        self.named[full_name] = record
        return record

    def _name(self, schema: dict[str, Any], namespace: str, tree: AvroType) -> AvroType:
        self.named[_full_name(schema.get("name"), schema.get("namespace", namespace))] = tree
        return tree


def _full_name(name: Any, namespace: Any) -> str:
    if not isinstance(name, str) or not name or not isinstance(namespace, str):
        raise _bad(f"name {_shown(name)} in namespace {_shown(namespace)}")
    if len(name) + len(namespace) > MAX_NAME_CHARACTERS:
        raise over_budget(f"writer schema: a name of {len(name) + len(namespace)} characters")
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _tree(kind: str, parts: tuple[AvroType, ...], names: tuple[str, ...] = (), *, min_width: int) -> AvroType:
    n_types = 1 + sum(part.n_types for part in parts)
    if n_types > MAX_TYPES:
        raise over_budget(f"writer schema: more than {MAX_TYPES} types")
    return AvroType(kind, parts, names, min_width, n_types, _n_values(kind, parts))


def _n_values(kind: str, parts: tuple[AvroType, ...]) -> int:
    if kind == "record":
        return 1 + sum(part.n_values for part in parts)
    return max(part.n_values for part in parts) if kind == "union" else 1


def _array(items: AvroType) -> AvroType:
    if items.min_width == 0:
        raise _bad("array of items that take no bytes: its length says nothing about the work it makes")
    return _tree("array", (items,), min_width=1)


def _fixed(schema: dict[str, Any]) -> AvroType:
    size = schema.get("size")
    if type(size) is not int or size < 0:
        raise _bad(f"fixed type of {_shown(size)} bytes")
    if size > MAX_FIXED_BYTES:
        raise over_budget(f"writer schema: fixed type of more than {MAX_FIXED_BYTES} bytes")
    return _tree("fixed", (), min_width=size)


def _shown(value: object) -> str:
    """Write a value of the schema for a message; what holds others only by its kind, it may be endless."""
    return type(value).__name__ if isinstance(value, list | dict) else repr(value)[:80]


def _bad(what: str) -> AlertError:
    return AlertError("bad_schema", f"writer schema: {what}")
