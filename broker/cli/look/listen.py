"""``varstream listen``: annotations as they come, those that are wanted."""

from __future__ import annotations

import io
import json
import logging
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from threading import Event
from typing import Any

import fastavro
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, TopicPartition

from broker.errors import FatalError, in_one_line
from broker.settings.config import Config
from broker.transport.consumer.trouble import Trouble, trouble_of
from broker.transport.kafka_client import Connection, make_consumer
from schemas.classification import classification_schema

log = logging.getLogger(__name__)

_AT_ONCE = 500
_NAP_S = 0.05
_CONFLUENT_HEAD_BYTES = 5
_REMEMBERED = 100_000  # ids, by which repeats of workers that deliver at least once are known


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which annotations are wanted.

    Attributes
    ----------
    label : str or None
        Their class.
    min_probability : float
        The least probability of the most probable class.
    cone : (float, float, float) or None
        Right ascension and declination of a place, and how far from it [deg].
    """

    label: str | None = None
    min_probability: float = 0.0
    cone: tuple[float, float, float] | None = None

    def admits(self, record: Mapping[str, Any]) -> bool:
        """Whether an annotation is one of them."""
        if self.label is not None and record["label"] != self.label:
            return False
        if self.min_probability and (record["probability"] or 0.0) < self.min_probability:
            return False
        return (
            self.cone is None or separation_deg(record["ra"], record["dec"], *self.cone[:2]) <= self.cone[2]
        )


def separation_deg(ra: float, dec: float, other_ra: float, other_dec: float) -> float:
    """Angle between two places on the sky [deg], by the haversine, which is exact for small ones."""
    dec_1, dec_2 = math.radians(dec), math.radians(other_dec)
    half = math.sin((dec_2 - dec_1) / 2) ** 2
    half += math.cos(dec_1) * math.cos(dec_2) * math.sin(math.radians(other_ra - ra) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(half))))


def listen(
    config: Config, wanted: Wanted, *, stop: Event, from_beginning: bool = False, until_end: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield annotations that are committed and wanted, each once, until `stop` is set.

    Raises
    ------
    ConfigError
        If the cluster refuses us.
    FatalError
        If the cluster does not answer, or the topic is missing, for longer than our patience.
    """
    kafka, output, topic = config.kafka, config.output, config.topics.classifications
    servers = output.bootstrap_servers or kafka.bootstrap_servers
    settings = kafka.settings if output.settings is None else output.settings
    connection = Connection(servers, patience_s=kafka.patience_s, stop=stop)
    consumer = make_consumer(
        connection,
        {
            **settings,
            "group.id": f"{kafka.group_id}-listen",  # which is never joined, nor has it offsets
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        },
    )
    try:
        n_partitions = connection.wait_for_topics(consumer, [topic])[topic]
        start = OFFSET_BEGINNING if from_beginning else OFFSET_END
        consumer.assign([TopicPartition(topic, number, start) for number in range(n_partitions)])
        yield from _read(consumer, connection, wanted, stop, n_partitions if until_end else None)
    finally:
        connection.leave(consumer.close)


def _read(
    consumer: Any, connection: Connection, wanted: Wanted, stop: Event, n_ends: int | None
) -> Iterator[dict[str, Any]]:
    seen: OrderedDict[bytes, None] = OrderedDict()
    ended: set[int] = set()
    while not stop.is_set() and (n_ends is None or len(ended) < n_ends):
        messages = consumer.consume(_AT_ONCE, 0.0)
        for message in messages:
            error = message.error()
            if error is not None:
                _on_error(error, message.partition(), connection, ended)
                continue
            ended.discard(message.partition())
            tags = dict(message.headers() or [])
            if _is_new(tags.get("_id"), seen):
                record = decode(message.value(), tags)
                if record is not None and wanted.admits(record):
                    yield record
        if not messages:
            connection.check(consumer)
            stop.wait(_NAP_S)


def _on_error(error: Any, partition: int, connection: Connection, ended: set[int]) -> None:
    trouble = trouble_of(error)
    if trouble is Trouble.AT_END:
        ended.add(partition)
    elif trouble is Trouble.HOPELESS:
        raise FatalError(f"cannot read annotations: {error.str()}")
    else:
        connection.on_error(error)


def _is_new(message_id: bytes | None, seen: OrderedDict[bytes, None]) -> bool:
    if message_id is None:
        return True
    if message_id in seen:
        return False
    seen[message_id] = None
    if len(seen) > _REMEMBERED:
        seen.popitem(last=False)
    return True


def decode(value: bytes | None, tags: Mapping[str, bytes]) -> dict[str, Any] | None:
    """Read an annotation in the format that its headers name; None, with a warning, where it is none."""
    form = tags.get("_format", b"").decode("ascii", "replace")
    try:
        if form == "json":
            record = json.loads(value or b"")
        elif form == "avro":
            (record,) = fastavro.reader(io.BytesIO(value or b""))
        elif form == "confluent":
            body = io.BytesIO((value or b"")[_CONFLUENT_HEAD_BYTES:])
            record = fastavro.schemaless_reader(body, _schema(), None)
        else:
            record = None
    except Exception as exc:  # noqa: BLE001 - others may write to a topic what they like
        log.warning("a message is no annotation", extra={"reason": f"{type(exc).__name__}: {exc!s:.100}"})
        return None
    if not isinstance(record, dict):
        log.warning("a message is no annotation", extra={"format": form})
        return None
    return record


def told(record: Mapping[str, Any]) -> str:
    """Return an annotation as one line."""
    name = in_one_line(f"{record['survey']}:{record['object_id']}")  # others may have written it
    said = in_one_line(record["label"] or "no label")
    if record["probability"] is not None:
        said += f" {record['probability']:.2f}"
    marks = f" [{' '.join(record['status'])}]" if record["status"] else ""
    return (
        f"{name} {record['band']:>3} {record['n_epochs']:>4} epochs "
        f"{record['ra']:9.5f} {record['dec']:+9.5f}  {said}{marks}"
    )


@cache
def _schema() -> Any:
    return fastavro.parse_schema(classification_schema())
