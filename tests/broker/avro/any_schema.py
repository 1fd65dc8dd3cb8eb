"""Strategies for Avro schemas of any shape, with values of them."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from broker.avro.projection import Projection
from tests.broker.packets import nullable, record

PROJECTION = Projection(
    survey="test",
    fields={"name": "text", "number": "long", "place.x": "double", "place.name": "text"},
    trigger="now",
    history="before",
    forced="more",
    columns={"time": "double", "id": "long", "band": "text", "flux": "double"},
    forced_columns={"id": "long", "flux": "double", "state": "text"},
    signature=frozenset(),
)
NUMBERS = itertools.count()  # names of types are given once in a schema
INTS = st.integers(-(2**31), 2**31 - 1)
LONGS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=32)
LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    ("null", st.none()),
    ("boolean", st.booleans()),
    ("int", INTS),
    ("long", LONGS),
    ("float", FLOATS),
    ("double", st.floats()),
    ("bytes", st.binary(max_size=200)),
    ("string", st.text(max_size=100)),
]


@st.composite
def typed_values(draw: st.DrawFn, depth: int = 3) -> tuple[Any, Any]:
    """Any Avro type with a value of it."""
    number = next(NUMBERS)
    shape = draw(st.sampled_from(["leaf", "leaf", "fixed", "enum", "record", "array", "map", "union"]))
    if shape == "fixed":
        size = draw(st.integers(1, 20))
        return {"type": "fixed", "name": f"f{number}", "size": size}, bytes(size)
    if shape == "enum":
        return {"type": "enum", "name": f"e{number}", "symbols": ["a", "b", "c"]}, "b"
    if shape == "leaf" or depth == 0:
        kind, values = draw(st.sampled_from(LEAVES))
        return kind, draw(values)
    kind, value = draw(typed_values(depth=depth - 1))
    if shape == "record":
        return record(f"r{number}", {"x": kind, "y": "long"}), {"x": value, "y": 1}
    if shape == "map":
        return {"type": "map", "values": kind}, {"k": value, "l": value}
    if shape == "array":
        items = record(f"i{number}", {"x": kind, "y": "float"})
        return {"type": "array", "items": items}, [{"x": value, "y": 0.5}] * draw(st.integers(0, 3))
    if kind == "null" or isinstance(kind, list):
        return kind, value
    other = {"type": "fixed", "name": f"o{number}", "size": 3}
    return draw(st.permutations(["null", kind, other])), draw(st.sampled_from([None, value]))


def leaf(
    draw: st.DrawFn, kinds: list[str], values: st.SearchStrategy[Any]
) -> tuple[Any, st.SearchStrategy[Any]]:
    kind = draw(st.sampled_from(kinds))
    if draw(st.booleans()):
        return draw(st.sampled_from([["null", kind], [kind, "null"]])), st.one_of(st.none(), values)
    return kind, values


@st.composite
def alerts(draw: st.DrawFn) -> tuple[Any, Any]:
    """Any schema that holds what PROJECTION wants, in any order between other things, with an alert of it."""
    wanted = {
        "time": leaf(draw, ["int"], INTS) if draw(st.booleans()) else leaf(draw, ["float", "double"], FLOATS),
        "id": leaf(draw, ["long"], LONGS),
        "band": leaf(draw, ["string"], st.text(max_size=12)),
        "flux": (["null", "float", "double"], st.one_of(st.none(), FLOATS)),
    }
    del wanted[draw(st.sampled_from(["time", "id", "band", "flux"]))]
    kinds, rows = {}, [{} for _ in range(draw(st.integers(1, 4)))]
    for name, (kind, values) in wanted.items():
        other, value = draw(typed_values())
        kinds |= {f"other_{name}": other, name: kind}
        for row in rows:
            row |= {f"other_{name}": value, name: draw(values)}
    more_kind, more_value = draw(typed_values())
    detection = record("detection", kinds | {"last": "boolean"})
    rows = [row | {"last": True} for row in rows]
    more_id, more_ids = leaf(draw, ["int", "long"], INTS)
    more = record("extra", {"x": more_kind, "id": more_id, "state": nullable("string"), "y": "int"})
    more_rows = [
        {"x": more_value, "id": draw(more_ids), "state": draw(st.none() | st.text(max_size=9)), "y": 3}
        for _ in range(draw(st.integers(0, 3)))
    ]
    place_kind, place_value = draw(typed_values())
    place_x, xs = leaf(draw, ["float", "double"], FLOATS)
    place = record("place", {"name": "string", "other": place_kind, "x": place_x})
    order = draw(st.permutations(["name", "now", "number", "before", "more", "place", "cutout"]))
    defined, known = detection, "detection"  # a type is written out where it stands first
    if order.index("before") < order.index("now"):
        defined, known = known, defined
    history = {"type": "array", "items": known}
    fields = {
        "name": "string",
        "now": draw(st.sampled_from([defined, nullable(defined)])),
        "number": draw(st.sampled_from(["long", ["long", "null"]])),
        "before": draw(st.sampled_from([history, nullable(history)])),
        "more": nullable({"type": "array", "items": more}),
        "place": nullable(place),
        "cutout": "bytes",
    }
    schema = record("alert", {name: fields[name] for name in order})
    alert = {
        "name": draw(st.text(max_size=30)),
        "now": rows[0],
        "number": draw(LONGS),
        "before": rows[1:],
        "more": draw(st.sampled_from([None, more_rows])),
        "place": draw(st.sampled_from([None, {"name": "here", "other": place_value, "x": draw(xs)}])),
        "cutout": b"...",
    }
    return schema, alert
