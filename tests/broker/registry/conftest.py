"""A schema registry in this process: what it answers well, badly, slowly, and from elsewhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fastavro
import pytest

from tests.broker.packets import LSST_SCHEMA

FOREVER = 10**6


class Registry(ThreadingHTTPServer):
    """Gives and keeps schemas as a Confluent registry does, unless it is told what to answer.

    Attributes
    ----------
    schemas : dict of int to object
        What ``GET /schemas/ids/<id>`` finds.
    ids : dict of (subject, schema) to int
        What was registered, in the order in which it was.
    asked : list of (path, headers)
        All that came.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.schemas = {1100: LSST_SCHEMA}
        self.ids: dict[tuple[str, str], int] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        self._answers: list[Callable[[Handler], None]] = []

    def address(self, account: str = "") -> str:
        """Its address, with ``user:password`` before the host."""
        return f"http://{account and account + '@'}127.0.0.1:{self.server_port}"

    def answer(self, status: int, said: object = "", **headers: str) -> None:
        """Have it answer the next request, whatever it is, by bytes, text, or an object as JSON."""
        text = said if isinstance(said, (bytes, str)) else json.dumps(said)
        body = text if isinstance(text, bytes) else text.encode()
        self._answers.append(lambda handler: handler.reply(status, body, **headers))

    def answer_by(self, answer: Callable[[Handler], None]) -> None:
        """Have it answer the next request in a way of its own."""
        self._answers.append(answer)

    def take(self, handler: Handler) -> bool:
        """Answer as told; False where nothing was told."""
        self.asked.append((handler.path, dict(handler.headers)))
        if not self._answers:
            return False
        self._answers.pop(0)(handler)
        return True


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Registry

    def do_GET(self) -> None:
        if not self.server.take(self):
            schema = self.server.schemas.get(int(self.path.rpartition("/")[2]))
            found = {"error_code": 40403} if schema is None else {"schema": json.dumps(schema)}
            self.reply(404 if schema is None else 200, json.dumps(found).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.server.take(self):
            _, root, subject, versions = self.path.split("/")
            assert (root, versions) == ("subjects", "versions")
            schema = json.loads(body)["schema"]
            fastavro.parse_schema(json.loads(schema))
            schema_id = self.server.ids.setdefault((subject, schema), 41 + len(self.server.ids))
            self.reply(200, json.dumps({"id": schema_id}).encode())

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """Answer at once."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
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

    def log_message(self, *_: object) -> None:
        pass


def body_without_end(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(FOREVER))
    handler.end_headers()
    handler.drip(b" ")


def headers_without_end(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    handler.drip(b"x")


def silence(handler: Handler) -> None:
    handler.server.over.wait()


@pytest.fixture(params=[body_without_end, headers_without_end, silence])
def without_end(request: pytest.FixtureRequest) -> Callable[[Handler], None]:
    """Answers that never end."""
    answer: Callable[[Handler], None] = request.param
    return answer


@pytest.fixture
def registry() -> Iterator[Registry]:
    """The registry."""
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()
