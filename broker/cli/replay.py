"""The replay of packets from files to a topic, as a survey would send them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from broker.errors import FatalError
from broker.monitor.console import Console
from broker.settings.clusters import KafkaConfig
from broker.transport.files import packets_of
from broker.transport.kafka_client import Connection
from broker.transport.kafka_producer import Deliveries

MAX_MESSAGE_BYTES = 16 * 2**20
"""Above what any alert topic takes, so that it is the topic that decides."""


def replay_files(
    files: Sequence[Path], config: KafkaConfig, *, topic: str, per_second: float | None, console: Console
) -> int:
    """Send every packet of `files` to `topic`, one message each; how many were delivered.

    A file of many records becomes as many messages, each a container of one record. Of a damaged file what
    there is is sent as it is.

    Parameters
    ----------
    per_second : float or None
        Packets per second at most; None is as fast as the cluster takes them.

    Raises
    ------
    ConfigError
        If the cluster refuses us or a setting is wrong.
    FatalError
        If a file cannot be read, the cluster is away, the topic is missing or a packet is refused; once the
        others are sent, if an archive was damaged.
    """
    deliveries = Deliveries(
        Connection(config.bootstrap_servers, patience_s=config.patience_s),
        {"message.max.bytes": MAX_MESSAGE_BYTES, **config.settings},
    )
    sent = 0
    damaged: list[str] = []
    with closing(deliveries), console.progress() as progress:
        deliveries.connect([topic])
        task = progress.add_task(f"replaying to {topic}", total=None, unit="packets")
        started = time.monotonic()
        for packet in packets_of(files):
            if packet.damage is not None:
                damaged.append(f"{packet.origin.file}: {packet.damage}")
                continue
            if per_second is not None:
                time.sleep(max(0.0, started + sent / per_second - time.monotonic()))
            deliveries.send(topic, packet.payload)
            sent += 1
            progress.update(task, completed=sent)
        deliveries.wait()
    if damaged:
        raise FatalError(f"sent {sent} packets, and others are lost: {'; '.join(damaged[:3])}")
    return sent
