"""JSON that anyone may have written: every kind of nonsense is one line, and never another error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.read_json import MAX_BYTES, read_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
)
WRONG = {
    "nothing": (b"", "Expecting value"),
    "no JSON": (b"{'a': 1}", "Expecting property name"),
    "more behind": (b"{} {}", "Extra data"),
    "no UTF-8": (b'{"a": "\xff"}', "codec can't decode"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "codec can't decode"),
    "a key twice": (b'{"a": {"b": 1, "b": 2}}', "the key 'b' stands twice"),
    "half a surrogate pair": (b'{"a": ["\\ud800"]}', "half of a surrogate pair: '\\\\ud800'"),
    "half a surrogate pair in a key": (b'{"\\udc00": 1}', "half of a surrogate pair"),
    "a number of many digits": (b"9" * 100_000, "limit"),
    "lists without end": (b"[" * 100_000, "nested too deeply"),
    "lists that end": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "objects without end": (b'{"a":' * 100_000, "nested too deeply"),
    "more than is read": (b" " * (MAX_BYTES + 1), f"more than {MAX_BYTES} bytes"),
}


@pytest.mark.parametrize(("data", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_one_line(tmp_path, data, message):
    path = tmp_path / "wrong.json"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message) as refused:
        read_json(path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@given(JSON, st.sampled_from(["utf-8", "utf-8-sig"]))
def test_what_is_json_is_read_as_it_was_written(tmp_path_factory, value, encoding):
    path = tmp_path_factory.mktemp("right") / "right.json"
    path.write_text(json.dumps(value), encoding=encoding)
    assert read_json(path) == value


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "missing.json")
