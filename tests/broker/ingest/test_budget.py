"""The budget of a packet: what would make much work is refused with few means, and what surveys send fits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.alert import Alert
from broker.avro import budget
from broker.avro.container import parse_header, write_varint
from broker.avro.schema import parse_json, parse_schema
from broker.errors import TransientError
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.registry.schema_registry import open_registry
from broker.transport.split.split_file import read_file
from tests.broker.hostile import ALERT, BAD_SCHEMA, TOO_LARGE, array, before_the_alert, framed, nulls
from tests.broker.packets import (
    ZTF_SCHEMA,
    Schemas,
    candidate,
    confluent,
    container,
    outcome,
    packet,
    ztf_alert,
)

MAX_ADDED_BYTES = 200 * 2**20
MAX_CPU_S = 120  # of all together: without a budget each takes a good part of it, or more

WORK = f"""
import json, resource
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from tests.broker.hostile import ALERT, BAD_SCHEMA, TOO_LARGE, ZTF_SCHEMA, framed
from tests.broker.packets import outcome, packet

decoder = Decoder(None, VettingRules())
outcome(decoder, packet(framed(ZTF_SCHEMA, ALERT)))
used = resource.getrusage(resource.RUSAGE_SELF)
resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + {MAX_CPU_S},) * 2)
found = {{}}
for name, make in (TOO_LARGE | BAD_SCHEMA).items():
    one = packet(make())
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + {MAX_ADDED_BYTES}
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    try:
        found[name] = outcome(decoder, one)
    except BaseException as exc:
        found[name] = repr(exc)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_packets_that_would_make_much_work_are_refused_within_little_memory_and_time():
    done = subprocess.run(
        [sys.executable, "-c", WORK],
        cwd=Path(__file__).parents[3],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected = dict.fromkeys(TOO_LARGE, "too_large") | dict.fromkeys(BAD_SCHEMA, "bad_schema")
    assert json.loads(done.stdout) == expected


def outcome_of(payload: bytes, **rules: Any) -> str:
    return outcome(Decoder(None, VettingRules(**rules)), packet(payload))


@pytest.mark.parametrize("width", [1, 2, 1000])
def test_values_are_counted_as_they_are_passed_over(width):
    """At the budget an alert is read; one item over it, what lies behind is not looked at: it is no alert."""
    schema = before_the_alert(array(nulls(width)))
    n = budget.MAX_ITEMS // (width + 2)  # the record, its nulls, its byte
    head = write_varint(n)
    assert outcome_of(framed(schema, head + bytes(n) + b"\x00" + ALERT)) == "ZTF18aaaaaaa"
    assert outcome_of(framed(schema, head + bytes(n) + b"\x02\x00" + b"\xff" * 100)) == "too_large"


def test_values_of_all_arrays_count_together():
    schema = before_the_alert(array(array(nulls(98))))
    part = write_varint(budget.MAX_ITEMS // 1000) + bytes(budget.MAX_ITEMS // 1000) + b"\x00"
    assert outcome_of(framed(schema, write_varint(9) + 9 * part + b"\x00" + ALERT)) == "ZTF18aaaaaaa"
    assert outcome_of(framed(schema, write_varint(10) + 10 * part + b"\x00" + ALERT)) == "too_large"


@pytest.mark.parametrize("codec", ["deflate", "snappy"])
def test_inflated_bytes_are_bounded_whatever_the_limit_on_messages(codec):
    def inflating(size: int) -> bytes:
        return container(ztf_alert(candidate(), cutoutScience=bytes(size)), codec=codec)

    assert outcome_of(inflating(budget.MAX_INFLATED_BYTES - 2000)) == "ZTF18aaaaaaa"
    assert outcome_of(inflating(budget.MAX_INFLATED_BYTES), max_packet_bytes=2**30) == "too_large"


def test_a_schema_of_a_registry_has_the_same_budget_and_no_packet_is_to_blame_for_it():
    wide = before_the_alert(nulls(budget.MAX_TYPES))
    decoder = Decoder(Schemas({1: wide}), VettingRules())
    message = confluent(ztf_alert(candidate()), ZTF_SCHEMA, schema_id=1)
    with pytest.raises(TransientError, match=f"more than {budget.MAX_TYPES} types"):
        decoder.read(packet(message))


def test_the_longest_schema_is_read_and_one_byte_more_is_not():
    text = json.dumps(ZTF_SCHEMA).encode()
    padding = budget.MAX_SCHEMA_BYTES - len(text)
    assert outcome_of(framed(text + b" " * padding, ALERT)) == "ZTF18aaaaaaa"
    assert outcome_of(framed(text + b" " * (padding + 1), ALERT)) == "too_large"


def test_room_for_many_rows_is_given_back():
    decoder = Decoder(None, VettingRules())
    rows = [candidate(candid=i) for i in range(budget.MAX_ROWS // 2)]
    assert isinstance(decoder.read(packet(container(ztf_alert(candidate(), rows)))), Alert)
    (codec,) = decoder._by_header.values()
    assert codec.reader._cells.shape[1] < 2000


WORDS = [
    "null",
    "long",
    "string",
    "array",
    "map",
    "record",
    "fixed",
    "enum",
    "items",
    "type",
    "name",
    "fields",
]
TOKENS = [
    *(f'"{word}"'.encode() for word in WORDS),
    *(b"[", b"]", b"{", b"}", b",", b":", b"0", b"-1", b"1e999", b'"."', b'"candidate"', b'"\\ud800"'),
]


@settings(max_examples=500, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_schema_with_other_words_in_it_is_read_or_refused(dice):
    """Its length is right, so that it is the schema that is looked at, not the frame around it."""
    text = json.dumps(ZTF_SCHEMA).encode()
    for _ in range(dice.randrange(1, 4)):
        old, new = dice.choice(TOKENS), dice.choice(TOKENS)
        places = [i for i in range(len(text)) if text.startswith(old, i)]
        if places:
            at = dice.choice(places)
            text = text[:at] + new + text[at + len(old) :]
    body = ALERT if dice.random() < 0.7 else dice.randbytes(200)
    assert outcome_of(framed(text, body))


def values(datum: Any) -> int:
    """How many values a decoded alert has."""
    if isinstance(datum, dict):
        return 1 + sum(map(values, datum.values()))
    return sum(map(values, datum)) if isinstance(datum, list) else 1


def schemas_and_values(alerts: Path, registry: Any) -> Iterator[tuple[bytes, Any, int]]:
    """Schema text, tree and number of values of every packet that fastavro can read here."""
    for path in sorted(alerts.glob("lsst/ddf*.avro")) + sorted(alerts.glob("*/wire*/*")):
        data = path.read_bytes()
        if data[0]:
            header = parse_header(data)
            tree = parse_schema(parse_json(header.schema_text, path.name))
            with path.open("rb") as file:
                yield header.schema_text, tree, max(map(values, fastavro.reader(file)))
        else:
            schema = registry.schema(int.from_bytes(data[1:5], "big"))
            with path.open("rb") as file:
                file.seek(5)
                alert = fastavro.schemaless_reader(file, fastavro.parse_schema(schema), None)
            yield json.dumps(schema).encode(), parse_schema(schema), values(alert)


def test_real_packets_need_a_small_part_of_the_budget(shared_data):
    package = pytest.importorskip("lsst.alert.packet")
    registry = open_registry(str(Path(package.__file__).parent))
    found = list(schemas_and_values(shared_data / "alerts", registry))
    assert len(found) > 200
    assert 8 * max(len(text) for text, _, _ in found) <= budget.MAX_SCHEMA_BYTES
    assert 7 * max(tree.n_types for _, tree, _ in found) <= budget.MAX_TYPES
    assert 50 * max(n for _, _, n in found) <= budget.MAX_ITEMS
    files = (shared_data / "alerts").glob("lsst/*.avro")
    size = max(len(one.payload) for path in files for one in read_file(path))
    assert 30 * size <= budget.MAX_INFLATED_BYTES
