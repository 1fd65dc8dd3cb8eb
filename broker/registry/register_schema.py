"""The registration of the published record's schema with a Confluent registry, which gives it an id."""

from __future__ import annotations

import base64
import http.client
import json
import logging
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.errors import ConfigError, FatalError, TransientError
from broker.redaction import without_password, without_values
from schemas.classification import classification_schema

log = logging.getLogger(__name__)

REPLY_TIMEOUT_S = 10.0
MAX_REPLY_BYTES = 2**20
_MAX_REASON_CHARACTERS = 300
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
_SHORTEST_WAIT_S = 2.0  # for an answer, whatever is left of our patience
_PAUSE_S = 0.5
_LATER = (408, 425, 429)  # answers that are as good as none: ask again


def register_schema(registry: str, subject: str, *, patience_s: float) -> int:
    """Register the schema of the published record under `subject`; a schema that is there keeps its id.

    Parameters
    ----------
    registry : str
        Address of the registry, with ``USER:PASSWORD@`` before the host if it asks for them.
    patience_s : float
        How long to bear with a registry that does not answer [s].

    Raises
    ------
    ConfigError
        If the registry refuses us or the schema, or this is no registry.
    FatalError
        If it does not answer for longer than our patience.
    """
    subject_path = f"subjects/{urllib.parse.quote(subject, safe='')}/versions"
    url = f"{without_password(registry).rstrip('/')}/{subject_path}"
    parts = urllib.parse.urlsplit(registry)
    headers = {"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE}
    secrets: list[str] = []
    if parts.username is not None:
        pair = ":".join(urllib.parse.unquote(part or "") for part in (parts.username, parts.password))
        encoded = base64.b64encode(pair.encode()).decode()
        headers["Authorization"] = f"Basic {encoded}"
        secrets = [pair, pair.partition(":")[2], parts.password or "", encoded]
    body = json.dumps({"schema": json.dumps(classification_schema())}).encode()
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 (only http and https get here)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            answer = _answer(request, max(_SHORTEST_WAIT_S, deadline - time.monotonic()))
            schema_id = _id_in(answer, url, secrets)
        except TransientError as exc:
            if time.monotonic() + _PAUSE_S > deadline:
                raise FatalError(f"output.registry: {exc} (tried for {patience_s:g} s)") from None
            log.info("the registry does not answer yet", extra={"reason": str(exc)})
            time.sleep(_PAUSE_S)
        else:
            log.info("schema registered", extra={"subject": subject, "schema_id": schema_id})
            return schema_id


def _id_in(answer: _Answer, url: str, secrets: Sequence[str]) -> int:
    """Return the id that the registry gave, or say why it gave none."""
    status, found = answer.status, answer.parsed()
    if status == 200:
        schema_id = found.get("id")
        if type(schema_id) is int and 0 <= schema_id < 2**31:
            return schema_id
        raise TransientError(f"{url} answered without an id: is this a Confluent registry?")
    said = f"answered {status}: {without_values(answer.reason(), secrets)}"
    if status >= 500 or status in _LATER:
        raise TransientError(f"{url} {said}")
    remedy = {
        401: "check user and password in output.registry",
        403: "its user may not register schemas: register it and set output.schema_id",
        404: "check output.registry",
        405: "check output.registry",
        409: "what is read from this subject could not be read any more: check its compatibility",
    }.get(status, "name the address itself" if 300 <= status < 400 else "the schema is not registered")
    raise ConfigError(f"output.registry: {url} {said}; {remedy}")


@dataclass(slots=True)
class _Answer:
    status: int = 0
    body: bytes = b""
    failure: BaseException | None = field(default=None, repr=False)

    def parsed(self) -> dict[str, Any]:
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def reason(self) -> str:
        """Return what the registry said of it, in one line."""
        text = self.parsed().get("message") or http.client.responses.get(self.status, "no reason given")
        return " ".join(str(text).split())[:_MAX_REASON_CHARACTERS]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nobody: who is named by an answer would be told the password."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _answer(request: urllib.request.Request, patience_s: float) -> _Answer:
    """Ask the registry; a server that sends its answer byte by byte is given up in time too.

    Raises
    ------
    TransientError
        If there is no whole answer.
    """
    timeout_s = min(REPLY_TIMEOUT_S, patience_s)
    answer = _Answer()
    asking = threading.Thread(target=_ask, args=(request, timeout_s, answer), daemon=True)
    asking.start()
    asking.join(timeout_s)
    if asking.is_alive():
        raise TransientError(f"{request.full_url} did not answer within {timeout_s:g} s")
    if answer.failure is not None:
        why = getattr(answer.failure, "reason", answer.failure)
        raise TransientError(f"cannot reach {request.full_url}: {why}") from None
    return answer


def _ask(request: urllib.request.Request, timeout_s: float, answer: _Answer) -> None:
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_s) as reply:
            answer.status, answer.body = reply.status, reply.read(MAX_REPLY_BYTES)
    except urllib.error.HTTPError as exc:
        with exc:
            answer.status, answer.body = exc.code, _read(exc)
    except (OSError, http.client.HTTPException) as exc:
        answer.failure = exc


def _read(reply: Any) -> bytes:
    try:
        return bytes(reply.read(MAX_REPLY_BYTES))
    except (OSError, http.client.HTTPException):
        return b""
