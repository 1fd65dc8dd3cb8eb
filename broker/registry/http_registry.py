"""The schema registry over HTTP: asked within bounds of time and size, and never by its password."""

from __future__ import annotations

import base64
import http.client
import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import IO, Any

from broker.avro.budget import MAX_SCHEMA_BYTES
from broker.errors import ConfigError, TransientError, UnknownSchemaError

REPLY_TIMEOUT_S = 10.0
MAX_REPLY_BYTES = 4 * 2**20
REFUSAL_KEPT_S = 1.0
MAX_KEPT_REFUSALS = 1000

_LOOK_UP_S = 0.1  # how often a signal to stop is looked for while a reply is awaited
_CHUNK_BYTES = 2**16
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """A registry's address, what may be shown of it, and the credentials that came with it.

    Attributes
    ----------
    shown : str
        The address without user and password; it is also what is asked.
    authorization : str or None
        Value of the header that carries them.
    """

    shown: str
    authorization: str | None = field(default=None, repr=False)


def parse_address(text: str) -> Address:
    """Take an address apart: ``http(s)://[user:password@]host[:port][/path]``.

    Raises
    ------
    ConfigError
        If it is not of that form; the message does not repeat it, for a password may be in any part.
    """
    wrong = ConfigError(
        "the address of the schema registry is not of the form http(s)://[user:password@]host[:port][/path], "
        "with % codes for special characters in user and password"
    )
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    path = parts.path.rstrip("/")
    odd = any(c.isspace() or not c.isprintable() or c == "@" for c in parts.netloc.rpartition("@")[2] + path)
    if parts.scheme not in _DEFAULT_PORTS or not host or port == 0 or parts.query or parts.fragment or odd:
        raise wrong
    user_info, at, where = parts.netloc.rpartition("@")
    if "@" in user_info:
        raise wrong
    authorization = None
    if at:
        plain = urllib.parse.unquote_to_bytes(user_info if ":" in user_info else f"{user_info}:")
        authorization = f"Basic {base64.b64encode(plain).decode('ascii')}"
    return Address(f"{parts.scheme}://{where}{path}", authorization)


class HttpRegistry:
    """A Confluent schema registry, by basic authentication where its address holds user and password.

    It is asked by one request at a time. Redirects to another host are not followed. That an id is unknown
    is remembered for a moment, so that a batch of such messages does not ask for each.

    Parameters
    ----------
    url : str
        ``http(s)://[user:password@]host[:port][/path]``.
    stop : Event, optional
        Ends the waiting for a reply once it is set.
    reply_timeout_s : float
        How long a reply may take as a whole, however it comes.

    Raises
    ------
    ConfigError
        If `url` is not of that form.
    """

    def __init__(
        self, url: str, *, stop: Event | None = None, reply_timeout_s: float = REPLY_TIMEOUT_S
    ) -> None:
        self._address = parse_address(url)
        self._stop = Event() if stop is None else stop
        self._reply_timeout_s = reply_timeout_s
        self._opener = urllib.request.build_opener(_StayThere)
        self._asking: _Request | None = None
        self._refused: dict[int, float] = {}

    def __str__(self) -> str:
        return self._address.shown

    def schema(self, schema_id: int) -> Any:
        """Ask ``GET /schemas/ids/<id>``."""
        url = f"{self._address.shown}/schemas/ids/{schema_id}"
        unknown = UnknownSchemaError(schema_id, "unknown_schema_id", f"schema id {schema_id} is not in {url}")
        if time.monotonic() - self._refused.get(schema_id, -math.inf) < REFUSAL_KEPT_S:
            raise unknown
        try:
            return _schema_in(self._fetch(url), url)
        except urllib.error.HTTPError as exc:
            if exc.code == http.HTTPStatus.NOT_FOUND:
                if len(self._refused) >= MAX_KEPT_REFUSALS:
                    self._refused.clear()
                self._refused[schema_id] = time.monotonic()
                raise unknown from None
            raise TransientError(f"schema registry: {url} answered {exc.code} {exc.reason}") from None
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise TransientError(f"schema registry: cannot reach {url}: {exc}") from None

    def _fetch(self, url: str) -> bytes:
        deadline = time.monotonic() + self._reply_timeout_s
        late = TransientError(f"schema registry: {url} did not answer within {self._reply_timeout_s:g} s")
        if self._asking is not None:  # the former reply never ended: one thread waits for it, not many
            self._await(self._asking, deadline, late)
        headers = {"Accept": "application/vnd.schemaregistry.v1+json"}
        if self._address.authorization is not None:
            headers["Authorization"] = self._address.authorization
        asked = urllib.request.Request(url, headers=headers)  # noqa: S310 - only http and https get here
        self._asking = request = _Request(self._opener, asked, self._reply_timeout_s)
        request.start()
        self._await(request, deadline, late)
        self._asking = None
        if request.trouble is not None:
            raise request.trouble
        return request.body

    def _await(self, request: _Request, deadline: float, late: TransientError) -> None:
        while not request.ended.wait(_LOOK_UP_S):
            if self._stop.is_set() or time.monotonic() > deadline:
                raise late


class _Request(Thread):
    """One request in a thread of its own: a server may answer a byte at a time, for ever."""

    def __init__(
        self, opener: urllib.request.OpenerDirector, asked: urllib.request.Request, timeout_s: float
    ) -> None:
        super().__init__(daemon=True, name="schema-registry")
        self.ended = Event()
        self.body = b""
        self.trouble: Exception | None = None
        self._opener = opener
        self._asked = asked
        self._timeout_s = timeout_s

    def run(self) -> None:
        try:
            with self._opener.open(self._asked, timeout=self._timeout_s) as reply:
                self.body = _read(reply, time.monotonic() + self._timeout_s)
        except Exception as exc:  # noqa: BLE001 - raised by who asked
            if isinstance(exc, urllib.error.HTTPError):
                exc.close()
            self.trouble = exc
        finally:
            self.ended.set()


def _read(reply: Any, deadline: float) -> bytes:
    body = b""
    while chunk := reply.read1(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise ValueError(f"a reply of more than {MAX_REPLY_BYTES} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError("the reply does not end")
    return bytes(body)


class _StayThere(urllib.request.HTTPRedirectHandler):
    """Follows a redirect on the same host only: another was not named by the user, nor given a password."""

    def redirect_request(  # noqa: PLR0917 - urllib's own
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        fp.close()
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        to_https = (_origin(old)[0], new.scheme) == ("http", "https") and old.port is new.port is None
        if _origin(old) != _origin(new) and not (to_https and old.hostname == new.hostname):
            raise ValueError(f"it redirects to {new.scheme}://{new.hostname}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _origin(parts: urllib.parse.SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _schema_in(body: bytes, url: str) -> Any:
    """Take the schema out of a reply that may be anything: a proxy's page, `null`, another service's."""
    try:
        reply = json.loads(body)
        text = reply["schema"]
        kind = reply.get("schemaType", "AVRO")
        schema = json.loads(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise TransientError(f"{url} answered without a schema: is this a Confluent registry?") from exc
    if len(text) > MAX_SCHEMA_BYTES:
        raise TransientError(f"{url} answered with a schema of more than {MAX_SCHEMA_BYTES} bytes")
    if kind != "AVRO" or not isinstance(schema, dict):
        raise TransientError(f"{url} answered with a schema that is no Avro record's: is it the right one?")
    return schema
