"""The command that says why, on simulated and on real packets and on a worker's store."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from broker.cli.main import main
from broker.pipeline import Pipeline
from broker.state.sqlite import SQLiteStore
from features import FEATURE_NAMES
from tests.broker.explaining import model_with_background, model_without_background
from tests.broker.streams import PATIENCE_S, SCHEMAS, annotator, decoder, packets, simulated

ROOT = Path(__file__).resolve().parents[3]
ALERTS = simulated()[:300]
REAL = "ZTF17aadcuwj"  # 44 usable epochs in the packets


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return model_with_background(tmp_path_factory.mktemp("model") / "varstream-ztf")


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    return model_without_background(tmp_path_factory.mktemp("model") / "varstream-ztf")


@pytest.fixture(scope="module")
def read(folder):
    """Options that read the packets."""
    return ("--files", folder, "--schemas", SCHEMAS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packets")
    for number, alert in enumerate(ALERTS):
        (folder / f"{number:04d}{'.avro' if alert.survey == 'ztf' else '.bin'}").write_bytes(alert.payload)
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "state.sqlite"
    with closing(SQLiteStore(path)) as store:
        batch = Pipeline(decoder(), annotator(), store).annotate(packets([a.payload for a in ALERTS]))
        store.commit(batch.curves, {})
    return path


@pytest.fixture(scope="module")
def longest():
    """Object of which there are most alerts."""
    ids = [alert.object_id for alert in ALERTS]
    return max(sorted(set(ids)), key=ids.count)


def explain(capsys, *arguments):
    code = main(["explain", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_packets_and_the_store_that_took_them_in_say_the_same(capsys, model, read, store, longest):
    picture = store.parent / "why.svg"
    code, said, err = explain(capsys, longest, *read, "--model", model, "--svg", picture)
    assert (code, err) == (0, f"wrote {picture}\n")
    for name in FEATURE_NAMES:
        assert f"\n{name} " in said
    ET.parse(picture)
    assert explain(capsys, longest, "--state", store, "--model", model)[:2] == (0, said)


def test_a_real_star_is_explained(capsys, shared_data, model):
    wire = shared_data / "alerts" / "ztf" / "wire"
    code, said, _ = explain(capsys, REAL, "--files", wire, "--model", model)
    assert code == 0
    assert "after 44 epochs in all bands" in said
    code, said, _ = explain(capsys, REAL, "--files", wire, "--model", model, "--band", "g")
    assert code == 0
    assert "epochs in band g" in said


def test_what_cannot_be_explained_is_one_line_with_the_reason(capsys, model, read, store, longest):
    def refused(*arguments):
        code, out, err = explain(capsys, *arguments)
        assert (code, out) == (2, "")
        (line,) = err.splitlines()
        return line

    assert "no usable alert of an object 'nobody'" in refused("nobody", *read, "--model", model)
    assert "in the store" in refused("nobody", "--state", store, "--model", model)
    assert "no such store" in refused(longest, "--state", store.parent / "absent", "--model", model)
    assert "no epochs in band 'w'; epochs: " in refused(longest, *read, "--model", model, "--band", "w")
    packet = read[1] / "0000.avro" if (read[1] / "0000.avro").exists() else read[1] / "0000.bin"
    assert "would be overwritten" in refused(longest, "--files", packet, "--svg", packet, "--model", model)
    assert "would be overwritten" in refused(longest, "--state", store, "--svg", store, "--model", model)


def test_a_model_that_came_without_a_background_is_said_to(capsys, without, read, longest):
    code, out, err = explain(capsys, longest, *read, "--model", without)
    assert (code, out) == (2, "")
    assert "came without background.npz" in err


def test_a_star_that_is_not_scored_is_a_failure_with_the_reason(capsys, model, folder):
    ids = [alert.object_id for alert in ALERTS]
    shortest = min(sorted(set(ids)), key=ids.count)
    first = folder / f"{ids.index(shortest):04d}"
    path = next(folder.glob(f"{first.name}.*"))
    code, out, err = explain(capsys, shortest, "--files", path, "--schemas", SCHEMAS, "--model", model)
    assert (code, out) == (1, "")
    assert "is not scored in band r, so there is nothing to explain: " in err


def run_worker(servers, state, *settings):
    options = [
        f"kafka.bootstrap_servers={servers}",
        'kafka.topics=["alerts"]',
        f"kafka.patience_s={PATIENCE_S}",
        f"decoding.schemas={SCHEMAS}",
        f"state.path={state}",
        "output.explain=true",
        "output.format=json",
        "worker.delivery=at_least_once",
        "worker.instance=one",
        *settings,
    ]
    command = [sys.executable, "-m", "broker.cli.main", "run", "--until-end"]
    for option in options:
        command += ["--set", option]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_a_worker_publishes_the_reasons_and_does_not_start_without_a_background(
    kafka, tmp_path, model, without
):
    state = tmp_path / "state"
    refused = run_worker(kafka, state, f"model.path={without}")
    assert refused.returncode == 2
    assert "came without background.npz" in refused.stderr
    assert not state.exists()
    producer = Producer({"bootstrap.servers": kafka})
    for alert in ALERTS[:60]:
        producer.produce("alerts", alert.payload)
    producer.flush()
    done = run_worker(kafka, state, f"model.path={model}")
    assert done.returncode == 0, done.stderr
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "test", "auto.offset.reset": "earliest"})
    with closing(consumer):
        consumer.subscribe(["classifications"])
        records = []
        while (message := consumer.poll(10.0)) is not None:
            records.append(json.loads(message.value()))
    explained = [record["explanation"] for record in records if record["probabilities"] is not None]
    assert explained
    assert all(said["speaks_for"] for said in explained)
