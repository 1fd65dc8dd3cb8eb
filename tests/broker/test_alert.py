"""A dead letter as it leaves: what its headers say, whatever the packet held."""

from __future__ import annotations

from broker.alert import DeadLetter
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
