"""Gzipped files and tar archives, as the standard library writes them, whole and damaged."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import random
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.transport.files import MAX_BATCH_BYTES, FileSource, find_files, packets_of
from broker.transport.split.archives import parts_of
from broker.transport.split.gzip_stream import GzipStream
from broker.transport.split.split_file import read_file
from broker.transport.split.window import Window
from tests.broker.packets import candidate, container, outcome, ztf_alert

NAMES = [f"ZTF18aaaaaa{letter}" for letter in "abcdef"]
ALERTS = [ztf_alert(candidate(), objectId=name) for name in NAMES]
SINGLE = {f"{1000 + i}.avro": container(alert) for i, alert in enumerate(ALERTS)}


def tar(members: Mapping[str, bytes], mode: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            add(archive, name, data)
    return out.getvalue()


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.type = len(data), kind
    member.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    archive.addfile(member, io.BytesIO(data))


def outcomes(folder: Path, name: str, data: bytes) -> list[tuple[str, int, str]]:
    """File behind the folder, number, and name of the object or the reason why there is none."""
    path = folder / name
    path.write_bytes(data)
    decoder = Decoder(None, VettingRules())
    return [
        (str(one.origin.file).removeprefix(f"{folder}/"), one.origin.offset, outcome(decoder, one))
        for one in read_file(path)
    ]


def one_each(archive: str, members: Mapping[str, bytes] = SINGLE) -> list[tuple[str, int, str]]:
    return [(f"{archive}/{member}", 0, name) for member, name in zip(members, NAMES, strict=False)]


@pytest.mark.parametrize("interval", [1, 16000])
def test_a_gzipped_container_of_many_gives_each_record(tmp_path, interval):
    packed = gzip.compress(container(*ALERTS, sync_interval=interval))
    assert outcomes(tmp_path, "many.avro.gz", packed) == [
        ("many.avro.gz", *each) for each in enumerate(NAMES)
    ]


def test_gzipped_members_one_behind_the_other_are_one_stream(tmp_path):
    plain = container(*ALERTS)
    packed = gzip.compress(plain[:700]) + gzip.compress(plain[700:]) + bytes(20)  # padded, as on a tape
    assert [name for *_, name in outcomes(tmp_path, "many.avro.gz", packed)] == NAMES


@pytest.mark.parametrize(
    ("name", "mode"), [("night.tar", "w"), ("night.tar.gz", "w:gz"), ("night.tgz", "w:gz")]
)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_the_packets_of_a_night_come_out_in_order(tmp_path, name, mode, form):
    assert outcomes(tmp_path, name, tar(SINGLE, mode, form)) == one_each(name)


def test_the_payload_is_the_member_byte_for_byte(tmp_path):
    (tmp_path / "night.tar.gz").write_bytes(tar(SINGLE, "w:gz"))
    assert [one.payload for one in read_file(tmp_path / "night.tar.gz")] == list(SINGLE.values())


def test_members_may_lie_in_folders_hold_many_be_gzipped_or_be_no_packets(tmp_path):
    members = {
        "./20180601/one.avro": container(ALERTS[0]),
        "20180601/many.avro": container(*ALERTS[1:3]),
        "20180601/packed.avro.gz": gzip.compress(container(*ALERTS[3:5])),
        "README": b"not a packet" * 1000,
        "/absolute/../five.avro": container(ALERTS[5]),
    }
    assert outcomes(tmp_path, "night.tar", tar(members)) == [
        ("night.tar/20180601/one.avro", 0, NAMES[0]),
        ("night.tar/20180601/many.avro", 0, NAMES[1]),
        ("night.tar/20180601/many.avro", 1, NAMES[2]),
        ("night.tar/20180601/packed.avro.gz", 0, NAMES[3]),
        ("night.tar/20180601/packed.avro.gz", 1, NAMES[4]),
        ("night.tar/absolute/../five.avro", 0, NAMES[5]),
    ]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_are_kept_and_what_cannot_be_printed_is_not(tmp_path, form):
    long = f"{'deep/' * 40}ünïcode.avro"
    members = {long: container(ALERTS[0]), "new\nline.avro": container(ALERTS[1])}
    assert outcomes(tmp_path, "night.tar", tar(members, form=form)) == [
        (f"night.tar/{long}"[: len("night.tar/") + 255], 0, NAMES[0]),
        ("night.tar/new?line.avro", 0, NAMES[1]),
    ]


def test_links_devices_and_folders_do_nothing(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            add(archive, f"odd{kind!r}.avro", kind=kind)
        add(archive, "folder.avro", kind=tarfile.DIRTYPE)
        add(archive, "one.avro", container(ALERTS[0]))
    assert outcomes(tmp_path, "night.tar", out.getvalue()) == [("night.tar/one.avro", 0, NAMES[0])]
    assert [path.name for path in tmp_path.iterdir()] == ["night.tar"]


def test_archives_one_behind_the_other_are_one(tmp_path):
    (first, one), (second, other) = list(SINGLE.items())[:2]
    both = tar({first: one}) + tar({second: other})
    assert outcomes(tmp_path, "nights.tar", both) == one_each("nights.tar")[:2]


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_a_night_without_alerts_is_an_empty_archive(tmp_path, mode):
    assert outcomes(tmp_path, "cloudy.tar.gz", tar({}, mode)) == []


@pytest.mark.parametrize(("data", "reason"), [(b"", "corrupt"), (b"<!DOCTYPE html>" * 99, "corrupt")])
def test_what_is_no_archive_is_refused_under_its_own_name(tmp_path, data, reason):
    assert outcomes(tmp_path, "night.tar.gz", data) == [("night.tar.gz", 0, reason)]


def test_a_damaged_member_costs_itself_alone(tmp_path):
    members = dict(SINGLE)
    members["1002.avro"] = members["1002.avro"][:-40] + bytes(40)
    expected = one_each("night.tar.gz")
    expected[2] = ("night.tar.gz/1002.avro", 0, "corrupt")
    assert outcomes(tmp_path, "night.tar.gz", tar(members, "w:gz")) == expected


def test_a_damaged_header_costs_its_member_and_is_told(tmp_path):
    data = bytearray(tar(SINGLE))
    data[data.index(b"1002.avro")] ^= 0xFF
    expected = one_each("night.tar")
    expected[2] = ("night.tar", 0, "corrupt")
    assert outcomes(tmp_path, "night.tar", bytes(data)) == expected


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("share", [0.25, 0.3, 0.5, 0.6])
def test_of_a_cut_archive_the_whole_members_come_out_and_the_cut_is_told(tmp_path, mode, share):
    """The standard library reads the same members, and raises or not."""
    dice = random.Random(1)  # so that there is something to cut
    noisy = {
        name: container({**alert, "cutoutScience": dice.randbytes(3000)})
        for name, alert in zip(SINGLE, ALERTS, strict=True)
    }
    packed = tar(noisy, mode)
    cut = packed[: int(share * len(packed))]
    whole = []
    with (
        contextlib.suppress(EOFError, tarfile.ReadError),
        tarfile.open(fileobj=io.BytesIO(cut), mode="r|*") as archive,
    ):
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            if len(file.read()) == member.size:
                whole.append(member.name)
    found = outcomes(tmp_path, "night.tar.gz", cut)
    complete = [one for one in found if one[2] in NAMES]
    assert complete == one_each("night.tar.gz")[: len(complete)]
    assert 0 < len(whole) <= len(complete) < len(NAMES)
    assert found[-1] == ("night.tar.gz", 0, "truncated")
    assert {reason for *_, reason in found[len(complete) :]} <= {"truncated", "empty"}


def test_a_wrong_checksum_is_told_when_all_is_out(tmp_path):
    packed = bytearray(tar(SINGLE, "w:gz"))
    packed[-6] ^= 0xFF
    expected = [*one_each("night.tar.gz"), ("night.tar.gz", 0, "corrupt")]
    assert outcomes(tmp_path, "night.tar.gz", bytes(packed)) == expected


@pytest.mark.parametrize("size", [10**9, 8**11 - 1, 2**62])
def test_a_member_that_claims_to_be_huge_is_read_as_far_as_it_goes(tmp_path, size):
    header = tarfile.TarInfo("huge.avro")
    header.size = size
    data = header.tobuf(tarfile.GNU_FORMAT) + container(ALERTS[0])
    assert outcomes(tmp_path, "night.tar", data) == [
        ("night.tar/huge.avro", 0, NAMES[0]),
        ("night.tar", 0, "truncated"),
    ]


def test_attributes_that_claim_to_be_huge_are_not_held():
    header = tarfile.TarInfo("attributes")
    header.size, header.type = 2**40, tarfile.XHDTYPE
    asked: list[int] = []
    data = io.BytesIO(header.tobuf(tarfile.GNU_FORMAT) + b"30 path=x.avro\n" + bytes(2**16))

    def read(size: int) -> bytes:
        asked.append(size)
        return data.read(size)

    assert [part.damage is not None for part in parts_of(read, "night.tar")] == [True]
    assert max(asked) <= 2**20


def test_a_size_of_too_many_digits_is_not_a_size(tmp_path):
    record = b"5000 size=" + b"9" * 4989 + b"\n"
    header = tarfile.TarInfo("attributes")
    header.size, header.type = len(record), tarfile.XHDTYPE
    data = header.tobuf() + record.ljust(5120, b"\x00") + tar({"one.avro": container(ALERTS[0])})
    assert outcomes(tmp_path, "night.tar", data) == [("night.tar/one.avro", 0, NAMES[0])]


def test_zeros_are_inflated_to_a_bound_and_no_further():
    packed = io.BytesIO(gzip.compress(bytes(200 * 2**20)))
    stream = GzipStream(Window(packed.read))
    n = 0
    while data := stream.read(2**20):
        n += len(data)
    assert stream.damage is not None
    assert stream.damage.reason == "too_large"
    assert n < 64 * 2**20


def test_a_gzipped_bomb_is_refused_wherever_it_stands(tmp_path):
    bomb = gzip.compress(bytes(2**27))
    found = outcomes(tmp_path, "bomb.avro.gz", bomb)
    assert found[-1] == ("bomb.avro.gz", 0, "too_large")
    around = outcomes(tmp_path, "night.tar.gz", tar({"README": bytes(2**27), "1.avro": b""}, "w:gz"))
    assert around == [("night.tar.gz", 0, "too_large")]
    inside = outcomes(tmp_path, "night.tar", tar({"bomb.avro.gz": bomb, "one.avro": container(ALERTS[0])}))
    assert inside[-2:] == [("night.tar/bomb.avro.gz", 0, "too_large"), ("night.tar/one.avro", 0, NAMES[0])]


def test_a_head_with_every_field_is_passed_over():
    plain = b"some bytes"
    raw = zlib.compressobj(wbits=-15)
    body = raw.compress(plain) + raw.flush()
    tail = zlib.crc32(plain).to_bytes(4, "little") + len(plain).to_bytes(4, "little")
    head = (
        b"\x1f\x8b\x08"
        + bytes([2 | 4 | 8 | 16])
        + bytes(6)
        + b"\x03\x00abc"
        + b"name\x00"
        + b"comment\x00"
        + b"??"
    )
    stream = GzipStream(Window(io.BytesIO(head + body + tail).read))
    assert (stream.read(100), stream.read(100), stream.damage) == (plain, b"", None)


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_damage_stops_the_reading_of_an_archive(tmp_path_factory, dice):
    data = bytearray(
        tar(SINGLE, dice.choice(["w", "w:gz"]), dice.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
    )
    for _ in range(dice.randrange(1, 4)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    cut = bytes(data[: dice.randrange(len(data)) + 1])
    assert all(reason for *_, reason in outcomes(tmp_path_factory.mktemp("hurt"), "night.tar.gz", cut))


@given(st.binary(max_size=300), st.lists(st.integers(1, 50), min_size=1), st.integers(0, 300))
def test_a_mark_is_found_wherever_the_stream_is_cut(data, steps, keep):
    stream, step = io.BytesIO(data), iter(steps * 400)
    window = Window(lambda size: stream.read(min(size, next(step))))
    end = data.find(b"\x00\x01") + 2 if b"\x00\x01" in data else len(data)
    assert window.take_through(b"\x00\x01", keep) == data[:end][:keep]
    assert window.take(1000) == data[end:]


def test_a_folder_gives_packets_gzipped_files_and_archives(tmp_path):
    (tmp_path / "a.avro").write_bytes(container(ALERTS[0]))
    (tmp_path / "b.avro.gz").write_bytes(gzip.compress(container(ALERTS[1])))
    (tmp_path / "c.tar.gz").write_bytes(tar({"x.avro": container(ALERTS[2])}, "w:gz"))
    (tmp_path / "d.TAR").write_bytes(tar({"y.avro": container(ALERTS[3])}))
    (tmp_path / "notes.txt").write_text("no packets")
    decoder = Decoder(None, VettingRules())
    assert [outcome(decoder, one) for one in packets_of(find_files([tmp_path]))] == NAMES[:4]


def test_a_batch_of_large_packets_ends_early_and_loses_none(tmp_path):
    """The last packet of a batch may go over the bound, no other does."""
    path = tmp_path / "large.tar"
    path.write_bytes(tar({f"{i}.bin": b"\x00" * (MAX_BATCH_BYTES // 3) for i in range(7)}))
    source = FileSource([path], batch_size=5)
    sizes = []
    while batch := source.poll():
        sizes.append([one.origin.file.rpartition("/")[2] for one in batch])
    assert sizes == [["0.bin", "1.bin", "2.bin", "3.bin"], ["4.bin", "5.bin", "6.bin"]]
    assert source.exhausted


def test_a_file_name_that_is_no_text_can_be_written_in_a_record(tmp_path):
    path = tmp_path / os.fsdecode(b"night\xff.avro")
    path.write_bytes(container(ALERTS[0]))
    (one,) = read_file(path)
    assert one.origin.file == f"{tmp_path}/night\\xff.avro"
