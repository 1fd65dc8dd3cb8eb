"""Schema registries: where the schemas of messages that carry only a schema id come from."""

from __future__ import annotations

import http.client
import json
import math
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Protocol

from fastavro.repository.base import SchemaRepositoryError
from fastavro.schema import SchemaParseException, load_schema

from broker.avro.budget import MAX_SCHEMA_BYTES, over_budget
from broker.errors import AlertError, ConfigError, TransientError

REPLY_TIMEOUT_S = 10.0
MAX_REPLY_BYTES = 4 * 2**20
REFUSAL_KEPT_S = 60.0
MAX_KEPT_REFUSALS = 1000
Schema = Any  # an Avro schema as JSON: a dict, or a list or str where it is no record


class SchemaRegistry(Protocol):
    """Gives the writer schema that belongs to an id. Ids are immutable: an answer holds for ever."""

    def schema(self, schema_id: int) -> Schema:
        """Return the schema with this id.

        Raises
        ------
        AlertError
            ``unknown_schema_id``, or ``bad_schema`` if it cannot be read.
        TransientError
            If the registry cannot be asked now.
        """
        ...


def open_registry(spec: str) -> SchemaRegistry:
    """Open the registry that `spec` names.

    Parameters
    ----------
    spec : str
        The address of a Confluent registry (``https://...``), a folder of ``<id>.avsc`` files, or the folder
        of the `lsst-alert-packet` distribution (or its ``schema`` folder).

    Raises
    ------
    ConfigError
        If there is no such folder, or it holds no schemas.
    """
    if re.match(r"https?://", spec):
        return HttpRegistry(spec)
    folder = Path(spec)
    if not folder.is_dir():
        raise ConfigError(f"no folder of schemas at {spec}: give a folder or a registry's http(s) address")
    for root in (folder / "schema", folder):
        if any(root.glob("[0-9]*/[0-9]*/lsst.v*.alert.avsc")):
            return LsstTree(root)
    if any(re.fullmatch(r"[0-9]+\.avsc", path.name) for path in folder.iterdir()):
        return SchemaFolder(folder)
    raise ConfigError(f"{spec} holds no schemas: expected <id>.avsc, or <major>/<minor>/lsst.v*.alert.avsc")


class SchemaFolder:
    """A folder with one ``<id>.avsc`` per schema."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def schema(self, schema_id: int) -> Schema:
        """Read ``<id>.avsc``."""
        path = self._folder / f"{schema_id}.avsc"
        if not path.is_file():
            raise unknown(schema_id, str(self._folder))
        return parse_json(_read(path), str(path))


class LsstTree:
    """The tree of the `lsst-alert-packet` distribution: schema id = 100 * major + minor."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def schema(self, schema_id: int) -> Schema:
        """Read ``<major>/<minor>/lsst.v<major>_<minor>.alert.avsc`` with the files it refers to."""
        major, minor = divmod(schema_id, 100)
        path = self._root / str(major) / str(minor) / f"lsst.v{major}_{minor}.alert.avsc"
        if not path.is_file():
            raise unknown(schema_id, str(self._root))
        try:
            return load_schema(str(path))
        except (SchemaParseException, SchemaRepositoryError, ValueError, KeyError, RecursionError) as exc:
            raise AlertError("bad_schema", f"{path} is not an Avro schema: {exc}") from exc


class HttpRegistry:
    """A Confluent schema registry, asked without credentials and once per id.

    A refusal is remembered for a minute, so that a stream of such messages does not ask for each.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._known: dict[int, Schema] = {}
        self._refused: dict[int, tuple[float, AlertError]] = {}

    def schema(self, schema_id: int) -> Schema:
        """Ask ``GET /schemas/ids/<id>``."""
        if schema_id in self._known:
            return self._known[schema_id]
        when, refusal = self._refused.get(schema_id, (-math.inf, None))
        if refusal is not None and time.monotonic() - when < REFUSAL_KEPT_S:
            raise AlertError(refusal.reason, str(refusal))
        try:
            self._known[schema_id] = self._fetch(schema_id)
        except AlertError as exc:
            if len(self._refused) >= MAX_KEPT_REFUSALS:
                self._refused.clear()
            self._refused[schema_id] = time.monotonic(), exc
            raise
        return self._known[schema_id]

    def _fetch(self, schema_id: int) -> Schema:
        url = f"{self._url}/schemas/ids/{schema_id}"
        shown = url.rpartition("@")[2]  # without a password
        request = urllib.request.Request(url, headers={"Accept": "application/vnd.schemaregistry.v1+json"})  # noqa: S310 (only http and https get here)
        try:
            with urllib.request.urlopen(request, timeout=REPLY_TIMEOUT_S) as reply:  # noqa: S310
                body = reply.read(MAX_REPLY_BYTES)
        except urllib.error.HTTPError as exc:
            exc.close()
            if exc.code == 404:
                raise unknown(schema_id, shown) from exc
            raise TransientError(f"schema registry: {shown} answered {exc.code} {exc.reason}") from exc
        except (OSError, http.client.HTTPException) as exc:
            raise TransientError(f"schema registry: cannot reach {shown}: {exc}") from exc
        try:
            text = json.loads(body)["schema"]
        except (ValueError, KeyError, TypeError, RecursionError) as exc:  # a proxy's page, or cut short
            raise TransientError(f"{shown} answered without a schema: is this a Confluent registry?") from exc
        return parse_json(text, shown)


def unknown(schema_id: int, where: str) -> AlertError:
    """Return the error for an id that a registry does not have."""
    return AlertError("unknown_schema_id", f"schema id {schema_id} is not in {where}")


def parse_json(text: str | bytes, where: str) -> Schema:
    """Parse schema text that may be anything.

    Raises
    ------
    AlertError
        ``bad_schema``, or ``too_large`` where it is longer than any survey's.
    """
    if len(text) > MAX_SCHEMA_BYTES:
        raise over_budget(f"schema in {where} of {len(text)} bytes, at most {MAX_SCHEMA_BYTES} are read")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise AlertError("bad_schema", f"schema in {where} is not JSON: {exc}") from exc


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise TransientError(f"cannot read schema {path}: {exc.strerror}") from exc
