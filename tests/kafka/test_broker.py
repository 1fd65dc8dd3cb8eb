"""The broker itself: what the script starts is what a worker needs, and what it prints works."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from broker.settings.load_config import load_config
from tests.kafka.real_broker import SCRIPT, RealBroker, run_script, topics_of

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


def test_a_broker_that_runs_is_not_started_again(broker: RealBroker) -> None:
    before = broker.state
    run = broker.script("start")
    assert run.returncode == 0
    assert "already running" in run.stdout
    assert broker.plaintext in run.stdout
    assert broker.state == before


def test_the_password_is_told_to_nobody_else(broker: RealBroker) -> None:
    holders = [path for path in broker.folder.glob("*.*") if broker.state["password"] in path.read_text()]
    assert sorted(path.name for path in holders) == ["client.toml", "state.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}
    assert broker.state["password"] not in broker.script("status").stdout


def test_the_run_folder_is_closed_to_others(broker: RealBroker, new_topic: Callable[..., str]) -> None:
    topic = new_topic("private")
    broker.produce(topic, [b"an alert"])
    assert broker.read(topic)
    folders = [
        broker.folder / "data",
        *(path for path in (broker.folder / "data").rglob("*") if path.is_dir()),
    ]
    assert any(path.name.startswith(topic) for path in folders)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    files = [path for path in broker.folder.rglob("*") if path.is_file() and path.name != "lock"]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in files} == {0}


def test_a_folder_that_the_script_makes_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (tmp_path / "java").write_text(JAVA_17)
    (tmp_path / "java").chmod(0o700)
    run_script("start", "--dir", folder, env={"PATH": str(tmp_path)})  # it fails at what comes later
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_data_that_were_open_are_closed_by_the_next_start(broker: RealBroker) -> None:
    broker.script("stop")
    (broker.folder / "data").chmod(0o755)
    broker.start()
    assert stat.S_IMODE((broker.folder / "data").stat().st_mode) == 0o700


def test_the_right_password_opens_the_broker(broker: RealBroker, new_topic: Callable[..., str]) -> None:
    topic = new_topic("scram")
    broker.produce(topic, [b"hello"], **{"bootstrap.servers": broker.sasl, **broker.sasl_settings()})
    assert [message.value() for message in broker.read(topic)] == [b"hello"]


def test_a_wrong_password_is_refused_and_the_reason_comes_by_the_error_callback(broker: RealBroker) -> None:
    errors: list[KafkaError] = []
    settings = broker.sasl_settings(password="wrong")
    producer = Producer(
        {"bootstrap.servers": broker.sasl, "log_level": 0, "error_cb": errors.append, **settings}
    )
    with pytest.raises(KafkaException) as caught:
        producer.list_topics(timeout=2.0)
    assert caught.value.args[0].code() == KafkaError._TRANSPORT  # says nothing of a password
    refusals: list[KafkaError] = []
    while not refusals:
        producer.poll(0.1)
        refusals = [error for error in errors if error.code() == KafkaError._AUTHENTICATION]
    assert "invalid credentials" in refusals[0].str()


def test_the_printed_settings_are_a_workers_settings(broker: RealBroker) -> None:
    exported = subprocess.run(
        ["bash", "-c", f'eval "$({sys.executable} {SCRIPT} env --dir {broker.folder})" && env -0'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    environment = dict(line.partition("=")[::2] for line in exported.split("\0") if line)
    topics = ['kafka.topics=["alerts"]']
    by_environment = load_config(None, environment=environment, overrides=topics)
    by_file = load_config(broker.folder / "client.toml", environment={}, overrides=topics)
    assert by_environment == by_file
    assert by_file.kafka.bootstrap_servers == broker.sasl
    assert by_file.kafka.settings == broker.sasl_settings()


def test_topics_are_made_by_the_script_and_never_by_a_producer(
    broker: RealBroker, new_topic: Callable[..., str]
) -> None:
    producer = Producer({"bootstrap.servers": broker.plaintext})
    topics_of(producer, "never-made")  # asked for by name, it is made where topics are made on demand
    assert "never-made" not in topics_of(producer)

    existing = new_topic("existing")
    run = broker.script("topics", "create", existing, f"{existing}-2", "--partitions", "3")
    assert run.returncode == 0, run.stderr
    assert f"{existing} exists" in run.stdout
    topics = topics_of(producer)
    assert len(topics[existing].partitions) == 4
    assert len(topics[f"{existing}-2"].partitions) == 3


def test_a_message_of_8_megabytes_passes(broker: RealBroker, new_topic: Callable[..., str]) -> None:
    topic = new_topic("large")
    payload = os.urandom(8 * 2**20)  # does not compress
    broker.produce(topic, [payload])
    assert broker.read(topic)[0].value() == payload


def test_a_killed_broker_comes_back_with_its_messages_and_address(
    broker: RealBroker, new_topic: Callable[..., str]
) -> None:
    topic = new_topic("kept")
    payloads = [b"%d" % number for number in range(1000)]
    broker.produce(topic, payloads)
    address, old = broker.plaintext, broker.state["pid"]
    broker.kill()
    assert broker.script("env").returncode == 1
    broker.start()
    assert broker.state["pid"] != old
    assert broker.plaintext == address
    assert sorted(message.value() for message in broker.read(topic)) == sorted(payloads)


def test_a_port_that_is_taken_is_named(broker: RealBroker, tmp_path: Path) -> None:
    port = str(broker.state["plaintext"])
    run = run_script("start", "--dir", tmp_path, "--port", port)
    assert run.returncode == 1
    assert run.stderr.startswith(f"kafka: port {port} is taken")


def test_stopping_a_broker_that_does_not_run_is_no_failure(tmp_path: Path) -> None:
    run = run_script("stop", "--dir", tmp_path)
    assert run.returncode == 0
    assert "no broker runs" in run.stdout


JAVA_11 = "#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n"
JAVA_17 = "#!/bin/sh\necho 'openjdk version \"17.0.15\" 2025-04-15' >&2\n"
NO_NETWORK = "#!/bin/sh\necho '[ERROR] Could not transfer artifact'\nexit 1\n"


@pytest.mark.parametrize(
    ("programs", "code", "said"),
    [
        ({}, os.EX_UNAVAILABLE, "no java in PATH: install Java 17"),
        ({"java": JAVA_11}, os.EX_UNAVAILABLE, "is Java 11: install Java 17"),
        ({"java": JAVA_17}, os.EX_UNAVAILABLE, "no mvn in PATH: install Maven"),
        ({"java": JAVA_17, "mvn": NO_NETWORK}, 1, "[ERROR] Could not transfer artifact. Check the network"),
    ],
    ids=["no Java", "an old Java", "no Maven", "no network"],
)
def test_what_is_missing_is_said_in_one_line_with_the_remedy(
    tmp_path: Path, programs: dict[str, str], code: int, said: str
) -> None:
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o700)
    fresh = shutil.copytree(SCRIPT.parent, tmp_path / "kafka", ignore=shutil.ignore_patterns("target"))
    run = run_script("start", script=fresh / "kafka", env={"PATH": str(tmp_path)})
    assert run.returncode == code
    assert said in run.stderr
    assert run.stderr.count("\n") == 1
