"""A registry over HTTP: schemas by their id, and what else it may answer."""

from __future__ import annotations

import json

import pytest

from broker.errors import TransientError, UnknownSchemaError
from broker.registry import http_registry
from broker.registry.http_registry import HttpRegistry
from broker.registry.schema_registry import open_registry
from tests.broker.packets import LSST_SCHEMA
from tests.broker.streams import PATIENCE_S


@pytest.fixture
def schemas(registry, monkeypatch) -> HttpRegistry:
    """What it is asked by: as patient as a test can be, and slow to ask again for what is unknown."""
    monkeypatch.setattr(http_registry, "REFUSAL_KEPT_S", PATIENCE_S)
    return HttpRegistry(registry.address(), reply_timeout_s=PATIENCE_S)


def test_an_address_is_a_registry(registry):
    found = open_registry(registry.address() + "/subject/")
    assert isinstance(found, HttpRegistry)
    assert found.schema(1100) == LSST_SCHEMA
    assert [path for path, _ in registry.asked] == ["/subject/schemas/ids/1100"]


def test_an_id_that_the_registry_does_not_know_is_not_asked_for_again_at_once(registry, schemas):
    for _ in range(3):
        with pytest.raises(UnknownSchemaError, match="schema id 7 is not in http://127") as refused:
            schemas.schema(7)
        assert refused.value.schema_id == 7
    assert len(registry.asked) == 1


def test_an_id_is_asked_for_again_after_a_moment(registry, schemas, monkeypatch):
    monkeypatch.setattr(http_registry, "REFUSAL_KEPT_S", 0.0)
    with pytest.raises(UnknownSchemaError):
        schemas.schema(7)
    registry.schemas[7] = LSST_SCHEMA
    assert schemas.schema(7) == LSST_SCHEMA


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "null",
        "7",
        "{}",
        "[]",
        '"schema"',
        "<html>sign in</html>",
        b"\xff\xfe",
        "[" * 10**5,
        json.dumps({"subjects": []}),
        json.dumps({"schema": None}),
        json.dumps({"schema": 3}),
        json.dumps({"schema": {"type": "record"}}),
        json.dumps({"schema": ""}),
        json.dumps({"schema": "{{"}),
        json.dumps({"schema": "null"}),
        json.dumps({"schema": "12"}),
        json.dumps({"schema": "[]"}),
        json.dumps({"schema": json.dumps(LSST_SCHEMA), "schemaType": "JSON"}),
        json.dumps({"schema": 'syntax = "proto3";', "schemaType": "PROTOBUF"}),
    ],
    ids=lambda answer: str(answer[:24]),
)
def test_an_answer_that_is_no_schema_is_worth_another_try(registry, schemas, answer):
    registry.answer(200, answer)
    with pytest.raises(TransientError, match="/schemas/ids/1100 answered"):
        schemas.schema(1100)
    assert schemas.schema(1100) == LSST_SCHEMA


@pytest.mark.parametrize("status", [204, 400, 401, 403, 500, 503])
def test_a_registry_in_trouble_is_worth_another_try(registry, schemas, status):
    registry.answer(status)
    with pytest.raises(TransientError):
        schemas.schema(1100)
    assert schemas.schema(1100) == LSST_SCHEMA


def test_an_unknown_id_is_told_without_the_password(registry):
    with pytest.raises(UnknownSchemaError) as refused:
        HttpRegistry(registry.address("me:secret")).schema(7)
    assert "secret" not in str(refused.value)
