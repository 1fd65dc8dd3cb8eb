"""A world in memory: clients of the double instead of a cluster's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from broker.state.partition_store import PartitionStore
from broker.transport import kafka_client, kafka_producer
from tests.broker.stages.transactional_log import Admin, Cluster, Consumer, Producer


@dataclass
class World:
    """The cluster that clients are made for; another one may take its place."""

    cluster: Cluster = field(default_factory=Cluster)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """All clients that are made speak to `World.cluster`, and a store's writes are steps of its own."""
    it = World()
    kinds: dict[Any, Any] = {kafka_client.Consumer: Consumer, kafka_client.AdminClient: Admin}

    def make(kind: Any, _: object, settings: dict[str, Any]) -> Any:
        return kinds.get(kind, Producer)(it.cluster, settings)

    write = PartitionStore.write

    def write_and_step(self: PartitionStore, *args: Any, **more: Any) -> None:
        it.cluster.step()
        write(self, *args, **more)
        it.cluster.step()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka_client, "make_client", make)
        patch.setattr(kafka_producer, "make_client", make)
        patch.setattr(PartitionStore, "write", write_and_step)
        yield it
