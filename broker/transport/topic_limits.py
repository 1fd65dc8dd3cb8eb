"""The limits of topics: how large a message each of them takes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined] # not in its types

from broker.transport.kafka_client import ANSWER_S, Connection, make_admin

log = logging.getLogger(__name__)

LIMIT = "max.message.bytes"


def topic_limits(
    connection: Connection, settings: Mapping[str, Any], topics: Sequence[str]
) -> dict[str, int]:
    """Ask the cluster how large a message of each topic may be; those are left out that it does not tell."""
    asked = {ConfigResource(ResourceType.TOPIC, topic): topic for topic in topics}
    limits = {}
    try:
        admin = make_admin(connection, settings)
        for resource, told in admin.describe_configs([*asked], request_timeout=ANSWER_S).items():
            limits[asked[resource]] = int(told.result(ANSWER_S)[LIMIT].value)
    except Exception as exc:  # noqa: BLE001 - whatever it is, it must not hide what it was asked for
        log.info("limits of topics are not told", extra={"topics": list(topics), "error": str(exc)})
    return limits
