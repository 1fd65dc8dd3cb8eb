"""The worker against a real broker: what it publishes, what it survives, what it says when it cannot."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import pytest

from broker.state.sqlite import SQLiteStore
from tests.broker.streams import simulated
from tests.broker.transport.raw_producer import send_raw
from tests.kafka.real_broker import until
from tests.kafka.worker_process import (
    Annotations,
    Stage,
    classified,
    classified_files,
    differences,
    running,
    said,
    subject_of,
    timeless,
    varstream,
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

NOWHERE = "127.0.0.1:1"  # a port that nobody has
SLOWLY = "worker.batch_size=2"  # so that a stream has a middle
SOME = 20  # annotations that tell that a worker is at work
EARLY, LATE = slice(None, -50), slice(-50, None)  # streamed before something befalls the worker, and after


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Annotations:
    """What the simulated alerts are expected to be annotated with, whatever happens meanwhile."""
    return classified(tmp_path_factory.mktemp("expected"), [alert.payload for alert in simulated()])


def stream_to(stage: Stage, part: slice = slice(None)) -> None:
    """Write simulated alerts to the topic; those of one object stay in order."""
    alerts = simulated()[part]
    stage.broker.produce(
        stage.alerts, [alert.payload for alert in alerts], keys=[alert.object_id for alert in alerts]
    )


def test_the_stream_is_annotated_once_and_as_its_packets_are_in_files(
    stage: Stage, expected: Annotations
) -> None:
    stream_to(stage)
    done = varstream(*stage.run())
    assert done.returncode == 0, done.stderr
    assert f"{len(simulated()):,} alerts in" in done.stderr
    assert not differences(stage.published(), expected)
    assert any(record["label"] is not None for record in expected.values())

    messages = stage.broker.read(stage.annotations)
    assert len(messages) == len(expected)
    for message in messages:
        record, headers = json.loads(message.value()), dict(message.headers())
        assert message.key().decode() == f"{record['survey']}:{record['object_id']}"
        assert headers["label"].decode() == (record["label"] or "")
        assert record["source"]["topic"] == stage.alerts

    again = varstream(*stage.run())
    assert again.returncode == 0, again.stderr
    assert "0 alerts in" in again.stderr
    assert len(stage.broker.read(stage.annotations)) == len(expected)


def test_real_packets_of_both_surveys_by_replay_and_in_avro(
    stage: Stage, new_topic: Callable[..., str], shared_data: Path
) -> None:
    lsst_alert_packet = pytest.importorskip("lsst.alert.packet")
    schemas = Path(lsst_alert_packet.__file__).parent / "schema"
    packets = {
        new_topic("ztf", partitions=1): shared_data / "alerts" / "ztf" / "wire",
        new_topic("lsst", partitions=1): shared_data / "alerts" / "lsst" / "wire_transcoded",
    }
    settings = stage.write_settings()
    for topic, folder in packets.items():
        done = varstream("replay", folder, "--topic", topic, "--config", settings)
        assert done.returncode == 0, done.stderr
    done = varstream(
        *stage.run(
            f"kafka.topics={json.dumps(list(packets))}",
            f"decoding.schemas={schemas}",
            "output.format=avro",
        )
    )
    assert done.returncode == 0, done.stderr
    expected = classified_files(*packets.values(), schemas=schemas)
    assert {record["survey"] for record in expected.values()} == {"ztf", "lsst"}
    published = [_only_record(message.value()) for message in stage.broker.read(stage.annotations)]
    assert not differences({subject_of(record): timeless(record) for record in published}, expected)


def _only_record(container: bytes) -> dict[str, Any]:
    (record,) = fastavro.reader(io.BytesIO(container))
    assert isinstance(record, dict)
    return record


@pytest.mark.slow
def test_a_broker_killed_in_mid_stream_costs_no_annotation(stage: Stage, expected: Annotations) -> None:
    stream_to(stage, EARLY)
    with running(*stage.run(SLOWLY, until_end=False)) as worker:
        stage.wait_for(SOME, worker)
        stage.broker.kill()
        assert worker.poll() is None
        stage.broker.start()
        stream_to(stage, LATE)
        stage.wait_for(len(expected), worker)
        worker.terminate()
        assert worker.wait() == 0, said(worker)
    assert not differences(stage.published(), expected)


def test_a_worker_killed_in_mid_stream_goes_on_and_loses_nothing(stage: Stage, expected: Annotations) -> None:
    stream_to(stage, EARLY)
    with running(*stage.run(SLOWLY, until_end=False)) as worker:
        stage.wait_for(SOME, worker)
        worker.kill()
    stream_to(stage, LATE)
    assert len(stage.published()) < len(expected)
    done = varstream(*stage.run())
    assert done.returncode == 0, done.stderr
    assert not differences(stage.published(), expected)


@pytest.mark.slow
def test_a_power_cut_of_broker_and_worker_loses_nothing(stage: Stage, expected: Annotations) -> None:
    stream_to(stage, EARLY)
    with running(*stage.run(SLOWLY, until_end=False)) as worker:
        stage.wait_for(SOME, worker)
        stage.broker.kill()  # the worker has alerts in hand and nowhere to deliver their annotations
        assert worker.poll() is None
        worker.kill()
    stage.broker.start()
    stream_to(stage, LATE)
    assert len(stage.published()) < len(expected)
    done = varstream(*stage.run())
    assert done.returncode == 0, done.stderr
    assert not differences(stage.published(), expected)


def test_annotations_that_the_broker_refuses_are_published_when_it_takes_them(
    stage: Stage, expected: Annotations
) -> None:
    stream_to(stage)
    stage.broker.set_limit(stage.annotations, max_message_bytes=100)
    done = varstream(*stage.run())
    assert done.returncode == 1, done.stderr
    assert f"{stage.annotations} takes messages of 100 bytes at most" in one_line(done.stderr)
    assert not stage.published()
    stage.broker.set_limit(stage.annotations, max_message_bytes=1_000_000)
    assert varstream(*stage.run()).returncode == 0
    assert not differences(stage.published(), expected)


def test_a_worker_asked_to_stop_finishes_its_batch_and_repeats_nothing(
    stage: Stage, expected: Annotations
) -> None:
    stream_to(stage, EARLY)
    with running(*stage.run(SLOWLY, until_end=False)) as worker:
        stage.wait_for(SOME, worker)
        worker.terminate()
        assert worker.wait() == 0
        assert "alerts in" in said(worker)
    stream_to(stage, LATE)
    assert varstream(*stage.run()).returncode == 0
    assert len(stage.broker.read(stage.annotations)) == len(expected)
    assert not differences(stage.published(), expected)


@pytest.mark.slow
def test_a_worker_asked_to_stop_while_its_broker_is_away_ends_and_its_batch_comes_at_the_next_start(
    stage: Stage, expected: Annotations
) -> None:
    stream_to(stage)
    with running(*stage.run(SLOWLY, until_end=False)) as worker:
        stage.wait_for(SOME, worker)
        stage.broker.kill()  # the patience of this worker has no end
        worker.terminate()
        assert worker.wait() == 0
        words = said(worker)
        assert "alerts in" in words  # it says what came of them, as at any end
        assert " ERROR " not in words
    stage.broker.start()
    assert len(stage.published()) < len(expected)
    assert varstream(*stage.run()).returncode == 0
    assert not differences(stage.published(), expected)


def test_a_worker_told_twice_to_stop_ends_at_once(stage: Stage, expected: Annotations) -> None:
    stream_to(stage, EARLY)
    with running(*stage.run(SLOWLY, until_end=False)) as worker:
        stage.wait_for(SOME, worker)
        os.kill(stage.broker.state["pid"], signal.SIGSTOP)  # there, and without an answer
        try:
            worker.terminate()
            until(lambda: _is_default(worker.pid, signal.SIGTERM))
            worker.terminate()
            assert worker.wait() == -signal.SIGTERM
        finally:
            os.kill(stage.broker.state["pid"], signal.SIGCONT)
    stream_to(stage, LATE)
    assert varstream(*stage.run()).returncode == 0
    assert not differences(stage.published(), expected)


def _is_default(pid: int, number: int) -> bool:
    """Whether a process has no handler of a signal any more."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return not int(caught, 16) >> (number - 1) & 1


def test_poison_lands_in_the_dead_letters_as_it_came_with_where_and_why(stage: Stage) -> None:
    readable = [alert.payload for alert in simulated()[:60]]
    good = readable[0]
    poison = [
        b"",
        b"not an alert",
        good[: len(good) // 2],
        b"\x00\x00\x00\x00\x07" + os.urandom(64),  # a schema that nobody has
        os.urandom(3_000_000),  # more than a dead letter holds
        *(os.urandom(2**n) for n in range(4, 16)),
    ]
    landed = stage.broker.produce(stage.alerts, [*poison, *readable])[: len(poison)]
    done = varstream(*stage.run())
    assert done.returncode == 0, done.stderr
    assert f"{len(poison) + len(readable)} alerts in = " in done.stderr
    assert stage.published()

    letters = stage.broker.read(stage.dead_letters)
    assert len(letters) == len(poison)
    by_offset = {}
    for letter in letters:
        tags = {name: value.decode() for name, value in letter.headers()}
        assert tags["topic"] == stage.alerts
        by_offset[int(tags["partition"]), int(tags["offset"])] = tags, letter.value() or b""
    reasons = []
    for partition_and_offset, payload in zip(landed, poison, strict=True):
        tags, value = by_offset[partition_and_offset]
        assert tags["length"] == str(len(payload))
        assert tags["sha256"] == hashlib.sha256(payload).hexdigest()
        assert tags["truncated"] == ("true" if len(payload) > 1_000_000 else "false")
        assert payload.startswith(value) if tags["truncated"] == "true" else value == payload
        assert tags["message"]
        reasons.append(tags["reason"])
    assert reasons[:4] == ["empty", "bad_magic", "truncated", "unknown_schema_id"]


def test_a_nights_topic_is_found_by_its_date_though_yesterdays_is_gone(stage: Stage) -> None:
    name = f"ztf-{stage.alerts}_{{utc_date}}_programid1"
    tonight = name.replace("{utc_date}", datetime.now(UTC).strftime("%Y%m%d"))
    stage.broker.create_topics(tonight)
    stage.broker.produce(tonight, [simulated()[0].payload])
    done = varstream(*stage.run(f"kafka.topics={json.dumps([name])}"))
    assert done.returncode == 0, done.stderr
    assert "1 alerts in" in done.stderr


def test_a_second_worker_in_a_group_ends_without_disturbing_the_first(
    stage: Stage, expected: Annotations
) -> None:
    stream_to(stage, EARLY)
    words = stage.run("kafka.settings.session.timeout.ms=6000", until_end=False)
    with running(*words) as first:
        stage.wait_for(SOME, first)
        store = stage.folder / "second"
        second = varstream(*words, "--set", f"state.path={store}")
        assert second.returncode == 2, second.stderr
        assert "one worker per group" in one_line(second.stderr)
        stream_to(stage, LATE)
        stage.wait_for(len(expected), first)
        first.terminate()
        assert first.wait() == 0, said(first)
    assert not differences(stage.published(), expected)
    with closing(SQLiteStore(store / "one" / "at-least-once.sqlite")) as read_by_second:
        assert read_by_second.offsets() == {}


def test_a_worker_whose_store_was_taken_away_ends_because_nobody_would_find_it_again(stage: Stage) -> None:
    stream_to(stage, EARLY)
    with running(*stage.run(until_end=False)) as worker:
        stage.wait_for(SOME, worker)
        (stage.folder / "state" / "one" / "at-least-once.sqlite").unlink()
        stream_to(stage, LATE)
        assert worker.wait() == 1
        assert "was removed or replaced while it was in use" in one_line(said(worker))


def test_an_alert_in_an_odd_envelope_is_annotated_like_any_other(stage: Stage, expected: Annotations) -> None:
    annotated = {object_id for object_id, _, _ in expected}
    alerts = [alert.payload for alert in simulated() if alert.object_id in annotated]
    odd: list[dict[str, Any]] = [
        {"header": (b"\xff\xfe", b"v")},
        {"timestamp_ms": -(2**62)},
        {"key": bytes(300_000), "header": (b"traceparent", bytes(300_000))},
    ]
    for payload, envelope in zip(alerts, odd, strict=False):
        send_raw(stage.broker.plaintext, stage.alerts, payload, **envelope)
    stage.broker.produce(stage.alerts, [alerts[len(odd)]])
    done = varstream(*stage.run())
    assert done.returncode == 0, done.stderr
    assert f"{len(odd) + 1} alerts in = {len(odd) + 1} used" in done.stderr
    published = [json.loads(message.value()) for message in stage.broker.read(stage.annotations)]
    assert all(record["upstream_time_us"] is None or record["upstream_time_us"] > 0 for record in published)
    assert any(record["upstream_time_us"] is None for record in published)


def test_a_wrong_password_ends_it_with_the_reason(stage: Stage) -> None:
    settings = stage.write_settings(password="not-the-password")
    done = varstream("run", "--config", settings)
    assert done.returncode == 2, done.stderr
    line = one_line(done.stderr)
    assert stage.broker.sasl in line
    assert "invalid credentials" in line
    assert "not-the-password" not in line


@pytest.mark.parametrize("setting", ["kafka.topics", "topics.classifications", "topics.dead_letters"])
def test_a_missing_topic_ends_it_by_name(stage: Stage, setting: str) -> None:
    missing = f"missing-{stage.alerts}"
    value = json.dumps([missing] if setting == "kafka.topics" else missing)
    for patience_s in (2, 10, 50, 250):  # enough for the broker to answer at all, on any machine
        done = varstream(*stage.run(f"{setting}={value}", f"kafka.patience_s={patience_s}"))
        if "is unreachable" not in done.stderr:
            break
    assert done.returncode == 1
    assert missing in one_line(done.stderr)


def test_a_broker_that_is_not_there_ends_it_by_address(stage: Stage) -> None:
    changes = [f"kafka.bootstrap_servers={NOWHERE}", "kafka.patience_s=2"]
    done = varstream(*stage.run(*changes))
    assert done.returncode == 1
    assert f"{NOWHERE} is unreachable" in one_line(done.stderr)


def one_line(stderr: str) -> str:
    """The last line said, which must be the only one of its kind: no traceback reaches a user."""
    assert "Traceback" not in stderr
    *_, last = stderr.splitlines()
    assert last.startswith("varstream: ")
    return last
