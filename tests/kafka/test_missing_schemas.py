"""A worker that lacks the stream's schemas, against a real broker: what it costs, and what it says."""

from __future__ import annotations

import json
import shutil
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.broker.streams import simulated
from tests.kafka.real_broker import until
from tests.kafka.worker_process import SCHEMAS, Stage, running, said, varstream

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

LSST = [alert for alert in simulated() if alert.survey == "lsst"]
ZTF = [alert for alert in simulated() if alert.survey == "ztf"]
UNKNOWN = struct.pack(">bi", 0, 77) + bytes(100)
IMPATIENT = "kafka.patience_s=3"


@pytest.fixture
def other_schemas(tmp_path: Path) -> Path:
    """A folder of schemas, none of them the stream's."""
    folder = tmp_path / "other-schemas"
    folder.mkdir()
    shutil.copy(SCHEMAS / "1100.avsc", folder / "1099.avsc")
    return folder


@pytest.mark.parametrize("batch_size", [3, 512])
def test_eight_starts_with_other_schemas_leave_the_topic_as_it_was(
    stage: Stage, other_schemas: Path, batch_size: int
) -> None:
    n = 120
    stage.broker.produce(stage.alerts, [alert.payload for alert in LSST[:n]])
    changes = [f"decoding.schemas={other_schemas}", f"worker.batch_size={batch_size}", IMPATIENT]
    for _ in range(8):
        done = varstream(*stage.run(*changes, until_end=False))
        assert done.returncode == 1, done.stderr
        *_, line = done.stderr.splitlines()
        assert f"is not in {other_schemas}" in line
        assert "decoding.dead_schema_ids = [" in line
        assert "0 alerts in" in done.stderr
    assert stage.broker.read(stage.dead_letters) == []
    assert stage.published() == {}

    done = varstream(*stage.run())  # with the right ones
    assert done.returncode == 0, done.stderr
    assert f"{n} alerts in" in done.stderr
    assert stage.broker.read(stage.dead_letters) == []


@pytest.mark.parametrize(
    "answer", [b"null", b"7", b"{}", b"<html>", json.dumps({"schema": '"int"'}).encode()]
)
def test_a_registry_that_answers_nonsense_stops_it_and_the_topic_is_as_it_was(
    stage: Stage, answer: bytes
) -> None:
    stage.broker.produce(stage.alerts, [alert.payload for alert in (*ZTF[:5], *LSST[:30])])
    with registry(answer) as address:
        done = varstream(*stage.run(f"decoding.schemas={address}", IMPATIENT, until_end=False))
    assert done.returncode == 1, done.stderr
    *_, line = done.stderr.splitlines()
    assert "gave up after 3 s" in line
    assert "/schemas/ids/1100" in line
    assert "me:secret" not in done.stderr
    assert "0 alerts in" in done.stderr
    assert stage.broker.read(stage.dead_letters) == []


def test_a_worker_whose_registry_never_ends_its_answer_hears_the_signal_to_stop(stage: Stage) -> None:
    stage.broker.produce(stage.alerts, [alert.payload for alert in LSST[:5]])
    asked = threading.Event()
    with (
        registry(b" ", without_end=True, asked=asked) as address,
        running(*stage.run(f"decoding.schemas={address}", until_end=False)) as worker,
    ):
        until(lambda: worker.poll() is not None or asked.is_set())
        worker.terminate()
        assert worker.wait() == 0, said(worker)
    assert stage.broker.read(stage.dead_letters) == []


@contextmanager
def registry(
    answer: bytes, *, without_end: bool = False, asked: threading.Event | None = None
) -> Iterator[str]:
    """A server that gives every question one answer; where it is, with a password."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.set()
            self.send_response(200)
            self.send_header("Content-Length", str(10**6 if without_end else len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            while without_end and not over.wait(0.05):
                try:
                    self.wfile.write(answer)
                except OSError:
                    return

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://me:secret@127.0.0.1:{server.server_port}"
        finally:
            over.set()
            server.shutdown()
            thread.join()


def test_a_single_unknown_one_among_readable_ones_is_a_dead_letter(stage: Stage) -> None:
    good = [alert.payload for alert in (*ZTF[:40], *LSST[:40])]
    stage.broker.produce(stage.alerts, [*good[:50], UNKNOWN, *good[50:]])
    done = varstream(*stage.run())
    assert done.returncode == 0, done.stderr
    assert "81 alerts in" in done.stderr
    (letter,) = stage.broker.read(stage.dead_letters)
    assert dict(letter.headers())["reason"] == b"unknown_schema_id"
    assert letter.value() == UNKNOWN


def test_a_schema_that_is_put_there_while_its_partition_waits_is_used(
    stage: Stage, other_schemas: Path
) -> None:
    alerts = [*ZTF[:40], *LSST[:40]]
    stage.broker.produce(stage.alerts, [alert.payload for alert in ZTF[:40]])
    stage.broker.produce(stage.alerts, [alert.payload for alert in LSST[:40]])
    with running(*stage.run(f"decoding.schemas={other_schemas}", until_end=False)) as worker:
        until(lambda: worker.poll() is not None or bool(stage.published()))  # ZTF's are not kept waiting
        assert worker.poll() is None, said(worker)
        assert _surveys(stage) == {"ztf"}
        for path in SCHEMAS.glob("*.avsc"):
            shutil.copy(path, other_schemas)
        until(lambda: worker.poll() is not None or "lsst" in _surveys(stage))
        worker.terminate()
        assert worker.wait() == 0, said(worker)
    done = varstream(*stage.run())
    assert done.returncode == 0, done.stderr
    assert stage.broker.read(stage.dead_letters) == []
    annotated = {(source_id, band) for _, source_id, band in stage.published()}
    assert len(annotated) >= len(alerts) // 2


def test_an_id_that_is_given_up_keeps_nobody_waiting(stage: Stage) -> None:
    stage.broker.produce(stage.alerts, [UNKNOWN] * 40)
    refused = varstream(*stage.run(IMPATIENT))
    assert refused.returncode == 1
    assert "dead_schema_ids = [77]" in refused.stderr
    assert stage.broker.read(stage.dead_letters) == []
    done = varstream(*stage.run("decoding.dead_schema_ids=[77]"))
    assert done.returncode == 0, done.stderr
    assert {dict(m.headers())["reason"] for m in stage.broker.read(stage.dead_letters)} == {b"dead_schema_id"}
    assert len(stage.broker.read(stage.dead_letters)) == 40


def _surveys(stage: Stage) -> set[str]:
    return {json.loads(message.value())["survey"] for message in stage.broker.read(stage.annotations)}
