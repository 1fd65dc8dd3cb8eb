"""Schema registries: where the schemas of messages that carry only a schema id come from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from fastavro.repository.base import SchemaRepositoryError
from fastavro.schema import SchemaParseException, load_schema

from broker.avro.budget import MAX_SCHEMA_BYTES
from broker.errors import ConfigError, TransientError, UnknownSchemaError
from broker.redaction import without_password
from broker.registry.client import REPLY_TIMEOUT_S
from broker.registry.http_registry import HttpRegistry

_NO_SCHEMA = (  # what fastavro makes of files that hold something else
    SchemaParseException,
    SchemaRepositoryError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
)
Schema = Any  # an Avro schema as JSON: a dict, or a list or str where it is no record


class SchemaRegistry(Protocol):
    """Gives the writer schema that belongs to an id. Ids are immutable: a good answer holds for ever.

    What is found instead of a schema is no packet's fault: a registry is asked again, a file read again.
    """

    def schema(self, schema_id: int) -> Schema:
        """Return the schema with this id.

        Raises
        ------
        UnknownSchemaError
            If there is none.
        TransientError
            If the registry cannot be asked now, or what it has there is no schema.
        """
        ...


def open_registry(
    spec: str, *, stop: Event | None = None, reply_timeout_s: float = REPLY_TIMEOUT_S
) -> SchemaRegistry:
    """Open the registry that `spec` names.

    Parameters
    ----------
    spec : str
        The address of a Confluent registry (``https://...``, with ``user:password@`` where it asks for
        them), a folder of ``<id>.avsc`` files, or the folder of the `lsst-alert-packet` distribution (or its
        ``schema`` folder).
    stop, reply_timeout_s
        As of `HttpRegistry`.

    Raises
    ------
    ConfigError
        If the address is none, there is no such folder, or it holds no schemas.
    """
    if re.match(r"https?:", spec, re.IGNORECASE):
        return HttpRegistry(spec, stop=stop, reply_timeout_s=reply_timeout_s)
    folder = Path(spec)
    if not folder.is_dir():
        shown = f"...@{without_password(spec)}" if "@" in spec else spec
        raise ConfigError(f"no folder of schemas at {shown}: give a folder or a registry's http(s) address")
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

    def __str__(self) -> str:
        return str(self._folder)

    def schema(self, schema_id: int) -> Schema:
        """Read ``<id>.avsc``."""
        path = self._folder / f"{schema_id}.avsc"
        try:
            with path.open("rb") as file:
                text = file.read(MAX_SCHEMA_BYTES + 1)
        except FileNotFoundError:
            raise unknown(schema_id, self) from None
        except OSError as exc:
            raise TransientError(f"cannot read schema {path}: {exc.strerror or exc}") from exc
        if len(text) > MAX_SCHEMA_BYTES:
            raise TransientError(f"schema {path} has more than {MAX_SCHEMA_BYTES} bytes")
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as exc:
            raise TransientError(f"schema {path} is not JSON: {exc}; correct the file") from exc


class LsstTree:
    """The tree of the `lsst-alert-packet` distribution: schema id = 100 * major + minor."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def schema(self, schema_id: int) -> Schema:
        """Read ``<major>/<minor>/lsst.v<major>_<minor>.alert.avsc`` with the files it refers to."""
        major, minor = divmod(schema_id, 100)
        path = self._root / str(major) / str(minor) / f"lsst.v{major}_{minor}.alert.avsc"
        try:
            if not path.is_file():
                raise unknown(schema_id, self)
            return load_schema(str(path))
        except OSError as exc:
            raise TransientError(f"cannot read schema {path}: {exc.strerror or exc}") from exc
        except _NO_SCHEMA as exc:
            raise TransientError(f"{path} is not an Avro schema: {exc}; correct the file") from exc


def unknown(schema_id: int, registry: SchemaRegistry) -> UnknownSchemaError:
    """Return the error for an id that a registry does not have."""
    return UnknownSchemaError(schema_id, "unknown_schema_id", f"schema id {schema_id} is not in {registry}")
