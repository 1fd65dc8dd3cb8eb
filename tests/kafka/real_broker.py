"""A real Apache Kafka, run by the project's own script, and short ways to write to it and to read it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from tests.broker.streams import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "kafka" / "kafka"
ADMIN_S = 3600.0  # the longest an admin request may take, and longer than any test


def run_script(
    *words: str | Path, script: Path = SCRIPT, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script, *words], capture_output=True, text=True, check=False, env=env
    )


@dataclass(frozen=True)
class RealBroker:
    """A broker and its run folder; it may be killed and started again on the same ports and data."""

    folder: Path

    def script(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run_script(*words, "--dir", self.folder)

    def start(self) -> None:
        run = self.script("start", "--wait", f"{PATIENCE_S:g}")
        assert run.returncode == 0, run.stderr

    def kill(self) -> None:
        """End it as a power cut would, and return when it is gone."""
        os.kill(self.state["pid"], signal.SIGKILL)
        until(lambda: self.script("status").returncode == 3)  # no broker runs

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return state

    @property
    def plaintext(self) -> str:
        return f"127.0.0.1:{self.state['plaintext']}"

    @property
    def sasl(self) -> str:
        return f"127.0.0.1:{self.state['sasl']}"

    def sasl_settings(self, *, password: str | None = None) -> dict[str, str]:
        """Settings of librdkafka for the listener with a password: the right one unless given."""
        return {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self.state["user"],
            "sasl.password": password or self.state["password"],
        }

    def create_topics(self, *names: str, partitions: int = 4) -> None:
        admin = AdminClient({"bootstrap.servers": self.plaintext, "log_level": 3})
        new = [NewTopic(name, partitions, 1) for name in names]
        for done in admin.create_topics(new, request_timeout=ADMIN_S).values():
            done.result()

        def listed() -> bool:  # on a busy machine a moment after they are made
            topics = topics_of(admin)
            return all(name in topics and len(topics[name].partitions) == partitions for name in names)

        until(listed)

    def set_limit(self, topic: str, *, max_message_bytes: int) -> None:
        """Let a topic take messages up to so many bytes, and return when the broker knows it."""
        self.set(topic, "max.message.bytes", str(max_message_bytes))

    def set(self, topic: str, name: str, value: str) -> None:
        """Change a setting of a topic, and return when the broker knows it."""
        topic_settings = ConfigResource(ResourceType.TOPIC, topic)
        change = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        admin = AdminClient({"bootstrap.servers": self.plaintext, "log_level": 3})
        (done,) = admin.incremental_alter_configs(
            [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])],
            request_timeout=ADMIN_S,
        ).values()
        done.result()

        def known() -> bool:
            (told,) = admin.describe_configs([topic_settings], request_timeout=ADMIN_S).values()
            return bool(told.result()[name].value == value)

        until(known)

    def produce(
        self, topic: str, payloads: Sequence[bytes], *, keys: Sequence[str] = (), **settings: Any
    ) -> list[tuple[int, int]]:
        """Write messages; the partition and offset each of them got.

        Messages with the same key are in one partition, in order; without keys every partition gets its turn.
        """
        producer = Producer(
            {"bootstrap.servers": self.plaintext, "message.max.bytes": 10 * 2**20, **settings}
        )
        partitions = len(partitions_of(producer, topic))
        landed: dict[int, tuple[int, int]] = {}

        def on_delivery(number: int) -> Callable[[Any, Any], None]:
            def note(error: Any, message: Any) -> None:
                if error is not None:
                    raise KafkaException(error)
                landed[number] = (message.partition(), message.offset())

            return note

        for number, payload in enumerate(payloads):
            where = {"key": keys[number]} if keys else {"partition": number % partitions}
            producer.produce(topic, payload, on_delivery=on_delivery(number), **where)
            producer.poll(0)
        until(lambda: producer.flush(1.0) == 0)
        return [landed[number] for number in sorted(landed)]

    def read(self, topic: str, *, isolation_level: str = "read_committed") -> list[Any]:
        """All messages of a topic up to its end."""
        settings: dict[str, Any] = {
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
            "isolation.level": isolation_level,
        }
        consumer = Consumer({"bootstrap.servers": self.plaintext, "group.id": "reader", **settings})
        try:
            partitions = partitions_of(consumer, topic)
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
            messages: list[Any] = []
            ended: set[int] = set()
            while len(ended) < len(partitions):
                for message in consumer.consume(1000, 0.2):
                    error, partition = message.error(), message.partition()
                    if error is None:
                        messages.append(message)
                    elif error.code() == KafkaError._PARTITION_EOF and partition is not None:
                        ended.add(partition)
            return messages
        finally:
            consumer.close()


def topics_of(client: Any, *name: str) -> Any:
    """Topics of the cluster by name, all or one, however long it takes to tell."""
    while True:
        try:
            return client.list_topics(*name, timeout=2.0).topics
        except KafkaException:
            continue


def partitions_of(client: Any, topic: str) -> list[int]:
    """Partitions of a topic that was made; a broker that was just started answers before it knows them."""
    while True:
        found = topics_of(client).get(topic)
        if found is not None and found.partitions:
            return list(found.partitions)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that announces itself to nobody; what ends a wait in vain is the test's timeout."""
    while not condition():
        time.sleep(0.05)
