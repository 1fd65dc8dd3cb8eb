"""Outputs of ``varstream classify``: nothing that is read is overwritten, and a full disk is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from broker.alert import DeadLetter, Origin, Packet
from broker.cli.main import main
from broker.cli.output_files import check_outputs
from broker.errors import ConfigError, FatalError
from broker.state.store import MemoryStore
from broker.transport.files import FileSink
from tests.broker.streams import packets, pipeline, simulated

FULL = Path("/dev/full")


@pytest.fixture
def sky(tmp_path):
    folder = tmp_path / "sky"
    folder.mkdir()
    for name in ("a.avro", "b.bin"):
        (folder / name).write_bytes(b"packet " + name.encode())
    return folder


def check(sky, **outputs):
    files = [sky / "a.avro", sky / "b.bin"]
    check_outputs({f"--{option}": path for option, path in outputs.items()}, paths=[sky], files=files)


def other_names(sky):
    """Paths that lead to a packet file and do not look like it."""
    (sky.parent / "link").symlink_to(sky / "a.avro")
    os.link(sky / "b.bin", sky.parent / "hard link")
    return [sky / "a.avro", sky.parent / "link", sky.parent / "hard link", sky / ".." / "sky" / "b.bin"]


@pytest.mark.parametrize("option", ["output", "dead-letters", "counts", "light-curves"])
def test_a_packet_file_is_not_overwritten_whatever_it_is_called(sky, option):
    for path in other_names(sky):
        with pytest.raises(ConfigError, match=f"--{option} .* is one of the packet files"):
            check(sky, **{option: path})


def test_standard_output_may_not_be_a_packet_file(sky, monkeypatch):
    with (sky / "a.avro").open("ab") as file:
        monkeypatch.setattr("broker.cli.output_files.STANDARD_OUTPUT", file.fileno())
        with pytest.raises(ConfigError, match="standard output is one of the packet files"):
            check(sky)


@pytest.mark.parametrize("name", ["out.avro", "out.bin", "OUT.AVRO", "deeper/out.avro"])
def test_no_output_may_be_taken_for_packets_by_the_next_run(sky, name):
    (sky / "deeper").mkdir()
    with pytest.raises(ConfigError, match=r"--output .* would be taken for packets"):
        check(sky, output=sky / name)
    assert not (sky / name).exists()


def test_other_outputs_may_lie_beside_the_packets_and_are_not_made_yet(sky, tmp_path):
    check(
        sky, output=sky / "out.jsonl", counts=sky / "counts.json", **{"dead-letters": tmp_path / "dead.avro"}
    )
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a.avro", "b.bin"]


def test_an_earlier_output_may_be_written_again_and_is_whole_until_then(sky, tmp_path):
    (tmp_path / "out.jsonl").write_text("earlier")
    check(sky, output=tmp_path / "out.jsonl", counts=None)
    assert (tmp_path / "out.jsonl").read_text() == "earlier"


def test_two_outputs_are_two_files_unless_they_are_devices(sky, tmp_path):
    with pytest.raises(ConfigError, match=r"--output and --counts are one file"):
        check(sky, output=tmp_path / "out", counts=tmp_path / "sky" / ".." / "out")
    check(sky, output=Path(os.devnull), counts=Path(os.devnull))


@pytest.mark.parametrize(
    ("name", "why"),
    [("absent/out", "No such file"), ("sky", "Is a directory"), ("file/out", "Not a directory")],
)
def test_a_file_that_cannot_be_written_is_told_before_hours_of_work(sky, tmp_path, name, why):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=why):
        check(sky, counts=tmp_path / name)


def test_a_link_that_leads_to_itself_is_told(sky, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError, match="Too many levels of symbolic links"):
        check(sky, output=tmp_path / "loop")


def test_a_command_that_would_destroy_its_input_does_nothing(sky, capsys):
    assert main(["classify", str(sky), "--output", str(sky / "a.avro")]) == 2
    assert (sky / "a.avro").read_bytes() == b"packet a.avro"
    assert "it would be overwritten" in capsys.readouterr().err


needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
LETTER = DeadLetter(Packet(b"x", Origin()), "bad_magic", "no")


@pytest.fixture(scope="module")
def annotations():
    return pipeline(MemoryStore()).annotate(packets([simulated()[0].payload])).annotations


def write(sink, annotations):
    try:
        sink.deliver(annotations, [LETTER])
    finally:
        sink.close()


@needs_full
@pytest.mark.parametrize("form", ["json", "avro"])
def test_a_full_disk_is_told_by_the_name_of_the_file(annotations, tmp_path, form):
    for n_annotations in (1, 10_000):  # which fit into a buffer, and do not
        with pytest.raises(FatalError, match=r"cannot write /dev/full: No space"):
            write(FileSink(FULL, form, dead_letters=tmp_path / "dead"), annotations[:1] * n_annotations)
    with pytest.raises(FatalError, match=r"cannot write /dev/full: No space"):
        write(FileSink(tmp_path / "out", form, dead_letters=FULL), annotations)
    assert (tmp_path / "out").stat().st_size


@needs_full
def test_counts_on_a_full_disk_are_a_failure_after_the_run(sky, capsys):
    assert main(["classify", str(sky), "--counts", str(FULL)]) == 1
    assert "cannot write /dev/full: No space" in capsys.readouterr().err


def test_records_in_files_say_when_they_were_written(annotations, tmp_path, monkeypatch):
    sink = FileSink(tmp_path / "out", "json")
    with monkeypatch.context() as patch:
        patch.setattr("time.time_ns", lambda: 1_700_000_000_123_456_789)
        sink.deliver(annotations, [])
    sink.close()
    for line in (tmp_path / "out").read_text().splitlines():
        assert json.loads(line)["publish_time_us"] == 1_700_000_000_123_456


def test_a_reason_that_the_system_has_no_words_for_is_told_all_the_same(sky, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError("the tape is torn")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(ConfigError, match=r"cannot write .*labels\.jsonl: the tape is torn"):
        check(sky, output=sky.parent / "labels.jsonl")
    with pytest.raises(ConfigError, match=r"cannot write .*labels\.jsonl: the tape is torn"):
        FileSink(sky.parent / "labels.jsonl", "jsonl")
