"""The decoder: from the bytes of a packet, whatever they are, to an alert.

Two framings: an Avro container that brings its schema (ZTF), and Confluent's, a zero byte and the id of a
schema that a registry knows (LSST). An alert's survey is seen from its fields, not from the framing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from broker.alert import Alert, Arrival, Packet, Skipped
from broker.avro.budget import MAX_INFLATED_BYTES, over_budget
from broker.avro.columnar import ColumnarReader
from broker.avro.compiler import compile_projection
from broker.avro.container import MAGIC, SYNC_BYTES, decompress, parse_block, parse_header
from broker.avro.projection import Projection, Record
from broker.avro.schema import AvroType, parse_json, parse_schema
from broker.errors import AlertError, TransientError, UnknownSchemaError
from broker.ingest import lsst, ztf
from broker.ingest.vetting import VettingRules
from broker.ingest.vetting_digest import vetting_digest
from broker.registry.schema_registry import Schema, SchemaRegistry
from schemas.surveys import LSST, ZTF

SURVEYS: tuple[tuple[Projection, Callable[[Record, VettingRules], Alert | Skipped]], ...] = (
    (ztf.PROJECTION, ztf.read),
    (lsst.PROJECTION, lsst.read),
)
SURVEY_NAMES: tuple[str, ...] = (ZTF.name, LSST.name)
DEAD_SCHEMA_ID = "dead_schema_id"  # reason: the user has given it up
NOT_AN_ALERT = "schema_not_an_alert"  # reason: no survey's detection is in it
CONFLUENT_HEAD_BYTES = 5  # a zero byte, the schema id as a big-endian int32
MAX_PREFIX_BYTES = 2**18  # ten times a survey's; longer ones are read anew each time
MAX_CODECS = 64  # a night's packets have a few headers; more are strangers


@dataclass(frozen=True, slots=True)
class AlertCodec:
    """How alerts of one writer schema are read, and by whom they are vetted."""

    reader: ColumnarReader
    vet: Callable[[Record, VettingRules], Alert | Skipped]
    compression: str = "null"


class Decoder:
    """Turns packets into alerts, remembering the schemas it has seen. Not for two threads at a time.

    Parameters
    ----------
    registry : SchemaRegistry or None
        Asked for the schemas of Confluent-framed messages; without one they cannot be read.
    rules : VettingRules
        What a usable detection is.
    dead_schema_ids : collection of int
        Ids that are given up: their messages are refused and nobody is asked for the schema.
    """

    def __init__(
        self, registry: SchemaRegistry | None, rules: VettingRules, *, dead_schema_ids: Collection[int] = ()
    ) -> None:
        self._registry = registry
        self._rules = rules
        self._dead_schema_ids = frozenset(dead_schema_ids)
        self._vetting = {survey: vetting_digest(rules, survey) for survey in SURVEY_NAMES}
        self._by_header: dict[bytes, AlertCodec] = {}
        self._by_id: dict[int, AlertCodec] = {}

    def read(self, packet: Packet) -> Alert | Skipped:
        """Decode a packet of one alert and vet it.

        Raises
        ------
        AlertError
            If it cannot be read, or its triggering detection holds what cannot be.
        UnknownSchemaError
            If it names a schema that is not known here (``unknown_schema_id``, ``no_registry``), or is no
            alert's (``schema_not_an_alert``).
        TransientError
            If the schema registry cannot be asked now, or what it has under the id is no schema.
        """
        if packet.damage is not None:
            raise packet.damage
        found = self._read(packet.payload)
        if isinstance(found, Skipped):
            return found
        arrival = Arrival(packet.origin, packet.upstream_ms, time.time_ns() // 1000)
        return replace(found, arrival=arrival, vetting=self._vetting[found.survey])

    def _read(self, payload: bytes) -> Alert | Skipped:
        if not payload:
            raise AlertError("empty", "message of zero bytes")
        limit = self._rules.max_packet_bytes
        if len(payload) > limit:
            raise over_budget(f"message of {len(payload)} bytes, at most {limit} are read")
        if payload.startswith(MAGIC):
            return self._container(payload)
        if payload[0] == 0:
            return self._confluent(payload)
        start = payload[: len(MAGIC)]
        raise AlertError("bad_magic", f"starts with {start!r}: neither Avro container nor Confluent framing")

    def _container(self, payload: bytes) -> Alert | Skipped:
        """Read a container of one record.

        The sync marker behind the record must be the one before it, so a header that was taken for a known
        one, or a cut or spliced message, cannot pass.
        """
        prefix, codec = self._known_header(payload)
        at = len(prefix) + SYNC_BYTES
        block = parse_block(payload, at, payload[len(prefix) : at])
        if block.count != 1 or block.next != len(payload):
            raise AlertError(
                "corrupt", f"container of {block.count} records or more blocks: expected one record"
            )
        body, start, stop = payload, block.start, block.stop
        if codec.compression != "null":
            limit = min(self._rules.max_packet_bytes, MAX_INFLATED_BYTES)
            body = decompress(body[start:stop], codec.compression, limit)
            start, stop = 0, len(body)
        return codec.vet(codec.reader.read(body, start, stop), self._rules)

    def _known_header(self, payload: bytes) -> tuple[bytes, AlertCodec]:
        prefix = next((known for known in reversed(self._by_header) if payload.startswith(known)), None)
        if prefix is not None:
            codec = self._by_header.pop(prefix)
        else:
            header = parse_header(payload)
            prefix = header.prefix
            codec = make_codec(parse_json(header.schema_text, "the packet's header"), header.codec)
            if len(prefix) > MAX_PREFIX_BYTES:
                return prefix, codec
            if len(self._by_header) >= MAX_CODECS:
                del self._by_header[next(iter(self._by_header))]  # the one used longest ago
        self._by_header[prefix] = codec  # the latest last
        return prefix, codec

    def _confluent(self, payload: bytes) -> Alert | Skipped:
        if len(payload) < CONFLUENT_HEAD_BYTES:
            raise AlertError("truncated", f"message of {len(payload)} bytes ends within its schema id")
        schema_id = int.from_bytes(payload[1:CONFLUENT_HEAD_BYTES], "big", signed=True)
        codec = self._by_id.get(schema_id)
        if codec is None:
            codec = self._codec_of(schema_id)
            if len(self._by_id) >= MAX_CODECS:
                del self._by_id[next(iter(self._by_id))]
            self._by_id[schema_id] = codec
        return codec.vet(codec.reader.read(payload, CONFLUENT_HEAD_BYTES, len(payload)), self._rules)

    def _codec_of(self, schema_id: int) -> AlertCodec:
        if schema_id in self._dead_schema_ids:
            raise AlertError(DEAD_SCHEMA_ID, f"schema id {schema_id} is among decoding.dead_schema_ids")
        if self._registry is None:
            raise UnknownSchemaError(
                schema_id,
                "no_registry",
                f"schema id {schema_id}, and no registry or folder of schemas is configured",
            )
        schema = self._registry.schema(schema_id)
        try:
            return make_codec(schema)
        except AlertError as exc:
            if exc.reason == NOT_AN_ALERT:  # of another message in the topic, or the wrong schemas were given
                message = f"schema id {schema_id} in {self._registry} is no alert's: {exc}"
                raise UnknownSchemaError(schema_id, NOT_AN_ALERT, message) from exc
            raise TransientError(
                f"what {self._registry} has under schema id {schema_id} cannot be read: {exc}; "
                f"correct decoding.schemas, or give the id up with decoding.dead_schema_ids = [{schema_id}]"
            ) from exc


def make_codec(schema: Schema, compression: str = "null") -> AlertCodec:
    """Prepare the reading of alerts of a writer schema.

    Raises
    ------
    AlertError
        ``bad_schema``, ``too_large``, or ``schema_not_an_alert`` if no survey's detection is in it.
    """
    alert = parse_schema(schema)
    for projection, vet in SURVEYS:
        if _is_alert(alert, projection):
            program = compile_projection(alert, projection)
            return AlertCodec(ColumnarReader(program, projection), vet, compression)
    found = ", ".join(alert.names[:8]) or alert.kind
    raise AlertError(NOT_AN_ALERT, f"schema of neither a ZTF nor an LSST alert: {found!r:.200}")


def _is_alert(alert: AvroType, projection: Projection) -> bool:
    """Whether the alert has a trigger that looks like the survey's: a record, or a union with one."""
    trigger = alert.field(projection.trigger)
    if trigger is None:
        return False
    branches = trigger.parts if trigger.kind == "union" else (trigger,)
    return any(projection.signature <= set(branch.names) for branch in branches)
