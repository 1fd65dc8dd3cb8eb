"""A dead letter as it leaves: what its headers say, whatever the packet held."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.alert import DeadLetter, Origin, Packet, message_bytes
from broker.settings.clusters import MIN_MESSAGE_BYTES
from tests.broker.streams import packets


def test_a_dead_letter_that_fits_is_whole():
    tags, value = DeadLetter(packets([b"abc"])[0], "bad_magic", "no").as_message(1_000_000)
    assert value == b"abc"
    # echo -n abc | sha256sum
    assert dict(tags)["sha256"] == b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert dict(tags)["truncated"] == b"false"


def test_a_dead_letter_may_hold_what_no_text_can():
    tags, _ = DeadLetter(packets([b"abc"])[0], "bad_schema", "field '\ud800'").as_message(1_000_000)
    assert dict(tags)["message"] == rb"field '\ud800'"


anything = st.text(max_size=2000)  # halves of surrogates too


@given(
    payload=st.binary(max_size=5000),
    reason=anything,
    message=anything,
    origin=st.builds(
        Origin,
        file=st.none() | anything,
        topic=st.none() | anything,
        partition=st.none() | st.just(2**31 - 1),
        offset=st.just(2**63 - 1),
    ),
    max_bytes=st.integers(MIN_MESSAGE_BYTES, 6000),
)
def test_a_dead_letter_has_at_most_the_bytes_that_it_may_have(payload, reason, message, origin, max_bytes):
    letter = DeadLetter(Packet(payload, origin), reason, message)
    tags, value = letter.as_message(max_bytes)
    # a record batch of the protocol's version 2, all its variable integers at their longest
    wire = 61 + 36 + len(value) + sum(len(name) + len(text) + 2 * 5 for name, text in tags)
    assert wire <= message_bytes(value, headers=tags) <= max_bytes
    assert payload.startswith(value)
    assert dict(tags)["truncated"] == (b"false" if value == payload else b"true")
    for _, text in tags:
        text.decode("utf-8", "strict")
    if value != payload:
        longest = message_bytes(value, headers=[*tags[:-1], ("truncated", b"false")])
        assert longest == max_bytes  # no more was cut than had to be


def test_where_headers_leave_no_room_the_packet_is_cut_to_nothing():
    letter = DeadLetter(Packet(b"abc", Origin(file="f" * 5000)), "bad_magic", "no")
    tags, value = letter.as_message(10)
    assert value == b""
    assert dict(tags)["truncated"] == b"true"
    assert dict(tags)["length"] == b"3"


def test_of_a_long_path_the_headers_keep_the_end():
    letter = DeadLetter(Packet(b"", Origin(file="/home/" + 400 * "\u00e9" + "/night.avro")), "empty", "no")
    assert letter.describe()["file"].startswith("/home/")
    file = dict(letter.as_message(10_000)[0])["file"].decode()
    assert file.endswith("\u00e9/night.avro")
    assert len(file.encode()) <= 300


@pytest.mark.parametrize("field", ["file", "topic"])
def test_what_is_told_of_a_dead_letter_is_text_that_all_can_read(field):
    letter = DeadLetter(Packet(b"", replace(Origin(), **{field: "odd-\udcff"})), "bad_\ud800", "\udfff")
    told = letter.describe()
    assert (told[field], told["reason"], told["message"]) == (r"odd-\udcff", r"bad_\ud800", r"\udfff")
