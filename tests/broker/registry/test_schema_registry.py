"""Schemas from a folder and from the survey's distribution."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from broker.alert import Alert
from broker.avro.schema import parse_schema
from broker.errors import AlertError, ConfigError, TransientError, UnknownSchemaError
from broker.ingest.decoder import Decoder
from broker.ingest.vetting import VettingRules
from broker.registry.schema_registry import open_registry
from tests.broker.packets import LSST_SCHEMA, Schemas, confluent, dia_source, lsst_alert, packet


def refusal(registry, schema_id: int) -> str:
    with pytest.raises(UnknownSchemaError, match=str(schema_id)) as refused:
        registry.schema(schema_id)
    assert refused.value.schema_id == schema_id
    return refused.value.reason


def test_a_folder_gives_the_schema_of_an_id(tmp_path):
    (tmp_path / "1100.avsc").write_text(json.dumps(LSST_SCHEMA))
    registry = open_registry(str(tmp_path))
    assert registry.schema(1100) == LSST_SCHEMA
    assert refusal(registry, 1200) == "unknown_schema_id"
    assert refusal(registry, -1) == "unknown_schema_id"


@pytest.mark.parametrize("text", [b"", b"not JSON", b"{", b"\xff", b"[" * 10**5])
def test_a_file_that_holds_no_schema_is_worth_another_try(tmp_path, text):
    (tmp_path / "7.avsc").write_bytes(text)
    registry = open_registry(str(tmp_path))
    with pytest.raises(TransientError, match=r"7\.avsc is not JSON"):
        registry.schema(7)
    (tmp_path / "7.avsc").write_text(json.dumps(LSST_SCHEMA))  # the user corrects it
    assert registry.schema(7) == LSST_SCHEMA


def test_a_file_that_cannot_be_read_is_worth_another_try(tmp_path):
    (tmp_path / "7.avsc").mkdir()
    with pytest.raises(TransientError, match=r"cannot read schema .*7\.avsc"):
        open_registry(str(tmp_path)).schema(7)


def test_a_file_without_end_is_not_read_to_its_end(tmp_path):
    (tmp_path / "7.avsc").write_text(" " * 5 * 2**20 + json.dumps(LSST_SCHEMA))
    with pytest.raises(TransientError, match="more than"):
        open_registry(str(tmp_path)).schema(7)


@pytest.mark.parametrize(
    "spec", ["ftp://me:secret@h/x", "me:secret@h:8081", "http:/me:secret@h", "HTTPS:me:secret@h"]
)
def test_what_was_meant_as_an_address_is_refused_without_its_password(spec):
    with pytest.raises(ConfigError) as refused:
        open_registry(spec)
    assert "secret" not in str(refused.value)


def test_a_folder_that_is_not_there_or_holds_no_schemas_is_refused_at_once(tmp_path):
    with pytest.raises(ConfigError, match="no folder"):
        open_registry(str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="no schemas"):
        open_registry(str(tmp_path))


@pytest.fixture(scope="session")
def lsst_package() -> Path:
    packet_module = pytest.importorskip("lsst.alert.packet", reason="lsst-alert-packet is not installed")
    return Path(packet_module.__file__).parent


@pytest.mark.parametrize("folder", [".", "schema"])
def test_the_survey_s_distribution_gives_every_schema_since_7(lsst_package, folder):
    registry = open_registry(str(lsst_package / folder))
    for schema_id in (700, 701, 702, 703, 704, 800, 900, 1000, 1100):
        tree = parse_schema(registry.schema(schema_id))
        assert {"diaSource", "prvDiaSources", "prvDiaForcedSources"} <= set(tree.names)
    assert refusal(registry, 9900) == "unknown_schema_id"


def test_a_broken_file_of_the_distribution_is_refused(tmp_path):
    folder = tmp_path / "schema" / "11" / "0"
    folder.mkdir(parents=True)
    alert = {"type": "record", "name": "alert", "fields": [{"name": "x", "type": "lsst.v11_0.gone"}]}
    (folder / "lsst.v11_0.alert.avsc").write_text(json.dumps(alert))
    with pytest.raises(TransientError, match=r"alert\.avsc is not an Avro schema"):
        open_registry(str(tmp_path)).schema(1100)


@pytest.mark.parametrize(
    "schema",
    [
        None,
        3,
        True,
        "nonsense",
        [],
        {},
        {"type": "record"},
        {"type": "record", "name": "alert", "fields": {"diaSource": 1}},
        {"openapi": "3.0", "paths": {}},
    ],
    ids=lambda schema: json.dumps(schema)[:20],
)
def test_an_id_under_which_there_is_no_schema_is_no_packet_s_fault(tmp_path, schema):
    (tmp_path / "1100.avsc").write_text(json.dumps(schema))
    decoder = Decoder(open_registry(str(tmp_path)), VettingRules())
    alert = packet(confluent(lsst_alert(dia_source())))
    with pytest.raises(TransientError, match=r"schema id 1100.*dead_schema_ids = \[1100\]") as refused:
        decoder.read(alert)
    assert str(tmp_path) in str(refused.value)
    (tmp_path / "1100.avsc").write_text(json.dumps(LSST_SCHEMA))
    assert isinstance(decoder.read(alert), Alert)


@pytest.mark.parametrize(
    "schema",
    [
        "string",
        ["null", "long"],
        {"type": "record", "name": "reading", "fields": [{"name": "a", "type": "long"}]},
        {"type": {"type": {"type": "int"}}},
    ],
    ids=lambda schema: json.dumps(schema)[:20],
)
def test_an_id_of_another_message_s_schema_is_like_an_unknown_one(tmp_path, schema):
    """One such message in a topic is no alert; where all are, the wrong schemas were given."""
    (tmp_path / "1100.avsc").write_text(json.dumps(schema))
    decoder = Decoder(open_registry(str(tmp_path)), VettingRules())
    alert = packet(confluent(lsst_alert(dia_source())))
    with pytest.raises(UnknownSchemaError, match=r"schema id 1100") as refused:
        decoder.read(alert)
    assert (refused.value.reason, refused.value.schema_id) == ("schema_not_an_alert", 1100)
    assert str(tmp_path) in str(refused.value)
    (tmp_path / "1100.avsc").write_text(json.dumps(LSST_SCHEMA))
    assert isinstance(decoder.read(alert), Alert)


def test_an_id_that_was_given_up_is_asked_for_by_nobody():
    registry = Schemas({1100: LSST_SCHEMA})
    decoder = Decoder(registry, VettingRules(), dead_schema_ids=[1100, -7])
    for schema_id in (1100, -7):
        with pytest.raises(AlertError, match=str(schema_id)) as refused:
            decoder.read(packet(confluent(lsst_alert(dia_source()), schema_id=schema_id)))
        assert refused.value.reason == "dead_schema_id"
    assert registry.asked == []
