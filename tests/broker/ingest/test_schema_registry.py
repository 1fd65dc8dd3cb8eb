"""Schemas from a folder, from the survey's distribution, and over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from broker.avro.schema import parse_schema
from broker.errors import AlertError, ConfigError, TransientError
from broker.ingest import schema_registry
from broker.ingest.decoder import Decoder
from broker.ingest.schema_registry import open_registry
from broker.ingest.vetting import VettingRules
from tests.broker.packets import LSST_SCHEMA, confluent, dia_source, lsst_alert, packet
from tests.broker.streams import PATIENCE_S


def refusal(registry, schema_id: int) -> str:
    with pytest.raises(AlertError, match=str(schema_id)) as refused:
        registry.schema(schema_id)
    return refused.value.reason


class Confluent(BaseHTTPRequestHandler):
    """Answers as a Confluent registry does; ids above 2000 are answered badly."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answers = {
            "/subject/schemas/ids/1100": (200, json.dumps({"schema": json.dumps(LSST_SCHEMA)})),
            "/subject/schemas/ids/2001": (200, "<html>"),
            "/subject/schemas/ids/2002": (200, json.dumps({"subjects": []})),
            "/subject/schemas/ids/2003": (200, json.dumps({"schema": "{{"})),
            "/subject/schemas/ids/2004": (503, ""),
        }
        status, text = answers.get(self.path, (404, json.dumps({"error_code": 40403})))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setattr(schema_registry, "REPLY_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(schema_registry, "REFUSAL_KEPT_S", PATIENCE_S)
    with ThreadingHTTPServer(("127.0.0.1", 0), Confluent) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/subject/"


def test_a_confluent_registry_is_asked_once_per_id(server):
    registry = open_registry(url(server))
    assert registry.schema(1100) == LSST_SCHEMA
    assert registry.schema(1100) == LSST_SCHEMA
    assert server.asked == ["/subject/schemas/ids/1100"]


def test_an_id_that_the_registry_does_not_know_is_asked_for_once(server):
    registry = open_registry(url(server))
    assert [refusal(registry, 7) for _ in range(3)] == ["unknown_schema_id"] * 3
    assert len(server.asked) == 1


def test_an_answer_that_holds_no_avro_schema_is_refused(server):
    assert refusal(open_registry(url(server)), 2003) == "bad_schema"


@pytest.mark.parametrize("schema_id", [2001, 2002])
def test_an_answer_that_is_a_proxys_page_is_worth_another_try(server, schema_id):
    with pytest.raises(TransientError, match="is this a Confluent registry"):
        open_registry(url(server)).schema(schema_id)


def test_a_registry_in_trouble_is_worth_another_try(server):
    with pytest.raises(TransientError, match="503"):
        open_registry(url(server)).schema(2004)
    address = url(server)
    server.server_close()
    with pytest.raises(TransientError, match="cannot reach"):
        open_registry(address).schema(1100)


def test_a_folder_gives_the_schema_of_an_id(tmp_path):
    (tmp_path / "1100.avsc").write_text(json.dumps(LSST_SCHEMA))
    (tmp_path / "1101.avsc").write_text("not JSON")
    registry = open_registry(str(tmp_path))
    assert registry.schema(1100) == LSST_SCHEMA
    assert refusal(registry, 1200) == "unknown_schema_id"
    assert refusal(registry, 1101) == "bad_schema"
    assert refusal(registry, -1) == "unknown_schema_id"


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
    with pytest.raises(AlertError, match=r"alert\.avsc") as refused:
        open_registry(str(tmp_path)).schema(1100)
    assert refused.value.reason == "bad_schema"


def test_a_schema_that_no_alert_has_is_the_message_s_fault():
    class Registry:
        def schema(self, schema_id: int) -> object:
            return ["null", "long"]

    with pytest.raises(AlertError) as refused:
        Decoder(Registry(), VettingRules()).read(packet(confluent(lsst_alert(dia_source()))))
    assert refused.value.reason == "schema_not_an_alert"
