"""A password that is put anywhere in the settings, rightly or wrongly, is never printed."""

from __future__ import annotations

import itertools
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from broker.cli.main import main
from broker.settings.config import Config
from broker.transport import kafka_client
from tests.broker.transport.cluster import UNUSED_PORT

SECRET = "hunter2-Zq9x"  # as it would be in words of others too: no part of it is in any message
SECTIONS = [f.name for f in fields(Config)]
TOPICS = 'kafka.topics=["alerts"]'
NOWHERE = f"kafka.bootstrap_servers={UNUSED_PORT}"
SASL = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "me"}


def settings_of(*kinds: object) -> list[str]:
    """Settings whose values are of one of these kinds, or nothing, by their full names."""
    found = []
    for section, table in get_type_hints(Config).items():
        for name, hint in get_type_hints(table).items():
            given = get_args(hint)[0] if type(None) in get_args(hint) else hint
            if (get_origin(given) or given) in kinds:
                found.append(f"{section}.{name}")
    return found


EVERY = settings_of(str, int, float, bool, Path, Mapping, tuple, Literal)
NEVER_TEXT = sorted(set(EVERY) - set(settings_of(str, Path)))
NEVER_A_TABLE = sorted(set(EVERY) - set(settings_of(Mapping)))
OF_LIBRDKAFKA = (
    *("security.protocol", "sasl.mechanism", "compression.type", "acks", "linger.ms", "debug", "log_level"),
    *("sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.ca.pem", "ssl.keystore.password"),
    *("sasl.oauthbearer.config", "sasl.oauthbearer.client.secret", "partitioner", "plugin.library.paths"),
    *("sasl.jaas.config", "group.protocol", "auto.offset.reset", "client.rack", "interceptors"),
)


def by_set() -> Iterator[list[str]]:
    """Arguments of the command line that hold it."""
    address = f"me:{SECRET}@host"
    for name in NEVER_TEXT:
        yield ["--set", f"{name}={SECRET}"]
        yield ["--set", f'{name}=["{SECRET}"]']
    for name in NEVER_A_TABLE:
        yield ["--set", f'{name}={{"sasl.password" = "{SECRET}"}}']
        yield ["--set", f'{name}=[["{SECRET}"]]']
    for section in SECTIONS:
        yield ["--set", f"{section}={SECRET}"]
        yield ["--set", f"{section}.unknown={SECRET}"]
        yield ["--set", f"{section} = {{ x = '{SECRET}' }}"]
    for section, name in itertools.product(("kafka", "output"), OF_LIBRDKAFKA):
        yield ["--set", f"{section}.settings.{name}={SECRET}"]
        yield ["--set", f'{section}.settings={{"{name}" = ["{SECRET}"]}}']
        yield ["--set", f'{section}.settings={{"{name}" = {{ x = "{SECRET}" }}}}']
    yield ["--set", f"decoding.schemas={address}"]
    yield ["--set", f"decoding.schemas=http://{address}:port"]
    for servers in (
        f"me:{SECRET}@host:9092",
        f"host:9092,me:{SECRET}@host",
        f"SASL_SSL://me:{SECRET}@host:1",
    ):
        yield ["--set", f"kafka.bootstrap_servers={servers}"]
        yield ["--set", f"output.bootstrap_servers={servers}"]
        yield ["--set", f'kafka.settings={{"bootstrap.servers" = "{servers}"}}']
        yield ["--set", f'kafka.settings={{"metadata.broker.list" = "{servers}"}}']
    for registry in (
        address,
        f"http://{address}:port",
        f"ftp://{address}",
        f"https://{address}?a=b",
        f"https://a:{SECRET}",
    ):
        yield ["--set", f"output.registry={registry}"]
    yield ["--set", f"metrics.address={address}"]
    yield ["--set", f"kafka.settings.sasl.password {SECRET}"]
    yield ["--set", f"kafka.settings.sasl.password:{SECRET}=x"]
    yield ["--set", SECRET]
    yield ["--set", "kafka.settings.sasl.password", SECRET]
    yield ["--set", "kafka.settings.sasl.password", "=", SECRET]
    yield [f"--sett=kafka.settings.sasl.password={SECRET}"]


def told(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    """Everything that is printed and logged, with ``-v``; the command cannot succeed."""
    try:
        code = main(["-v", *words])
    except SystemExit as ended:  # a wrong command line
        code = ended.code
    assert code in (1, 2), code
    for stream in (captured := capfd.readouterr()):
        assert "Traceback" not in stream
    assert captured.err.strip()
    return captured.out + captured.err


def assert_nothing_of_it(text: str) -> None:
    """No part of the password that is long enough to be no accident."""
    for part in (SECRET, SECRET.lower(), "hunter2", "Zq9x"):
        assert part not in text


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A clean environment, and a store that is thrown away."""
    for name in [name for name in os.environ if name.startswith("VARSTREAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VARSTREAM_STATE__PATH", str(tmp_path / "state"))
    monkeypatch.setattr(kafka_client, "ANSWER_S", 0.01)  # nobody answers
    yield
    logging.basicConfig(force=True)


@pytest.mark.parametrize("words", list(by_set()), ids=lambda words: " ".join(words).replace(SECRET, "*"))
def test_a_password_on_the_command_line_is_not_repeated(words, capfd):
    usual = ["--set", TOPICS, "--set", NOWHERE, "--set", "kafka.patience_s=0.01"]
    assert_nothing_of_it(told(capfd, "run", *usual, *words))


@pytest.mark.parametrize("name", ["KAFKA__SETTINGS", "OUTPUT__SETTINGS", "KAFKA__TOPICS", "KAFKA__PASSWORD"])
@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f'{{"sasl.password" = {SECRET}}}',
        f'{{"sasl.password": "{SECRET}"}}',
        f'{{sasl.password = "{SECRET}"}}',
        f'"sasl.password" = "{SECRET}"',
        f"{{'sasl.password' = '{SECRET}'",
        f'["{SECRET}"]',
    ],
)
def test_a_password_in_the_environment_is_not_repeated(name, value, monkeypatch, capfd):
    monkeypatch.setenv(f"VARSTREAM_{name}", value)
    assert_nothing_of_it(told(capfd, "run", "--set", NOWHERE, "--set", "kafka.patience_s=0.01"))


@pytest.mark.parametrize(
    "text",
    [
        f'kafka = "{SECRET}"',
        f'kafka = ["{SECRET}"]',
        f"[kafka.settings]\n'sasl.password' = {SECRET}",
        f"[kafka.settings]\n'sasl.password' = '{SECRET}",
        f"[kafka.settings]\n'sasl.password' = '{SECRET}' '{SECRET}'",
        f"[kafka.settings]\nsasl.password = '{SECRET}'",
        f"[kafka]\nsettings = '{SECRET}'",
        f"[kafka]\nsettings = {{'sasl.password' = '{SECRET}'}}\nsettings = {{'sasl.password' = '{SECRET}'}}",
        f"{SECRET}",
        f"[kafka]\npassword = '{SECRET}'",
        f"[kafka.settings]\n'sasl.password' = \"{SECRET}\\q\"",
        f"[kafka.settings]\n'sasl.password' = \"{SECRET}\x00\"",
        f"[kafka.settings]\n'sasl.password' = '{SECRET}\udcff'",
    ],
    ids=itertools.count(),
)
def test_a_password_in_a_file_that_is_wrong_is_not_repeated(text, tmp_path, capfd):
    path = tmp_path / "worker.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert_nothing_of_it(told(capfd, "run", "--config", str(path), "--set", TOPICS))


def test_a_password_where_it_belongs_is_not_repeated(capfd, tmp_path, monkeypatch):
    """The cluster and the registry are away, and everything else is right."""
    settings = json.dumps({**SASL, "sasl.password": SECRET}).replace('":', '" =')
    monkeypatch.setenv("VARSTREAM_KAFKA__SETTINGS", settings)
    usual = ["--set", TOPICS, "--set", NOWHERE, "--set", "kafka.patience_s=0.01"]
    text = told(capfd, "run", *usual)
    assert f"{UNUSED_PORT} is unreachable" in text
    assert_nothing_of_it(text)
    for host in (UNUSED_PORT, "nowhere.invalid"):
        registry = f"output.registry=http://me:{SECRET}@{host}"
        text = told(capfd, "run", *usual, "--set", "output.format=confluent", "--set", registry)
        assert f"cannot reach http://{host}/subjects" in text
        assert_nothing_of_it(text)


@pytest.mark.parametrize("name", ["sasl.oauthbearer.config", "sasl.password", "ssl.key.pem"])
def test_a_password_is_not_repeated_while_packets_are_replayed(name, capfd, tmp_path):
    packet = tmp_path / "packet.avro"
    packet.write_bytes(b"x")
    words = ["replay", str(packet), "--topic", "alerts", "--bootstrap-servers", UNUSED_PORT]
    options = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER"}
    options |= {"enable.sasl.oauthbearer.unsecure.jwt": "true", name: f"principal=me {SECRET}"}
    for option, value in options.items():
        words += ["--set", f"kafka.settings.{option}={value}"]
    assert_nothing_of_it(told(capfd, *words, "--set", "kafka.patience_s=1"))


def test_a_replay_names_no_servers_with_a_password(capfd, tmp_path):
    packet = tmp_path / "packet.avro"
    packet.write_bytes(b"x")
    servers = f"me:{SECRET}@host:9092"
    text = told(capfd, "replay", str(packet), "--topic", "t", "--bootstrap-servers", servers)
    assert "kafka.bootstrap_servers holds an '@'" in text
    assert_nothing_of_it(text)
