"""Feeding packets from files to a topic, as a survey would."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import KafkaError

from broker.config import KafkaConfig
from broker.connection import Connection, make_producer
from broker.console import Console
from broker.decode import read_file
from broker.errors import FatalError


def replay_files(
    files: Sequence[Path], config: KafkaConfig, *, topic: str, per_second: float | None, console: Console
) -> int:
    """Send every packet of `files` to `topic`, one message each; how many were delivered.

    A file of many records becomes as many messages, each a container of one record.

    Parameters
    ----------
    per_second : float or None
        Packets per second at most; None is as fast as the cluster takes them.

    Raises
    ------
    ConfigError
        If the cluster refuses us or a setting is wrong.
    FatalError
        If a file cannot be read, the cluster is away, the topic is missing or a packet is refused.
    """
    connection = Connection(config.bootstrap_servers, patience_s=config.patience_s)
    producer = make_producer(connection, config.settings)
    connection.wait_for_topics(producer, [topic])
    failures: list[str] = []

    def on_delivery(error: KafkaError | None, message: object) -> None:
        if error is not None:
            failures.append(error.str())

    sent = 0
    started = time.monotonic()
    with console.progress() as progress:
        task = progress.add_task(f"replaying to {topic}", total=None, unit="packets")
        for file in files:
            try:
                for packet in read_file(file):
                    if per_second is not None:
                        time.sleep(max(0.0, started + sent / per_second - time.monotonic()))
                    while True:
                        try:
                            producer.produce(topic, packet.payload, on_delivery=on_delivery)
                            break
                        except BufferError:
                            producer.poll(0.1)
                    sent += 1
                    producer.poll(0)
                    progress.update(task, completed=sent)
            except OSError as exc:
                raise FatalError(f"cannot read {file}: {exc.strerror}") from exc
    while producer.flush(1.0):
        connection.check(producer)
    if failures:
        raise FatalError(
            f"{len(failures):,} of {sent:,} packets were not delivered to {topic}: {failures[0]}"
        )
    return sent
