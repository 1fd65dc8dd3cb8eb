"""The columnar reader against fastavro, on schemas and values of every shape, and on damaged bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from broker.avro.budget import MAX_ROWS
from broker.avro.columnar import ColumnarReader, end_of_value
from broker.avro.compiler import compile_projection, compile_skip
from broker.avro.container import write_varint
from broker.avro.projection import OVERLONG_TEXT, Record
from broker.avro.schema import parse_schema
from broker.errors import AlertError
from tests.broker.avro.any_schema import PROJECTION, alerts, typed_values
from tests.broker.avro.by_fastavro import FastavroReader
from tests.broker.packets import nullable, record, schemaless


def assert_same(one: Record, other: Record) -> None:
    assert repr(dict(one.fields)) == repr(dict(other.fields))  # NaN is NaN
    for rows, others, wanted in (
        (one, other, PROJECTION.columns),
        (one.forced, other.forced, PROJECTION.forced_columns),
    ):
        assert rows.columns.keys() == rows.present.keys() == wanted.keys()
        for name in wanted:
            np.testing.assert_array_equal(rows.columns[name], others.columns[name], strict=True)
            np.testing.assert_array_equal(rows.present[name], others.present[name], strict=True)


def columnar(schema: Any) -> ColumnarReader:
    return ColumnarReader(compile_projection(parse_schema(schema), PROJECTION), PROJECTION)


@settings(max_examples=300, deadline=None)
@given(alerts())
def test_the_columnar_reader_gives_what_fastavro_gives(case):
    schema, alert = case
    body = b"...." + schemaless(alert, schema) + b"...."

    fast = columnar(schema).read(body, 4, len(body) - 4)
    slow = FastavroReader(parse_schema(schema), PROJECTION).read(body, 4, len(body) - 4)

    assert_same(fast, slow)
    assert slow.fields["name"] == alert["name"]
    assert fast.forced.columns["id"].size == len(alert["more"] or [])


@settings(max_examples=300, deadline=None)
@given(typed_values())
def test_a_value_of_any_type_ends_where_fastavro_wrote_its_end(case):
    kind, value = case
    schema = record("whole", {"value": kind, "end": "long"})
    body = schemaless({"value": value, "end": -1}, schema)
    program = compile_skip(parse_schema(schema))

    assert end_of_value(program, body + b"\x00" * 9, 0) == len(body)
    for cut in range(len(body)):
        with pytest.raises(AlertError):
            end_of_value(program, body[:cut], 0)


SIMPLE = record(
    "alert",
    {
        "name": "string",
        "now": record("detection", {"time": "double", "id": "long", "band": "string", "flux": "float"}),
        "before": {"type": "array", "items": "detection"},
        "more": {"type": "array", "items": record("forced", {"id": "long", "state": "string"})},
    },
)
NOW = {"time": 1.5, "id": -7, "band": "r", "flux": 0.25}


def test_a_text_that_does_not_fit_a_column_is_marked():
    alert = {
        "name": "x",
        "now": NOW | {"band": "broadband"},
        "before": [NOW | {"band": "12345678"}],
        "more": [],
    }
    body = schemaless(alert, SIMPLE)
    assert columnar(SIMPLE).read(body, 0, len(body)).columns["band"].tolist() == [OVERLONG_TEXT, b"12345678"]


def test_blocks_may_tell_their_size_and_come_in_several():
    row = schemaless(NOW, SIMPLE["fields"][1]["type"])
    head = schemaless({"name": "x", "now": NOW, "before": [], "more": []}, SIMPLE)[:-2]
    sized = write_varint(-2) + write_varint(2 * len(row)) + row + row + write_varint(1) + row + b"\x00"
    more = [schemaless({"id": i, "state": "ok"}, SIMPLE["fields"][3]["type"]["items"]) for i in range(3)]
    counted = write_varint(-1) + write_varint(4) + more[0] + write_varint(2) + more[1] + more[2] + b"\x00"

    found = columnar(SIMPLE).read(head + sized + counted, 0, len(head + sized + counted))

    assert found.columns["id"].tolist() == [-7] * 4
    assert found.forced.columns["id"].tolist() == [0, 1, 2]
    assert found.forced.columns["state"].tolist() == [b"ok"] * 3


def test_a_long_history_makes_room():
    alert = {"name": "x", "now": NOW, "before": [NOW | {"id": i} for i in range(3000)], "more": []}
    body = schemaless(alert, SIMPLE)
    assert columnar(SIMPLE).read(body, 0, len(body)).columns["id"].tolist() == [-7, *range(3000)]


def test_detections_and_forced_rows_share_the_room_and_neither_is_lost():
    rows = [NOW | {"id": i} for i in range(900)]
    more = [{"id": -i, "state": "x"} for i in range(900)]
    body = schemaless({"name": "x", "now": NOW, "before": rows, "more": more}, SIMPLE)
    found = columnar(SIMPLE).read(body, 0, len(body))
    assert found.columns["id"].tolist() == [-7, *range(900)]
    assert found.forced.columns["id"].tolist() == [-i for i in range(900)]
    assert np.isnan(found.forced.columns["flux"]).all()  # the schema has no such field


def test_forced_rows_that_stand_first_are_kept_apart():
    forced = record("forced", {"id": "long"})
    schema = record(
        "alert",
        {"more": {"type": "array", "items": forced}, "now": record("detection", {"id": "long"})},
    )
    body = schemaless({"more": [{"id": 8}, {"id": 9}], "now": {"id": 1}}, schema)
    found = columnar(schema).read(body, 0, len(body))
    assert found.columns["id"].tolist() == [1]
    assert found.forced.columns["id"].tolist() == [8, 9]


def test_more_rows_than_any_survey_sends_are_refused():
    small = record(
        "alert",
        {"now": record("detection", {"id": "long"}), "before": {"type": "array", "items": "detection"}},
    )
    body = b"\x00" + write_varint(9 * MAX_ROWS) + b"\x00" * (9 * MAX_ROWS + 1)
    with pytest.raises(AlertError) as refused:
        columnar(small).read(body, 0, len(body))
    assert refused.value.reason == "too_large"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "truncated"),
        (b"\x06ab", "truncated"),
        (b"\x01", "corrupt"),  # a text of -1 bytes
        (b"\xff" * 9 + b"\x02", "corrupt"),  # more than 64 bits
        (b"\x80" * 40, "corrupt"),
        (b"\x02x" + bytes(8) + b"\x00\x02r" + bytes(3), "truncated"),
        (b"\x02x" + bytes(8) + b"\x00\x02r" + bytes(4) + b"\xff" * 9 + b"\x01\x00", "corrupt"),  # -2**63 rows
        (b"\x02x" + bytes(8) + b"\x00\x02r" + bytes(4) + write_varint(2**62), "corrupt"),
        (b"\x02\xff" + bytes(8) + b"\x00\x02r" + bytes(4) + b"\x00\x00", "corrupt"),  # not UTF-8
    ],
)
def test_a_damaged_record_is_refused(body, reason):
    with pytest.raises(AlertError) as refused:
        columnar(SIMPLE).read(body, 0, len(body))
    assert refused.value.reason == reason


def test_a_union_branch_may_take_several_bytes_and_must_exist():
    schema = record("alert", {"now": record("detection", {"other": nullable("int"), "id": nullable("long")})})
    reader = columnar(schema)
    assert reader.read(b"\x80\x00\x82\x80\x00\x0a", 0, 6).columns["id"].tolist() == [5]
    for wrong in (b"\x04\x00", b"\x01\x00", b"\x00\x04\x00", b"\x00\x03"):
        with pytest.raises(AlertError, match="branch"):
            reader.read(wrong, 0, len(wrong))


def test_an_alert_whose_trigger_is_null_is_refused():
    schema = record(
        "alert",
        {
            "now": nullable(record("detection", {"id": "long"})),
            "before": {"type": "array", "items": "detection"},
        },
    )
    body = schemaless({"now": None, "before": [{"id": 1}]}, schema)
    for reader in (columnar(schema), FastavroReader(parse_schema(schema), PROJECTION)):
        with pytest.raises(AlertError, match="now is null") as refused:
            reader.read(body, 0, len(body))
        assert refused.value.reason == "missing_field"


def test_the_trigger_is_row_zero_wherever_it_stands():
    detection = record("detection", {"time": "int", "id": "long"})
    schema = record("alert", {"before": {"type": "array", "items": detection}, "now": "detection"})
    before = [{"time": 2, "id": 20}, {"time": 3, "id": 30}]
    body = schemaless({"before": before, "now": {"time": 1, "id": 10}}, schema)
    found = columnar(schema).read(body, 0, len(body))
    assert found.columns["time"].tolist() == [1.0, 2.0, 3.0]
    assert found.columns["id"].tolist() == [10, 20, 30]
    assert found.fields == {"name": None, "number": None, "place.x": None, "place.name": None}
    assert not found.present["band"].any()


NUMBERED = record("detection", {"id": "long"})


@pytest.mark.parametrize(
    ("fields", "alert", "name"),
    [
        ({"now": record("detection", {"id": "string"})}, {"now": {"id": "seven"}}, "id"),
        ({"now": record("detection", {"id": nullable("string")})}, {"now": {"id": "seven"}}, "id"),
        ({"now": record("detection", {"time": "boolean"})}, {"now": {"time": True}}, "time"),
        ({"now": NUMBERED, "name": "bytes"}, {"now": {"id": 1}, "name": b"x"}, "name"),
        ({"now": "long"}, {"now": 1}, "now"),
        (
            {"now": NUMBERED, "before": {"type": "map", "values": "detection"}},
            {"now": {"id": 1}, "before": {}},
            "before",
        ),
        (
            {"now": NUMBERED, "before": {"type": "array", "items": "long"}},
            {"now": {"id": 1}, "before": [1]},
            "before",
        ),
        ({"now": NUMBERED, "more": "string"}, {"now": {"id": 1}, "more": "x"}, "more"),
        (
            {"now": NUMBERED, "place": record("place", {"x": "string"})},
            {"now": {"id": 1}, "place": {"x": "here"}},
            "place.x",
        ),
    ],
)  # fmt: skip
def test_a_wanted_value_of_an_impossible_type_is_refused_by_name(fields, alert, name):
    body = schemaless(alert, record("alert", fields))
    with pytest.raises(AlertError, match=f"^{name} is of a type") as refused:
        columnar(record("alert", fields)).read(body, 0, len(body))
    assert refused.value.reason == "bad_schema"


def test_an_impossible_branch_that_is_not_taken_does_no_harm():
    schema = record("alert", {"now": record("detection", {"id": ["null", "string", "long"]})})
    read = columnar(schema).read
    for value, ids in ((7, [7]), (None, [0])):
        body = schemaless({"now": {"id": value}}, schema)
        assert read(body, 0, len(body)).columns["id"].tolist() == ids


MUTATIONS = """
import random, sys
import tests.broker.avro.test_columnar as t
from tests.broker.packets import schemaless
body = schemaless({"name": "x", "now": t.NOW, "before": [t.NOW] * 5,
                   "more": [{"id": 1, "state": "x"}] * 3}, t.SIMPLE)
reader, dice = t.columnar(t.SIMPLE), random.Random(1)
for _ in range(4000):
    hurt = bytearray(body[: dice.randrange(1, len(body) + 1)])
    for _ in range(dice.randrange(4)):
        hurt[dice.randrange(len(hurt))] = dice.choice([0, 1, 2, 0x7F, 0x80, 0xFF, dice.randrange(256)])
    try:
        reader.read(bytes(hurt), 0, len(hurt))
    except t.AlertError:
        pass
"""


def test_no_damage_makes_the_kernel_read_or_write_outside_its_buffers(tmp_path: Path):
    """Compiled with bounds checks, the kernel raises IndexError where it would."""
    settings = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", MUTATIONS],
        cwd=root,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
