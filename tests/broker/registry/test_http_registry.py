"""A registry over HTTP: what it answers well, badly, slowly, elsewhere, and to whom."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from broker.errors import ConfigError, TransientError, UnknownSchemaError
from broker.registry import http_registry
from broker.registry.client import MAX_REPLY_BYTES, parse_address
from broker.registry.http_registry import HttpRegistry
from broker.registry.schema_registry import open_registry
from tests.broker.packets import LSST_SCHEMA
from tests.broker.streams import PATIENCE_S

PATH = "/subject/schemas/ids"
GOOD = json.dumps({"schema": json.dumps(LSST_SCHEMA)})
FOREVER = 10**6


class Confluent(BaseHTTPRequestHandler):
    """Answers as a Confluent registry does, and as other servers do at its address."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.authorization = self.headers.get("Authorization")
        answer = self.server.answers.get(self.path, (404, json.dumps({"error_code": 40403})))
        if callable(answer):
            answer(self)
            return
        status, text = answer
        body = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self, piece: bytes) -> None:
        """Write a piece again and again, until nobody listens or the test is over."""
        try:
            while not self.server.over.wait(0.01):
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            pass

    def log_message(self, *args: object) -> None:
        pass


def body_without_end(handler: Confluent) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(FOREVER))
    handler.end_headers()
    handler.drip(b" ")


def headers_without_end(handler: Confluent) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    handler.drip(b"x")


def silence(handler: Confluent) -> None:
    handler.server.over.wait()


def redirect_to(where: str):
    def answer(handler: Confluent) -> None:
        handler.send_response(302)
        handler.send_header("Location", where.format(port=handler.server.server_port))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setattr(http_registry, "REFUSAL_KEPT_S", PATIENCE_S)
    with ThreadingHTTPServer(("127.0.0.1", 0), Confluent) as server:
        server.daemon_threads = True
        server.asked, server.answers, server.over = [], {f"{PATH}/1100": (200, GOOD)}, threading.Event()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def url(server: ThreadingHTTPServer, user: str = "") -> str:
    return f"http://{user}127.0.0.1:{server.server_port}/subject/"


def registry_at(server: ThreadingHTTPServer, user: str = "", **options: object) -> HttpRegistry:
    return HttpRegistry(url(server, user), **{"reply_timeout_s": PATIENCE_S, **options})


def test_an_address_is_a_registry(server):
    registry = open_registry(url(server))
    assert isinstance(registry, HttpRegistry)
    assert registry.schema(1100) == LSST_SCHEMA
    assert server.asked == [f"{PATH}/1100"]


def test_an_id_that_the_registry_does_not_know_is_not_asked_for_again_at_once(server):
    registry = registry_at(server)
    for _ in range(3):
        with pytest.raises(UnknownSchemaError, match="schema id 7 is not in http://127") as refused:
            registry.schema(7)
        assert refused.value.schema_id == 7
    assert len(server.asked) == 1


def test_an_id_is_asked_for_again_after_a_moment(server, monkeypatch):
    monkeypatch.setattr(http_registry, "REFUSAL_KEPT_S", 0.0)
    registry = registry_at(server)
    with pytest.raises(UnknownSchemaError):
        registry.schema(7)
    server.answers[f"{PATH}/7"] = 200, GOOD
    assert registry.schema(7) == LSST_SCHEMA


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
def test_an_answer_that_is_no_schema_is_worth_another_try(server, answer):
    server.answers[f"{PATH}/8"] = 200, answer
    registry = registry_at(server)
    with pytest.raises(TransientError, match="/subject/schemas/ids/8 answered"):
        registry.schema(8)
    server.answers[f"{PATH}/8"] = 200, GOOD
    assert registry.schema(8) == LSST_SCHEMA


@pytest.mark.parametrize("status", [204, 400, 401, 403, 500, 503])
def test_a_registry_in_trouble_is_worth_another_try(server, status):
    server.answers[f"{PATH}/8"] = status, ""
    with pytest.raises(TransientError):
        registry_at(server).schema(8)


def test_a_registry_that_is_away_is_worth_another_try(server):
    registry = registry_at(server, "me:secret@")
    server.shutdown()
    server.server_close()
    with pytest.raises(TransientError, match="cannot reach") as refused:
        registry.schema(1100)
    assert "secret" not in str(refused.value)


def test_a_reply_is_read_up_to_a_size(server):
    padding = " " * (MAX_REPLY_BYTES + 1)
    server.answers[f"{PATH}/8"] = 200, padding + GOOD
    with pytest.raises(TransientError, match="more than 4194304 bytes"):
        registry_at(server).schema(8)


@pytest.mark.parametrize("answer", [body_without_end, headers_without_end, silence])
def test_a_reply_may_take_its_time_as_a_whole_and_no_more(server, answer):
    server.answers[f"{PATH}/8"] = answer
    registry = registry_at(server, reply_timeout_s=0.3)
    for _ in range(2):
        with pytest.raises(TransientError):
            registry.schema(8)


def test_replies_without_end_are_awaited_by_one_thread(server):
    server.answers[f"{PATH}/8"] = headers_without_end
    registry = registry_at(server, reply_timeout_s=0.1)
    for _ in range(4):
        with pytest.raises(TransientError, match="did not answer within"):
            registry.schema(8)
    assert len(server.asked) == 1
    server.over.set()  # the server hangs up
    registry = registry_at(server)
    assert registry.schema(1100) == LSST_SCHEMA


@pytest.mark.parametrize("answer", [body_without_end, headers_without_end, silence])
def test_a_signal_to_stop_is_heard_while_a_reply_is_awaited(server, answer):
    stop = threading.Event()

    def answer_and_stop(handler: Confluent) -> None:
        stop.set()
        answer(handler)

    server.answers[f"{PATH}/8"] = answer_and_stop
    with pytest.raises(TransientError):  # else the test's timeout would end it before this patience
        registry_at(server, stop=stop).schema(8)


@pytest.mark.parametrize(
    "where", ["http://localhost:{port}/other", "https://127.0.0.1:{port}/other", "ftp://127.0.0.1/other"]
)
def test_a_redirect_to_another_host_is_not_followed(server, where):
    server.answers |= {f"{PATH}/8": redirect_to(where), "/other": (200, GOOD)}
    with pytest.raises(TransientError, match=r"redirects to .*not followed"):
        registry_at(server, "me:secret@").schema(8)
    assert server.asked == [f"{PATH}/8"]


def test_a_redirect_on_the_same_host_is_followed(server):
    server.answers |= {f"{PATH}/8": redirect_to("/other"), "/other": (200, GOOD)}
    assert registry_at(server).schema(8) == LSST_SCHEMA


@pytest.mark.parametrize(
    ("user", "credentials"),
    [
        ("", None),
        ("me:secret@", "me:secret"),
        ("me@", "me:"),
        ("me:se%40cr%2Fet:@", "me:se@cr/et:"),
    ],
)
def test_credentials_in_the_address_are_sent_and_never_shown(server, user, credentials):
    registry = registry_at(server, user)
    assert registry.schema(1100) == LSST_SCHEMA
    sent = server.authorization
    if credentials is None:
        assert sent is None
    else:
        assert base64.b64decode(sent.removeprefix("Basic ")).decode() == credentials
    server.answers[f"{PATH}/8"] = 401, ""
    said = [str(registry)]
    for schema_id in (7, 8):
        with pytest.raises((UnknownSchemaError, TransientError)) as refused:
            registry.schema(schema_id)
        said.append(str(refused.value))
    assert not [line for line in said if "se" in line.replace("schemas", "") or "@" in line]


@pytest.mark.parametrize("port", ["", ":8081"])
def test_an_address_is_shown_without_its_user(port):
    address = parse_address(f"https://me:secret@registry.example{port}/a/")
    assert address.shown == f"https://registry.example{port}/a"
    assert "secret" not in repr(address)
    assert "c2VjcmV0" not in repr(address)


@pytest.mark.parametrize(
    "text",
    [
        "http://me:secret",
        "http://me:secret@",
        "http://me:secret@:8081",
        "http://me:secret@h:port",
        "http://me:secret@h:99999",
        "http://me:s/ecret@h",
        "http://me:s@ecret@h",
        "http://me:s#ecret@h",
        "http://me:s?ecret@h",
        "http://me:secret@[::1",
        "http://me:secret@h/?x=1",
        "http://me:secret@h h/",
        "http:///secret",
        "http:me:secret@h",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_repeated(text):
    with pytest.raises(ConfigError, match="not of the form") as refused:
        parse_address(text)
    assert "cret" not in str(refused.value)
    assert refused.value.__cause__ is None
