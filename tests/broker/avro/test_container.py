"""Blocks of Avro containers: Snappy against blocks put together by hand from the format's description.

Format: https://github.com/google/snappy/blob/main/format_description.txt
"""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.avro.container import decompress
from broker.errors import AlertError
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from tests.broker.packets import candidate, container, outcome, packet, ztf_alert


def length(size: int) -> bytes:
    encoded = b""
    while size > 0x7F:
        encoded, size = encoded + bytes([size & 0x7F | 0x80]), size >> 7
    return encoded + bytes([size])


def literal(text: bytes) -> bytes:
    if len(text) <= 60:
        return bytes([len(text) - 1 << 2]) + text
    return bytes([61 << 2]) + (len(text) - 1).to_bytes(2, "little") + text


def block(plain: bytes, *elements: bytes) -> bytes:
    return length(len(plain)) + b"".join(elements) + zlib.crc32(plain).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("plain", "elements"),
    [
        (b"", []),
        (b"abc", [literal(b"abc")]),
        (b"x" * 300, [literal(b"x" * 300)]),
        (b"abcdabcd", [literal(b"abcd"), b"\x01\x04"]),  # kind 1: 4 bytes from 4 back
        (b"a" * 12, [literal(b"a"), b"\x1d\x01"]),  # kind 1: 11 bytes from 1 back, over itself
        (b"ab" * 30, [literal(b"ab"), bytes([57 << 2 | 2]) + b"\x02\x00"]),  # kind 2: 58 bytes from 2 back
        (b"abc" * 3, [literal(b"abc"), bytes([5 << 2 | 3]) + b"\x03\x00\x00\x00"]),  # kind 3: 6 from 3 back
        (bytes(300) + b"abc" + bytes(4), [literal(bytes(300) + b"abc"), b"\x21\x2c"]),  # kind 1: 300 back
    ],
)  # fmt: skip
def test_literals_and_copies_of_every_kind_are_undone(plain, elements):
    assert decompress(block(plain, *elements), "snappy", 1000) == plain


@pytest.mark.parametrize(
    "elements",
    [
        [],
        [literal(b"ab")],
        [literal(b"abcd")],
        [b"\x01\x01", literal(b"abc")],  # copies from before the beginning
        [literal(b"a"), b"\x01\x00"],  # copies from itself
        [literal(b"ab"), b"\x02"],  # ends within an offset
        [b"\xfc\xff\xff\xff\xff" + b"abc"],  # a literal of 4 GiB
    ],
)
def test_elements_that_do_not_make_three_bytes_are_refused(elements):
    with pytest.raises(AlertError) as refused:
        decompress(block(b"abc", *elements), "snappy", 1000)
    assert refused.value.reason == "corrupt"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "corrupt"),
        (b"\x00\x00\x00\x00", "corrupt"),  # a checksum, and not even a length before it
        (block(b"abc", literal(b"abd")), "corrupt"),  # its checksum is that of another text
        (block(b"abc", literal(b"abc"))[:-1], "corrupt"),
        (length(1001) + bytes(9), "too_large"),  # the elements would be corrupt: nobody has looked at them
        (length(2**32 - 1) + bytes(9), "too_large"),
        (b"\xff\xff\xff\xff\x7f" + bytes(9), "corrupt"),  # more than the 4 GiB that a block can be
        (b"\xff" * 20, "corrupt"),  # a length without end
    ],
)
def test_a_damaged_block_and_an_enormous_size_are_refused(body, reason):
    with pytest.raises(AlertError) as refused:
        decompress(body, "snappy", 1000)
    assert refused.value.reason == reason


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60))
def test_noise_is_refused_or_undone_within_bounds(noise):
    try:
        size = len(decompress(noise, "snappy", 100))
    except AlertError:
        size = 0
    assert size <= 100


PLAIN = b"abc" * 21 + b"xyz"
PACKED = block(PLAIN, literal(b"abc"), bytes([59 << 2 | 2]) + b"\x03\x00", literal(b"xyz"))


@settings(max_examples=500, deadline=None)
@given(st.sets(st.integers(0, 8 * len(PACKED) - 1), min_size=1, max_size=3))
def test_a_block_with_flipped_bits_is_refused(bits):
    damaged = bytearray(PACKED)
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(AlertError, match=r"snappy block|inflates to"):
        decompress(bytes(damaged), "snappy", 1000)


@pytest.mark.parametrize("size", range(len(PACKED)))
def test_a_block_that_ends_early_is_refused(size):
    with pytest.raises(AlertError, match="snappy block"):
        decompress(PACKED[:size], "snappy", 1000)


def test_a_snappy_container_of_one_alert_is_read_as_put_together_by_hand_and_by_fastavro():
    plain = container(ztf_alert(candidate()), codec="null")
    sync = plain[-16:]
    head, body = plain[: plain.index(sync)], plain[plain.index(sync) + 16 : -16]
    record = body[3:]  # behind the count and the size in two bytes
    compressed = block(record, literal(record))
    size = len(compressed) << 1
    head = head.replace(b"avro.codec\x08null", b"avro.codec\x0csnappy")
    payload = head + sync + b"\x02" + bytes([size & 0x7F | 0x80, size >> 7]) + compressed + sync
    by_fastavro = container(ztf_alert(candidate()), codec="snappy")
    for message in (payload, by_fastavro):
        assert outcome(Decoder(None, VettingRules()), packet(message)) == "ZTF18aaaaaaa"
