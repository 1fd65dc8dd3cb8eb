"""The registration of the schema with a registry in this process that answers as told."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from broker.errors import ConfigError, FatalError
from broker.registry import register_schema as module
from broker.registry.register_schema import register_schema
from broker.settings.clusters import OutputConfig
from broker.state.store import MemoryStore
from broker.transport.kafka_sink import KafkaSink
from schemas.classification import classification_schema
from tests.broker.registry.conftest import Handler, Registry
from tests.broker.streams import PATIENCE_S, packets, pipeline, simulated
from tests.broker.transport.cluster import UNUSED_PORT, config, read_all

SUBJECT = "classifications-value"
ACCOUNT = "me:s3cr%2Ft"  # in an address; the password is s3cr/t


@pytest.fixture(autouse=True)
def ask_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLY_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(module, "_PAUSE_S", 0.01)


def register(registry: Registry, account: str = ACCOUNT, patience_s: float = PATIENCE_S) -> int:
    return register_schema(registry.address(account), SUBJECT, patience_s=patience_s)


def test_a_schema_is_registered_under_its_topic_and_keeps_its_id(registry: Registry) -> None:
    assert [register(registry), register(registry)] == [41, 41]
    assert {path for path, _ in registry.asked} == {f"/subjects/{SUBJECT}/versions"}
    ((_, text),) = registry.ids
    assert json.loads(text) == classification_schema()


def test_user_and_password_go_as_basic_authentication_and_only_where_they_are_given(
    registry: Registry,
) -> None:
    register(registry)
    register(registry, account="")
    told = [headers.get("Authorization") for _, headers in registry.asked]
    assert told == ["Basic " + base64.b64encode(b"me:s3cr/t").decode(), None]


@pytest.mark.parametrize(
    ("status", "said", "remedy"),
    [
        (401, {"message": "who is me:s3cr/t (bWU6czNjci90)?"}, "check user and password in output.registry"),
        (403, {"error_code": 40301, "message": "User is denied\noperation Write"}, "set output.schema_id"),
        (404, "<html>no such page</html>", "check output.registry"),
        (405, "", "check output.registry"),
        (409, {"error_code": 409, "message": "incompatible with an earlier schema"}, "compatibility"),
        (422, {"error_code": 42201, "message": "Invalid schema"}, "the schema is not registered"),
        (400, [], "the schema is not registered"),
    ],
)
def test_a_refusal_is_a_wrong_setting_with_the_registrys_reason_and_a_remedy(
    registry: Registry, status: int, said: Any, remedy: str
) -> None:
    registry.answer(status, said)
    with pytest.raises(ConfigError) as refused:
        register(registry)
    text = str(refused.value)
    assert f"/subjects/{SUBJECT}/versions answered {status}: " in text
    assert remedy in text
    if isinstance(said, dict) and "s3cr" not in said["message"]:
        assert " ".join(said["message"].split()) in text
    assert "s3cr" not in text
    assert "bWU6" not in text
    assert "\n" not in text
    assert len(registry.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_followed_to_another_address(registry: Registry, status: int) -> None:
    registry.answer(status, "", Location=f"{registry.address()}/subjects/elsewhere/versions")
    with pytest.raises(ConfigError, match="name the address itself"):
        register(registry)
    assert len(registry.asked) == 1


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, ""),
        (503, "busy"),
        (429, ""),
        (200, "<html>"),
        (200, {"id": "41"}),
        (200, {"id": True}),
        (200, [41]),
        (200, {"id": -1}),
        (200, {"id": 2**31}),
        (200, "null"),
        (200, "[" * 100_000),
    ],
)
def test_a_registry_in_trouble_is_asked_again_until_our_patience_ends(
    registry: Registry, status: int, said: Any
) -> None:
    registry.answer(status, said)
    registry.answer(status, said)
    assert register(registry) == 41
    registry.answer(status, said)
    with pytest.raises(FatalError, match=r"output\.registry: .*http://127\.0\.0\.1:\d+/.*tried for 0 s"):
        register(registry, patience_s=0.0)


def test_a_registry_that_is_not_there_is_named_without_its_password(registry: Registry) -> None:
    with pytest.raises(FatalError, match=rf"cannot reach http://{UNUSED_PORT}/subjects") as away:
        register_schema(f"http://{ACCOUNT}@{UNUSED_PORT}", SUBJECT, patience_s=0.0)
    assert "s3cr" not in str(away.value)


def test_an_answer_that_never_ends_is_given_up(
    registry: Registry, without_end: Callable[[Handler], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPLY_TIMEOUT_S", 0.2)
    registry.answer_by(without_end)
    with pytest.raises(FatalError, match=r"did not answer within 0\.2 s|cannot reach"):
        register(registry, patience_s=0.0)


def test_a_sink_frames_its_records_by_the_id_that_the_registry_gives(registry: Registry, kafka: str) -> None:
    annotations = pipeline(MemoryStore()).annotate(packets([simulated()[0].payload])).annotations
    registry.ids["others", ""] = 1
    output = OutputConfig(format="confluent", registry=registry.address(ACCOUNT))
    with closing(KafkaSink(output, config(kafka))) as sink:
        sink.connect()
        sink.deliver(annotations, [])
    for message in read_all(kafka, "classifications", len(annotations)):
        assert message.value()[:5] == b"\x00\x00\x00\x00\x2a"
    assert set(registry.ids) == {("others", ""), (SUBJECT, json.dumps(classification_schema()))}
    assert "s3cr" not in repr(output)
