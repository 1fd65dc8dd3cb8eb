"""The schema registry over HTTP: schemas by their id, whatever is answered."""

from __future__ import annotations

import json
import math
import time
from http import HTTPStatus
from threading import Event
from typing import Any

from broker.avro.budget import MAX_SCHEMA_BYTES
from broker.errors import TransientError, UnknownSchemaError
from broker.registry.client import REPLY_TIMEOUT_S, RegistryClient

REFUSAL_KEPT_S = 1.0
MAX_KEPT_REFUSALS = 1000


class HttpRegistry:
    """A Confluent schema registry.

    That an id is unknown is remembered for a moment, so that a batch of such messages does not ask for each.

    Parameters
    ----------
    address, stop
        As of `RegistryClient`.
    reply_timeout_s : float
        How long a reply may take as a whole, however it comes.

    Raises
    ------
    ConfigError
        If `address` is none.
    """

    def __init__(
        self, address: str, *, stop: Event | None = None, reply_timeout_s: float = REPLY_TIMEOUT_S
    ) -> None:
        self._client = RegistryClient(address, stop=stop)
        self._reply_timeout_s = reply_timeout_s
        self._refused: dict[int, float] = {}

    def __str__(self) -> str:
        return str(self._client)

    def schema(self, schema_id: int) -> Any:
        """Ask ``GET /schemas/ids/<id>``."""
        path = f"schemas/ids/{schema_id}"
        url = self._client.url(path)
        unknown = UnknownSchemaError(schema_id, "unknown_schema_id", f"schema id {schema_id} is not in {url}")
        if time.monotonic() - self._refused.get(schema_id, -math.inf) < REFUSAL_KEPT_S:
            raise unknown
        reply = self._client.get(path, timeout_s=self._reply_timeout_s)
        if reply.status == HTTPStatus.NOT_FOUND:
            if len(self._refused) >= MAX_KEPT_REFUSALS:
                self._refused.clear()
            self._refused[schema_id] = time.monotonic()
            raise unknown
        if not 200 <= reply.status < 300:
            raise TransientError(f"schema registry: {url} answered {reply.status} {reply.reason}")
        return _schema_in(reply.body, url)


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
