"""The worker as its user runs it: a process with a settings file, between topics of its own."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.broker.streams import PATIENCE_S
from tests.kafka.real_broker import ROOT, RealBroker, until

SCHEMAS = ROOT / "schemas" / "simulator"
Record = dict[str, Any]
Subject = tuple[str, str, str]  # object, source, band: what an annotation is about
Annotations = dict[Subject, Record]


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "broker.cli.main", *map(str, words)]


def varstream(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command(*words), capture_output=True, text=True, check=False, cwd=ROOT)


@contextmanager
def running(*words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on by itself; it is gone after the ``with`` block."""
    with subprocess.Popen(command(*words), stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """What an ended process told its user."""
    assert process.poll() is not None
    assert process.stderr is not None
    return process.stderr.read()


@dataclass(frozen=True)
class Stage:
    """Three topics, and the settings of a worker between them."""

    broker: RealBroker
    folder: Path
    alerts: str
    annotations: str
    dead_letters: str

    def write_settings(self, *, password: str | None = None) -> Path:
        """Settings for the listener with a password, as they would be for a survey's cluster."""
        settings = self.broker.sasl_settings(password=password)
        path = self.folder / "worker.toml"
        path.write_text(
            f"""
[kafka]
bootstrap_servers = "{self.broker.sasl}"
group_id = "{self.alerts}"
topics = ["{self.alerts}"]
patience_s = {PATIENCE_S}
settings = {{ {", ".join(f'"{name}" = "{value}"' for name, value in settings.items())} }}

[output]
format = "json"

[topics]
classifications = "{self.annotations}"
dead_letters = "{self.dead_letters}"

[worker]
delivery = "at_least_once"
instance = "one"

[decoding]
schemas = "{SCHEMAS}"

[state]
path = "{self.folder / "state"}"
"""
        )
        return path

    def run(self, *changes: str, until_end: bool = True) -> list[str | Path]:
        """Words of a command line that runs the worker, to the end of its topics or until it is stopped."""
        words: list[str | Path] = ["run", "--config", self.write_settings()]
        if until_end:
            words.append("--until-end")
        for change in changes:
            words += ["--set", change]
        return words

    def wait_for(self, n_annotations: int, worker: subprocess.Popen[str]) -> None:
        """Wait until a worker that runs has published so many annotations, about a subject each."""
        until(lambda: worker.poll() is not None or len(self.published()) >= n_annotations)
        assert worker.poll() is None, said(worker)

    def published(self) -> Annotations:
        """What the annotations say now; one that was repeated must say the same again, under the same id."""
        records: Annotations = {}
        ids: dict[Subject, bytes] = {}
        for message in self.broker.read(self.annotations):
            record = timeless(json.loads(message.value()))
            subject = subject_of(record)
            message_id = dict(message.headers())["_id"]
            assert agree(records.setdefault(subject, record), record)
            assert ids.setdefault(subject, message_id) == message_id
        assert len(set(ids.values())) == len(ids)
        return records


def classified(folder: Path, payloads: Sequence[bytes]) -> Annotations:
    """What ``varstream classify`` says of these packets, given as files."""
    packets = folder / "packets"
    packets.mkdir()
    for number, payload in enumerate(payloads):
        (packets / f"{number:06d}.bin").write_bytes(payload)
    return classified_files(packets, schemas=SCHEMAS)


def classified_files(*paths: Path, schemas: Path) -> Annotations:
    """What it says of these files under the rules that a worker has by default."""
    done = varstream("classify", *paths, "--schemas", schemas, "--programid", "1")
    assert done.returncode == 0, done.stderr
    records = [timeless(json.loads(line)) for line in done.stdout.splitlines()]
    return {subject_of(record): record for record in records}


def differences(published: Annotations, expected: Annotations) -> list[str]:
    """What a user would miss, or be surprised by."""
    return [
        *(f"missing {subject}" for subject in expected.keys() - published.keys()),
        *(f"unexpected {subject}" for subject in published.keys() - expected.keys()),
        *(
            f"{subject}: {name} {published[subject][name]} instead of {record[name]}"
            for subject, record in expected.items()
            for name in record
            if subject in published and not agree(published[subject][name], record[name])
        ),
    ]


def agree(one: object, other: object) -> bool:
    """Whether two values are the same but for the last digits of their numbers.

    The process that compiles the kernels and those that find them in the cache sum in different orders:
    seen in the 16th digit of `shapiro_w`. Probabilities are rounded to seven decimals.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(agree(one[name], other[name]) for name in one)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=2e-7)
    return one == other


def subject_of(record: Mapping[str, Any]) -> Subject:
    return record["object_id"], record["source_id"], record["band"]


def timeless(record: Record) -> Record:
    """Leave out where the packet came from and when: a file and a topic differ in nothing else."""
    passing = {"source", "upstream_time_us", "ingest_time_us", "publish_time_us"}
    assert passing <= set(record)
    return {name: value for name, value in record.items() if name not in passing}
