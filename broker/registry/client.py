"""The client of a Confluent registry: HTTP within bounds of time and size, and never by its password."""

from __future__ import annotations

import base64
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import IO, Any

from broker.errors import ConfigError, TransientError
from broker.redaction import without_values

REPLY_TIMEOUT_S = 10.0
"""How long a reply may take as a whole, unless said otherwise [s]."""

MAX_REPLY_BYTES = 4 * 2**20

_LOOK_UP_S = 0.1  # how often a signal to stop is looked for while a reply is awaited
_CHUNK_BYTES = 2**16
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
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
    secrets : tuple of str
        What a registry's words may repeat of them, and ours may not.
    """

    shown: str
    authorization: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a registry answered, good or bad.

    Attributes
    ----------
    status : int
        HTTP's.
    reason : str
        What HTTP says of it, in a word or two, without credentials.
    body : bytes
        Of at most `MAX_REPLY_BYTES`; of a refusal none, where it does not end in time.
    """

    status: int
    reason: str
    body: bytes = field(repr=False)


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
    shown = f"{parts.scheme}://{where}{path}"
    if not at:
        return Address(shown)
    user, _, password = user_info.partition(":")
    plain = urllib.parse.unquote_to_bytes(f"{user}:{password}")
    encoded = base64.b64encode(plain).decode("ascii")
    pair = plain.decode("utf-8", "replace")
    return Address(shown, f"Basic {encoded}", (pair, pair.partition(":")[2], password, encoded))


class RegistryClient:
    """Asks one registry, by one request at a time.

    Redirects of a question are followed on its own host only, those of an order not at all.

    Parameters
    ----------
    address : str
        ``http(s)://[user:password@]host[:port][/path]``; with them, basic authentication.
    stop : Event, optional
        Ends the waiting for a reply once it is set.

    Raises
    ------
    ConfigError
        If `address` is not of that form.
    """

    def __init__(self, address: str, *, stop: Event | None = None) -> None:
        self._address = parse_address(address)
        self._stop = Event() if stop is None else stop
        self._opener = urllib.request.build_opener(_StayThere)
        self._asking: _Request | None = None

    def __str__(self) -> str:
        return self._address.shown

    def url(self, path: str) -> str:
        """Return what may be shown of the address of a `path` of the registry."""
        return f"{self._address.shown}/{path}"

    def get(self, path: str, *, timeout_s: float = REPLY_TIMEOUT_S) -> Reply:
        """Ask for what is at `path`.

        Raises
        ------
        TransientError
            If there is no reply, none that ends within `timeout_s`, or we are to stop.
        """
        return self._ask(path, None, timeout_s)

    def post(self, path: str, body: bytes, *, timeout_s: float = REPLY_TIMEOUT_S) -> Reply:
        """Hand `body` over to `path`; raises what `get` does."""
        return self._ask(path, body, timeout_s)

    def without_credentials(self, text: str) -> str:
        """Return the registry's words without the credentials in them."""
        return without_values(text, self._address.secrets)

    def _ask(self, path: str, body: bytes | None, timeout_s: float) -> Reply:
        url = self.url(path)
        deadline = time.monotonic() + timeout_s
        late = TransientError(f"schema registry: {url} did not answer within {timeout_s:g} s")
        if self._asking is not None:  # the former reply never ended: one thread waits for it, not many
            self._await(self._asking, deadline, late)
        headers = {"Accept": _MEDIA_TYPE, **({} if body is None else {"Content-Type": _MEDIA_TYPE})}
        if self._address.authorization is not None:
            headers["Authorization"] = self._address.authorization
        asked = urllib.request.Request(url, body, headers)  # noqa: S310 - only http and https get here
        self._asking = request = _Request(self._opener, asked, timeout_s)
        request.start()
        self._await(request, deadline, late)
        self._asking = None
        if isinstance(request.trouble, (OSError, http.client.HTTPException, ValueError)):
            why = self.without_credentials(str(getattr(request.trouble, "reason", request.trouble)))
            raise TransientError(f"schema registry: cannot reach {url}: {why}") from None
        if request.trouble is not None:
            raise request.trouble
        status, reason, found = request.answer
        return Reply(status, self.without_credentials(reason), found)

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
        self.answer = (0, "", b"")  # status, reason, body
        self.trouble: Exception | None = None
        self._opener = opener
        self._asked = asked
        self._timeout_s = timeout_s

    def run(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        try:
            with self._opener.open(self._asked, timeout=self._timeout_s) as reply:
                self.answer = reply.status, reply.reason, _read(reply, deadline)
        except urllib.error.HTTPError as exc:
            with exc:
                self.answer = exc.code, str(exc.reason), _read_refusal(exc, deadline)
        except Exception as exc:  # noqa: BLE001 - raised by who asked
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


def _read_refusal(reply: Any, deadline: float) -> bytes:
    """Read what a registry says to a refusal; that it refuses is known without."""
    try:
        return _read(reply, deadline)
    except (OSError, http.client.HTTPException, ValueError):
        return b""


class _StayThere(urllib.request.HTTPRedirectHandler):
    """Follows a redirect on the same host only: another was not named by the user, nor given a password."""

    def redirect_request(  # noqa: PLR0917 - urllib's own
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.data is not None:
            return None  # elsewhere the body would be left out
        fp.close()
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        to_https = (_origin(old)[0], new.scheme) == ("http", "https") and old.port is new.port is None
        if _origin(old) != _origin(new) and not (to_https and old.hostname == new.hostname):
            raise ValueError(f"it redirects to {new.scheme}://{new.hostname}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _origin(parts: urllib.parse.SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
