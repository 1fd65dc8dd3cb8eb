"""The topics of a survey: which of those that are asked for there are, and their partitions."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaException

from broker.alert import Partition
from broker.errors import FatalError
from broker.settings.clusters import KafkaConfig
from broker.transport.consumer.nights import resolve_topics
from broker.transport.kafka_client import Connection

_LOOK_S = 5.0  # how often it is looked for new topics and partitions


class SurveyTopics:
    """Looks for topics now and then: a survey may make one each night, or add partitions."""

    def __init__(self, config: KafkaConfig, connection: Connection) -> None:
        self._config = config
        self._connection = connection
        self._looked_at = -_LOOK_S
        self._there_since: dict[str, float] = {}
        self.there: set[str] = set()

    @property
    def due(self) -> bool:
        """Whether it is time to look again."""
        return time.monotonic() - self._looked_at > _LOOK_S

    def look_soon(self) -> None:
        """Have it be time to look again."""
        self._looked_at = -_LOOK_S

    def look(self, client: Any) -> list[Partition]:
        """Return all partitions of the topics that there are now.

        Raises
        ------
        FatalError
            If a topic that is named has been gone for longer than our patience; one of a night comes with its
            first alert.
        """
        now = self._looked_at = time.monotonic()
        wanted = resolve_topics(self._config.topics, datetime.now(UTC), nights=self._config.nights)
        try:
            found = self._connection.ask(lambda wait_s: client.list_topics(timeout=wait_s)).topics
        except KafkaException as exc:
            raise FatalError(
                f"{self._connection.servers} does not tell its topics: {exc.args[0].str()}"
            ) from exc
        self.there = {topic for topic in wanted if topic in found and not found[topic].error}
        for topic in wanted:
            if topic in self.there or topic not in self._config.topics:
                self._there_since[topic] = now
            elif now - self._there_since.setdefault(topic, now) > self._config.patience_s:
                raise FatalError(f"{self._connection.servers} has no topic {topic} any more: create it again")
        return [(topic, number) for topic in sorted(self.there) for number in sorted(found[topic].partitions)]
