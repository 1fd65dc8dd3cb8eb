"""Parts of workers in the world in memory, whatever their stage."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from broker.supervise.watchdog import Watchdog
from broker.transport.consumer.log_reader import LogReader
from broker.transport.consumer.own_group import OwnGroup
from broker.transport.kafka_client import Connection
from broker.transport.transaction import Transactions

PARTITIONS = 2
SETTINGS: MappingProxyType[str, Any] = MappingProxyType({})
PATIENCE_S = 1e6


def connection() -> Connection:
    return Connection("double", patience_s=PATIENCE_S)


def transactions(instance: str, stage: str) -> Transactions:
    made = Transactions(
        connection(), SETTINGS, transactional_id=f"{stage}-{instance}", timeout_s=10.0, watchdog=Watchdog()
    )
    made.connect([])
    return made


def group(stage: str, instance: str, topic: str) -> OwnGroup:
    return OwnGroup(connection(), SETTINGS, group_id=stage, instance=instance, topic=topic)


def reader(topic: str) -> LogReader:
    return LogReader(connection(), SETTINGS, topic, group_id="restore", patience_s=PATIENCE_S)
