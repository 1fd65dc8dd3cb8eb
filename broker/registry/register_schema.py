"""The registration of the published record's schema with a Confluent registry, which gives it an id."""

from __future__ import annotations

import json
import logging
import time
import urllib.parse
from typing import Any

from broker.errors import ConfigError, FatalError, TransientError, in_one_line
from broker.registry.client import REPLY_TIMEOUT_S, RegistryClient, Reply
from schemas.classification import classification_schema

log = logging.getLogger(__name__)

_MAX_REASON_CHARACTERS = 300
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
    client = RegistryClient(registry)
    path = f"subjects/{urllib.parse.quote(subject, safe='')}/versions"
    body = json.dumps({"schema": json.dumps(classification_schema())}).encode()
    deadline = time.monotonic() + patience_s
    while True:
        timeout_s = min(REPLY_TIMEOUT_S, max(_SHORTEST_WAIT_S, deadline - time.monotonic()))
        try:
            schema_id = _id_in(client.post(path, body, timeout_s=timeout_s), client, path)
        except TransientError as exc:
            if time.monotonic() + _PAUSE_S > deadline:
                raise FatalError(f"output.registry: {exc} (tried for {patience_s:g} s)") from None
            log.info("the registry does not answer yet", extra={"reason": str(exc)})
            time.sleep(_PAUSE_S)
        else:
            log.info("schema registered", extra={"subject": subject, "schema_id": schema_id})
            return schema_id


def _id_in(reply: Reply, client: RegistryClient, path: str) -> int:
    """Return the id that the registry gave, or say why it gave none."""
    status, found, url = reply.status, _parsed(reply.body), client.url(path)
    if status == 200:
        schema_id = found.get("id")
        if type(schema_id) is int and 0 <= schema_id < 2**31:
            return schema_id
        raise TransientError(f"{url} answered without an id: is this a Confluent registry?")
    reason = in_one_line(str(found.get("message") or reply.reason))
    said = f"answered {status}: {client.without_credentials(reason)[:_MAX_REASON_CHARACTERS]}"
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


def _parsed(body: bytes) -> dict[str, Any]:
    """Return the object that a reply holds; none where it holds something else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
