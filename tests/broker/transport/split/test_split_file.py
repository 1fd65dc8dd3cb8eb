"""Files of packets: every record comes out as it would over the wire, damage costs only what it hit."""

from __future__ import annotations

import io
from pathlib import Path

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.alert import Alert
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.transport.split.split_file import read_file
from tests.broker.packets import (
    candidate,
    confluent,
    container,
    dia_source,
    lsst_alert,
    outcome,
    packet,
    record,
    ztf_alert,
)

SYNC = b"0123456789abcdef"
NAMES = [f"ZTF18aaaaaa{letter}" for letter in "abcdefgh"]
ALERTS = [ztf_alert(candidate(), objectId=name) for name in NAMES]


def outcomes(path: Path) -> list[tuple[int, str]]:
    """Number of each packet with the name of the object, or the reason why there is none."""
    decoder = Decoder(None, VettingRules())
    found = []
    for one in read_file(path):
        assert one.origin.file == str(path)
        found.append((one.origin.offset, outcome(decoder, one)))
    return found


def numbered(names: list[str], start: int = 0) -> list[tuple[int, str]]:
    return list(enumerate(names, start))


@pytest.mark.parametrize("codec", ["null", "deflate"])
@pytest.mark.parametrize("interval", [1, 700, 16000])
def test_a_container_of_many_gives_each_record_in_a_container_of_its_own(tmp_path, codec, interval):
    path = tmp_path / "many.avro"
    path.write_bytes(container(*ALERTS, codec=codec, sync_interval=interval))

    assert outcomes(path) == numbered(NAMES)
    expected = list(fastavro.reader(io.BytesIO(path.read_bytes())))
    for one, alert in zip(read_file(path), expected, strict=True):
        assert list(fastavro.reader(io.BytesIO(one.payload))) == [alert]


def test_a_container_of_one_comes_out_byte_for_byte(tmp_path):
    path = tmp_path / "one.avro"
    path.write_bytes(container(ALERTS[0]))
    assert [one.payload for one in read_file(path)] == [path.read_bytes()]


def test_any_other_file_is_one_message(tmp_path):
    path = tmp_path / "message.bin"
    path.write_bytes(confluent(lsst_alert(dia_source())))
    assert [one.payload for one in read_file(path)] == [path.read_bytes()]


def test_an_empty_file_is_an_empty_message(tmp_path):
    path = tmp_path / "empty.avro"
    path.write_bytes(b"")
    assert outcomes(path) == [(0, "empty")]


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(read_file(tmp_path / "missing.avro"))


def test_an_unreadable_header_makes_one_packet_that_is_refused(tmp_path):
    path = tmp_path / "cut.avro"
    path.write_bytes(container(*ALERTS)[:300])
    assert outcomes(path) == [(0, "truncated")]


def test_records_that_are_no_alerts_are_each_refused(tmp_path):
    path = tmp_path / "other.avro"
    path.write_bytes(container({"a": 1}, {"a": 2}, schema=record("reading", {"a": "long"})))
    assert outcomes(path) == numbered(["schema_not_an_alert"] * 2)


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_a_damaged_block_is_refused_and_the_others_come_out(tmp_path, codec):
    data = bytearray(container(*ALERTS, codec=codec, sync_interval=1))
    marks = [place for place in range(len(data)) if data.startswith(SYNC, place)]
    data[marks[3]] ^= 0xFF  # the marker behind the third record
    path = tmp_path / "hurt.avro"
    path.write_bytes(data)

    # The fourth went with the third: where it begins is told by the marker before it.
    assert outcomes(path) == numbered([*NAMES[:2], "corrupt", *NAMES[4:]])


def test_a_cut_file_gives_its_whole_records(tmp_path):
    path = tmp_path / "cut.avro"
    path.write_bytes(container(*ALERTS, sync_interval=1)[:-40])
    assert outcomes(path) == numbered([*NAMES[:-1], "truncated"])


def test_a_damaged_record_takes_the_rest_of_its_block_with_it(tmp_path):
    """Where one record ends is known only from its bytes; the count of the lost ones is kept."""
    blocks = [container(*ALERTS[:4]), container(*ALERTS[4:])]
    whole = blocks[0] + blocks[1][blocks[1].index(SYNC) + 16 :]
    data = bytearray(whole)
    hurt = data.index(NAMES[1].encode()) - 1
    data[hurt] = 0x7F  # a text of -64 bytes
    path = tmp_path / "hurt.avro"
    path.write_bytes(data)

    assert outcomes(path) == [(0, NAMES[0]), (1, "corrupt"), *numbered(NAMES[4:], start=4)]


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False))
def test_damage_never_stops_the_reading_of_a_file(tmp_path_factory, dice):
    data = bytearray(
        container(*ALERTS, codec=dice.choice(["null", "deflate"]), sync_interval=dice.choice([1, 900]))
    )
    for _ in range(dice.randrange(1, 4)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    path = tmp_path_factory.mktemp("hurt") / "hurt.avro"
    path.write_bytes(data[: dice.randrange(len(data)) + 1])
    assert all(reason for _, reason in outcomes(path))


def test_an_alert_from_a_file_of_many_is_the_one_from_the_wire(tmp_path):
    path = tmp_path / "many.avro"
    path.write_bytes(container(*ALERTS, codec="deflate"))
    decoder = Decoder(None, VettingRules())
    alerts = [decoder.read(one) for one in read_file(path)]
    alone = decoder.read(packet(container(ALERTS[2])))
    assert isinstance(alerts[2], Alert)
    assert alerts[2].detection.tobytes() == alone.detection.tobytes()
